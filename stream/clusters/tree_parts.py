"""A cluster of labels: the trees that know it, and the rows in the columns of its labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stream.engine.arrays import (
    Float64Array,
    Int32Array,
    Int64Array,
    LabelRows,
    UInt8Array,
)
from stream.engine.checking import require
from stream.engine.growth import project
from stream.engine.learner import ALL_ROWS, GrowingTree, LabelsOfRows, Work, labels_needed
from stream.rows.batch import Batch


class Part:
    """A tree and the labels it knows, ascending."""

    def __init__(self, labels: Iterable[int], growing: GrowingTree):
        self.labels = np.fromiter(labels, np.int64)
        self.growing = growing

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        require(
            self.labels.dtype == np.int64
            and self.labels.ndim == 1
            and np.all(np.diff(self.labels) > 0),
            "labels of a tree ascend",
        )
        require(self.growing.n_labels <= len(self.labels), "a tree knows more labels than it has")

    def restricted_to(self, labels: np.ndarray) -> Part:
        """The same tree for some of its labels; the tree itself when these are all."""
        if len(labels) == len(self.labels):
            return self
        columns = np.searchsorted(self.labels, labels)
        known = columns[columns < self.growing.n_labels]
        tree = project(self.growing.tree, known)
        return Part(labels, GrowingTree(self.growing.params, self.growing.max_size, tree))


class ClusterOfTrees:
    """A cluster: parts that answer and, after a merge, the joint tree that is to replace them."""

    def __init__(self, number: int, labels: Iterable[int], parts: list[Part]):
        self.number = number
        self.labels = np.fromiter(labels, np.int64)
        self.parts = parts
        self.joint: Part | None = None
        self.n_compared = 0
        self.loss_parts = 0.0
        self.loss_joint = 0.0

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        labels = [label for part in self.parts for label in part.labels.tolist()]
        require(
            self.labels.dtype == np.int64 and sorted(labels) == self.labels.tolist(),
            "each label of a cluster is in one of its parts",
        )
        require(
            self.joint is None or np.array_equal(self.joint.labels, self.labels),
            "the joint tree knows all labels of its cluster",
        )

    @property
    def trees(self) -> list[Part]:
        """All that learn."""
        return self.parts if self.joint is None else [*self.parts, self.joint]

    def add_label(self, label: int) -> None:
        """Take in a label that was never present before."""
        self.labels = np.append(self.labels, label)
        for part in self.trees:
            if part is self.joint or part is self.parts[0]:
                part.labels = np.append(part.labels, label)


class PartRows:
    """Rows of one call, and the probabilities that every part gives them."""

    def __init__(self, batch: Batch, work: Work):
        self.batch = batch
        self.work = work
        self._truth: dict[bytes, LabelsOfRows] = {}
        self._probabilities: dict[Part, tuple[Float64Array, Float64Array]] = {}

    def truth_of(self, labels: np.ndarray) -> LabelsOfRows:
        """Labels of the rows in the columns of a part."""
        key = labels.tobytes()
        if key not in self._truth:
            batch = self.batch
            y = _columns_of(batch.y_indptr, batch.y_indices, labels)
            u = _columns_of(batch.u_indptr, batch.u_indices, labels)
            self._truth[key] = LabelsOfRows(y, u, labels_needed(y, u))
        return self._truth[key]

    def advance(
        self,
        part: Part,
        cursor: Int64Array,
        end: int,
        *,
        ask: bool,
        n_models: int = 1,
        n_labels: int = 0,
        chosen: UInt8Array = ALL_ROWS,
    ) -> None:
        """Let a tree predict and learn up to ``end``.

        Parameters
        ----------
        cursor
            Next row to predict and next row to learn.
        ask
            Whether the probabilities of the rows that are learnt are kept, from just before that.
        n_models
            1: the answer of the tree; or as many as it has leaf models: those of each.
        n_labels
            Label columns that will be needed, where more than the tree has now.
        chosen
            [rows, or 0: all] 1: the row is learnt.
        """
        growing, n_rows = part.growing, self.work.n_rows
        n_labels = max(growing.n_labels, n_labels)
        out, answers = self._probabilities.get(part) or (
            np.zeros((n_rows if self.work.predict else 0, n_models, n_labels)),
            np.zeros((n_rows if ask else 0, n_models, n_labels)),
        )
        truth = self.truth_of(part.labels)
        self._probabilities[part] = growing.advance(
            self.work, truth, cursor.copy(), end, out, answers, chosen
        )

    def predicted_by(self, part: Part) -> Float64Array:
        """Probabilities [rows, models, labels] of the rows that a tree has predicted so far."""
        return self._probabilities[part][0]

    def learnt_by(self, part: Part) -> Float64Array:
        """Probabilities [rows, models, labels] that a tree gave the rows just before they were
        learnt."""
        return self._probabilities[part][1]


def _columns_of(indptr: Int64Array, indices: Int32Array, labels: np.ndarray) -> LabelRows:
    """The entries of rows that are among ``labels`` (ascending), as places in ``labels``."""
    if not len(indices):
        return indptr, indices
    if not len(labels):
        return np.zeros_like(indptr), indices[:0]
    places = np.searchsorted(labels, indices)
    inside = labels[np.minimum(places, len(labels) - 1)] == indices
    kept = np.concatenate([[0], np.cumsum(inside)])
    return kept[indptr], places[inside].astype(np.int32)
