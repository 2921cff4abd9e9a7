"""All that DriftHOMER learns with: clusters behind a gate and, while labels are few, trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stream.clusters.coordinator import ClustersParams, Coordinator
from stream.clusters.tree_mixture import Explanation, Given, GivenRows, TreeMixture
from stream.engine.arrays import Float64Array, Int64Array
from stream.engine.checking import require
from stream.engine.events import PREDICT_ONLY, Events
from stream.engine.label_mixer import N_PAST
from stream.engine.learner import labels_needed, wider
from stream.engine.recalled import Recalled, spread_hints
from stream.engine.recent_layout import Hints
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
    def n_clusters(self) -> int:
        """Clusters of the partition."""
        return self.gated.n_clusters if self.trees is None else self.trees.n_clusters

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
            n_given = 1 + (self.gated.params.recent.window > 0)
            require(
                self.trees.n_given == n_given, "clusters and recent rows are models of the mixer"
            )
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
        last = self._last_row_of_trees(batch, predict, delay)
        with_trees = batch if last is None else slice_rows(batch, 0, last)
        needed = labels_needed(*with_trees.truths)
        most_labels = max(self.trees.n_labels, int(needed.max(initial=0)))
        given = _Collected(self.gated, batch, most_labels, predict, delay)
        alone = self.gated.answer(
            batch, **when, waited=waited, collect=given.add, beyond=self.max_tree_labels
        )
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
        needed = labels_needed(*batch.truths)
        row = int(np.searchsorted(needed, self.max_tree_labels, side="right"))
        last = row + delay + 1 if predict else row
        return last if row + (delay if predict else 0) < batch.n_rows else None

    def explain(self, batch: Batch) -> Explanation:
        """What leads to the answer to one row."""
        assert self.trees is not None
        given = _Collected(self.gated, batch, self.n_labels, True, PREDICT_ONLY)
        self.gated.answer(
            batch,
            predict=True,
            delay=PREDICT_ONLY,
            collect=given.add,
            beyond=self.max_tree_labels,
        )
        return self.trees.explain(batch, given.up_to(1, self.n_labels))


class _Placed:
    """Clusters behind a gate, as a partition shows them."""

    def __init__(self, gated: Coordinator):
        self.clusters = gated.labels_of_clusters


class _Collected:
    """What clusters and recent rows say, as the trees' mixer takes it.

    Parameters
    ----------
    gated
        The clusters, before the call.
    batch, predict, delay
        Rows of the call, whether they are predicted, and how late their labels come.
    most_labels
        Labels that the trees have after the call: the others are passed over.
    """

    def __init__(
        self, gated: Coordinator, batch: Batch, most_labels: int, predict: bool, delay: int
    ):
        self.gated = gated
        self.truths = batch.truths
        self.most_labels = most_labels
        self.shared = predict and delay == 0  # rows are learnt as they are predicted
        n_predicted = batch.n_rows if predict else 0
        n_learnt = 0 if self.shared else batch.n_rows
        self.probabilities = [np.zeros((n, 0)) for n in (n_predicted, n_learnt)]
        self.recalled = [
            Recalled(np.zeros((n, 0)), np.zeros((n, N_PAST, 0))) for n in (n_predicted, n_learnt)
        ]

    def add(self, events: Events, listed: Listed, hints: Hints) -> None:
        """Take in what is answered to the events of a segment, which the clusters' decoder has not
        learnt yet."""
        n_labels = min(self.gated.n_labels, self.most_labels)
        known = listed.label < n_labels
        rows = np.repeat(events.row, np.diff(listed.start))
        for learns, out in enumerate(self.probabilities):
            if len(out):
                out = self.probabilities[learns] = wider(out, n_labels)
                kept = known & np.repeat(events.learns == learns, np.diff(listed.start))
                out[rows[kept], listed.label[kept]] = listed.probability[kept]
        self.recalled = [
            Recalled(wider(votes, n_labels), wider(past, n_labels)) for votes, past in self.recalled
        ]
        counts = self.gated.decoder.state
        spread_hints(
            events, hints, *self.truths, counts.n_present[:n_labels].copy(),
            counts.n_unknown[:n_labels].copy(), *self.recalled,
        )  # fmt: skip

    def up_to(self, n_rows: int, n_labels: int) -> GivenRows:
        """The first rows."""
        n_labels, given = min(n_labels, self.most_labels), []
        for out, (votes, past) in zip(self.probabilities, self.recalled, strict=True):
            models = [votes, out] if self.gated.recent.params.window else [out]
            widened = [wider(each, n_labels)[:n_rows] for each in models]
            stacked = np.stack([np.where(each > 0.0, each, UNLISTED) for each in widened], axis=1)
            given.append(Given(stacked, wider(past, n_labels)[:n_rows]))
        predicted, learnt = given
        return GivenRows(predicted, predicted if self.shared else learnt)


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
