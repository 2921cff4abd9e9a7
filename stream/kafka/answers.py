"""What a model says of rows, as short as it is told: of 100,000 labels nobody reads all."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int32Array, Int64Array, UInt8Array
from stream.rows.label_sets import LabelSets, sets_of_listed, sets_of_matrix
from stream.rows.predictions import Predictions, SparsePredictions

TOP_K = 20


class Answer(NamedTuple):
    """What a model says of an instance, the most probable labels first."""

    labels: list[Hashable]  # predicted present
    probabilities: dict[Hashable, float] | None


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

    def by_name(self, names: Sequence[Hashable], known: int) -> Iterator[Answer]:
        """The answer to each row, by names.

        Parameters
        ----------
        names
            Of the columns.
        known
            Labels that were known before the first row, which tells of no others.
        """
        label, start = self.label.tolist(), self.start.tolist()
        named, present = [names[column] for column in label], self.present.tolist()
        told = None if self.probability is None else self.probability.tolist()
        rows = itertools.pairwise(start)
        if label and max(label[: start[1]], default=-1) >= known:  # labels that came with the row
            _, last = next(rows)
            kept = [entry for entry in range(last) if label[entry] < known]
            yield _answer(
                [named[entry] for entry in kept],
                [present[entry] for entry in kept],
                None if told is None else [told[entry] for entry in kept],
            )
        for first, last in rows:
            yield _answer(
                named[first:last], present[first:last], None if told is None else told[first:last]
            )


def _answer(row: list[Hashable], present: list[int], told: list[float] | None) -> Answer:
    labels = list(itertools.compress(row, present))
    if told is None:
        return Answer(labels, None)
    # To check that they are of one length takes longer than to make the dictionary.
    return Answer(labels, dict(zip(row, told, strict=False)))


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
