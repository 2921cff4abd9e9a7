"""The stages that a batch passes, each in the order of rows: recent rows and gate, clusters, set
decoder. None looks back into an earlier one, so that any chunking gives the same answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stream.clusters.call import CallRows, Segment, state_bytes
from stream.clusters.checking import check_clusters
from stream.clusters.cluster import Cluster
from stream.clusters.decoder import ClusterDecoder, new_answers
from stream.clusters.executor import Executor, LocalExecutor, Parts
from stream.clusters.gate import ClusterGate
from stream.clusters.grouping import Grouped, group_by_cluster, list_by_event
from stream.clusters.memory import RecentRows
from stream.clusters.pipeline import Task, in_one, piece_ends, run_stages
from stream.clusters.work import MixerInputs, Work
from stream.engine import placement as pl
from stream.engine.arrays import Int64Array, allocate, resize
from stream.engine.checking import require
from stream.engine.events import PREDICT_ONLY, Events, schedule
from stream.engine.gate import Asked, GateParams
from stream.engine.growth import column_capacity
from stream.engine.joint_decoder_layout import DecoderParams
from stream.engine.label_cluster_layout import ClusterParams, ClusterWork
from stream.engine.learner import columns_needed, labels_needed
from stream.engine.placement import Placement, place_rows
from stream.engine.recent_layout import Hints, RecentParams
from stream.engine.set_decoder import Answers, Listed
from stream.engine.unit_rows import unit_rows
from stream.rows.batch import Batch
from stream.rows.predictions import SparsePredictions

PERIOD = 1000  # rows learnt between two looks at the memory
LEAST_KEPT = 0.1  # share of the weights that a look at the memory leaves

Collector = Callable[[Events, Listed, Hints], None]


class ClustersParams(NamedTuple):
    """Parameters of all stages."""

    gate: GateParams
    recent: RecentParams
    cluster: ClusterParams
    decoder: DecoderParams
    capacity: int  # labels of a cluster; where clusters may have any size, room at first
    placement: int  # how labels are placed
    max_bytes: float  # of all arrays
    max_bytes_beside_trees: float  # while labels are so few that there are trees
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


class Routed(NamedTuple):
    """Which clusters are asked about the events of a segment."""

    asked: Asked
    grouped: Grouped
    work: Work


class Coordinator:
    """Clusters of labels behind a gate.

    Parameters
    ----------
    params
        Parameters of all stages.
    given
        The cluster of a label, by its number, where ``params.placement`` says that clusters are
        given.
    """

    def __init__(self, params: ClustersParams, given: Callable[[int], int] | None = None):
        self.params = params
        self.given = given
        self.n_labels = 0
        self.n_features = 0
        self.n_learnt = 0
        self.placement = allocate(Placement, {"labels": 4, "clusters": 4})
        self.gate = ClusterGate(params.gate)
        self.recent = RecentRows(params.recent)
        self.decoder = ClusterDecoder(params.decoder)
        self.executor: Executor = LocalExecutor()

    def __getstate__(self) -> dict[str, Any]:
        # Where clusters live is not part of what they are.
        kept = {name: value for name, value in self.__dict__.items() if name != "executor"}
        return kept | {"clusters": self.clusters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = dict(state)
        self.executor = LocalExecutor(kept.pop("clusters"))
        self.__dict__.update(kept)

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
    def clusters(self) -> list[Cluster]:
        """All clusters by number; those that live elsewhere are copies."""
        return self.executor.clusters

    @property
    def n_clusters(self) -> int:
        """Clusters that were begun."""
        return int(self.placement.registers[pl.N_CLUSTERS])

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        stages = self.gate.n_bytes + self.recent.n_bytes + self.decoder.n_bytes
        return state_bytes(self.placement) + stages + self.executor.n_bytes

    def labels_of_clusters(self) -> list[tuple[int, tuple[int, ...]]]:
        """Number and labels of every cluster."""
        labels: list[list[int]] = [[] for _ in range(self.n_clusters)]
        for label, number in enumerate(self.placement.cluster[: self.n_labels].tolist()):
            labels[number].append(label)
        return [(number, tuple(own)) for number, own in enumerate(labels)]

    def move_clusters(self, begin: Callable[[list[Cluster], int], Executor]) -> None:
        """Have clusters live elsewhere; ``begin`` takes them and the number of threads."""
        before = self.executor
        self.executor = begin(before.clusters, before.n_jobs)
        before.close()

    def collect_clusters(self) -> None:
        """Have clusters live here."""
        if self.executor.n_workers:
            self.move_clusters(LocalExecutor)

    # ---- a call

    def answer(
        self,
        batch: Batch,
        *,
        first_row: int = 0,
        predict: bool,
        delay: int = 0,
        waited: Int64Array | None = None,
        collect: Collector | None = None,
        explain: list[MixerInputs] | None = None,
        beyond: int = -1,
    ) -> SparsePredictions:
        """Predict and learn rows; see :meth:`stream.engine.learner.TreeLearner.run`.

        Parameters
        ----------
        waited
            See :func:`stream.engine.events.schedule`.
        collect
            Is given the events of every segment, the labels' probabilities before label sets are
            looked at, and what recent rows say.
        explain
            Takes in what every cluster that is asked says of the last row.
        beyond
            Rows before which no more labels than that are known are not answered: others do that.
        """
        n_rows = batch.n_rows
        raw = (batch.x_indptr, batch.x_indices, batch.x_values)
        y, u = batch.truths
        events = schedule(
            n_rows, first_row, self.n_learnt, predict=predict, delay=delay, waited=waited
        )
        n_known = _known_at(events, labels_needed(y, u), self.n_labels)
        needed = columns_needed(raw[0], raw[1])
        n_features = _known_at(events, needed, self.n_features)
        x = unit_rows(raw, *(_by_row(events, n_features, n_rows, learns) for learns in (0, 1)))
        rows = CallRows(x, raw, y, u)
        call, start = Segment(events, n_known), 0
        answers = new_answers(n_rows if predict else 0)
        for stop in _segment_ends(events):
            segment = call.slice(start, stop)
            answers = self._run_segment(segment, rows, answers, collect, explain, beyond)
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
        explain: list[MixerInputs] | None,
        beyond: int,
    ) -> Answers:
        self._place_labels(segment, rows)
        n_threads = self.executor.n_threads if explain is None else 1
        ends = piece_ends(segment.events.learns) if n_threads > 1 else [segment.n_events]
        pieces = [segment.slice(a, b) for a, b in itertools.pairwise([0, *ends])]
        recalled: list[Hints] = []
        routed: list[Routed] = []
        advanced: list[Parts] = []

        def recall(piece: int) -> None:
            recalled.append(self.recent.recall(pieces[piece], rows, len(self.placement.cluster)))

        def route(piece: int) -> None:
            routed.append(self._route(pieces[piece], rows, recalled[piece]))

        def advance(piece: int) -> list[Task]:
            work = routed[piece].work
            advanced.append(self.executor.divide(work, explain=explain is not None))
            return advanced[piece].tasks

        def decide(piece: int) -> None:
            nonlocal answers
            asked, grouped, _ = routed[piece]
            output, n_listed, mixer_inputs = advanced[piece].joined()
            listed = list_by_event(pieces[piece], asked, grouped, output, n_listed)
            if explain is not None:
                explain.extend(mixer_inputs)
            if collect is not None:
                collect(pieces[piece].events, listed, recalled[piece])
            answers = self.decoder.decode(
                pieces[piece], rows, asked.missed, listed, answers, beyond
            )

        stages = (in_one(recall), in_one(route), advance, in_one(decide))
        run_stages(stages, len(pieces), n_threads)
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
            given = np.zeros(most, np.int32)  # only those of new labels are read
            for label in range(self.n_labels, most):
                given[label] = self.given(label)
        room = max(self.n_clusters + most - self.n_labels, int(given.max(initial=0)) + 1)
        sizes = {"labels": column_capacity(most), "clusters": column_capacity(room)}
        self.placement = resize(self.placement, sizes)
        params = self.params
        place_rows(
            self.placement, rows.y, rows.u, first, last, self.n_learnt, params.capacity,
            params.placement, given, params.seed,
        )  # fmt: skip
        n_clusters = self.n_clusters
        self.placement = resize(self.placement, sizes | {"clusters": column_capacity(n_clusters)})
        self.executor.begin(n_clusters, params.cluster, params.capacity)
        new = np.arange(self.n_labels, most)
        for label in new[np.argsort(self.placement.column[new], kind="stable")].tolist():
            number, born = self.placement.cluster[label], self.placement.born[label]
            self.executor.add_label(int(number), label, int(born))
        self.n_labels = most
        self.decoder.add_labels(most)
        self.gate.make_room(n_clusters, most)

    def _route(self, segment: Segment, rows: CallRows, hints: Hints) -> Routed:
        """Which clusters are asked about each event, and all that they need to know."""
        asked = self.gate.ask(segment, rows, self.placement, hints, self.n_clusters)
        grouped = group_by_cluster(segment, rows, self.placement, hints, asked, self.n_clusters)
        read = ClusterWork(segment.events, rows.x, grouped.rows, grouped.start, hints)
        return Routed(asked, grouped, Work(read, rows.most_entries))

    def _keep_within_limit(self) -> None:
        """Give up the smallest weights and the oldest rows where the limit is passed."""
        n_bytes, params = self.n_bytes, self.params
        few = self.n_labels <= params.gate.ask_all_labels
        max_bytes = params.max_bytes_beside_trees if few else params.max_bytes
        if n_bytes <= max_bytes:
            return
        share = max(0.8 * max_bytes / n_bytes, LEAST_KEPT)
        cells = self.executor.n_cells
        self.executor.shrink(_level(cells, share * cells.sum()))
        self.gate.shrink(int(share * int(self.gate.state.cells.used[0])))
        self.recent.shrink(share)

    # ---- explanations

    def explain(self, batch: Batch) -> ClustersExplanation:
        """What leads to the answer to one row."""
        mixer_inputs: list[MixerInputs] = []
        answers = self.answer(batch, predict=True, delay=PREDICT_ONLY, explain=mixer_inputs)
        inputs = {
            label: given
            for each in mixer_inputs
            for label, given in zip(each.labels.tolist(), each.inputs, strict=True)
        }
        numbers = self.placement.cluster[answers.label].tolist()
        weights = {number: self.executor.mixer_weights(number) for number in set(numbers)}
        found = []
        for label, number, p, present in zip(
            answers.label.tolist(), numbers, answers.probability.tolist(), answers.present,
            strict=True,
        ):  # fmt: skip
            own = weights[number][self.placement.column[label]]
            given = inputs.get(label, np.zeros(len(own)))
            found.append(
                ExplainedLabel(label, number, bool(present), p, given.tolist(), own.tolist())
            )
        asked = [(each.number, each.labels.tolist(), each.probability) for each in mixer_inputs]
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
