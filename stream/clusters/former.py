"""What snapshots of version 2 and earlier hold of trees over clusters: read, and made into what is
there now."""

from __future__ import annotations

from typing import Any

from stream.clusters.tree_cluster import Expert, TreeCluster
from stream.clusters.tree_clusters import TreeClusters, TreeClustersParams
from stream.clusters.tree_parts import Part
from stream.engine.adwin import Adwins
from stream.engine.layout import TreeParams


class FormerCluster:
    """A cluster with its only expert."""

    number: int
    labels: Any
    parts: list[Part]
    joint: Part | None
    n_compared: int
    loss_parts: float
    loss_joint: float


class FormerBank:
    """The trees of all clusters."""

    params: TreeParams
    max_size: float
    clusters: list[FormerCluster]
    n_labels: int
    n_joined: int


class FormerWatch:
    """The detectors of all clusters."""

    delta: float
    _adwins: dict[int, Adwins]
    _risen: dict[int, bool]

    def watch(self, cluster: TreeCluster) -> None:
        """Give a cluster its detector."""
        cluster.detector = self._adwins[cluster.number]
        cluster.loss_rose = self._risen[cluster.number]


def upgraded_learner(state: dict[str, Any]) -> dict[str, Any]:
    """State of a coordinator, from that of a learner which had a tree for each cluster."""
    bank, watch = state["bank"], state["watcher"]
    params = TreeClustersParams(
        (bank.params,), bank.max_size, bank.params.use_logistic, watch is not None,
        bank.params.drift_delta,
    )  # fmt: skip
    trees = TreeClusters(params, state["partition"])
    trees.rows, trees.n_labels = state["rows"], state["n_labels"]
    trees.n_joined, trees.events = bank.n_joined, state["events"]
    former = {cluster.number: cluster for cluster in bank.clusters}
    for number, _ in trees.partition.clusters():
        cluster = _with_expert(former[number])
        if watch is not None:
            watch.watch(cluster)
        trees.clusters.append(cluster)
    trees.check_restored()
    return {
        "gated": None,
        "trees": trees,
        "n_labels": trees.n_labels,
        "n_features": trees.rows.n_features,
        "n_learnt": state["n_learnt"],
        "_events": [],
    }


def _with_expert(former: FormerCluster) -> TreeCluster:
    expert = Expert(former.parts, former.joint)
    expert.n_compared = former.n_compared
    expert.loss_parts, expert.loss_joint = former.loss_parts, former.loss_joint
    return TreeCluster(former.number, former.labels, [expert])
