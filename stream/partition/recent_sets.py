"""The last label sets of a stream."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.engine.arrays import Int32Array, Int64Array
from stream.engine.checking import require

MOST_SETS = 300
MOST_LABELS = 65_536  # of all sets together


class RecentSets:
    """The last label sets of a stream, the oldest first; fewer where they are large.

    Examples
    --------
    >>> sets = RecentSets()
    >>> sets.add(np.array([0, 2, 5, 6]), np.array([0, 1, 0, 1, 2, 2], np.int32), 0, 3)
    >>> sets.usual_size(np.array([0, 1], np.int32))
    2
    """

    def __init__(self) -> None:
        self.start = np.zeros(1, np.int64)  # [sets + 1] first label of each
        self.labels = np.zeros(0, np.int32)

    def check_restored(self) -> None:
        """Raise SnapshotError unless every set is a slice of the labels."""
        arrays: list[tuple[Any, type]] = [(self.start, np.int64), (self.labels, np.int32)]
        for array, kind in arrays:
            require(isinstance(array, np.ndarray) and array.dtype == kind, "sets are of integers")
            require(array.ndim == 1, "sets stand one after the other")
        require(0 < len(self.start) <= MOST_SETS + 1, "few sets are kept")
        require(self.start[0] == 0, "the first set begins at the first label")
        require(np.diff(self.start) >= 0, "sets follow each other")
        require(self.start[-1] == len(self.labels), "the last set ends at the last label")
        require(self.labels >= 0, "labels have numbers")

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.start.nbytes + self.labels.nbytes

    def add(self, y_indptr: Int64Array, y_indices: Int32Array, start: int, stop: int) -> None:
        """Take in rows ``start`` to ``stop`` (exclusive) of present labels in compressed sparse
        rows; what is too old is forgotten."""
        start = max(start, stop - MOST_SETS)
        new = y_indptr[start : stop + 1] - y_indptr[start] + len(self.labels)
        ends = np.concatenate([self.start[:-1], new])
        labels = np.concatenate([self.labels, y_indices[y_indptr[start] : y_indptr[stop]]])
        first = max(len(ends) - 1 - MOST_SETS, 0)
        first = max(first, int(np.searchsorted(ends, len(labels) - MOST_LABELS)))
        self.labels = labels[ends[first] :].astype(np.int32)
        self.start = (ends[first:] - ends[first]).astype(np.int64)

    def usual_size(self, cluster: Int32Array) -> int:
        """The most frequent number of labels of a cluster in the rows that have any of them, of
        equal ones the smallest; 0 where no row has one.

        Parameters
        ----------
        cluster
            Its labels.
        """
        row = np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))
        in_row = np.bincount(row[np.isin(self.labels, cluster)])
        sizes = np.bincount(in_row[in_row > 0])
        return int(sizes.argmax()) if len(sizes) else 0
