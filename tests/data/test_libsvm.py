from __future__ import annotations

import math

import numpy as np
import pytest
from data_helpers import dense, matrices, read, refused, same, write
from hypothesis import given
from hypothesis import strategies as st

from stream.data import LibsvmSource
from stream.errors import DataError, ParameterError


def text_of(x, y, order, header: bool, first: int) -> str:
    out = [f"{len(x)} {x.shape[1]} {y.shape[1]}"] if header else []
    for row, truth in zip(x, y, strict=True):
        labels = ",".join(map(str, np.flatnonzero(truth)))
        columns = [c for c in order if row[c] != 0]
        pairs = " ".join(
            f"{c + first}:{'nan' if math.isnan(row[c]) else repr(float(row[c]))}" for c in columns
        )
        # Only a file with a header may hold a row of nothing at all.
        out.append(f"{labels} {pairs}" if header or pairs else f"{labels} 0:0")
    return "\n".join(out) + "\n"


@given(matrices(), st.booleans(), st.sampled_from([0, 1]), st.data())
def test_round_trip(tmp_path_factory, xy, header, first, data):
    x, y = xy
    first = 0 if header else first
    order = data.draw(st.permutations(range(x.shape[1])))
    text = text_of(x, y, order, header, first)
    if first:
        text = text.replace(" 0:0\n", " 1:0\n")
    path = write(tmp_path_factory.mktemp("svm"), "a.svm", text)
    options = (
        {}
        if header
        else {"n_labels": y.shape[1], "n_features": x.shape[1], "zero_based": not first}
    )
    source = LibsvmSource(path, **options)
    assert source.n_rows == (len(x) if header else None)
    assert source.schema.features == range(first, first + x.shape[1])
    assert source.schema.labels == range(y.shape[1])
    whole = read(source)
    x2, y2 = dense(whole, x.shape[1], y.shape[1])
    np.testing.assert_array_equal(x2, x)
    np.testing.assert_array_equal(y2, y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LibsvmSource, "_fast", lambda self, rows: None)
        assert same(read(LibsvmSource(path, **options)), whole)


def test_comments_query_ids_and_rows_without_labels(tmp_path):
    text = "# only a note\n3,1 qid:7 2:1.5 0:1 # end\n\n 1:2\n1:2\n5\n"
    source = LibsvmSource(write(tmp_path, "a.svm", text), empty_rows=True)
    assert source.columns_grow
    assert list(source) == [
        ({0: 1.0, 2: 1.5}, {1: True, 3: True}),
        ({1: 2.0}, {1: False, 3: False}),
        ({1: 2.0}, {1: False, 3: False}),
        ({}, {1: False, 3: False, 5: True}),
    ]
    assert (source.schema.features, source.schema.labels) == ([0, 2, 1], [1, 3, 5])
    assert [source.n_labels_by(row) for row in range(4)] == [2, 2, 2, 3]
    assert next(iter(source))[1] == {1: True, 3: True}


def test_single_label(tmp_path):
    source = LibsvmSource(
        write(tmp_path, "a.svm", "+1 1:1\n-1 2:1\n+1\n"), task="single-label", empty_rows=True
    )
    assert list(source) == [({1: 1.0}, "+1"), ({2: 1.0}, "-1"), ({}, "+1")]


def test_rows_of_the_extreme_classification_format_may_be_empty(tmp_path):
    source = LibsvmSource(write(tmp_path, "a.txt", "3 4 2\n\n0 3:1\n 1:1\n\n"))
    assert [x for x, _ in source] == [{}, {3: 1.0}, {1: 1.0}]


@pytest.mark.parametrize("others", ["", "1 1:1\n"])
@pytest.mark.parametrize(
    ("row", "column", "word"),
    [
        ("7 1:1", 1, "label index 7 is out of range; 3 labels (0 to 2) are declared"),
        ("0 9:1", 3, "feature index 9 is out of range; allowed are 0 to 4"),
        ("0 -1:1", 3, "expected 'index:value'"),
        ("0 1:1 2:abc", 7, "expected a number as the value of feature 2, got 'abc'"),
        ("0 1:1_0", 3, "expected a number"),
        ("0 1:", 3, "expected a number"),
        ("0 1:inf", 3, "finite"),
        ("0 1:1 1:2", 7, "feature 1 is given twice"),
        ("0 1:1:2 3", 3, "expected a number"),
        ("0,0 1:1", 1, "label 0 is given twice"),
        ("0,x 1:1", 1, "whole numbers"),
        ("0,-1 1:1", 1, "whole numbers"),
        ("0 1:1 7", 7, "expected 'index:value'"),
    ],
)
def test_refused_rows(tmp_path, others, row, column, word):
    path = write(tmp_path, "a.svm", f"0 2:1\n{others}{row}\n0 1:1\n")
    make = lambda: LibsvmSource(path, n_labels=3, n_features=5)  # noqa: E731
    refused(make, word, line=2 + bool(others), column=column, source=path)


def test_one_based_files_have_no_feature_zero(tmp_path):
    path = write(tmp_path, "a.svm", "0 0:1\n")
    refused(lambda: LibsvmSource(path, zero_based=False), "feature index 0", line=1, column=3)


@pytest.mark.parametrize("header", ["", "2 2147483647 2147483647\n"])
def test_columns_are_as_many_as_appear(tmp_path, header):
    """An index that a file happens to name must not size arrays, whether or not it is declared."""
    text = header + "2000000000 2000000000:1 7:2\n3,2000000000 7:1 5:1\n"
    source = LibsvmSource(write(tmp_path, "a.svm", text))
    batch = read(source)
    assert source.schema.features == [7, 2_000_000_000, 5]
    assert source.schema.labels == [2_000_000_000, 3]
    assert batch.x_indices.tolist() == [0, 1, 0, 2]
    assert batch.y_indices.tolist() == [0, 0, 1]
    assert same(read(LibsvmSource(source.path), 1), batch)
    path = write(tmp_path, "b.svm", "2147483647 0:1\n")
    refused(lambda: LibsvmSource(path), "label index 2147483647 is out of range", line=1, column=1)


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ("3 4 5 1\n5\n", 1, 3, "expected 'index:value', got '4'"),
        ("1 2:3\n5\n2 0:1\n", 2, 2, "--empty-rows (empty_rows=True)"),
        ("1 0.5 0.3\n2 0.1 0.2\n", 1, 3, "expected 'index:value', got '0.5'"),
        ("3 the cat sat\n1,2 dogs bark\n", 1, 3, "expected 'index:value', got 'the'"),
        ("3 4 2\n0 foo\n1 bar\n0 \n", 2, 3, "expected 'index:value', got 'foo'"),
        ("1 2:3\n2 0.7 0.9\n", 2, 3, "expected 'index:value', got '0.7'"),
        ("-1 1:1\n", 1, 1, "--task single-label"),
        ("1 5 4\n0 5:1\n", 2, 3, "--one-based (zero_based=False)"),
    ],
)
def test_files_that_are_no_libsvm(tmp_path, text, line, column, word):
    """Dense tables and texts were read as rows without features."""
    path = write(tmp_path, "a.svm", text)
    refused(lambda: LibsvmSource(path), word, line=line, column=column, source=path)


def test_header_that_promises_other_rows(tmp_path):
    short = write(tmp_path, "short.txt", "3 4 2\n0 1:1\n")
    refused(lambda: LibsvmSource(short), "promises 3 rows but the file ends after 1", line=2)
    long = write(tmp_path, "long.txt", "1 4 2\n0 1:1\n\n1 1:1\n")
    refused(lambda: LibsvmSource(long), "but more follow", line=4)
    zero = write(tmp_path, "zero.txt", "1 0 2\n0 1:1\n")
    refused(lambda: LibsvmSource(zero), "at least one feature", line=1)


def test_refused_arguments(tmp_path):
    path = write(tmp_path, "a.svm", "0 1:1\n")
    with pytest.raises(ParameterError, match="n_labels"):
        LibsvmSource(path, n_labels=0)
    with pytest.raises(ParameterError, match="task"):
        LibsvmSource(path, task="both")
    with pytest.raises(DataError, match="no rows"):
        LibsvmSource(write(tmp_path, "b.svm", "\n\n"))
