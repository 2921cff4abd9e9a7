"""The stages that a batch passes, each in the order of rows: recent rows and gate, clusters, set
decoder. None looks back into an earlier one, so that any chunking gives the same answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from stream.clusters.checking import (
    check_gate,
    check_placement,
    check_recent,
    check_set_decoder,
)
from stream.clusters.cluster import Cluster, state_bytes
from stream.engine import gate as gt
from stream.engine import placement as pl
from stream.engine import recent as rc
from stream.engine import set_decoder as sd
from stream.engine.arrays import Int64Array, allocate, resize
from stream.engine.cells import BUCKETS_A_CELL, FIRST_CELLS, with_room, without_smallest
from stream.engine.checking import require
from stream.engine.decoder import DecoderParams
from stream.engine.events import PREDICT_ONLY, Events, schedule
from stream.engine.gate import Asked, Gate, GateParams, GateScratch, ask_clusters
from stream.engine.grouping import (
    count_clusters,
    count_details,
    fill_details,
    sort_by_cluster,
    sort_by_event,
)
from stream.engine.growth import column_capacity
from stream.engine.label_cluster import (
    ClusterOutput,
    ClusterParams,
    ClusterRows,
    ClusterScratch,
)
from stream.engine.learner import columns_needed, labels_needed
from stream.engine.placement import Placement, place_rows
from stream.engine.recent import Hints, Recent, RecentParams, RecentScratch, recall
from stream.engine.set_decoder import (
    Answers,
    DecoderScratch,
    Listed,
    SetDecoder,
    decode,
)
from stream.engine.unit_rows import UnitRows, unit_rows
from stream.rows.batch import Batch
from stream.rows.predictions import SparsePredictions

PERIOD = 1024  # rows learnt between two looks at the memory
LEAST_ROWS = 2048  # rows whose label sets are kept


class ClustersParams(NamedTuple):
    """Parameters of all stages."""

    gate: GateParams
    recent: RecentParams
    cluster: ClusterParams
    decoder: DecoderParams
    capacity: int  # labels of a cluster; where clusters may have any size, room for labels at first
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
        children = {"children": gt.FAN_OUT, "columns": gt.FAN_OUT}
        self.gate = allocate(
            Gate,
            children | {"cells": FIRST_CELLS, "buckets": BUCKETS_A_CELL * FIRST_CELLS},
        )
        self.gate.registers[gt.LEVELS] = 1
        rows = max(params.recent.window, LEAST_ROWS)
        self.recent = allocate(
            Recent,
            {"rows": rows, "entries": 16, "label_entries": 16, "features": 4, "dense_rows": 0},
        )
        self.decoder = allocate(
            SetDecoder, {"labels": 4, "sets": params.decoder.max_sets, "width": 4}
        )
        self.decoder.registers[sd.UNIT] = 1.0
        self.clusters: list[Cluster] = []

    def check_restored(self) -> None:
        """Raise SnapshotError unless the kernels can work with the arrays."""
        params, n_labels = self.params, self.n_labels
        require(self.n_learnt >= 0, "the rows learnt are counted")
        check_placement(self.placement, n_labels, self.clusters)
        check_gate(self.gate, len(self.clusters))
        rows = max(params.recent.window, LEAST_ROWS)
        check_recent(self.recent, params.recent.window, rows, self.n_learnt, n_labels)
        check_set_decoder(self.decoder, n_labels, params.decoder.max_sets)
        for cluster in self.clusters:
            require(cluster.params == params.cluster, "the parameters of a cluster are others")
        require((self.given is not None) == (params.placement == pl.GIVEN), "clusters are given")

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        stages = (self.placement, self.gate, self.recent, self.decoder)
        return sum(map(state_bytes, stages)) + sum(each.n_bytes for each in self.clusters)

    def clusters_of_labels(self) -> list[tuple[int, tuple[int, ...]]]:
        """Number and labels of every cluster."""
        return [
            (number, tuple(sorted(cluster.labels.tolist())))
            for number, cluster in enumerate(self.clusters)
        ]

    def gate_summary(self) -> dict[str, float]:
        """Clusters asked a row, and the share of present labels whose cluster was not asked."""
        registers = self.gate.registers
        return {
            "asked": float(registers[gt.N_ASKED] / max(registers[gt.N_ROWS], 1)),
            "missed": float(registers[gt.N_MISSED] / max(registers[gt.N_PRESENT], 1)),
        }

    def explain(self, batch: Batch) -> ClustersExplanation:
        """What leads to the answer to one row."""
        inputs: dict[int, np.ndarray] = {}
        asked: list[tuple[int, list[int], float]] = []

        def observe(number: int, p: float, scratch: ClusterScratch) -> None:
            labels = self.clusters[number].labels.tolist()
            asked.append((number, labels, p))
            inputs.update(zip(labels, scratch.inputs.copy(), strict=False))

        answers = self.answer(batch, predict=True, delay=PREDICT_ONLY, observe=observe)
        rows = zip(answers.label.tolist(), answers.probability.tolist(), answers.present.tolist(),
                   strict=True)  # fmt: skip
        labels = []
        for label, p, present in rows:
            number = int(self.placement.cluster[label])
            state = self.clusters[number].state
            weights = state.weight + state.own_weight[self.placement.column[label]]
            given = inputs.get(label, np.zeros(len(weights)))
            labels.append(
                ExplainedLabel(label, number, bool(present), p, given.tolist(), weights.tolist())
            )
        return ClustersExplanation(labels, asked)

    # ---- a call

    def answer(
        self,
        batch: Batch,
        *,
        first_row: int = 0,
        predict: bool,
        delay: int = 0,
        collect: Callable[[Events, Listed], None] | None = None,
        observe: Callable[[int, float, ClusterScratch], None] | None = None,
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
        n_features = _known_at(events, columns_needed(raw[0], raw[1]), self.n_features)
        x = unit_rows(raw, *(_by_row(events, n_features, n_rows, learns) for learns in (0, 1)))
        answers = _new_answers(n_rows if predict else 0)
        answers.start[: first_row + 1] = 0
        start = 0
        for stop in _segment_ends(events):
            answers = self._run_segment(
                events.slice(start, stop),
                n_known[start:stop],
                x,
                raw,
                y,
                u,
                answers,
                collect,
                observe,
            )
            start = stop
        learnt = events.row[events.learns == 1]
        if len(learnt):
            needed = columns_needed(raw[0], raw[1])[learnt[-1]]
            self.n_features = max(self.n_features, int(needed))
        end = int(answers.start[-1])
        found = (answers.label[:end], answers.probability[:end], answers.present[:end])
        return SparsePredictions(answers.start, *found, self.n_labels)

    def _run_segment(self, events, n_known, x, raw, y, u, answers, collect, observe):
        self._place(events, y, u)
        hints = self._recall(events, x, raw, y, u)
        asked = self._ask(events, x, y, u, hints, n_known)
        missed = asked.missed
        listed = self._advance_clusters(events, x, y, u, hints, asked, observe)
        if collect is not None:
            collect(events, listed)
        answers = self._decode(events, n_known, y, u, missed, listed, answers)
        self.n_learnt += int(events.learns.sum())
        if self.n_learnt % PERIOD == 0 and events.learns.any():
            self._keep_within_limit()
        return answers

    # ---- stages

    def _recall(self, events: Events, x: UnitRows, raw, y, u) -> Hints:
        n = len(events.row)
        hints = allocate(Hints, {"events": n, "events1": n + 1, "hints": 64 * n + 1_000})
        scratch = self._recent_scratch(x)
        event = 0
        while True:
            code, event = recall(
                self.recent, self.params.recent, events, event, x, raw, y, u, hints, scratch
            )
            if code == rc.DONE:
                return hints
            if code == rc.HINTS_FULL:
                hints = _roomier(hints, ("label", "vote", "silent", "last", "trend"))
                continue
            row = events.row[event]
            if code == rc.FEATURES_FULL:
                needed = int(x[1][x[0][row] : x[0][row + 1]].max()) + 1
                self.recent = resize(
                    self.recent, self._recent_sizes | {"features": column_capacity(needed)}
                )
                scratch = self._recent_scratch(x)
            elif code == rc.DENSE_FULL:
                sizes = {"dense_rows": self.params.recent.dense_window}
                self.recent = resize(self.recent, self._recent_sizes | sizes)
                scratch = self._recent_scratch(x)
            elif code == rc.ENTRIES_FULL:
                self.recent = rc.with_more_entries(
                    self.recent, self.params.recent.window, int(x[0][row + 1] - x[0][row])
                )
            else:
                n_truths = int(y[0][row + 1] - y[0][row] + u[0][row + 1] - u[0][row])
                self.recent = rc.with_more_labels(self.recent, n_truths)

    def _recent_scratch(self, x: UnitRows) -> RecentScratch:
        widest = int(np.diff(x[0]).max(initial=0))
        rows = len(self.recent.first_entry)
        sizes = {"rows": rows, "nearest": self.params.recent.n_nearest, "row_entries": widest}
        features, dense_rows = self.recent.dense.value.shape
        sizes |= {"features": features, "dense_rows": dense_rows}
        sizes |= {"features_and_entries": features + widest, "labels": len(self.placement.cluster)}
        return allocate(RecentScratch, sizes)

    @property
    def _recent_sizes(self) -> dict[str, int]:
        recent = self.recent
        return {
            "rows": len(recent.first_entry),
            "entries": len(recent.entries),
            "label_entries": len(recent.label),
            "features": len(recent.newest),
            "dense_rows": recent.dense.value.shape[1],
        }

    def _place(self, events: Events, y, u) -> None:
        """Give every label that is new a cluster."""
        rows = events.row[events.learns == 1]
        if not len(rows):
            return
        first, last = int(rows[0]), int(rows[-1]) + 1
        most = 1 + max(
            int(labels[1][labels[0][first] : labels[0][last]].max(initial=-1)) for labels in (y, u)
        )
        if most <= self.n_labels:
            return
        before = int(self.placement.registers[pl.N_PLACED])
        given = np.zeros(0, np.int32)
        if self.given is not None:
            given = np.array([self.given(label) for label in range(most)], np.int32)
        room = max(len(self.clusters) + most - self.n_labels, int(given.max(initial=0)) + 1)
        self.placement = resize(
            self.placement, {"labels": column_capacity(most), "clusters": column_capacity(room)}
        )
        place_rows(
            self.placement, y, u, first, last, self.n_learnt, self.params.capacity,
            self.params.placement, given, self.params.seed,
        )  # fmt: skip
        n_clusters = int(self.placement.registers[pl.N_CLUSTERS])
        sizes = {"labels": column_capacity(most), "clusters": column_capacity(n_clusters)}
        self.placement = resize(self.placement, sizes)
        while len(self.clusters) < n_clusters:
            self.clusters.append(Cluster(self.params.cluster, self.params.capacity))
        for label in range(before, most):
            cluster = self.clusters[self.placement.cluster[label]]
            cluster.add_label(label, int(self.placement.born[label]))
        self.n_labels = most
        sizes = {"sets": self.params.decoder.max_sets, "width": self.decoder.members.shape[1]}
        self.decoder = resize(self.decoder, sizes | {"labels": column_capacity(most)})
        children = gt.children_needed(n_clusters)
        if children > self.gate.bias.shape[1]:
            sizes = {"children": column_capacity(children), "columns": gt.FAN_OUT}
            cells = self.gate.cells
            sizes |= {"cells": len(cells.key), "buckets": len(cells.bucket)}
            self.gate = resize(self.gate, sizes)

    def _ask(self, events: Events, x, y, u, hints: Hints, n_known) -> Asked:
        n, n_clusters = len(events.row), len(self.clusters)
        asked = allocate(Asked, {"events": n, "events1": n + 1, "asked": 16 * n + 4 * n_clusters})
        widest = int(np.diff(x[0]).max(initial=0))
        row_labels = 1 + int(np.diff(y[0]).max(initial=0))
        scratch = allocate(
            GateScratch,
            {"entries": widest, "stack": gt.FAN_OUT * (gt.MAX_LEVELS + 1), "clusters": n_clusters,
             "row_labels": row_labels},
        )  # fmt: skip
        event = 0
        while True:
            code, event = ask_clusters(
                self.gate, self.params.gate, self.placement, events, event, x, y, u, hints,
                n_known, asked, scratch,
            )  # fmt: skip
            if code == gt.DONE:
                return asked
            if code == gt.CELLS_FULL:
                row = events.row[event]
                n_nodes = 1 + int(y[0][row + 1] - y[0][row]) * gt.MAX_LEVELS
                size = int(x[0][row + 1] - x[0][row]) * n_nodes
                self.gate = self.gate._replace(cells=with_room(self.gate.cells, size))
            else:
                asked = _roomier(asked, ("cluster", "probability", "asked"), 2 * n_clusters)

    def _advance_clusters(
        self, events: Events, x, y, u, hints: Hints, asked: Asked, observe
    ) -> Listed:
        n_events, n_clusters = len(events.row), len(self.clusters)
        n_pairs = int(asked.start[n_events])
        rows, start, pair_of = self._group(events, y, u, hints, asked, n_pairs)
        output = allocate(ClusterOutput, {"asked": n_pairs, "listed": 8 * n_pairs + 1_000})
        widest = int(np.diff(x[0]).max(initial=0))
        scratch = allocate(ClusterScratch, {"entries": widest, "columns": self._widest_cluster()})
        at = 0
        for cluster in np.flatnonzero(np.diff(start)).tolist():
            at, output = self.clusters[cluster].advance(
                events, x, rows, int(start[cluster]), int(start[cluster + 1]), hints, output, at,
                scratch,
            )  # fmt: skip
            if observe is not None:
                observe(cluster, float(rows.probability[start[cluster + 1] - 1]), scratch)
        listed = allocate(Listed, {"events": n_events, "events1": n_events + 1, "listed": at})
        sort_by_event(asked, n_events, pair_of, output, listed)
        return listed

    def _widest_cluster(self) -> int:
        return max((cluster.capacity for cluster in self.clusters), default=1)

    def _group(self, events: Events, y, u, hints: Hints, asked: Asked, n_pairs: int):
        n_events, n_clusters = len(events.row), len(self.clusters)
        start = np.zeros(n_clusters + 1, np.int64)
        count_clusters(asked, n_pairs, start)
        n_truths = int(y[0][-1] + u[0][-1])
        rows = allocate(
            ClusterRows,
            {"asked": n_pairs, "asked1": n_pairs + 1, "hints": int(hints.start[n_events]),
             "truths": n_truths},
        )  # fmt: skip
        pair_of = np.zeros(n_pairs, np.int64)
        place = np.full(n_clusters, -1, np.int64)
        sort_by_cluster(asked, n_events, start[:-1].copy(), rows, pair_of)
        count_details(asked, events, self.placement, hints, y, u, pair_of, rows, place)
        fill_details(
            asked, events, self.placement, hints, y, u, pair_of, rows, place,
            np.zeros(n_pairs, np.int64), np.zeros(n_pairs, np.int64),
        )  # fmt: skip
        return rows, start, pair_of

    def _decode(self, events, n_known, y, u, missed, listed: Listed, answers: Answers):
        self._make_sets_wider(events, y)
        decoder = self.decoder
        sets, width = decoder.members.shape
        row_listed = int(np.diff(listed.start).max(initial=0))
        scratch = allocate(
            DecoderScratch,
            {"labels": len(decoder.n_present), "row_listed": row_listed, "sets": sets,
             "width": width},
        )  # fmt: skip
        event = 0
        while True:
            code, event = decode(
                decoder, self.params.decoder, events, event, y, u, missed, n_known, listed,
                self.params.decoder.max_sets, answers, scratch,
            )  # fmt: skip
            if code == sd.DONE:
                return answers
            answers = _roomier(answers, ("label", "probability", "present"), row_listed + width)

    def _make_sets_wider(self, events: Events, y) -> None:
        """Be able to remember the label sets of the rows that are learnt."""
        rows = events.row[events.learns == 1]
        largest = int((y[0][rows + 1] - y[0][rows]).max(initial=0))
        if largest > self.decoder.members.shape[1]:
            sizes = {"labels": len(self.decoder.n_present), "sets": self.params.decoder.max_sets}
            self.decoder = resize(self.decoder, sizes | {"width": column_capacity(largest)})

    # ---- memory

    def _keep_within_limit(self) -> None:
        """Give up the least useful weights where the limit is passed."""
        over = self.n_bytes - self.max_bytes
        if over <= 0:
            return
        cells = np.array([each.n_cells for each in self.clusters])
        total = int(cells.sum()) + int(self.gate.cells.used[0])
        share = max(0.8 - over / self.n_bytes, 0.1)
        most = _level(cells, share * cells.sum())
        for cluster in self.clusters:
            if cluster.n_cells > most:
                cluster.shrink(most)
        kept = int(share * int(self.gate.cells.used[0])) if total else 0
        self.gate = self.gate._replace(cells=without_smallest(self.gate.cells, kept))


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
    learnt = np.cumsum(events.learns) - events.learns
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


def _new_answers(n_rows: int) -> Answers:
    return allocate(Answers, {"rows1": n_rows + 1, "answers": 8 * n_rows + 1_000})


def _roomier(state, names: tuple[str, ...], more: int = 0):
    """The same state with room for twice as many entries and some."""
    room = 2 * len(getattr(state, names[0])) + more + 1_000
    return state._replace(**{name: np.resize(getattr(state, name), room) for name in names})
