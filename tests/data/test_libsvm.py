from __future__ import annotations

import math

import numpy as np
import pytest
from data_helpers import dense, matrices, read, refused, same, write
from hypothesis import given
from hypothesis import strategies as st

from stream.data import LibsvmSource
from stream.data.libsvm import MAX_UNDECLARED_LABELS
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
        out.append(f"{labels} {pairs}" if header or labels or pairs else "0:0")
    return "\n".join(out) + "\n"


@given(matrices(), st.booleans(), st.sampled_from([0, 1]), st.data())
def test_round_trip(tmp_path_factory, xy, header, first, data):
    x, y = xy
    first = 0 if header else first
    order = data.draw(st.permutations(range(x.shape[1])))
    text = text_of(x, y, order, header, first)
    if first and "0:0\n" in text:
        text = text.replace("0:0\n", "1:0\n")
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
    source = LibsvmSource(write(tmp_path, "a.svm", text))
    assert source.columns_grow
    assert list(source) == [
        ({0: 1.0, 2: 1.5}, {0: False, 1: True, 2: False, 3: True}),
        ({1: 2.0}, dict.fromkeys(range(4), False)),
        ({1: 2.0}, dict.fromkeys(range(4), False)),
        ({}, {0: False, 1: False, 2: False, 3: False, 4: False, 5: True}),
    ]
    assert (source.schema.features, source.schema.labels) == (range(3), range(6))
    assert [source.n_labels_by(row) for row in range(4)] == [4, 4, 4, 6]
    assert next(iter(source))[1] == {0: False, 1: True, 2: False, 3: True}


def test_single_label(tmp_path):
    source = LibsvmSource(write(tmp_path, "a.svm", "+1 1:1\n-1 2:1\n+1\n"), task="single-label")
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
        ("0 1:1 1:2", 1, "feature 1 is given twice"),
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


def test_an_absurd_label_is_refused(tmp_path):
    path = write(tmp_path, "a.svm", f"{MAX_UNDECLARED_LABELS} 0:1\n")
    refused(lambda: LibsvmSource(path), "unless n_labels is given", line=1, column=1)


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
