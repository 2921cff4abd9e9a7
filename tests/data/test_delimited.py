from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from data_helpers import dense, matrices, read, refused, rows_before_error, same, write
from hypothesis import given
from hypothesis import strategies as st

from stream.data import CsvSource, csv_records
from stream.errors import DataError, ParameterError


@given(matrices(), st.sampled_from([",", "\t", ";"]), st.booleans())
def test_round_trip(tmp_path_factory, xy, delimiter, quoted):
    x, y = xy
    y[0, 0] = math.nan
    features, labels = [f"f{i}" for i in range(x.shape[1])], [f"l{i}" for i in range(y.shape[1])]
    out = io.StringIO()
    style = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=delimiter, quoting=style)
    writer.writerow(labels + features)
    for row, truth in zip(x, y, strict=True):
        marks = ["" if math.isnan(v) else int(v) for v in truth]
        writer.writerow(marks + ["NA" if math.isnan(v) else repr(float(v)) for v in row])
    path = write(tmp_path_factory.mktemp("csv"), "a.csv", out.getvalue())
    source = CsvSource(path, labels=labels, delimiter=delimiter)
    assert (source.schema.features, source.schema.labels) == (features, labels)
    x2, y2 = dense(read(source), len(features), len(labels))
    np.testing.assert_array_equal(x2, x)
    np.testing.assert_array_equal(y2, y)


def test_texts_truth_values_and_missing(tmp_path):
    text = 'a,colour,flag,l\n1,red,true,1\n?,"blue, dark",FALSE,0\nnan,,?,\n2,green,true,yes\n'
    rows = list(CsvSource(write(tmp_path, "a.csv", text), labels=["l"]))
    assert rows[0] == ({"a": 1.0, "flag": 1.0, "colour=red": 1.0}, {"l": True})
    assert math.isnan(rows[1][0].pop("a"))
    assert rows[1] == ({"colour=blue, dark": 1.0}, {"l": False})
    assert set(rows[2][0]) == {"a", "flag", "colour"}
    assert all(math.isnan(value) for value in rows[2][0].values())
    assert rows[2][1] == {}
    assert rows[3] == ({"a": 2.0, "flag": 1.0, "colour=green": 1.0}, {"l": True})


def test_single_label(tmp_path):
    path = write(tmp_path, "a.tsv", "class\ta\nup\t1\ndown\t0\n\t3\n")
    source = CsvSource(path, target="class")
    assert list(source) == [({"a": 1.0}, "up"), ({}, "down"), ({"a": 3.0}, None)]
    assert source.schema.labels == ["up", "down"]
    assert [source.n_labels_by(row) for row in range(3)] == [1, 2, 2]
    assert CsvSource(path, target="class", classes=["down", "up"]).schema.labels == ["down", "up"]


def test_numbers_that_are_names(tmp_path):
    path = write(tmp_path, "a.csv", "zip,l\n123,1\n456,0\n")
    assert list(CsvSource(path, labels=["l"], categorical=["zip"]))[1] == (
        {"zip=456": 1.0},
        {"l": False},
    )


def test_labels_by_count(tmp_path):
    path = write(tmp_path, "a.csv", "a,b,c\n1,0,1\n")
    assert CsvSource(path, labels=-2).schema.labels == ["b", "c"]
    assert CsvSource(path, labels=1).schema.labels == ["a"]


def test_blocks_do_not_matter(tmp_path, monkeypatch):
    """Numbers of text columns, quoted cells over several lines and missing texts, whatever the
    block size.
    """
    rng = np.random.default_rng(3)
    words = ["red", "blue", '"two\nlines"', "", '"a ""b"""', "é"]
    rows = [
        f"{rng.integers(9)},{words[rng.integers(6)]},{words[rng.integers(6)]},{i % 2}"
        for i in range(200)
    ]
    path = write(tmp_path, "a.csv", "a,b,c,l\n" + "\n".join(rows) + "\n")
    options = {"labels": ["l"], "categorical": ["b", "c"]}
    source = CsvSource(path, **options)
    whole, names = read(source), list(source.schema.features)
    assert "b=two\nlines" in names
    assert 'c=a "b"' in names
    assert same(read(source, 7), whole)
    monkeypatch.setattr(csv_records, "BLOCK_CHARACTERS", 5)
    small = CsvSource(path, **options)
    assert same(read(small), whole)
    assert small.schema.features == names


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ("a,l\n1,1\nx,0\n", 3, "a", "expected a number, as in the rows before, got 'x'"),
        ("a,l\n1,1\n1_0,0\n", 3, "a", "expected a number"),
        ("a,l\n1,1\ninf,0\n", 3, "a", "finite"),
        ("a,l\n1,1\n2,0\n1e999,0\n", 4, "a", "finite"),
        ("a,l\n1,1\n2,3\n", 3, "l", "a label must be 0 or 1"),
        ("a,l\n1,1\n\n2\n", 4, None, "expected 2 cells, as many as the header has, got 1"),
        ("a,l\n1,1,0\n", 2, None, "got 3"),
        ("a,l,a\n1,1,0\n", 1, "a", "given twice"),
        ("a,,l\n1,1,0\n", 1, 2, "no name"),
        ('a,l\n1,1\n"2,0\n3,0\n', 3, None, "not closed"),
        ('a,l\n1,1\n"2"x,0\n', 3, "a", "expected a number"),
        ("a,b=c,b,l\n1,1,c,0\n", 2, "b", "another feature"),
        ("\n\n", None, None, "no header"),
    ],
)
def test_refused(tmp_path, text, line, column, word):
    path = write(tmp_path, "a.csv", text)
    refused(lambda: CsvSource(path, labels=["l"]), word, line=line, column=column, source=path)


def test_the_first_bad_row_is_named_whatever_its_column(tmp_path):
    path = write(tmp_path, "a.csv", "a,b,l\n1,1,1\n1,x,1\nx,1,1\n1,1\n")
    for chunk_rows in (1, 1000):
        rows, error = rows_before_error(CsvSource(path, labels=["l"]).batches(chunk_rows))
        assert (rows, error.line, error.column) == (1, 3, "b")


def test_refused_arguments(tmp_path):
    path = write(tmp_path, "a.csv", "a,l\n1,1\n")
    with pytest.raises(DataError, match="nothing says which columns are labels"):
        CsvSource(path)
    with pytest.raises(DataError, match="no column 'sad'"):
        CsvSource(path, labels=["sad"])
    with pytest.raises(DataError, match="no column 'sad'"):
        CsvSource(path, target="sad")
    with pytest.raises(DataError, match="range 1 to 2"):
        CsvSource(path, labels=3)
    with pytest.raises(ParameterError, match="delimiter"):
        CsvSource(path, labels=["l"], delimiter="::")


def test_words_of_text_columns(tmp_path, monkeypatch):
    """Free text became one feature for each distinct text."""
    text = 'body,colour,l\n"Red, red wine",red,1\n,blue,0\nno WINE,,1\n'
    path = write(tmp_path, "a.csv", text)
    source = CsvSource(path, labels=["l"], text=["body"])
    assert source.columns_grow
    first, second, third = source
    assert first == ({"body:red": 2.0, "body:wine": 1.0, "colour=red": 1.0}, {"l": True})
    assert second == ({"colour=blue": 1.0}, {"l": False})
    assert third[0]["body:no"] == third[0]["body:wine"] == 1.0
    whole, names = read(source), list(source.schema.features)
    assert names == ["body:red", "body:wine", "colour=red", "colour=blue", "body:no", "colour"]
    monkeypatch.setattr(csv_records, "BLOCK_CHARACTERS", 5)
    small = CsvSource(path, labels=["l"], text=["body"])
    assert same(read(small), whole)
    assert small.schema.features == names
    hashed = CsvSource(path, labels=["l"], text=["body"], text_columns=3)
    assert {name for name in read_names(hashed) if "#" in name} <= {f"body#{i}" for i in range(3)}
    with pytest.raises(DataError, match="no column 'x' to be the text"):
        CsvSource(path, labels=["l"], text=["x"])
    for clash in ({"categorical": ["body"]}, {"labels": ["l", "body"]}):
        with pytest.raises(DataError, match="named as two"):
            CsvSource(path, **({"labels": ["l"], "text": ["body"]} | clash))


def read_names(source):
    read(source)
    return source.schema.features


def test_ignored_and_unnamed_columns(tmp_path):
    """The index that a data frame writes has no name."""
    path = write(tmp_path, "a.csv", ",id,a,l\n0,x1,1,1\n1,x2,2,0\n")
    with pytest.raises(DataError, match=r"--ignore column1 \(ignore=\['column1'\]\)"):
        CsvSource(path, labels=["l"])
    source = CsvSource(path, labels=["l"], ignore=["column1", "id"])
    assert list(source) == [({"a": 1.0}, {"l": True}), ({"a": 2.0}, {"l": False})]
    assert CsvSource(path, labels=-1, ignore=["column1", "id"]).schema.labels == ["l"]
    with pytest.raises(DataError, match="no column 'idd' to be ignored"):
        CsvSource(path, labels=["l"], ignore=["idd"])
    with pytest.raises(DataError, match="cannot be ignored and hold labels"):
        CsvSource(path, labels=["l"], ignore=["l"])


def test_a_file_without_a_header(tmp_path):
    path = write(tmp_path, "a.csv", "1,red,1\n2,blue,0\n3,red,1,0\n")
    source = CsvSource(path, labels=-1, header=False)
    refused(lambda: source, "as many as the first row has, got 4", line=3)
    batches, _ = rows_before_error(source.batches())
    assert batches == 2
    assert source.schema.features == ["column1", "column2=red", "column2=blue"]
    assert CsvSource(path, target="column2", header=False).schema.task == "single-label"


@pytest.mark.parametrize(
    ("decimal", "thousands", "cells", "values"),
    [
        (",", None, ["1,5", "-0,25", "2", "1e3", ",5"], [1.5, -0.25, 2, 1000, 0.5]),
        (",", ".", ["1.234,5", "1.234.567", "12"], [1234.5, 1234567, 12]),
        (".", ",", ["1,234.5", "1,234,567", "12"], [1234.5, 1234567, 12]),
        (",", " ", ["1 234,5", "?", "12"], [1234.5, math.nan, 12]),
        (".", "'", ["1'234.5", "0.5", "12"], [1234.5, 0.5, 12]),
    ],
)
def test_numbers_of_other_countries(tmp_path, decimal, thousands, cells, values):
    rows = "".join(f'"{cell}";1,5;{i % 2}\n' for i, cell in enumerate(cells))
    path = write(tmp_path, "a.csv", "a;zip;l\n" + rows)
    source = CsvSource(
        path,
        labels=["l"],
        delimiter=";",
        decimal=decimal,
        thousands=thousands,
        categorical=["zip"],
    )
    x, _ = dense(read(source), 2, 1)
    np.testing.assert_array_equal(x[:, 0], values)
    assert source.schema.features == ["a", "zip=1,5"]


def test_a_point_where_the_comma_is_the_decimal_mark(tmp_path):
    """1.500 would be read as one and a half where it means fifteen hundred."""
    path = write(tmp_path, "a.csv", "a;l\n1,5;1\n1.500;0\n")
    make = lambda: CsvSource(path, labels=["l"], delimiter=";", decimal=",")  # noqa: E731
    refused(make, "--thousands '.'", line=3, column="a", source=path)
    for options in ({"decimal": "x"}, {"thousands": "7"}, {"decimal": ",", "thousands": ","}):
        with pytest.raises(ParameterError):
            CsvSource(path, labels=["l"], delimiter=";", **options)


@pytest.mark.parametrize(("mark", "typed"), [(";", "';'"), ("\t", "tab"), ("|", r"'\|'")])
def test_another_delimiter_is_advised(tmp_path, mark, typed):
    path = write(tmp_path, "a.csv", f"a{mark}b{mark}l\n1{mark}2{mark}1\n")
    with pytest.raises(DataError, match=f"--delimiter {typed}"):
        CsvSource(path, labels=["l"])


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('5" pipe,1', ['5" pipe', "1"]),
        ('a "b" c,1', ['a "b" c', "1"]),
        ('"a ""b"" c",1', ['a "b" c', "1"]),
        ('"a"b,1', ["ab", "1"]),
        ('"a\nb\n\nc",1', ["a\nb\n\nc", "1"]),
    ],
)
def test_quotation_marks_as_python_reads_them(tmp_path, line, cells):
    """A mark inside a cell was taken for one that opens it."""
    assert next(csv.reader(io.StringIO(line))) == cells
    path = write(tmp_path, "a.csv", f"a,l\n{line}\nx,0\n")
    source = CsvSource(path, labels=["l"], categorical=["a"])
    assert list(source) == [({f"a={cells[0]}": 1.0}, {"l": True}), ({"a=x": 1.0}, {"l": False})]


def test_cells_separated_by_blanks(tmp_path):
    path = write(tmp_path, "a.csv", 'a  b l\n1   "x y" 1\n 2 z  0 \n')
    source = CsvSource(path, labels=["l"], delimiter=" ")
    assert list(source) == [
        ({"a": 1.0, "b=x y": 1.0}, {"l": True}),
        ({"a": 2.0, "b=z": 1.0}, {"l": False}),
    ]


def test_what_a_column_seems_to_be_is_said_once(tmp_path, caplog):
    rows = "".join(f'note {i},"{i},5",{i % 2}\n' for i in range(300))
    source = CsvSource(write(tmp_path, "a.csv", "body,price,l\n" + rows), labels=["l"])
    for _ in range(2):
        read(source, 50)
    about_body = [message for message in caplog.messages if "'body'" in message]
    assert len(about_body) == 1
    assert "--text body" in about_body[0]
    about_price = [message for message in caplog.messages if "'price' such as" in message]
    assert len(about_price) == 1
