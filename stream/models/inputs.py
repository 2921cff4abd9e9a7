"""What users hand to a model (dictionaries, arrays, sparse matrices, data frames) as batches."""

from __future__ import annotations

import math
import numbers
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import scipy.sparse

from stream.engine.arrays import Int32Array, Int64Array
from stream.errors import DataError
from stream.rows.batch import Batch
from stream.rows.schema import Schema, Task

_NUMBERS = (float, int, np.floating, np.integer, np.bool_, numbers.Real)  # from common to rare
_INFINITE = (math.inf, -math.inf)
Truth = tuple[Int64Array, Int32Array, Int64Array, Int32Array]  # present and unknown labels
NO_TRUTH = object()
Entries = list[tuple[Hashable, float]]


def feature_entries(x: Mapping[Hashable, Any]) -> Entries:
    """The features of a row that are not zero, by name.

    Numbers and truth values stand for themselves, a text is the feature ``name=text`` with value 1,
    None is missing (NaN).

    Raises
    ------
    DataError
        For a value that is none of these, or infinite, and for a text's feature that has the name
        of another one.
    """
    if not isinstance(x, dict | Mapping):
        raise DataError(
            f"the features must be a dictionary of name to value, got {type(x).__name__}"
        )
    entries: Entries = []
    texts = 0
    for name, value in x.items():
        if type(value) is float or isinstance(value, _NUMBERS):
            try:
                number = float(value)
            except OverflowError:
                raise DataError("a feature must fit a float", column=str(name)) from None
            if number in _INFINITE:
                raise DataError(
                    f"a feature must be finite or NaN (missing), got {number}", column=str(name)
                )
            if number != 0.0:
                entries.append((name, number))
        elif isinstance(value, str):
            texts += 1
            entries.append((f"{name}={value}", 1.0))
        elif value is None:
            entries.append((name, math.nan))
        else:
            raise DataError(
                "a feature must be a number, a truth value, a text or None, "
                f"got {type(value).__name__}",
                column=str(name),
            )
    if texts and len({name for name, _ in entries}) < len(entries):
        names = [name for name, _ in entries]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError("the row has another feature of this name", column=str(twice))
    return entries


def label_truth(y: Mapping[Hashable, Any]) -> dict[Hashable, bool]:
    """The labels of a row as booleans.

    Raises
    ------
    DataError
        For a value that is neither true nor false, naming the label.
    """
    truth: dict[Hashable, bool] = {}
    if not isinstance(y, Mapping):
        raise DataError(f"the labels must be a dictionary of label to bool, got {type(y).__name__}")
    for label, value in y.items():
        if value is True or value is False:
            truth[label] = value
        elif isinstance(value, _NUMBERS) and value in (0, 1):
            truth[label] = bool(value)
        else:
            raise DataError(
                f"a label must be True or False, or left out when it is unknown, got {value!r}",
                column=str(label),
            )
    return truth


def _csr_of_dense(matrix: np.ndarray) -> tuple[Int64Array, Int32Array, np.ndarray]:
    kept = matrix != 0  # NaN is kept: it means missing
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    return indptr, np.nonzero(kept)[1].astype(np.int32), matrix[kept]


def _csr_of_sparse(matrix: Any) -> tuple[Int64Array, Int32Array, np.ndarray]:
    matrix = scipy.sparse.csr_array(matrix, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data


def _is_frame(data: Any) -> bool:
    try:
        return isinstance(nw.from_native(data, pass_through=True, eager_only=True), nw.DataFrame)
    except nw.exceptions.DuplicateError:
        names = list(data.columns)
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(
            "the columns of a data frame must differ in name", column=str(twice)
        ) from None


def _matrix(
    data: Any, what: str
) -> tuple[tuple[Int64Array, Int32Array, np.ndarray], Sequence[Hashable]]:
    """A table as compressed sparse rows and the names of its columns."""
    if scipy.sparse.issparse(data):
        if np.iscomplexobj(data.data):  # type: ignore[attr-defined]
            raise DataError(f"{what} must hold numbers: got complex ones")
        return _csr_of_sparse(data), range(data.shape[1])  # type: ignore[attr-defined]
    names: Sequence[Hashable]
    if _is_frame(data):
        names = _column_names(data)
        array = _frame_values(nw.from_native(data, eager_only=True), what)
    else:
        array = np.asarray(data)
        if array.ndim != 2:
            raise DataError(f"{what} must have two dimensions, [rows, columns], got {array.ndim}")
        names = range(array.shape[1])
    try:
        if np.iscomplexobj(array):
            raise TypeError("got complex ones")
        array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must hold numbers: {error}") from None
    return _csr_of_dense(array), names


def _column_names(data: Any) -> list[Hashable]:
    """Names of a frame's columns; those of pandas may be other things than texts."""
    if nw.dependencies.is_pandas_dataframe(data):
        return list(data.columns)
    return list(nw.from_native(data, eager_only=True).columns)


def _frame_values(frame: nw.DataFrame, what: str) -> np.ndarray:
    columns = []
    for column in frame.iter_columns():
        try:
            # pandas has an object column for truth values of which some are unknown
            if not (column.dtype.is_numeric() or column.dtype in (nw.Boolean, nw.Object)):
                raise TypeError(column.dtype)
            columns.append(column.cast(nw.Float64).to_numpy())
        except (TypeError, ValueError):
            raise DataError(
                f"{what} must hold numbers and truth values, got {column.dtype}; make one column "
                "of each text (one-hot) or learn the rows as dictionaries",
                column=str(column.name),
            ) from None
    return np.column_stack(columns) if columns else np.zeros((len(frame), 0))


def features_of(data: Any) -> tuple[tuple[Int64Array, Int32Array, np.ndarray], Sequence[Hashable]]:
    """Rows of features [rows, features] as compressed sparse rows, and the features' names.

    Raises
    ------
    DataError
        For infinite values, texts, or a wrong shape.
    """
    rows, names = _matrix(data, "features")
    infinite = np.flatnonzero(np.isinf(rows[2]))
    if len(infinite):
        row = int(np.searchsorted(rows[0], infinite[0], side="right"))
        raise DataError(
            f"a feature must be finite or NaN (missing), got {rows[2][infinite[0]]} in row {row}",
            column=str(names[rows[1][infinite[0]]]),
        )
    return (rows[0], rows[1], rows[2].astype(np.float64)), names


def _labels_of(data: Any, n_rows: int) -> tuple[Truth, Sequence[Hashable]]:
    (indptr, indices, values), names = _matrix(data, "labels")
    _check_length(len(indptr) - 1, n_rows)
    values = values.astype(np.float64)
    unknown = np.isnan(values)
    wrong = np.flatnonzero(~unknown & (values != 1.0))
    if len(wrong):
        row = int(np.searchsorted(indptr, wrong[0], side="right"))
        raise DataError(
            f"a label must be 0, 1 or NaN (unknown), got {values[wrong[0]]:g} in row {row}",
            column=str(names[indices[wrong[0]]]),
        )

    def entries(kept: np.ndarray) -> tuple[Int64Array, Int32Array]:
        return np.concatenate([[0], np.cumsum(kept)])[indptr].astype(np.int64), indices[kept]

    return (*entries(~unknown), *entries(unknown)), names


def _classes_of(data: Any, n_rows: int) -> tuple[Truth, Sequence[Hashable]]:
    values = data.to_list() if hasattr(data, "to_list") else list(np.asarray(data, object).ravel())
    _check_length(len(values), n_rows)
    number: dict[Hashable, int] = {}
    known = [not is_unknown(value) for value in values]
    codes = [
        number.setdefault(plain(v), len(number)) for v, k in zip(values, known, strict=True) if k
    ]
    indptr = np.concatenate([[0], np.cumsum(known)]).astype(np.int64)
    nothing = np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32)
    return (indptr, np.asarray(codes, np.int32), *nothing), list(number)


def is_unknown(value: Any) -> bool:
    """Whether a class is None or NaN."""
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def plain(value: Any) -> Hashable:
    """A NumPy scalar as the Python value it stands for, so that both name the same class.

    Raises
    ------
    DataError
        When the value cannot name a class.
    """
    try:
        hash(value)
    except TypeError:
        raise DataError(
            f"a class must be hashable (a text, a number, ...), got {type(value).__name__}"
        ) from None
    return value.item() if isinstance(value, np.generic) else value


def _check_length(n: int, n_rows: int) -> None:
    if n != n_rows:
        raise DataError(
            f"features and labels must have the same number of rows, got {n_rows} and {n}"
        )


def batch_of(features: Any, truth: Any, task: Task) -> tuple[Batch, Schema]:
    """Features and, unless ``truth`` is ``NO_TRUTH``, labels (single-label: classes) as a batch
    with its schema."""
    rows, names = features_of(features)
    n_rows = len(rows[0]) - 1
    if truth is NO_TRUTH:
        nothing = np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32)
        return Batch(*rows, *nothing, *nothing), Schema(names, [], task)
    parts, labels = (_labels_of if task == "multi-label" else _classes_of)(truth, n_rows)
    return Batch(*rows, *parts), Schema(names, labels, task)  # type: ignore[arg-type]


def frame_like(data: Any, columns: dict[Any, np.ndarray]) -> Any:
    """A data frame of the kind (and, for pandas, with the index) of ``data``; None when ``data`` is
    no data frame."""
    if not _is_frame(data):
        return None
    frame = nw.from_native(data, eager_only=True)
    backend = frame.implementation
    if backend.is_pandas():
        import pandas as pd

        return pd.DataFrame(columns, index=data.index)
    named = {str(name): values for name, values in columns.items()}
    return nw.to_native(nw.from_dict(named, backend=backend))


def series_like(data: Any, values: list) -> Any:
    """A series of the kind of the data frame ``data``; None when ``data`` is no data frame."""
    if not _is_frame(data):
        return None
    frame = nw.from_native(data, eager_only=True)
    if frame.implementation.is_pandas():
        import pandas as pd

        return pd.Series(values, index=data.index)
    return nw.to_native(nw.new_series("class", values, backend=frame.implementation))
