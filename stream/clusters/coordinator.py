"""The stages that a batch passes, each in the order of events. None looks back into an earlier one,
so that any chunking gives the same answers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from stream.clusters.answers import CallAnswers
from stream.clusters.call import CallRows, Segment
from stream.clusters.checking import check_clusters
from stream.clusters.former import upgraded_learner
from stream.clusters.gated import GatedClusters
from stream.clusters.given import Collector, Given
from stream.clusters.tree_clusters import Explanation, TreeClusters
from stream.engine.arrays import Float64Array, Int64Array
from stream.engine.checking import require
from stream.engine.events import PREDICT_ONLY, Events, schedule
from stream.engine.learner import columns_needed, labels_needed
from stream.engine.unit_rows import unit_rows
from stream.rows.batch import Batch
from stream.rows.predictions import Predictions, SparsePredictions

PERIOD = 1000  # rows learnt between two looks at the memory
ANY_NUMBER = 2**63 - 1  # of labels
NO_VALUES = np.zeros(0, np.float32)


class Coordinator:
    """All that a model of clusters learns with: its stages, and what they have learnt.

    Where there are both, what the clusters behind the gate and the recent rows say of a row are
    models among those of the trees, which answer. A tree that knows every label of every row is
    worth its cost while labels are few. When there are more than ``max_tree_labels``, the trees are
    given up, and the clusters behind the gate answer alone.

    Parameters
    ----------
    gated
        Clusters behind a gate; None: there are none.
    trees
        Trees over the clusters of a partition; None: there are none.
    max_tree_labels
        Labels up to which trees are kept.
    """

    given_up = frozenset({"trees"})  # None where labels are many

    def __init__(
        self,
        gated: GatedClusters | None,
        trees: TreeClusters | None,
        max_tree_labels: int = ANY_NUMBER,
    ):
        self.gated = gated
        self.trees = trees
        self.max_tree_labels = max_tree_labels
        self.n_labels = 0  # label columns that were learnt
        self.n_features = 0
        self.n_learnt = 0
        self._events: list[Any] = []  # of the trees' partition, once these are given up

    @staticmethod
    def upgrade_state(state: dict[str, Any], version: int) -> dict[str, Any]:
        """Before version 3, a learner of trees over clusters stood alone."""
        return upgraded_learner(state) | {"max_tree_labels": ANY_NUMBER}

    def check_restored(self) -> None:
        """Raise SnapshotError unless the stages know the same labels and rows."""
        require(self.n_learnt >= 0, "the rows learnt are counted")
        require(self.n_features >= 0, "the features learnt are counted")
        if self.gated is not None:
            check_clusters(self.gated, self.n_labels, self.n_learnt)
        if self.trees is None:
            require(self.gated is not None, "there is something that learns")
            require(self.n_labels > self.max_tree_labels, "trees are given up for many labels")
            return
        require(self.trees.n_labels == self.n_labels, "trees know the labels")
        require(self.n_labels <= self.max_tree_labels, "trees know few labels")
        n_given = 0 if self.gated is None else self.gated.n_models
        require(self.trees.n_given == n_given, "clusters and recent rows are models of the mixer")

    @property
    def clusters(self) -> list[tuple[int, tuple[int, ...]]]:
        """Number and labels of every cluster."""
        if self.trees is not None:
            return [(each.number, tuple(each.labels.tolist())) for each in self.trees.clusters]
        return [] if self.gated is None else self.gated.labels_of_clusters()

    @property
    def n_clusters(self) -> int:
        """Clusters of the partition."""
        if self.trees is not None:
            return len(self.trees.clusters)
        return 0 if self.gated is None else self.gated.n_clusters

    @property
    def events(self) -> list[Any]:
        """What happened to the partition, in order."""
        return self._events if self.trees is None else self.trees.events

    @property
    def listeners(self) -> list[Any]:
        """What is told of every event."""
        return [] if self.trees is None else self.trees.listeners

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return sum(each.n_bytes for each in (self.gated, self.trees) if each is not None)

    # ---- a call

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
        events = schedule(
            batch.n_rows, first_row, self.n_learnt, predict=predict, delay=delay, waited=waited
        )
        call, rows = self._call(batch, events)
        answers = CallAnswers(batch.n_rows if predict else 0)
        for start, stop in itertools.pairwise(self._cuts(call)):
            self._run_segment(call.slice(start, stop), rows, answers)
        return answers.predictions(self.n_labels, sparse=self.trees is None)

    def _call(self, batch: Batch, events: Events) -> tuple[Segment, CallRows]:
        """All events, and the rows as every stage takes them."""
        raw, (y, u) = batch.features, batch.truths
        n_features = np.maximum(columns_needed(*raw[:2]), self.n_features)
        x = (*raw[:2], NO_VALUES, NO_VALUES)
        if self.gated is not None:
            known = _known_at(events, n_features, self.n_features)[:-1]
            x = unit_rows(raw, *(_by_row(events, known, batch.n_rows, kind) for kind in (0, 1)))
        n_labels = _known_at(events, labels_needed(y, u), self.n_labels)
        return Segment(events, n_labels), CallRows(x, raw, y, u, n_features, {})

    def _cuts(self, call: Segment) -> list[int]:
        """Where segments begin and end: after the event that learns a multiple of PERIOD rows, and
        after the one with which labels become too many for trees."""
        if call.events.n_answers == 1:  # of one row, which is learnt last
            return [0, call.n_events]
        learns, now = call.events.learns, call.events.now
        ends = np.flatnonzero((learns == 1) & ((now + 1) % PERIOD == 0)) + 1
        most = int(np.searchsorted(call.n_known, self.max_tree_labels, side="right"))
        return sorted({0, min(most, call.n_events), call.n_events, *ends.tolist()})

    def _run_segment(self, segment: Segment, rows: CallRows, answers: CallAnswers) -> None:
        given = self._run_gated(segment, rows, answers)
        if self.trees is not None:
            self.trees.run(segment, rows, given, answers)
        self.n_labels, self.n_learnt = segment.n_labels, segment.n_learnt
        if len(learnt := segment.learnt):
            self.n_features = int(rows.n_features[learnt[-1]])
            if self.gated is not None and self.n_learnt % PERIOD == 0:
                self.gated.keep_within_limit()
        if self.trees is not None and self.n_labels > self.max_tree_labels:
            self._events = self.trees.events
            self.trees = None

    def _run_gated(self, segment: Segment, rows: CallRows, answers: CallAnswers) -> Given | None:
        if self.gated is None:
            return None
        if self.trees is None:
            answers.sparse = self.gated.run(segment, rows, answers.sparse)
            return None
        collector = Collector(self.gated, segment, rows)
        answers.sparse = self.gated.run(
            segment, rows, answers.sparse, answered=False, collect=collector.add
        )
        return collector.given

    # ---- explanations

    def one_row(self, batch: Batch) -> tuple[Segment, CallRows]:
        """The event of one row that is predicted, and the row."""
        return self._call(batch, schedule(1, 0, self.n_learnt, predict=True, delay=PREDICT_ONLY))

    def explain(self, segment: Segment, rows: CallRows) -> Explanation:
        """What leads to the trees' answer to one row."""
        assert self.trees is not None
        return self.trees.explain(segment, rows, self._run_gated(segment, rows, CallAnswers(1)))


def _known_at(events: Events, needed: Int64Array, before: int) -> Int64Array:
    """Columns known [events + 1] at each event, and after the last one; ``needed`` by each row and
    the rows before it."""
    known = np.full(len(events.row) + 1, before)
    learnt = events.learnt
    if len(learnt):
        known[learnt + 1] = needed[events.row[learnt]]
        known = np.maximum.accumulate(known)
    return known


def _by_row(events: Events, values: Int64Array, n_rows: int, learns: int) -> Int64Array:
    """Values of the events of one kind, by row; those of the other kind where there is none."""
    out = np.zeros(n_rows, np.int64)
    for kind in (1 - learns, learns):
        chosen = events.learns == kind
        out[events.row[chosen]] = values[chosen]
    return out
