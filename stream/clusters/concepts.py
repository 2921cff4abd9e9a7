"""A memory of concepts: trees as they were when drift ended what they knew, and whether it is back.

When the loss of a cluster rises, the tree is put aside as it is. For some time after that the trees
that were put aside before are asked about the rows that are learnt, and the best of them takes over
if it is significantly better than the tree that is in force: a copy of it, which goes on to learn,
while the one put aside stays as it is until its concept ends again. Keeping classifiers of concepts
that may recur, and taking back the one that agrees best with the last rows, is the idea of ECPF
(Anderson, Koh and Dobbie, "CPF: concept profiling framework for recurring drifts in data streams",
AI 2016).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stream.clusters.tree_parts import PartRows, Stretch
from stream.engine.arrays import Float64Array
from stream.engine.checking import require
from stream.engine.events import predictions_of
from stream.engine.learner import GrowingTree, LabelsOfRows, Work
from stream.engine.losses import add_differences, squared_errors

WATCHED_ROWS = 3_000  # after a drift, in which an earlier concept may come back
LEAST_ROWS = 100
STANDARD_ERRORS = 3.0  # by which the mean error must be smaller


class Recall(NamedTuple):
    """A tree that was put aside is back."""

    concept: int
    gain: float  # mean squared error of a row, by how much it was smaller
    n_rows: int  # that were compared


class ConceptMemory:
    """Trees of earlier concepts.

    Parameters
    ----------
    most
        Trees that are put aside.
    max_size
        Limit in bytes for their arrays.
    """

    def __init__(self, most: int, max_size: float):
        self.most = most
        self.max_size = max_size
        self.trees: dict[int, GrowingTree] = {}  # by concept, the one put aside last at the end
        self.in_force = 0  # concept that the tree in force learns
        self.n_concepts = 1  # that there were
        self.since = -1  # rows learnt before the drift that is looked at; -1: none is
        self.sums: dict[int, Float64Array] = {}  # of the concepts compared; see add_differences

    def check_restored(self) -> None:
        """Raise SnapshotError unless comparisons can go on."""
        require(set(self.sums) <= set(self.trees), "concepts that are compared were put aside")
        require(
            all(each.shape == (3,) and each.dtype == np.float64 for each in self.sums.values()),
            "each comparison has three sums",
        )

    def check_tree(self, tree: GrowingTree) -> None:
        """Raise SnapshotError unless any tree put aside can take the place of this one."""
        for each in self.trees.values():
            require(each.params == tree.params, "trees put aside have the parameters of the other")
            require(each.n_labels <= tree.n_labels, "trees put aside know labels of the other")

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return sum(tree.n_bytes for tree in self.trees.values())

    def drift(self, tree: GrowingTree, n_learnt: int) -> None:
        """Put the tree in force aside and compare it with the others from now on, unless that is
        being done already."""
        if self.since >= 0:
            return
        self.since = n_learnt
        self.sums = {concept: np.zeros(3) for concept in self.trees if concept != self.in_force}
        self.trees.pop(self.in_force, None)
        if tree.n_bytes <= self.max_size:
            self.trees[self.in_force] = tree.copy()
        self.in_force = self.n_concepts
        self.n_concepts += 1
        while len(self.trees) > self.most or self.n_bytes > self.max_size:
            oldest = next(iter(self.trees))
            del self.trees[oldest]
            self.sums.pop(oldest, None)
        if not self.sums:
            self.since = -1

    def compare(
        self, rows: PartRows, stretch: Stretch, truth: LabelsOfRows, probabilities: Float64Array
    ) -> None:
        """Ask the trees about rows that are learnt.

        Parameters
        ----------
        probabilities
            Probabilities [rows, models, labels] by the tree in force, just before it learnt them.
        """
        if self.since < 0:
            return
        room = np.zeros(max(probabilities.shape[2], int(truth.n_labels[-1])), np.int8)

        def errors_of(probabilities: Float64Array) -> Float64Array:
            errors = np.zeros(len(probabilities))
            squared_errors(probabilities, truth.y, truth.u, int(learnt[0]), room, errors)
            return errors

        learnt = stretch.learnt
        errors = errors_of(probabilities)
        asking = predictions_of(learnt)
        work = Work(rows.work.x, rows.scaled_learnt(stretch), asking, rows.work.n_features)
        for concept, sums in self.sums.items():
            answers = self.trees[concept].advance(
                work, truth, 0, len(learnt), np.zeros(probabilities.shape), asked=False
            )
            add_differences(sums, errors, errors_of(answers))

    def recalled(self, n_learnt: int) -> tuple[Recall, GrowingTree] | None:
        """The concept that is back, with a copy of its tree; None: none is, so far."""
        if self.since < 0:
            return None
        best: Recall | None = None
        for concept, (n, total, squares) in self.sums.items():
            gain = total / max(n, 1.0)
            variance = max(squares / max(n, 1.0) - gain * gain, 0.0)
            enough = n >= LEAST_ROWS and gain > STANDARD_ERRORS * math.sqrt(variance / n)
            if enough and (best is None or gain > best.gain):
                best = Recall(concept, float(gain), int(n))
        if best is None and n_learnt - self.since < WATCHED_ROWS:
            return None
        self.since, self.sums = -1, {}
        if best is None:
            return None
        self.in_force = best.concept
        return best, self.trees[best.concept].copy()
