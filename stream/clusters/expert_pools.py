"""Pools of routed experts: for every cluster of labels several trees, and a head of the router."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stream.clusters.partitioned import Segment
from stream.clusters.tree_bank import NumberedClusters, TreeBank
from stream.clusters.tree_parts import PartRows
from stream.engine.arrays import FeatureRows, Float64Array
from stream.engine.checking import require
from stream.engine.layout import TreeParams
from stream.engine.network_layout import N_FEATURES, NetworkParams
from stream.engine.router import Router
from stream.engine.routing import blend, count_right, mark_all_right, weigh

MEMORY = 1000.0  # rows over which an expert's share of right answers is averaged


class ExpertOutputs(NamedTuple):
    """What the experts of all pools predict for rows."""

    probabilities: Float64Array  # [experts, rows, labels]
    weights: dict[int, Float64Array]  # for each cluster, the router's weights [rows, experts]


class ExpertPools:
    """Routed experts over a partition of the labels.

    A pool's heaviest expert learns the row; all of them are asked, and the router learns which were
    right. The router's weights change at the end of a mini-batch only, so that the routes of all
    its rows are known beforehand.

    Parameters
    ----------
    params
        Parameters of the trees, one for each expert of a pool.
    network
        Parameters of the router.
    hidden
        Units of the router's trunk.
    temperature
        Temperature of the softmax over a pool's experts.
    max_size
        Limit in bytes for the arrays of all trees.
    """

    def __init__(
        self,
        params: Sequence[TreeParams],
        network: NetworkParams,
        *,
        hidden: int,
        temperature: float,
        max_size: float,
    ):
        self.banks = [TreeBank(each, max_size / len(params)) for each in params]
        self.router = Router(network, hidden)
        self.temperature = temperature
        self.labels: dict[int, np.ndarray] = {}  # of every cluster
        self.heads: dict[int, np.ndarray] = {}  # outputs of every cluster
        self.right: dict[int, np.ndarray] = {}  # decayed share of rows each expert was right on
        self.n_learnt = 0
        self.n_features = 0  # that the router looks at; like its weights, it changes with batches

    def check_clusters(self, clusters: NumberedClusters) -> None:
        """Raise SnapshotError unless the pools are those of these clusters."""
        for bank in self.banks:
            bank.check_clusters(clusters)
        numbers = {number for number, _ in clusters}
        for kept in (self.labels, self.heads, self.right):
            require(set(kept) == numbers, "each cluster has a pool")
        slots = [slot for head in self.heads.values() for slot in head.tolist()]
        born = self.router.network.output_born
        require(len(set(slots)) == len(slots), "two experts share an output")
        require(all(0 <= slot < len(born) and born[slot] >= 0 for slot in slots), "outputs exist")
        require(
            all(len(head) == len(self.banks) for head in self.heads.values()),
            "each expert has an output",
        )
        labels = {number: labels.tolist() for number, labels in self.labels.items()}
        require(labels == {n: list(each) for n, each in clusters}, "pools have labels of theirs")

    @property
    def period(self) -> int:
        """Rows of a mini-batch."""
        return self.router.params.batch_rows

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.router.n_bytes + sum(bank.n_bytes for bank in self.banks)

    # ---- rows

    def advance(self, rows: PartRows, segment: Segment) -> tuple[ExpertOutputs, ExpertOutputs]:
        """Let the experts take a segment, each cluster's heaviest one learning the row.

        Returns
        -------
        What they say of the segment's rows as they are predicted, and just before they are learnt.
        """
        work, (start, stop) = rows.work, (segment.learnt, segment.stop)
        chosen = [
            {number: np.zeros(work.n_rows, np.uint8) for number in self.heads} for _ in self.banks
        ]
        routes = self._weights(work.learnt, start, stop)
        for number, weights in routes.items():
            heaviest = weights.argmax(axis=1)
            for e in range(len(self.banks)):
                chosen[e][number][start:stop] = heaviest == e
        for bank, mask in zip(self.banks, chosen, strict=True):
            bank.advance(rows, segment.cursor, segment.end, segment.stop, ask=True, chosen=mask)
        learnt = ExpertOutputs(self._probabilities(rows, start, stop, learnt=True), routes)
        if work.learns_at_once:
            return learnt, learnt
        first, end = (segment.first, segment.end) if work.predict else (0, 0)
        routes = self._weights(work.predicted, first, end)
        return ExpertOutputs(self._probabilities(rows, first, end, learnt=False), routes), learnt

    def _weights(self, z: FeatureRows, start: int, stop: int) -> dict[int, Float64Array]:
        """The router's weights [rows, experts] for every cluster's pool."""
        if stop <= start:
            return {number: np.zeros((0, len(self.banks))) for number in self.heads}
        indptr, indices, values = _slice(z, start, stop)
        known = np.where(indices < self.n_features, values, 0.0)
        scores = self.router.score((indptr, indices, known))
        weights = {}
        for number, slots in self.heads.items():
            weights[number] = np.empty((stop - start, len(slots)))
            weigh(scores, slots, self.temperature, weights[number])
        return weights

    def _probabilities(
        self, rows: PartRows, start: int, stop: int, *, learnt: bool
    ) -> Float64Array:
        """Probabilities [experts, rows, labels] of rows ``start`` to ``stop``."""
        n_rows, n_labels = max(stop - start, 0), self.banks[0].n_labels
        probabilities = np.full((len(self.banks), n_rows, n_labels), 0.5)
        for bank, out in zip(self.banks, probabilities, strict=True):
            (bank.collect_learnt if learnt else bank.collect_predicted)(rows, out, start, stop)
        return probabilities

    def blend(self, asked: ExpertOutputs, out: Float64Array) -> None:
        """Write the weighted answers of the pools into ``out`` [rows, labels]."""
        for number, weights in asked.weights.items():
            blend(asked.probabilities, weights, self.labels[number], out)

    def learn_routes(self, rows: PartRows, segment: Segment, probabilities: Float64Array) -> None:
        """Teach the router which experts were right on the rows of a segment, of which they
        ``probabilities`` [experts, rows, labels] before they learnt them."""
        start, stop = segment.learnt, segment.stop
        batch = rows.batch
        y, u = batch.truths
        targets = np.full((stop - start, self.router.n_outputs), np.nan)
        truth = np.zeros(self.banks[0].n_labels, np.uint8)
        for number, slots in self.heads.items():
            mark_all_right(probabilities, self.labels[number], y, u, start, truth, slots, targets)
            count_right(targets, slots, MEMORY, self.right[number])
        z = _slice(rows.work.learnt, start, stop)
        if len(z[1]):
            self.router.widen(int(z[1].max()) + 1)
        self.router.learn(z, targets)
        self.n_learnt += stop - start
        if self.n_learnt % self.period == 0:
            self.n_features = int(self.router.network.registers[N_FEATURES])

    # ---- clusters come and go

    def add_labels(self, n_labels: int, clusters: NumberedClusters, n_rows: int) -> None:
        """Take in new labels; see :meth:`TreeBank.add_labels`."""
        for bank in self.banks:
            bank.add_labels(n_labels, clusters, n_rows)
        self._follow(clusters, {number: number for number in self.heads})

    def restructure(self, clusters: NumberedClusters) -> None:
        """Make the clusters these; the head of a new one is a copy of the one that most of its
        labels had."""
        cluster_of = {
            label: number for number, labels in self.labels.items() for label in labels.tolist()
        }
        for bank in self.banks:
            bank.restructure(clusters)
        source = {}
        for number, labels in clusters:
            before = [cluster_of[label] for label in labels]
            source[number] = max(sorted(set(before)), key=before.count)
        self._follow(clusters, source)

    def _follow(self, clusters: NumberedClusters, source: dict[int, int]) -> None:
        """Keep a head for each of these clusters, made from the head of its source."""
        old_heads, old_right = self.heads, self.right
        kept = {number for number, _ in clusters if source.get(number) == number}
        n_experts = len(self.banks)
        self.heads = {number: old_heads[number] for number in sorted(kept)}
        self.right = {number: old_right[number] for number in sorted(kept)}
        for number, _ in clusters:
            if number in kept:
                continue
            self.heads[number] = np.array(self.router.add_outputs(n_experts), np.int64)
            self.right[number] = np.full(n_experts, 0.5)
            if number in source:
                self.router.copy_outputs(old_heads[source[number]], self.heads[number])
                self.right[number] = old_right[source[number]].copy()
        for number, slots in old_heads.items():
            if number not in kept:
                self.router.remove_outputs(slots.tolist())
        self.labels = {number: np.array(labels, np.int64) for number, labels in clusters}
        self.heads = {number: self.heads[number] for number, _ in clusters}

    def replace_worst(self, number: int, n_rows: int) -> None:
        """Begin a cluster's head anew, and its expert that was right least often."""
        slots, right = self.heads[number], self.right[number]
        worst = int(right.argmin())
        self.banks[worst].begin_anew(number, n_rows)
        right[worst] = right.mean()
        for slot in slots.tolist():
            self.router.reset_output(slot)

    def settle(self) -> None:
        """See :meth:`TreeBank.settle`."""
        for bank in self.banks:
            bank.settle()


def _slice(z: FeatureRows, start: int, stop: int) -> FeatureRows:
    """Rows ``start`` to ``stop`` of scaled rows."""
    indptr, indices, values = z
    low, high = indptr[start], indptr[stop]
    return indptr[start : stop + 1] - low, indices[low:high], values[low:high]
