from __future__ import annotations

import itertools

import numpy as np
import pytest
from data_helpers import dense, matrices, rows_before_error, same
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import DataError, ParameterError
from stream.rows.batch import Batch, concatenate, slice_rows
from stream.rows.builder import BatchBuilder, Columns, LabelGrowth, assemble, rechunk


def built(x, y) -> Batch:
    builder = BatchBuilder("test")
    for row, truth in zip(x, y, strict=True):
        builder.add(range(len(row)), row.tolist(), np.flatnonzero(truth).tolist())
    return builder.take()


@given(matrices())
def test_builder_and_assemble_agree_with_the_matrix(xy):
    x, y = xy
    batch = built(x, y)
    rows, columns = np.indices(x.shape)
    shuffled = np.random.default_rng(0).permutation(x.size)
    arrays = (rows.ravel()[shuffled], columns.ravel()[shuffled], x.ravel()[shuffled])
    assert same(batch, assemble(len(x), arrays, np.nonzero(y)))
    x2, y2 = dense(batch, x.shape[1], y.shape[1])
    np.testing.assert_array_equal(x2, x)
    np.testing.assert_array_equal(y2, y)


@given(matrices(), st.lists(st.integers(0, 12), max_size=5), st.integers(1, 14))
def test_rechunk_keeps_every_row_in_chunks_of_the_size_asked_for(xy, cuts, chunk_rows):
    whole = built(*xy)
    edges = sorted({0, whole.n_rows, *(min(cut, whole.n_rows) for cut in cuts)})
    parts = [slice_rows(whole, a, b) for a, b in itertools.pairwise(edges)]
    chunks = list(rechunk(parts, chunk_rows))
    assert [chunk.n_rows for chunk in chunks[:-1]] == [chunk_rows] * (len(chunks) - 1)
    assert 0 < chunks[-1].n_rows <= chunk_rows
    assert same(concatenate(chunks), whole)


def test_rows_before_an_error_come_first():
    whole = built(np.ones((5, 1)), np.ones((5, 1)))

    def blocks():
        yield whole
        raise DataError("bad row")

    for chunk_rows in (1, 2, 5, 1000):
        rows, error = rows_before_error(rechunk(blocks(), chunk_rows))
        assert (rows, error.reason) == (5, "bad row")


@pytest.mark.parametrize("chunk_rows", [0, -1, 1.5, True, None])
def test_chunk_rows_must_be_positive(chunk_rows):
    with pytest.raises(ParameterError, match="chunk_rows"):
        rechunk([], chunk_rows)


def test_builder_refuses_infinity_and_doubles_and_keeps_the_rows_before():
    builder = BatchBuilder("file")
    builder.add([0], [1.0], [0])
    with pytest.raises(DataError, match=r"file, line 2, column 'b': a value must be finite"):
        builder.add([1], [float("-inf")], [], line=2, names=["a", "b"])
    with pytest.raises(DataError, match="twice"):
        builder.add([1, 1], [2.0, 3.0], [])
    assert builder.take().n_rows == 1
    assert len(builder) == 0


def test_new_names_of_one_row_are_numbered_in_sorted_order():
    columns = Columns()
    columns.add_all(["c", "a", 2, 1])
    columns.add_all(["b", "a"])
    assert columns.names == [1, 2, "a", "c", "b"]


def test_label_growth_does_not_tell_of_later_rows():
    growth = LabelGrowth()
    for row, n in [(0, 2), (3, 2), (4, 5), (4, 5)]:
        growth.note(row, n)
    assert [growth.by(row) for row in range(-1, 6)] == [0, 2, 2, 2, 2, 5, 5]
