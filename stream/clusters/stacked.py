"""All that DriftHOMER learns with: clusters behind a gate and, while labels are few, trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stream.clusters.coordinator import ClustersParams, Coordinator
from stream.clusters.tree_mixture import Explanation, Given, TreeMixture
from stream.engine.arrays import Float64Array, Int64Array
from stream.engine.checking import require
from stream.engine.events import Events
from stream.engine.learner import PREDICT_ONLY, labels_needed, wider
from stream.engine.set_decoder import Listed
from stream.rows.batch import Batch, slice_rows
from stream.rows.predictions import Predictions, SparsePredictions

UNLISTED = 5e-4  # probability of a label that a cluster was asked about and did not list


class StackedLearner:
    """Clusters behind a gate, whose probabilities are one model among those of a tree that all
    labels share.

    A tree that knows every label of every row is worth its cost while labels are few. When there
    are more than ``max_tree_labels``, it is given up, and the clusters answer alone.

    Parameters
    ----------
    clusters
        Parameters of the clusters and their gate.
    trees
        The tree, the experts, their mixer and their decoder, which have seen nothing.
    given
        The cluster of a label, by its number, where clusters are given.
    max_tree_labels
        Labels up to which they are kept.
    """

    given_up = frozenset({"trees"})  # None where labels are many

    def __init__(
        self,
        clusters: ClustersParams,
        trees: TreeMixture,
        given: Callable[[int], int] | None,
        max_tree_labels: int,
    ):
        self.gated = Coordinator(clusters, given)
        self.trees: TreeMixture | None = trees
        self.max_tree_labels = max_tree_labels
        self._events: list[Any] = []  # of the trees' partition, once these are given up

    @property
    def partition(self) -> Any:
        """Which labels are learnt together: has a method ``clusters()``."""
        return _Placed(self.gated) if self.trees is None else self.trees.partition

    @property
    def events(self) -> list[Any]:
        """What happened to the partition, in order."""
        return self._events if self.trees is None else self.trees.events

    @property
    def listeners(self) -> list[Any]:
        """What is told of every event."""
        return [] if self.trees is None else self.trees.listeners

    def check_restored(self) -> None:
        """Raise SnapshotError unless trees and clusters know the same labels."""
        if self.trees is not None:
            require(self.trees.n_labels == self.gated.n_labels, "trees know the clusters' labels")
            require(self.gated.n_labels <= self.max_tree_labels, "trees know few labels")
            require(self.trees.n_learnt == self.gated.n_learnt, "trees learnt the same rows")
            require(self.trees.n_given == 1, "the clusters are a model of the mixer")
        else:
            require(
                self.gated.n_labels > self.max_tree_labels, "trees are given up for many labels"
            )

    @property
    def n_labels(self) -> int:
        """Label columns that were learnt."""
        return self.gated.n_labels

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.gated.n_bytes + (0 if self.trees is None else self.trees.n_bytes)

    def run(
        self, batch: Batch, *, first_row: int = 0, predict: bool, delay: int = 0
    ) -> Float64Array:
        """Predict and learn rows; see :meth:`stream.engine.learner.TreeLearner.run`."""
        return self.answer(batch, first_row=first_row, predict=predict, delay=delay).probabilities

    def answer(
        self,
        batch: Batch,
        *,
        first_row: int = 0,
        predict: bool = True,
        delay: int = 0,
        waited: Int64Array | None = None,
    ) -> Predictions | SparsePredictions:
        """As :meth:`run`, with the label sets that are answered.

        Parameters
        ----------
        waited
            See :func:`stream.engine.events.schedule`.
        """
        when: dict[str, Any] = {"first_row": first_row, "predict": predict, "delay": delay}
        if self.trees is None:
            return self.gated.answer(batch, **when, waited=waited)
        given = _Collected(batch.n_rows, predict, delay)
        alone = self.gated.answer(batch, **when, waited=waited, collect=given.add)
        last = self._last_row_of_trees(batch, predict, delay)
        with_trees = batch if last is None else slice_rows(batch, 0, last)
        answers = self.trees.answer(
            with_trees, **when, given=given.up_to(with_trees.n_rows, self.n_labels)
        )
        if last is None:
            return answers
        self._events = self.trees.events
        self.trees = None
        return _joined(answers, alone, last) if predict else alone

    def _last_row_of_trees(self, batch: Batch, predict: bool, delay: int) -> int | None:
        """The row of the batch before which the trees answer; None: they answer to all."""
        if delay == PREDICT_ONLY or not batch.n_rows:
            return None
        needed = labels_needed((batch.y_indptr, batch.y_indices), (batch.u_indptr, batch.u_indices))
        row = int(np.searchsorted(needed, self.max_tree_labels, side="right"))
        last = row + delay + 1 if predict else row
        return last if row + (delay if predict else 0) < batch.n_rows else None

    def explain(self, batch: Batch) -> Explanation:
        """What leads to the answer to one row."""
        assert self.trees is not None
        given = _Collected(1, True, PREDICT_ONLY)
        self.gated.answer(batch, predict=True, delay=PREDICT_ONLY, collect=given.add)
        return self.trees.explain(batch, given.up_to(1, self.n_labels))


class _Placed:
    """Clusters behind a gate, as a partition shows them."""

    def __init__(self, gated: Coordinator):
        self.clusters = gated.labels_of_clusters


class _Collected:
    """Probabilities by the clusters, as the trees' mixer takes them."""

    def __init__(self, n_rows: int, predict: bool, delay: int):
        self.shared = predict and delay == 0
        self.predicted = np.zeros((n_rows if predict else 0, 0))
        self.learnt = self.predicted if self.shared else np.zeros((n_rows, 0))

    def add(self, events: Events, listed: Listed) -> None:
        """Take in what was said of events."""
        n_labels = int(listed.label.max(initial=-1)) + 1
        for learns, name in ((0, "predicted"), (1, "learnt")):
            if learns and self.shared:
                self.learnt = self.predicted
                return
            out = wider(getattr(self, name), n_labels)
            setattr(self, name, out)
            chosen = events.learns == learns
            rows = np.repeat(events.row, np.diff(listed.start))
            kept = np.repeat(chosen, np.diff(listed.start))
            out[rows[kept], listed.label[kept]] = listed.probability[kept]

    def up_to(self, n_rows: int, n_labels: int) -> Given:
        """The first rows."""
        predicted, learnt = (
            np.where(out > 0.0, out, UNLISTED)[:n_rows, None]
            for out in (wider(self.predicted, n_labels), wider(self.learnt, n_labels))
        )
        return Given(predicted, learnt)


def _joined(front: Predictions, back: SparsePredictions, n_rows: int) -> SparsePredictions:
    """The first rows as the trees answered them, the others as the clusters did."""
    rows, labels = np.nonzero((front.probabilities[:n_rows] > 0.0) | (front.labels[:n_rows] == 1))
    probabilities = front.probabilities[rows, labels]
    order = np.lexsort((labels, -probabilities, rows))
    rows, labels, probabilities = rows[order], labels[order], probabilities[order]
    start = np.searchsorted(rows, np.arange(n_rows + 1))
    begin = back.start[n_rows]
    return SparsePredictions(
        np.concatenate([start, len(rows) + back.start[n_rows + 1 :] - begin]),
        np.concatenate([labels.astype(np.int32), back.label[begin:]]),
        np.concatenate([probabilities, back.probability[begin:]]),
        np.concatenate([front.labels[rows, labels], back.present[begin:]]),
        back.n_labels,
    )
