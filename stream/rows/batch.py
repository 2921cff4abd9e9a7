"""Rows as the engine sees them: three compressed sparse row (CSR) structures over plain arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.engine.arrays import FeatureRows, Float64Array, Int32Array, Int64Array, LabelRows


class Batch(NamedTuple):
    """Consecutive rows of a stream; features and labels are column numbers.

    Row ``i`` owns the entries ``indptr[i]`` to ``indptr[i + 1]`` of each structure. Within a row
    indices increase strictly. A feature of value zero is not stored (absent and zero are the same);
    NaN is stored and means missing. A label that is neither present nor unknown is absent. Single-
    label rows hold one present label (their class), or none when the class is unknown.
    """

    x_indptr: Int64Array  # [rows + 1]
    x_indices: Int32Array  # [non-zeros] feature column
    x_values: Float64Array  # [non-zeros] never 0, never infinite; NaN: missing
    y_indptr: Int64Array  # [rows + 1]
    y_indices: Int32Array  # [present labels] label column
    u_indptr: Int64Array  # [rows + 1]
    u_indices: Int32Array  # [unknown labels] label column
    n_named: Int64Array | None = None  # [rows] labels, the first ones of the schema, that had been
    # named once the row was read; None: all of them

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.x_indptr) - 1

    @property
    def features(self) -> FeatureRows:
        """Features of the rows."""
        return self.x_indptr, self.x_indices, self.x_values

    @property
    def truths(self) -> tuple[LabelRows, LabelRows]:
        """Present and unknown labels of the rows."""
        return (self.y_indptr, self.y_indices), (self.u_indptr, self.u_indices)


def slice_rows(batch: Batch, start: int, stop: int) -> Batch:
    """Rows ``start`` to ``stop`` (exclusive) of a batch; the index and value arrays are views."""

    def part(indptr: Int64Array, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        low, high = indptr[start], indptr[stop]
        return indptr[start : stop + 1] - low, *(array[low:high] for array in arrays)

    rows = Batch(
        *part(batch.x_indptr, batch.x_indices, batch.x_values),
        *part(batch.y_indptr, batch.y_indices),
        *part(batch.u_indptr, batch.u_indices),
    )
    return rows if batch.n_named is None else rows._replace(n_named=batch.n_named[start:stop])


def concatenate(batches: list[Batch]) -> Batch:
    """Join batches in order; an empty list gives a batch without rows."""
    if len(batches) == 1:
        return batches[0]

    def join_indptr(parts: list[Int64Array]) -> Int64Array:
        lengths = [np.diff(part) for part in parts] or [np.zeros(0, np.int64)]
        return np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)

    def join(name: str, dtype: type) -> np.ndarray:
        parts = [getattr(batch, name) for batch in batches]
        return np.concatenate(parts) if parts else np.empty(0, dtype)

    return Batch(
        join_indptr([batch.x_indptr for batch in batches]),
        join("x_indices", np.int32),
        join("x_values", np.float64),
        join_indptr([batch.y_indptr for batch in batches]),
        join("y_indices", np.int32),
        join_indptr([batch.u_indptr for batch in batches]),
        join("u_indices", np.int32),
        None if any(batch.n_named is None for batch in batches) else join("n_named", np.int64),
    )


def row_of_labels(present: list[int], unknown: list[int]) -> Batch:
    """One row without features: the columns of its labels, ascending, and of those unknown."""

    def indptr(n: int) -> np.ndarray:
        return np.array([0, n], np.int64)

    return Batch(
        indptr(0),
        np.empty(0, np.int32),
        np.empty(0),
        indptr(len(present)),
        np.array(present, np.int32),
        indptr(len(unknown)),
        np.array(unknown, np.int32),
    )
