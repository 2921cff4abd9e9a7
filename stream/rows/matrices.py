"""What users hand over with many rows at once (arrays, sparse matrices, frames) as batches."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import scipy.sparse

from stream.engine.arrays import FeatureRows, Float64Array, Int32Array, Int64Array
from stream.errors import DataError
from stream.rows.batch import Batch
from stream.rows.builder import Columns, assemble
from stream.rows.columns import BadValueError, FeatureColumns, class_values, truth_values
from stream.rows.frames import array_values, column_values, is_category, is_frame, open_frame
from stream.rows.schema import Schema, Task

TruthArrays = tuple[Int64Array, Int32Array, Int64Array, Int32Array]  # present and unknown labels
NO_TRUTH = object()
MOST_COLUMNS = 2**31 - 1
_FEW_COLUMNS = 100_000  # so many may be named without being used


def batch_of(features: Any, truth: Any, task: Task) -> tuple[Batch, Schema]:
    """Features and, unless ``truth`` is ``NO_TRUTH``, labels (single-label: classes) as a batch
    with its schema.

    Raises
    ------
    DataError
        For a value or a shape that cannot be used.
    """
    rows, names = features_of(features)
    n_rows = len(rows[0]) - 1
    if truth is NO_TRUTH:
        nothing = np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32)
        return Batch(*rows, *nothing, *nothing), Schema(names, [], task)
    parts, labels = (_labels_of if task == "multi-label" else _classes_of)(truth, n_rows)
    return Batch(*rows, *parts), Schema(names, labels, task)  # type: ignore[arg-type]


def features_of(data: Any) -> tuple[FeatureRows, Sequence[Hashable]]:
    """Rows of features [rows, features] as compressed sparse rows, and the features' names.

    Raises
    ------
    DataError
        For a value or a shape that cannot be used.
    """
    if scipy.sparse.issparse(data):
        return _sparse_features(data)
    if not is_frame(data):
        array = _two_dimensional(data, "features")
        values = array_values(array)
        if values is not None:
            rows = _csr_of_dense(values)
            _check_finite(rows, range(values.shape[1]))
            return rows, range(values.shape[1])
    n_rows, names, columns, as_text = _columns_of(data, "features")
    numbers = Columns()
    encoder = FeatureColumns(numbers, names, as_text=as_text)
    try:
        entries = encoder.encode(dict(enumerate(columns)), n_rows)
    except BadValueError as error:
        raise _in_row(error) from None
    nothing = np.empty(0, np.int64), np.empty(0, np.int64)
    batch = assemble(n_rows, entries, nothing)
    return (batch.x_indptr, batch.x_indices, batch.x_values), numbers.names


def _in_row(error: BadValueError) -> DataError:
    return DataError(f"{error.reason} in row {error.row + 1}", column=error.column)


def _columns_of(
    data: Any, what: str
) -> tuple[int, list[Hashable], list[Float64Array | list[Any]], list[int]]:
    """Number of rows; names and values of the columns; positions of those that hold categories."""
    if is_frame(data):
        frame = open_frame(data)
        series = [frame.column(i) for i in range(len(frame.names))]
        categories = [i for i, each in enumerate(series) if is_category(each)]
        values = [column_values(each, as_names=is_category(each)) for each in series]
        return len(frame.data), frame.names, values, categories
    array = _two_dimensional(data, what)
    if array.dtype.kind == "V":
        raise DataError(f"{what} must not be a structured array; give a data frame")
    numbers = array_values(array)
    if numbers is not None:
        return len(array), list(range(array.shape[1])), list(numbers.T), []
    return len(array), list(range(array.shape[1])), [list(column) for column in array.T], []


def _two_dimensional(data: Any, what: str) -> Any:
    try:
        array = data if isinstance(data, np.ma.MaskedArray) else np.asarray(data)
    except ValueError as error:  # rows of different lengths
        raise DataError(f"{what} must be a table [rows, columns]: {error}") from None
    if array.ndim != 2:
        raise DataError(f"{what} must have two dimensions, [rows, columns], got {array.ndim}")
    return array


def _csr_of_dense(matrix: np.ndarray) -> FeatureRows:
    kept = matrix != 0  # NaN is kept: it means missing
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    return indptr, np.nonzero(kept)[1].astype(np.int32), matrix[kept]


def _check_finite(rows: FeatureRows, names: Sequence[Hashable]) -> None:
    infinite = np.flatnonzero(np.isinf(rows[2]))
    if len(infinite):
        row = int(np.searchsorted(rows[0], infinite[0], side="right"))
        raise DataError(
            f"a feature must be finite or NaN (missing), got {rows[2][infinite[0]]} in row {row}",
            column=str(names[rows[1][infinite[0]]]),
        )


# ---- sparse matrices


def _sparse_features(data: Any) -> tuple[FeatureRows, Sequence[Hashable]]:
    indptr, indices, values = _csr_of_sparse(data, "features")
    names: Sequence[Hashable] = range(data.shape[1])
    if data.shape[1] > max(_FEW_COLUMNS, len(indices)):
        used, indices = np.unique(indices, return_inverse=True)
        names = used.tolist()
    rows = indptr, indices.astype(np.int32), values
    _check_finite(rows, names)
    return rows, names


def _csr_of_sparse(data: Any, what: str) -> tuple[Int64Array, Int64Array, Float64Array]:
    """A sparse matrix as sorted rows without zeros and duplicates; ``data`` is not written to."""
    if data.ndim != 2:
        raise DataError(f"{what} must have two dimensions, [rows, columns], got {data.ndim}")
    if data.shape[1] > MOST_COLUMNS:
        raise DataError(
            f"{what} may have {MOST_COLUMNS} columns at most, got {data.shape[1]}; number them anew"
        )
    _check_structure(data, what)
    if data.dtype.kind not in "biuf":
        raise DataError(f"{what} must hold numbers: got {data.dtype}")
    with np.errstate(over="ignore"):
        matrix = scipy.sparse.csr_array(data, copy=True).astype(np.float64)
        matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data


def _check_structure(data: Any, what: str) -> None:
    """Refuse index arrays that point out of the matrix: SciPy's kernels would follow them."""
    try:
        if data.format in ("csr", "csc", "bsr"):
            if any(each.ndim != 1 for each in (data.indptr, data.indices)):
                raise ValueError("index arrays must have one dimension")
            data.check_format(full_check=True)
            if np.any(np.diff(data.indptr) < 0):
                raise ValueError("index pointer values must not fall")
        elif data.format == "coo":
            for size, coordinates in zip(data.shape, (data.row, data.col), strict=True):
                if len(coordinates) != len(data.data):
                    raise ValueError("row, column and data arrays must be of one length")
                if len(coordinates) and not 0 <= coordinates.min() <= coordinates.max() < size:
                    raise ValueError(f"index values must be in the range 0 to {size - 1}")
    except (ValueError, IndexError, TypeError) as error:
        raise DataError(f"{what} must be a valid sparse matrix: {error}") from None


# ---- labels and classes


def _labels_of(data: Any, n_rows: int) -> tuple[TruthArrays, Sequence[Hashable]]:
    names: Sequence[Hashable]
    if scipy.sparse.issparse(data):
        indptr, indices, values = _csr_of_sparse(data, "labels")
        names = range(data.shape[1])  # type: ignore[attr-defined]
        _check_length(len(indptr) - 1, n_rows)
        _check_truth(indptr, indices, values)
    else:
        n, names, columns, _ = _columns_of(data, "labels")
        _check_length(n, n_rows)
        table = np.zeros((n, len(names)))
        errors = []
        for i, (name, column) in enumerate(zip(names, columns, strict=True)):
            try:
                table[:, i] = truth_values(column, str(name))
            except BadValueError as error:
                errors.append(error)
        if errors:
            raise _in_row(min(errors, key=lambda error: error.row))
        indptr, columns_of_values, values = _csr_of_dense(table)
        indices = columns_of_values.astype(np.int64)
    unknown = np.isnan(values)

    def entries(kept: np.ndarray) -> tuple[Int64Array, Int32Array]:
        counts = np.concatenate([[0], np.cumsum(kept)])
        return counts[indptr].astype(np.int64), indices[kept].astype(np.int32)

    return (*entries(~unknown), *entries(unknown)), names


def _check_truth(indptr: Int64Array, indices: Int64Array, values: Float64Array) -> None:
    wrong = np.flatnonzero(~np.isnan(values) & (values != 1.0))
    if len(wrong):
        row = int(np.searchsorted(indptr, wrong[0], side="right"))
        raise DataError(
            "a label must be True, False, 1 or 0, or missing (unknown), got "
            f"{values[wrong[0]]:g} in row {row}",
            column=str(indices[wrong[0]]),
        )


def _classes_of(data: Any, n_rows: int) -> tuple[TruthArrays, Sequence[Hashable]]:
    if hasattr(data, "to_list"):
        values = data.to_list()
    elif isinstance(data, np.ma.MaskedArray):
        values = list(data.ravel())
    elif isinstance(data, np.ndarray) and data.dtype.kind in "biufSU":
        values = data.ravel().tolist()
    else:
        values = _listed(data)
    _check_length(len(values), n_rows)
    try:
        classes = class_values(values, "class")
    except BadValueError as error:
        raise DataError(f"{error.reason} in row {error.row + 1}") from None
    number: dict[Hashable, int] = {}
    codes = [number.setdefault(each, len(number)) for each in classes if each is not None]
    known = [each is not None for each in classes]
    indptr = np.concatenate([[0], np.cumsum(known)]).astype(np.int64)
    nothing = np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32)
    return (indptr, np.asarray(codes, np.int32), *nothing), list(number)


def _listed(data: Any) -> list[Any]:
    array = np.asarray(data, object)
    if array.ndim <= 1 or 1 in array.shape[1:]:
        return list(array.ravel())
    return list(data)


def _check_length(n: int, n_rows: int) -> None:
    if n != n_rows:
        raise DataError(
            f"features and labels must have the same number of rows, got {n_rows} and {n}"
        )
