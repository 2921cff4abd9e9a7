"""Arrays, SciPy matrices and frames as batches."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from stream import MultiLabelHoeffdingTree
from stream.data import FrameSource
from stream.errors import DataError
from stream.rows.matrices import NO_TRUTH, batch_of


def csr(indices, indptr, shape=(1, 3)):
    """A matrix that SciPy does not look at."""
    matrix = sp.csr_matrix(shape)
    matrix.data = np.ones(len(indices))
    matrix.indices = np.array(indices, np.int32)
    matrix.indptr = np.array(indptr, np.int32)
    return matrix


def csc(indices):
    matrix = sp.csc_array(np.eye(1, 3))
    matrix.indices = np.array(indices, np.int32)
    return matrix


def coo(row, column):
    matrix = sp.coo_array(np.eye(3))
    matrix.row[0], matrix.col[0] = row, column
    return matrix


BROKEN = {
    "column too large": csr([10**8], [0, 1]),
    "column negative": csr([-5], [0, 1]),
    "rows that fall": csr([0, 1, 2], [0, 3, 1, 3], (3, 3)),
    "rows beyond the end": csr([0], [0, 9]),
    "rows before the start": csr([0], [-1, 1]),
    "CSC": csc([7]),
    "COO, column": coo(0, 3),
    "COO, row": coo(-1, 0),
    "too wide": sp.csr_array((1, 2**31 + 5)),
    "complex": sp.csr_array(np.eye(3) * 1j),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_matrices_are_refused(name):
    """An index out of range that changed the model, or the memory of the process."""
    model = MultiLabelHoeffdingTree()
    model.learn_many(np.eye(3), np.eye(3))
    before = pickle.dumps(model)
    matrix = BROKEN[name]
    truth = np.zeros((matrix.shape[0], 1))
    with pytest.raises(DataError):
        model.learn_many(matrix, truth)
    with pytest.raises(DataError):
        model.learn_many(np.ones((matrix.shape[0], 1)), matrix)
    assert pickle.dumps(model) == before


@given(
    st.lists(st.integers(-2, 5), min_size=1, max_size=6),
    st.lists(st.integers(-1, 7), min_size=2, max_size=4),
)
def test_any_index_arrays_are_a_matrix_or_refused(indices, indptr):
    """Kernels of SciPy that follow an index out of its array."""
    matrix = csr(indices, indptr, (len(indptr) - 1, 4))
    try:
        batch, _ = batch_of(matrix, NO_TRUTH, "multi-label")
    except DataError:
        return
    assert sorted(indptr) == indptr
    assert batch.x_indptr[-1] == len(batch.x_indices) <= len(indices)
    assert ((batch.x_indices >= 0) & (batch.x_indices < 4)).all()


def test_a_wide_matrix_costs_what_it_holds():
    wide = sp.csr_array((np.array([1.0, 2.0]), (np.array([0, 1]), np.array([2**30, 5]))))
    batch, schema = batch_of(wide, NO_TRUTH, "multi-label")
    assert schema.features == [5, 2**30]
    assert batch.x_indices.tolist() == [1, 0]


def test_masked_values_are_missing():
    """Masked values that were learnt as what stands below the mask."""
    array = np.ma.masked_array(np.ones((2, 2)), mask=[[1, 0], [0, 0]])
    batch, _ = batch_of(array, NO_TRUTH, "multi-label")
    assert np.isnan(batch.x_values).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    "names",
    [
        [0, 1, 2],
        [("s", "a"), ("s", "b"), ("l", "y")],
        ["a", 0, "y"],
        [1.5, None, float("nan")],
        [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02"), pd.Period("2024")],
        ["", " ", "a"],
    ],
    ids=repr,
)
def test_any_name_that_a_column_can_have(names):
    """Columns called 0, 1, 2 that ended in a traceback."""
    columns = pd.Index(names, dtype=object, tupleize_cols=False)
    frame = pd.DataFrame([[1.5, 2.0, 1], [2.5, 1.0, 0]], columns=columns)
    source = FrameSource(frame, labels=-1)
    rows = list(source)
    assert [list(x.values()) for x, _ in rows] == [[1.5, 2.0], [2.5, 1.0]]
    assert [list(y.values()) for _, y in rows] == [[True], [False]]
    model, other = MultiLabelHoeffdingTree(), MultiLabelHoeffdingTree()
    for batch in source.batches():
        model.learn_batch(batch, source.schema)
    other.learn_many(frame.iloc[:, :2], frame.iloc[:, 2:])
    assert pickle.dumps(model) == pickle.dumps(other)


def test_labels_by_names_that_are_no_texts():
    frame = pd.DataFrame([[1.5, 0.0, 1], [2.5, 1.0, 0]])
    assert FrameSource(frame, labels=[2]).schema.labels == [2]
    assert FrameSource(frame, labels=["2"]).schema.labels == [2]  # as a command line says it
    assert [y for _, y in FrameSource(frame, target="2")] == [1, 0]
    with pytest.raises(DataError, match="no column 7"):
        FrameSource(frame, labels=[7])


@pytest.mark.parametrize(
    "column",
    [
        pd.arrays.SparseArray([0.0, 0.0, 2.0], fill_value=0.0),
        pd.array([0, None, 2], dtype="Int64"),
        pd.array([0.0, None, 2.0], dtype="Float32"),
        pd.array([0.0, None, 2.0], dtype="float64[pyarrow]"),
        pd.array([False, None, True], dtype="boolean"),
        pd.Categorical([1, None, 2]),
        pd.Series([None, None, None]),
        pd.Series([], dtype=float).reindex(range(3)),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_of_every_type(column):
    """Types of columns that were texts in silence."""
    frame = pd.DataFrame({"a": column, "l": [1, 0, 1]})
    values = pd.Series(column).astype(object).tolist()
    category = isinstance(column, pd.Categorical)
    expected = MultiLabelHoeffdingTree()
    for value, label in zip(values, [True, False, True], strict=True):
        if category and not pd.isna(value):
            value = str(int(value))
        expected.learn_one({"a": value}, {"l": label})
    model = MultiLabelHoeffdingTree()
    source = FrameSource(frame, labels=["l"])
    for batch in source.batches():
        model.learn_batch(batch, source.schema)
    assert pickle.dumps(model) == pickle.dumps(expected)


def test_no_rows_and_no_columns():
    assert list(FrameSource(pd.DataFrame({"a": [], "l": []}), labels=["l"])) == []
    batch, schema = batch_of(pd.DataFrame(index=range(3)), NO_TRUTH, "multi-label")
    assert batch.n_rows == 3
    assert list(schema.features) == []


def test_numbers_that_are_names_keep_their_digits():
    frame = pd.DataFrame({"id": [2**60 + 1, 2**60], "c": [2**60 + 1, 2**60]})
    source = FrameSource(frame, target="c", categorical=["id"])
    assert [(list(x), y) for x, y in source] == [
        ([f"id={2**60 + 1}"], 2**60 + 1),
        ([f"id={2**60}"], 2**60),
    ]
