"""Probabilities of rows, of which only those above zero are listed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.rows.predictions import Predictions, SparsePredictions


class ListedProbabilities(NamedTuple):
    """Probabilities of labels in consecutive rows; a label that is not listed has probability 0.

    A row lists a label once, in any order.
    """

    start: Int64Array  # [rows + 1] first entry of each row
    label: Int32Array  # [entries] column
    probability: Float64Array  # [entries]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.start) - 1

    def slice(self, start: int, stop: int) -> ListedProbabilities:
        """The rows ``start`` to ``stop`` (exclusive)."""
        return ListedProbabilities(self.start[start : stop + 1], self.label, self.probability)


def nothing_listed(n_rows: int) -> ListedProbabilities:
    """Return the (empty) probabilities of rows to which a model has no answer."""
    return ListedProbabilities(
        np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float64)
    )


def listed_probabilities(answers: Predictions | SparsePredictions) -> ListedProbabilities:
    """The probabilities of a model's answers.

    Examples
    --------
    >>> answers = Predictions(np.array([[0, 1]]), np.array([[0.0, 0.75]]))
    >>> listed_probabilities(answers).label
    array([1], dtype=int32)
    """
    if isinstance(answers, SparsePredictions):
        return ListedProbabilities(answers.start, answers.label, answers.probability)
    rows, labels = np.nonzero(answers.probabilities > 0.0)
    start = np.searchsorted(rows, np.arange(len(answers.probabilities) + 1))
    return ListedProbabilities(
        start, labels.astype(np.int32), answers.probabilities[rows, labels].astype(np.float64)
    )
