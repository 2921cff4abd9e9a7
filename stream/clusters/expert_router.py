"""The router of experts: of every cluster it weighs the experts, and learns which were right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from stream.clusters.tree_cluster import TreeCluster
from stream.clusters.tree_parts import PartRows, Stretch
from stream.engine.arrays import Float64Array, UInt8Array
from stream.engine.checking import require
from stream.engine.network_layout import N_FEATURES, NetworkParams
from stream.engine.router import Router
from stream.engine.routing import blend, count_right, mark_all_right, weigh

MEMORY = 1000.0  # rows over which an expert's share of right answers is averaged


class ExpertOutputs(NamedTuple):
    """What the experts of all clusters predict for a stretch."""

    probabilities: Float64Array  # [experts, answers, labels]
    weights: dict[int, Float64Array]  # for each cluster, the router's weights [answers, experts]


class ExpertRouter:
    """Chooses among the experts of each cluster.

    A cluster's heaviest expert learns the row; all of them are asked, and the router learns which
    were right. Its weights change at the end of a mini-batch only, so that the routes of all its
    rows are known beforehand.

    Parameters
    ----------
    network
        Parameters of the router.
    hidden
        Units of its trunk.
    temperature
        Temperature of the softmax over a cluster's experts.
    """

    def __init__(self, network: NetworkParams, *, hidden: int, temperature: float):
        self.router = Router(network, hidden)
        self.temperature = temperature
        self.n_features = 0  # that it looks at; like its weights, it changes with batches

    def check_clusters(self, clusters: Sequence[TreeCluster]) -> None:
        """Raise SnapshotError unless each expert has an output of its own."""
        outputs = [output for cluster in clusters for output in cluster.outputs.tolist()]
        born = self.router.network.output_born
        require(len(set(outputs)) == len(outputs), "two experts share an output")
        require(
            all(len(cluster.outputs) == len(cluster.experts) for cluster in clusters),
            "each expert has an output",
        )
        require(
            all(0 <= output < len(born) and born[output] >= 0 for output in outputs),
            "outputs exist",
        )

    @property
    def period(self) -> int:
        """Rows of a mini-batch."""
        return self.router.params.batch_rows

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.router.n_bytes

    # ---- rows

    def weights(
        self, rows: PartRows, stretch: Stretch, clusters: Sequence[TreeCluster]
    ) -> dict[int, Float64Array]:
        """What each cluster's experts weigh [answers, experts]."""
        indptr, indices, values = rows.scaled(stretch)
        known = np.where(indices < self.n_features, values, 0.0)
        scores = self.router.score((indptr, indices, known))
        weights = {}
        for cluster in clusters:
            weights[cluster.number] = np.empty((len(scores), len(cluster.outputs)))
            weigh(scores, cluster.outputs, self.temperature, weights[cluster.number])
        return weights

    @staticmethod
    def chosen(weights: Float64Array, expert: int, rows: PartRows, stretch: Stretch) -> UInt8Array:
        """The answers of the segment whose rows an expert learns."""
        chosen = np.zeros(rows.work.events.n_answers, np.uint8)
        chosen[stretch.answers] = weights.argmax(axis=1) == expert
        return chosen

    @staticmethod
    def blend(outputs: ExpertOutputs, clusters: Sequence[TreeCluster], out: Float64Array) -> None:
        """Write the weighted answers of the experts into ``out`` [answers, labels]."""
        for cluster in clusters:
            blend(outputs.probabilities, outputs.weights[cluster.number], cluster.labels, out)

    def learn(
        self,
        rows: PartRows,
        stretch: Stretch,
        clusters: Sequence[TreeCluster],
        probabilities: Float64Array,
    ) -> None:
        """Learn which experts were right on the rows of a stretch, of which they said
        ``probabilities`` [experts, answers, labels] before they learnt them."""
        learnt = stretch.learnt
        probabilities = np.ascontiguousarray(probabilities[:, stretch.learnt_answers])
        targets = np.full((len(learnt), self.router.n_outputs), np.nan)
        truth = np.zeros(probabilities.shape[2], np.uint8)
        y, u = rows.rows.y, rows.rows.u
        for cluster in clusters:
            mark_all_right(
                probabilities, cluster.labels, y, u, int(learnt[0]), truth, cluster.outputs, targets
            )
            count_right(targets, cluster.outputs, MEMORY, cluster.right)
        z = rows.scaled_learnt(stretch)
        if len(z[1]):
            self.router.widen(int(z[1].max()) + 1)
        self.router.learn(z, targets)
        if stretch.n_learnt % self.period == 0:
            self.n_features = int(self.router.network.registers[N_FEATURES])

    # ---- clusters come and go

    def add_cluster(self, cluster: TreeCluster, source: TreeCluster | None = None) -> None:
        """Give the experts of a new cluster outputs: copies of its source's, where there is one."""
        n_experts = len(cluster.experts)
        cluster.outputs = np.array(self.router.add_outputs(n_experts), np.int64)
        cluster.right = np.full(n_experts, 0.5)
        if source is not None:
            self.router.copy_outputs(source.outputs, cluster.outputs)
            cluster.right = source.right.copy()

    def follow(
        self,
        before: Mapping[int, TreeCluster],
        clusters: Sequence[TreeCluster],
        sources: Mapping[int, int],
    ) -> None:
        """Have outputs for the experts of these clusters only: a cluster keeps those that its
        number had before, or begins with copies of those that most of its labels had.

        Parameters
        ----------
        before
            The clusters as they were, by number.
        sources
            For each cluster's number, that of the one which most of its labels were in.
        """
        for cluster in clusters:
            source = before[sources[cluster.number]]
            if source.number == cluster.number:
                cluster.outputs, cluster.right = source.outputs, source.right
            else:
                self.add_cluster(cluster, source)
        kept = {number for number, source in sources.items() if source == number}
        for number, cluster in before.items():
            if number not in kept:
                self.router.remove_outputs(cluster.outputs.tolist())

    def begin_anew(self, cluster: TreeCluster) -> int:
        """Begin the outputs of a cluster anew; returns the expert that was right least often, whose
        place another one takes."""
        worst = int(cluster.right.argmin())
        cluster.right[worst] = cluster.right.mean()
        for output in cluster.outputs.tolist():
            self.router.reset_output(output)
        return worst
