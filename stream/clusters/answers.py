"""What is answered to the rows of a call."""

from __future__ import annotations

import functools

import numpy as np

from stream.clusters.decoder import new_answers
from stream.engine.learner import wider
from stream.engine.set_decoder import Answers
from stream.rows.predictions import Predictions, SparsePredictions


class CallAnswers:
    """Answers to the rows of a call: first by trees, for every label, then by clusters behind a
    gate, which list those worth mentioning.

    Parameters
    ----------
    n_rows
        Rows that there are answers to; 0: none is predicted.
    """

    def __init__(self, n_rows: int):
        self.n_rows = n_rows
        self.probabilities = np.zeros((n_rows, 0))
        self.labels = np.zeros((n_rows, 0), np.uint8)  # 1: present
        self.n_by_trees = 0  # rows

    @functools.cached_property
    def sparse(self) -> Answers:
        """Of clusters behind a gate."""
        return new_answers(self.n_rows)

    def widen(self, n_labels: int) -> None:
        """Have a column for every label."""
        self.probabilities = wider(self.probabilities, n_labels)
        self.labels = wider(self.labels, n_labels)

    def predictions(self, n_labels: int, sparse: bool) -> Predictions | SparsePredictions:
        """The answers.

        Parameters
        ----------
        n_labels
            Labels known.
        sparse
            Whether there are no trees any more.
        """
        if not sparse:
            self.widen(n_labels)
            return Predictions(self.labels, self.probabilities)
        end = int(self.sparse.start[-1])
        start, label, probability, present = self.sparse
        found = label[:end], probability[:end], present[:end]
        if not self.n_by_trees:
            return SparsePredictions(start, *found, n_labels)
        n_rows = self.n_by_trees
        chosen = (self.probabilities[:n_rows] > 0.0) | (self.labels[:n_rows] == 1)
        rows, labels = np.nonzero(chosen)
        order = np.lexsort((labels, -self.probabilities[rows, labels], rows))
        rows, labels = rows[order], labels[order]
        return SparsePredictions(
            np.concatenate([np.searchsorted(rows, np.arange(n_rows)), len(rows) + start[n_rows:]]),
            np.concatenate([labels.astype(np.int32), found[0]]),
            np.concatenate([self.probabilities[rows, labels], found[1]]),
            np.concatenate([self.labels[rows, labels], found[2]]),
            n_labels,
        )
