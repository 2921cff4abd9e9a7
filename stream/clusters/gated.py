"""Clusters behind a gate: recent rows and gate, clusters, set decoder, each a pass over the events
in their order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stream.clusters.call import CallRows, Segment, state_bytes
from stream.clusters.cluster import Cluster
from stream.clusters.decoder import ClusterDecoder, new_answers
from stream.clusters.executor import Executor, LocalExecutor, Parts
from stream.clusters.gate import ClusterGate
from stream.clusters.grouping import Grouped, group_by_cluster, list_by_event
from stream.clusters.memory import RecentRows
from stream.clusters.pipeline import Task, in_one, piece_ends, run_stages
from stream.clusters.work import MixerInputs, Work
from stream.engine import placement as pl
from stream.engine.arrays import allocate, resize
from stream.engine.checking import require
from stream.engine.events import Events
from stream.engine.gate import Asked, GateParams
from stream.engine.growth import column_capacity
from stream.engine.joint_decoder_layout import DecoderParams
from stream.engine.label_cluster_layout import ClusterParams, ClusterWork
from stream.engine.placement import Placement, place_rows
from stream.engine.recent_layout import Hints, RecentParams
from stream.engine.set_decoder import Answers, Listed

LEAST_KEPT = 0.1  # share of the weights that a look at the memory leaves

Receiver = Callable[[Events, Listed, Hints], None]


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


class GatedClusters:
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

    @property
    def clusters(self) -> list[Cluster]:
        """All clusters by number; those that live elsewhere are copies."""
        return self.executor.clusters

    @property
    def n_labels(self) -> int:
        """Labels that have a cluster."""
        return int(self.placement.registers[pl.N_PLACED])

    @property
    def n_clusters(self) -> int:
        """Clusters that were begun."""
        return int(self.placement.registers[pl.N_CLUSTERS])

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        stages = self.gate.n_bytes + self.recent.n_bytes + self.decoder.n_bytes
        return state_bytes(self.placement) + stages + self.executor.n_bytes

    @property
    def n_models(self) -> int:
        """Models that clusters and recent rows are for a mixer."""
        return 1 + (self.params.recent.window > 0)

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

    # ---- rows

    def run(
        self,
        segment: Segment,
        rows: CallRows,
        answers: Answers,
        *,
        answered: bool = True,
        collect: Receiver | None = None,
        explain: list[MixerInputs] | None = None,
    ) -> Answers:
        """Predict and learn rows.

        Parameters
        ----------
        answers
            Of the call, which those of the segment are added to.
        answered
            Whether rows are answered; else they are only learnt.
        collect
            Is given the events of every piece, the labels' probabilities before label sets are
            looked at, and what recent rows say.
        explain
            Takes in what every cluster that is asked says of the last row.
        """
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
                pieces[piece], rows, asked.missed, listed, answers, answered
            )

        stages = (in_one(recall), in_one(route), advance, in_one(decide))
        run_stages(stages, len(pieces), n_threads)
        return answers

    def _place_labels(self, segment: Segment, rows: CallRows) -> None:
        """Give every label that is new a cluster."""
        before, most = self.n_labels, segment.n_labels
        if most <= before:
            return
        learnt = segment.learnt
        given = np.zeros(0, np.int32)
        if self.given is not None:
            given = np.zeros(most, np.int32)  # only those of new labels are read
            for label in range(before, most):
                given[label] = self.given(label)
        room = max(self.n_clusters + most - before, int(given.max(initial=0)) + 1)
        sizes = {"labels": column_capacity(most), "clusters": column_capacity(room)}
        self.placement = resize(self.placement, sizes)
        params = self.params
        place_rows(
            self.placement, rows.y, rows.u, int(learnt[0]), int(learnt[-1]) + 1,
            int(segment.events.now[0]), params.capacity, params.placement, given, params.seed,
        )  # fmt: skip
        n_clusters = self.n_clusters
        self.placement = resize(self.placement, sizes | {"clusters": column_capacity(n_clusters)})
        self.executor.begin(n_clusters, params.cluster, params.capacity)
        new = np.arange(before, most)
        for label in new[np.argsort(self.placement.column[new], kind="stable")].tolist():
            number, born = self.placement.cluster[label], self.placement.born[label]
            self.executor.add_label(int(number), label, int(born))
        self.decoder.add_labels(most)
        self.gate.make_room(n_clusters, most)

    def _route(self, segment: Segment, rows: CallRows, hints: Hints) -> Routed:
        """Which clusters are asked about each event, and all that they need to know."""
        asked = self.gate.ask(segment, rows, self.placement, hints, self.n_clusters)
        grouped = group_by_cluster(segment, rows, self.placement, hints, asked, self.n_clusters)
        read = ClusterWork(segment.events, rows.x, grouped.rows, grouped.start, hints)
        return Routed(asked, grouped, Work(read, rows.most_entries))

    def keep_within_limit(self) -> None:
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

    def explain(self, segment: Segment, rows: CallRows) -> ClustersExplanation:
        """What leads to the answer to the one row of a segment, which is predicted."""
        mixer_inputs: list[MixerInputs] = []
        found = self.run(segment, rows, new_answers(1), explain=mixer_inputs)
        answers = [
            each[: found.start[1]].tolist()
            for each in (found.label, found.probability, found.present)
        ]
        inputs = {
            label: given
            for each in mixer_inputs
            for label, given in zip(each.labels.tolist(), each.inputs, strict=True)
        }
        numbers = self.placement.cluster[answers[0]].tolist()
        weights = {number: self.executor.mixer_weights(number) for number in set(numbers)}
        explained = []
        for number, label, p, present in zip(numbers, *answers, strict=True):
            own = weights[number][self.placement.column[label]]
            given = inputs.get(label, np.zeros(len(own)))
            explained.append(
                ExplainedLabel(label, number, bool(present), p, given.tolist(), own.tolist())
            )
        asked = [(each.number, each.labels.tolist(), each.probability) for each in mixer_inputs]
        return ClustersExplanation(explained, asked)


def _level(counts: np.ndarray, total: float) -> int:
    """The largest number such that counts cut at it add up to at most ``total``."""
    ordered = np.sort(counts)
    below = np.concatenate([[0], np.cumsum(ordered)])
    for i, count in enumerate(ordered.tolist()):
        if below[i] + count * (len(ordered) - i) > total:
            return int((total - below[i]) / (len(ordered) - i))
    return int(ordered[-1]) if len(ordered) else 0
