"""Sets of labels of consecutive rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Int32Array, Int64Array, UInt8Array
from stream.rows.predictions import Predictions, SparsePredictions


class LabelSets(NamedTuple):
    """A set of labels for each of consecutive rows, in the label columns of the caller."""

    start: Int64Array  # [rows + 1] first entry of each row
    label: Int32Array  # [entries] column, ascending within a row

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.start) - 1

    def slice(self, start: int, stop: int) -> LabelSets:
        """The rows ``start`` to ``stop`` (exclusive)."""
        return LabelSets(self.start[start : stop + 1], self.label)

    def of_row(self, row: int) -> Int32Array:
        """The set of one row."""
        return self.label[self.start[row] : self.start[row + 1]]


def sets_of_rows(rows: Sequence[Sequence[int]]) -> LabelSets:
    """Sets from the label columns of each row, ascending.

    Examples
    --------
    >>> sets_of_rows([[0, 2], []]).start
    array([0, 2, 2])
    """
    start = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=start[1:])
    return LabelSets(start, np.array([column for row in rows for column in row], np.int32))


def sets_of_matrix(labels: UInt8Array) -> LabelSets:
    """Sets from a matrix [rows, labels] that is not 0 where a label is in the set.

    Examples
    --------
    >>> sets_of_matrix(np.array([[1, 0, 1], [0, 0, 0]], np.uint8)).label
    array([0, 2], dtype=int32)
    """
    rows, columns = np.nonzero(labels)
    start = np.searchsorted(rows, np.arange(len(labels) + 1)).astype(np.int64)
    return LabelSets(start, columns.astype(np.int32))


def sets_of(predictions: Predictions | SparsePredictions) -> LabelSets:
    """The labels that are predicted present."""
    if isinstance(predictions, Predictions):
        return sets_of_matrix(predictions.labels)
    return sets_of_listed(predictions.start, predictions.label, predictions.present)


def sets_of_listed(start: Int64Array, label: Int32Array, present: UInt8Array) -> LabelSets:
    """Sets of the labels that are marked as present in lists of labels in any order.

    Parameters
    ----------
    start
        [rows + 1] first entry of each row.
    label
        [entries] column.
    present
        [entries] 1: in the set.

    Examples
    --------
    >>> sets_of_listed(np.array([0, 3]), np.array([4, 0, 2]), np.array([1, 0, 1])).label.tolist()
    [2, 4]
    """
    kept = np.flatnonzero(present)
    rows = np.repeat(np.arange(len(start) - 1), np.diff(start))[kept]
    labels = label[kept]
    ends = np.searchsorted(rows, np.arange(len(start))).astype(np.int64)
    return LabelSets(ends, labels[np.lexsort((labels, rows))])
