"""The stages that a batch passes, each in the order of rows: recent rows and gate, clusters, set
decoder. None looks back into an earlier one, so that any chunking gives the same answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stream.clusters.call import CallRows, Segment, state_bytes
from stream.clusters.checking import check_clusters
from stream.clusters.cluster import Cluster
from stream.clusters.decoder import ClusterDecoder, new_answers
from stream.clusters.executor import Executor
from stream.clusters.gate import ClusterGate
from stream.clusters.grouping import (
    group_by_cluster,
    joined_output,
    list_by_event,
    output_like,
)
from stream.clusters.memory import RecentRows
from stream.engine import placement as pl
from stream.engine.arrays import Int64Array, allocate, resize
from stream.engine.checking import require
from stream.engine.decoder import DecoderParams
from stream.engine.events import PREDICT_ONLY, Events, schedule
from stream.engine.gate import Asked, GateParams
from stream.engine.growth import column_capacity
from stream.engine.label_cluster import ClusterOutput, ClusterParams, ClusterScratch
from stream.engine.learner import columns_needed, labels_needed
from stream.engine.placement import Placement, place_rows
from stream.engine.recent_layout import Hints, RecentParams
from stream.engine.set_decoder import Answers, Listed
from stream.engine.unit_rows import unit_rows
from stream.rows.batch import Batch
from stream.rows.predictions import SparsePredictions

PERIOD = 1024  # rows learnt between two looks at the memory
LEAST_KEPT = 0.1  # share of the weights that a look at the memory leaves

Observer = Callable[[int, float, ClusterScratch], None]
Collector = Callable[[Events, Listed], None]


class ClustersParams(NamedTuple):
    """Parameters of all stages."""

    gate: GateParams
    recent: RecentParams
    cluster: ClusterParams
    decoder: DecoderParams
    capacity: int  # labels of a cluster; where clusters may have any size, room at first
    placement: int  # how labels are placed
    max_bytes: float
    seed: int


class ExplainedLabel(NamedTuple):
    """What leads to the answer for one label."""

    label: int
    cluster: int
    answered: bool
    probability: float
    inputs: list[float]  # of the mixer: evidence against the base rate, in logits
    weights: list[float]


class ClustersExplanation(NamedTuple):
    """What leads to the answer to one row."""

    labels: list[ExplainedLabel]  # those worth mentioning, the most probable first
    clusters: list[tuple[int, list[int], float]]  # asked: number, labels, the gate's probability


class Coordinator:
    """Clusters of labels behind a gate.

    Parameters
    ----------
    params
        Of all stages.
    given
        The cluster of a label, by its number, where ``params.placement`` says that clusters are
        given.
    """

    def __init__(self, params: ClustersParams, given: Callable[[int], int] | None = None):
        self.params = params
        self.given = given
        self.max_bytes = params.max_bytes
        self.n_labels = 0
        self.n_features = 0
        self.n_learnt = 0
        self.placement = allocate(Placement, {"labels": 4, "clusters": 4})
        self.gate = ClusterGate(params.gate)
        self.recent = RecentRows(params.recent)
        self.decoder = ClusterDecoder(params.decoder)
        self.clusters: list[Cluster] = []
        self.executor = Executor()

    def __getstate__(self) -> dict[str, Any]:
        # Where clusters work is not part of what they are.
        return {name: value for name, value in self.__dict__.items() if name != "executor"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.executor = Executor()

    def check_restored(self) -> None:
        """Raise SnapshotError unless the stages fit together."""
        params = self.params
        same = (
            self.gate.params == params.gate,
            self.recent.params == params.recent,
            self.decoder.params == params.decoder,
            *(cluster.params == params.cluster for cluster in self.clusters),
        )
        require(all(same), "the parameters of a stage are others")
        require((self.given is not None) == (params.placement == pl.GIVEN), "clusters are given")
        check_clusters(self)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        stages = self.gate.n_bytes + self.recent.n_bytes + self.decoder.n_bytes
        clusters = sum(cluster.n_bytes for cluster in self.clusters)
        return state_bytes(self.placement) + stages + clusters

    def labels_of_clusters(self) -> list[tuple[int, tuple[int, ...]]]:
        """Number and labels of every cluster."""
        return [
            (number, tuple(sorted(cluster.labels.tolist())))
            for number, cluster in enumerate(self.clusters)
        ]

    # ---- a call

    def answer(
        self,
        batch: Batch,
        *,
        first_row: int = 0,
        predict: bool,
        delay: int = 0,
        collect: Collector | None = None,
        observe: Observer | None = None,
    ) -> SparsePredictions:
        """Predict and learn rows; see :meth:`stream.engine.learner.TreeLearner.run`.

        Parameters
        ----------
        collect
            Is given the events of every segment and the labels' probabilities before label sets
            are looked at.
        observe
            Is given every cluster that is asked, its probability by the gate, and what it found for
            the last row.
        """
        n_rows = batch.n_rows
        raw = (batch.x_indptr, batch.x_indices, batch.x_values)
        y, u = (batch.y_indptr, batch.y_indices), (batch.u_indptr, batch.u_indices)
        events = schedule(n_rows, first_row, self.n_learnt, predict=predict, delay=delay)
        n_known = _known_at(events, labels_needed(y, u), self.n_labels)
        needed = columns_needed(raw[0], raw[1])
        n_features = _known_at(events, needed, self.n_features)
        x = unit_rows(raw, *(_by_row(events, n_features, n_rows, learns) for learns in (0, 1)))
        rows = CallRows(x, raw, y, u)
        answers, start = new_answers(n_rows if predict else 0), 0
        for stop in _segment_ends(events):
            segment = Segment(events.slice(start, stop), n_known[start:stop])
            answers = self._run_segment(segment, rows, answers, collect, observe)
            start = stop
        learnt = events.row[events.learns == 1]
        if len(learnt):
            self.n_features = max(self.n_features, int(needed[learnt[-1]]))
        end = int(answers.start[-1])
        found = (answers.label[:end], answers.probability[:end], answers.present[:end])
        return SparsePredictions(answers.start, *found, self.n_labels)

    def _run_segment(
        self,
        segment: Segment,
        rows: CallRows,
        answers: Answers,
        collect: Collector | None,
        observe: Observer | None,
    ) -> Answers:
        self._place_labels(segment, rows)
        hints = self.recent.recall(segment, rows, len(self.placement.cluster))
        asked = self.gate.ask(segment, rows, self.placement, hints, len(self.clusters))
        listed = self._advance_clusters(segment, rows, hints, asked, observe)
        if collect is not None:
            collect(segment.events, listed)
        answers = self.decoder.decode(segment, rows, asked.missed, listed, answers)
        n_learnt = len(segment.learnt)
        self.n_learnt += n_learnt
        if n_learnt and self.n_learnt % PERIOD == 0:
            self._keep_within_limit()
        return answers

    def _place_labels(self, segment: Segment, rows: CallRows) -> None:
        """Give every label that is new a cluster."""
        learnt = segment.learnt
        if not len(learnt):
            return
        first, last = int(learnt[0]), int(learnt[-1]) + 1
        most = 1 + max(
            int(labels[1][labels[0][first] : labels[0][last]].max(initial=-1))
            for labels in (rows.y, rows.u)
        )
        if most <= self.n_labels:
            return
        given = np.zeros(0, np.int32)
        if self.given is not None:
            given = np.array([self.given(label) for label in range(most)], np.int32)
        room = max(len(self.clusters) + most - self.n_labels, int(given.max(initial=0)) + 1)
        sizes = {"labels": column_capacity(most), "clusters": column_capacity(room)}
        self.placement = resize(self.placement, sizes)
        params = self.params
        place_rows(
            self.placement, rows.y, rows.u, first, last, self.n_learnt, params.capacity,
            params.placement, given, params.seed,
        )  # fmt: skip
        n_clusters = int(self.placement.registers[pl.N_CLUSTERS])
        self.placement = resize(self.placement, sizes | {"clusters": column_capacity(n_clusters)})
        while len(self.clusters) < n_clusters:
            self.clusters.append(Cluster(params.cluster, params.capacity))
        for label in range(self.n_labels, most):
            cluster = self.clusters[self.placement.cluster[label]]
            cluster.add_label(label, int(self.placement.born[label]))
        self.n_labels = most
        self.decoder.add_labels(most)
        self.gate.make_room(n_clusters)

    def _advance_clusters(
        self,
        segment: Segment,
        rows: CallRows,
        hints: Hints,
        asked: Asked,
        observe: Observer | None,
    ) -> Listed:
        """Let every cluster answer and learn what concerns it."""
        grouped = group_by_cluster(segment, rows, self.placement, hints, asked, len(self.clusters))
        start, n_pairs = grouped.start, len(grouped.pair_of)
        output = allocate(ClusterOutput, {"asked": n_pairs, "listed": 0})
        widest = max((cluster.capacity for cluster in self.clusters), default=1)

        def work(numbers: list[int]) -> tuple[int, ClusterOutput]:
            scratch = allocate(ClusterScratch, {"entries": rows.most_entries, "columns": widest})
            own, at = output_like(output), 0
            for number in numbers:
                first, last = int(start[number]), int(start[number + 1])
                at, own = self.clusters[number].advance(
                    segment.events, rows.x, grouped.rows, first, last, hints, own, at, scratch
                )
                if observe is not None:
                    observe(number, float(grouped.rows.probability[last - 1]), scratch)
            return at, own

        sizes = np.diff(start)
        busy = np.flatnonzero(sizes)
        parts = self.executor.parts(busy.tolist(), sizes[busy].tolist())
        outputs = self.executor.run(parts, work)
        joined, n_listed = joined_output(output, parts, start, outputs)
        return list_by_event(segment, asked, grouped, joined, n_listed)

    def _keep_within_limit(self) -> None:
        """Give up the weights that are smallest where the limit is passed."""
        n_bytes = self.n_bytes
        if n_bytes <= self.max_bytes:
            return
        share = max(0.8 * self.max_bytes / n_bytes, LEAST_KEPT)
        cells = np.array([each.n_cells for each in self.clusters])
        most = _level(cells, share * cells.sum())
        for cluster in self.clusters:
            if cluster.n_cells > most:
                cluster.shrink(most)
        self.gate.shrink(int(share * int(self.gate.state.cells.used[0])))

    # ---- explanations

    def explain(self, batch: Batch) -> ClustersExplanation:
        """What leads to the answer to one row."""
        inputs: dict[int, np.ndarray] = {}
        asked: list[tuple[int, list[int], float]] = []

        def observe(number: int, p: float, scratch: ClusterScratch) -> None:
            labels = self.clusters[number].labels.tolist()
            asked.append((number, labels, p))
            inputs.update(zip(labels, scratch.inputs.copy(), strict=False))

        answers = self.answer(batch, predict=True, delay=PREDICT_ONLY, observe=observe)
        found = []
        for label, p, present in zip(
            answers.label.tolist(), answers.probability.tolist(), answers.present, strict=True
        ):
            number = int(self.placement.cluster[label])
            state = self.clusters[number].state
            weights = state.weight + state.own_weight[self.placement.column[label]]
            given = inputs.get(label, np.zeros(len(weights)))
            found.append(
                ExplainedLabel(label, number, bool(present), p, given.tolist(), weights.tolist())
            )
        return ClustersExplanation(found, asked)


def _level(counts: np.ndarray, total: float) -> int:
    """The largest number such that counts cut at it add up to at most ``total``."""
    ordered = np.sort(counts)
    below = np.concatenate([[0], np.cumsum(ordered)])
    for i, count in enumerate(ordered.tolist()):
        if below[i] + count * (len(ordered) - i) > total:
            return int((total - below[i]) / (len(ordered) - i))
    return int(ordered[-1]) if len(ordered) else 0


def _known_at(events: Events, needed: Int64Array, before: int) -> Int64Array:
    """Columns known at each event; ``needed`` by each row and the rows before it."""
    learnt = np.cumsum(events.learns, dtype=np.int64) - events.learns
    known = np.zeros(len(learnt) + 1, np.int64)
    rows = events.row[events.learns == 1]
    known[1 : len(rows) + 1] = needed[rows]
    return np.maximum(known[learnt], before)


def _by_row(events: Events, values: Int64Array, n_rows: int, learns: int) -> Int64Array:
    """Values of the events of one kind, by row; those of the other kind where there is none."""
    out = np.zeros(n_rows, np.int64)
    for kind in (1 - learns, learns):
        chosen = events.learns == kind
        out[events.row[chosen]] = values[chosen]
    return out


def _segment_ends(events: Events) -> list[int]:
    """Where segments end: after the event that learns a multiple of PERIOD rows, and at the end."""
    ends = np.flatnonzero((events.learns == 1) & ((events.now + 1) % PERIOD == 0)) + 1
    n_events = len(events.row)
    return [*(end for end in ends.tolist() if end < n_events), *([n_events] if n_events else [])]
