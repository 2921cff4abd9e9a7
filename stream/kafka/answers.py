"""What a model says of rows, as short as it is told: of 100,000 labels nobody reads all."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int32Array, Int64Array, UInt8Array
from stream.rows.label_sets import LabelSets, sets_of_listed, sets_of_matrix
from stream.rows.predictions import Predictions, SparsePredictions

TOP_K = 20


class NamedAnswers(NamedTuple):
    """What a model says of instances, by names, the most probable labels first."""

    labels: list[list[Hashable]]  # predicted present
    probabilities: list[dict[Hashable, float]] | None  # None: the model does not tell


class Answers(NamedTuple):
    """The labels of each row that are predicted present and its most probable others, the most
    probable first."""

    start: Int64Array  # [rows + 1] first entry of each row
    label: Int32Array  # [entries] column
    present: UInt8Array  # [entries] 1: predicted present
    probability: Float64Array | None  # [entries]; None: the model does not tell

    @property
    def predicted(self) -> LabelSets:
        """The labels predicted present."""
        return sets_of_listed(self.start, self.label, self.present)

    def by_name(self, names: Sequence[Hashable], known: int) -> NamedAnswers:
        """The answers to all rows, by names.

        Parameters
        ----------
        names
            Names of the columns.
        known
            Labels that were known before the first row, which tells of no others.
        """
        said = self._without_new(known)
        label, present = list(map(names.__getitem__, said.label.tolist())), said.present == 1
        n_present = np.concatenate([[0], np.cumsum(present)])[said.start].tolist()
        named = list(itertools.compress(label, present.tolist()))
        labels = [named[first:last] for first, last in itertools.pairwise(n_present)]
        if said.probability is None:
            return NamedAnswers(labels, None)
        # Each dictionary takes as many pairs as its row has. To check that names and probabilities
        # are of one length takes longer than to make it.
        pairs = zip(label, said.probability.tolist(), strict=False)
        lengths = np.diff(said.start).tolist()
        return NamedAnswers(labels, [dict(itertools.islice(pairs, n)) for n in lengths])

    def _without_new(self, known: int) -> Answers:
        """The same without what the first row tells of labels that came with it."""
        first = slice(0, int(self.start[min(1, len(self.start) - 1)]))
        if not (self.label[first] >= known).any():
            return self
        kept = np.ones(len(self.label), np.bool_)
        kept[first] = self.label[first] < known
        start = self.start.copy()
        start[1:] -= np.count_nonzero(~kept)
        probability = None if self.probability is None else self.probability[kept]
        return Answers(start, self.label[kept], self.present[kept], probability)


def without_probabilities(labels: UInt8Array) -> Answers:
    """What is left where a model tells labels [rows, labels] only."""
    start, label = sets_of_matrix(labels)
    return Answers(start, label, np.ones(len(label), np.uint8), None)


def shortened(predictions: Predictions | SparsePredictions, k: int = TOP_K) -> Answers:
    """The labels predicted present and, of the others, those that are among the ``k`` most
    probable.

    Examples
    --------
    >>> said = Predictions(np.array([[0, 0, 1]], np.uint8), np.array([[0.3, 0.4, 0.2]]))
    >>> shortened(said, k=1).label.tolist(), shortened(said, k=3).label.tolist()
    ([1, 2], [1, 0, 2])
    """
    if isinstance(predictions, SparsePredictions):
        start, label, probability, present, _ = predictions
        place = np.arange(len(label)) - np.repeat(start[:-1], np.diff(start))
        kept = (present == 1) | (place < k)
        start = np.concatenate([[0], np.cumsum(kept)])[start]
        return Answers(start, label[kept], present[kept], probability[kept])
    labels, probabilities = predictions
    order = np.argsort(-probabilities, axis=1, kind="stable")
    present = np.take_along_axis(labels, order, axis=1)
    kept = present == 1
    kept[:, :k] = True
    start = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    probability = np.take_along_axis(probabilities, order, axis=1)[kept]
    return Answers(start, order[kept].astype(np.int32), present[kept], probability)


def rows_of(indptr: Int64Array, indices: Int32Array) -> list[list[int]]:
    """The entries of each row.

    Examples
    --------
    >>> rows_of(np.array([0, 2, 2, 3]), np.array([4, 1, 7]))
    [[4, 1], [], [7]]
    """
    entries = indices.tolist()
    return [entries[first:last] for first, last in itertools.pairwise(indptr.tolist())]
