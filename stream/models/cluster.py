"""A cluster of labels: the trees that know it, and the rows in the columns of its labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from stream.engine.adwin import Adwins
from stream.engine.arrays import (
    Float64Array,
    Int32Array,
    Int64Array,
    allocate,
    pack,
    set_attributes,
    unpack,
)
from stream.engine.batch import Batch
from stream.engine.growth import project
from stream.engine.learner import GrowingTree, LabelRows, Work


class Part:
    """A tree and the labels it knows, ascending."""

    def __init__(self, labels: Iterable[int], growing: GrowingTree):
        self.labels = np.fromiter(labels, np.int64)
        self.growing = growing

    def __getstate__(self) -> dict[str, Any]:
        return {"labels": self.labels.tolist(), "growing": self.growing}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def restricted_to(self, labels: np.ndarray) -> Part:
        """The same tree for some of its labels; the tree itself when these are all."""
        if len(labels) == len(self.labels):
            return self
        columns = np.searchsorted(self.labels, labels)
        known = columns[columns < self.growing.n_labels]
        tree = project(self.growing.tree, known)
        return Part(labels, GrowingTree(self.growing.params, self.growing.max_size, tree))


class Cluster:
    """A cluster: parts that answer and, after a merge, the joint tree that is to replace them."""

    def __init__(self, number: int, labels: Iterable[int], parts: list[Part]):
        self.number = number
        self.labels = np.fromiter(labels, np.int64)
        self.parts = parts
        self.watcher = allocate(Adwins, {"detectors": 1})  # of the cluster's loss
        self.risen = False  # the watcher saw the loss rise
        self.joint: Part | None = None
        self.n_compared = 0
        self.loss_parts = 0.0
        self.loss_joint = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"labels": self.labels.tolist(), "watcher": pack(self.watcher)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        set_attributes(self, state)
        self.labels = np.fromiter(state["labels"], np.int64)
        self.watcher = unpack(Adwins, state["watcher"])

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


class Rows:
    """Rows of one call, and what every tree says of them."""

    def __init__(self, batch: Batch, work: Work):
        self.batch = batch
        self.work = work
        self._truth: dict[bytes, tuple[LabelRows, LabelRows]] = {}
        self._said: dict[Part, tuple[Float64Array, Float64Array]] = {}

    def truth_of(self, labels: np.ndarray) -> tuple[LabelRows, LabelRows]:
        """Present and unknown labels of the rows in the columns of a part."""
        key = labels.tobytes()
        if key not in self._truth:
            batch = self.batch
            self._truth[key] = (
                _columns_of(batch.y_indptr, batch.y_indices, labels),
                _columns_of(batch.u_indptr, batch.u_indices, labels),
            )
        return self._truth[key]

    def advance(self, part: Part, cursor: Int64Array, end: int, *, ask: bool) -> Float64Array:
        """Let a tree predict and learn up to ``end``; returns what it says of rows it learnt."""
        growing, n_rows = part.growing, self.work.n_rows
        out, answers = self._said.get(part) or (
            np.zeros((n_rows if self.work.predict else 0, growing.n_labels)),
            np.zeros((n_rows if ask else 0, growing.n_labels)),
        )
        y, u = self.truth_of(part.labels)
        self._said[part] = growing.advance(self.work, y, u, cursor.copy(), end, out, answers)
        return self._said[part][1]

    def predicted_by(self, part: Part) -> Float64Array:
        """Probabilities of the rows that a tree has predicted so far."""
        return self._said[part][0]


def _columns_of(indptr: Int64Array, indices: Int32Array, labels: np.ndarray) -> LabelRows:
    """The entries of rows that are among ``labels`` (ascending), as places in ``labels``."""
    if not len(indices):
        return indptr, indices
    places = np.searchsorted(labels, indices)
    inside = labels[np.minimum(places, len(labels) - 1)] == indices
    kept = np.concatenate([[0], np.cumsum(inside)])
    return kept[indptr], places[inside].astype(np.int32)
