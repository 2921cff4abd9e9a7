"""What a model answers for rows: for every label, or only for those worth mentioning."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int32Array, Int64Array, UInt8Array


class Predictions(NamedTuple):
    """What a model answers for consecutive rows, in the label columns of the caller.

    In the single-label task the one predicted class is the one label that is 1 (none: no answer
    yet).
    """

    labels: UInt8Array  # [rows, labels] 1: predicted present
    probabilities: Float64Array  # [rows, labels] probability that the label is present

    def in_columns(self, numbers: np.ndarray, *, first_row: int = 0) -> Predictions:
        """The rows from ``first_row`` on, with column ``numbers[i]`` as column ``i``; 0 where that
        is negative or beyond the last."""
        return Predictions(*(_in_columns(out[first_row:], numbers) for out in self))

    def top(self, k: int) -> tuple[Int32Array, Float64Array]:
        """The ``k`` most probable labels of each row and their probabilities [rows, k]; -1 and 0
        where there are fewer."""
        n_rows, n_labels = self.probabilities.shape
        labels = np.full((n_rows, k), -1, np.int32)
        probabilities = np.zeros((n_rows, k))
        best = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :k]
        labels[:, : min(k, n_labels)] = best
        probabilities[:, : min(k, n_labels)] = np.take_along_axis(self.probabilities, best, axis=1)
        return labels, probabilities


def _in_columns(out: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    result = np.zeros((out.shape[0], len(numbers)), out.dtype)
    seen = (numbers >= 0) & (numbers < out.shape[1])
    result[:, seen] = out[:, numbers[seen]]
    return result


class SparsePredictions(NamedTuple):
    """What a model answers for consecutive rows, where it has many labels: those of each row that
    are worth mentioning, the most probable first.

    What is not listed is predicted absent.
    """

    start: Int64Array  # [rows + 1] first entry of each row
    label: Int32Array  # [entries] column
    probability: Float64Array  # [entries]
    present: UInt8Array  # [entries] 1: predicted present
    n_labels: int

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.start) - 1

    @property
    def labels(self) -> UInt8Array:
        """[rows, labels] 1: predicted present."""
        return self._dense(self.present)

    @property
    def probabilities(self) -> Float64Array:
        """[rows, labels] probability that the label is present; 0 where it is not listed."""
        return self._dense(self.probability)

    def _dense(self, values: np.ndarray) -> np.ndarray:
        out = np.zeros((self.n_rows, self.n_labels), values.dtype)
        rows = np.repeat(np.arange(self.n_rows), np.diff(self.start))
        out[rows, self.label] = values
        return out

    def in_columns(self, numbers: np.ndarray, *, first_row: int = 0) -> SparsePredictions:
        """The rows from ``first_row`` on, with column ``numbers[i]`` as column ``i``."""
        column = np.full(max(self.n_labels, int(numbers.max(initial=-1)) + 1), -1, np.int32)
        known = np.flatnonzero(numbers >= 0)
        column[numbers[known]] = known
        begin = self.start[first_row]
        labels = column[self.label[begin:]]
        kept = labels >= 0
        places = np.concatenate([[0], np.cumsum(kept)])
        return SparsePredictions(
            places[self.start[first_row:] - begin],
            labels[kept],
            self.probability[begin:][kept],
            self.present[begin:][kept],
            len(numbers),
        )

    def top(
        self, k: int, without: tuple[Int64Array, Int32Array] | None = None
    ) -> tuple[Int32Array, Float64Array]:
        """The ``k`` most probable labels of each row and their probabilities [rows, k]; -1 and 0
        where fewer are listed.

        Parameters
        ----------
        without
            Labels of each row that are left out, ``(indptr, indices)``.
        """
        labels = np.full((self.n_rows, k), -1, np.int32)
        probabilities = np.zeros((self.n_rows, k))
        rows = np.repeat(np.arange(self.n_rows), np.diff(self.start))
        inside = np.ones(len(rows), np.bool_)
        if without is not None and len(without[1]):
            left_out = np.repeat(np.arange(self.n_rows), np.diff(without[0]))
            cells = rows * self.n_labels + self.label
            inside = ~np.isin(cells, left_out * self.n_labels + without[1])
        before: np.ndarray = (
            np.cumsum(inside) - inside
        )  # that are ranked, in this row and those before it
        first = np.concatenate([before, [inside.sum()]])[self.start[:-1]]
        rank = before - first[rows]
        kept = inside & (rank < k)
        labels[rows[kept], rank[kept]] = self.label[kept]
        probabilities[rows[kept], rank[kept]] = self.probability[kept]
        return labels, probabilities
