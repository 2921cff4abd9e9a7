from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from data_helpers import dense, matrices, read, refused, rows_before_error, same, write
from hypothesis import given
from hypothesis import strategies as st

from stream.data import CsvSource, delimited
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
    assert set(rows[2][0]) == {"a", "flag", "colour=red", "colour=blue, dark"}
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
    monkeypatch.setattr(delimited, "BLOCK_CELLS", 5)
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
        ('a,l\n1,1\n"2"x,0\n', 3, None, "malformed"),
        ("a,b=c,b,l\n1,1,c,0\n", 2, "b", "another column"),
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
    with pytest.raises(DataError, match="does not say which columns are labels"):
        CsvSource(path)
    with pytest.raises(DataError, match="no column 'sad'"):
        CsvSource(path, labels=["sad"])
    with pytest.raises(DataError, match="no column 'sad'"):
        CsvSource(path, target="sad")
    with pytest.raises(DataError, match="range 1 to 2"):
        CsvSource(path, labels=3)
    with pytest.raises(ParameterError, match="delimiter"):
        CsvSource(path, labels=["l"], delimiter="::")
