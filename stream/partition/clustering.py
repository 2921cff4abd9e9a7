"""One hierarchy of label clusters and the statistics that it is tested with."""

from __future__ import annotations

import dataclasses

import numpy as np

from stream.engine.arrays import Int32Array, Int64Array
from stream.engine.checking import require, require_all
from stream.partition.events import Cluster, PartitionEvent
from stream.partition.rules import (
    KnownPairs,
    Spread,
    find_split,
    hoeffding_bound,
    should_merge,
    should_split,
    spread_of,
)
from stream.partition.statistics import DENSE_LIMIT, MAX_PAIRS, LabelStatistics, Pairs
from stream.partition.tree import Node, Tree

# a cluster, its labels with enough observations, and their pairs
Measured = tuple[Node, Int32Array, KnownPairs]
SMALLEST_SAFE = 2  # a cluster of one label has no pair to be tested
JOIN_BATCHES = 20  # parts of what is known, or of the rows, that are worth a round of joining
WAITING_MATES = 2  # times that a label must be more similar to those it waits with, to stay


@dataclasses.dataclass(frozen=True)
class PartitionParams:
    """Parameters of the clustering rules; see :class:`stream.LabelPartitioner`."""

    delta: float = 0.05
    tau: float = 0.05
    grace_period: int = 100
    min_observations: int = 20
    min_cluster_size: int | None = None  # None: the safe size
    max_clusters: int | None = None
    coherence_drift: bool = True
    drift_delta: float = 0.002
    patience: int = 10_000
    dense_limit: int = DENSE_LIMIT
    max_pairs: int = MAX_PAIRS

    @property
    def settling(self) -> int:
        """Rows after which the bound is below the tie threshold, or half of the patience."""
        rows = 1
        while hoeffding_bound(rows, self.delta) >= self.tau and rows < self.patience:
            rows *= 2
        return min(rows, max(1, self.patience // 2))


class Clustering:
    """A hierarchy over labels 0 to L − 1 that splits and merges.

    Parameters
    ----------
    params
        Parameters of the rules.
    began
        Rows that had been learnt before its first one.
    """

    def __init__(self, params: PartitionParams, began: int = 0):
        self.params = params
        self.began = began
        self.statistics = LabelStatistics(params.dense_limit, params.max_pairs)
        self.tree = Tree(since=began)
        self.cluster_of = np.zeros(0, np.int32)  # [labels, with room to grow] id of the leaf
        self.next_due = 0  # row at which the next cluster is to be tested
        self.next_join = 0  # row of the next round of joining at the latest
        self.was_known = np.zeros(0, np.bool_)  # labels that once had enough observations
        self.needed = np.zeros(0, np.int64)  # observations before a label tries to join (again)

    def check_restored(self) -> None:
        """Validate restored state: every label is in exactly one leaf."""
        n, room = self.n_labels, len(self.statistics.counts.labels)
        dtypes = {"cluster_of": np.int32, "was_known": np.bool_, "needed": np.int64}
        for name, dtype in dtypes.items():
            array = getattr(self, name)
            require(array.dtype == dtype, f"{name} has elements of {dtype.__name__}")
            require(array.shape in ((room,), (0,)) and len(array) >= n, f"{name} is of all labels")
        limits = (self.statistics.dense_limit, self.statistics.max_pairs)
        require(limits == (self.params.dense_limit, self.params.max_pairs), "limits are the rules'")
        leaves = list(self.tree.leaves())
        labels = [label for leaf in leaves for label in leaf.labels]
        require_all(labels, n, "each label is in one cluster")
        for leaf in leaves:
            require(self.cluster_of[leaf.labels] == leaf.id, "a label is in another cluster")

    @property
    def n_labels(self) -> int:
        """Labels in the hierarchy."""
        return self.statistics.n_labels

    def min_size(self, cluster: Int32Array) -> int:
        """Labels that each side of a split of a cluster must have: by default the safe size of
        iHOMER, the most frequent number of labels of a row, but 2 at least.

        Counted are the labels of the cluster in recent rows: those of the whole row would forbid
        every true cluster where rows hold labels of several ones.
        """
        if self.params.min_cluster_size is not None:
            return self.params.min_cluster_size
        return max(SMALLEST_SAFE, self.statistics.sets.usual_size(cluster))

    def add_labels(self, n_labels: int) -> None:
        """Put the labels up to ``n_labels`` − 1 that are new into the catch-all."""
        old = self.n_labels
        if n_labels <= old:
            return
        self.statistics.add_labels(n_labels)
        grown = len(self.statistics.counts.labels) - len(self.cluster_of)
        if grown > 0:
            self.cluster_of = np.concatenate([self.cluster_of, np.full(grown, -1, np.int32)])
            self.was_known = np.concatenate([self.was_known, np.zeros(grown, np.bool_)])
            needed = np.full(grown, self.params.min_observations, np.int64)
            self.needed = np.concatenate([self.needed, needed])
        leaf = self.tree.waiting_room(self.began)
        self.next_due = 0
        leaf.labels.extend(range(old, n_labels))
        self.cluster_of[old:n_labels] = leaf.id

    def examine(self, row: int, *, joins_only: bool = False) -> list[PartitionEvent]:
        """Test every cluster that is due, and let labels join; ``row`` is the number of rows
        learnt."""
        events: list[PartitionEvent] = []
        if row >= self.next_due and not joins_only:
            leaves = self.tree.leaves()
            due = [leaf for leaf in leaves if row - leaf.since >= max(1, leaf.next_test)]
            to_test = self._measured(due)[::-1]
            while to_test:  # the parts of a cluster right after it
                leaf, known, pairs = to_test.pop()
                if leaf.id in self.tree.nodes:
                    to_test += self._test(row, leaf, known, pairs, events)[::-1]
            self.next_due = min(leaf.since + leaf.next_test for leaf in self.tree.leaves())
        known_labels = self.statistics.labels >= self.params.min_observations
        self.was_known[: self.n_labels] |= known_labels
        self._join(row, events)
        return events

    def forget(self, leaf: Node, row: int) -> None:
        """Begin the statistics of a cluster anew."""
        self.statistics.forget(np.array(leaf.labels, np.int32))
        leaf.since = row
        leaf.next_test = 0
        self.next_due = 0

    # ---- splits and merges

    def _measured(self, leaves: list[Node]) -> list[Measured]:
        """Each leaf with its known labels and their pairs."""
        if not leaves:
            return []
        labels = self.statistics.labels
        group = np.full(self.n_labels, -1, np.int32)
        known_of = []
        for number, leaf in enumerate(leaves):
            members = np.array(leaf.labels, np.int32)
            least = np.full(len(members), self.params.min_observations)
            if leaf.id == self.tree.waiting_id:  # labels that were not tried yet may join a cluster
                least = np.where(self.needed[members] > least, least, np.iinfo(np.int64).max)
            known = members[labels[members] >= least]
            group[known] = number
            known_of.append(known)
        pairs = self.statistics.pairs_within(group)
        groups = group[pairs.first]
        order = np.argsort(groups, kind="stable")
        bounds = np.searchsorted(groups[order], np.arange(len(leaves) + 1))
        position = np.zeros(self.n_labels, np.int32)
        for known in known_of:
            position[known] = np.arange(len(known), dtype=np.int32)
        jaccard = self._jaccard(pairs)[order]
        first, second = position[pairs.first[order]], position[pairs.second[order]]
        return [
            (
                leaf,
                known,
                KnownPairs(labels[known].astype(np.int64), first[a:b], second[a:b], jaccard[a:b]),
            )
            for leaf, known, a, b in zip(
                leaves, known_of, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True
            )
        ]

    def _jaccard(self, pairs: Pairs) -> np.ndarray:
        labels = self.statistics.labels
        both = pairs.rows.astype(np.float64)
        return both / (labels[pairs.first] + labels[pairs.second] - both)

    def _test(
        self, row: int, leaf: Node, known: Int32Array, pairs: KnownPairs, events: list
    ) -> list[Measured]:
        """Merge or split a cluster if the rules say so; returns its parts, to be tested next."""
        n = row - leaf.since
        leaf.next_test = n + max(self.params.grace_period, n // 5)
        spread = spread_of(pairs)
        if spread is None:
            return []
        epsilon = hoeffding_bound(n, self.params.delta)
        if leaf.parent >= 0:
            parent = self.tree.nodes[leaf.parent]
            if should_merge(spread.d1, epsilon, parent.diameter, parent.epsilon):
                self._merge(row, parent, leaf, spread, epsilon, events)
                return []
        if self._is_full() or not should_split(spread, epsilon, self.params.tau):
            return []
        min_size = self.min_size(known)
        split = find_split(pairs, epsilon, self.params.delta, self.params.tau, min_size)
        if split is None:
            return []
        quantities = {
            "n": n, "epsilon": epsilon, "min_size": min_size, **spread._asdict(),
            "pivot_1": int(known[split.pivots[0]]), "pivot_2": int(known[split.pivots[1]]),
            "distance": split.distance,
        }  # fmt: skip
        leaf.diameter, leaf.epsilon = spread.d1, epsilon
        sides = [split.side == 0, split.side == 1]
        children = self._split(row, leaf, [known[side] for side in sides], quantities, events)
        return [
            (child, known[side], _part(pairs, side))
            for child, side in zip(children, sides, strict=True)
        ]

    def _is_full(self) -> bool:
        most = self.params.max_clusters
        return most is not None and sum(1 for _ in self.tree.leaves()) >= most

    def _split(
        self,
        row: int,
        leaf: Node,
        known: list[Int32Array],
        quantities: dict[str, float],
        events: list[PartitionEvent],
    ) -> list[Node]:
        before = (leaf.cluster(),)
        sides = [side.tolist() for side in known]
        unknown = set(leaf.labels).difference(*sides)
        silent = [label for label in unknown if self.was_known[label]]
        sides[int(len(sides[1]) > len(sides[0]))] += silent
        waiting = sorted(unknown.difference(silent))
        leaf.labels = []
        if leaf.id == self.tree.catch_all:
            self.tree.catch_all = -1
        children = [self.tree.new_leaf(leaf, sorted(labels), leaf.since) for labels in sides]
        after = list(children)
        if waiting:
            room = self.tree.waiting_room(leaf.since)
            room.labels = sorted(room.labels + waiting)
            after.append(room)
        for node in after:
            self.cluster_of[node.labels] = node.id
        after_clusters = tuple(node.cluster() for node in after)
        events.append(PartitionEvent(row, "split", before, after_clusters, quantities))
        return children

    def _merge(
        self,
        row: int,
        parent: Node,
        leaf: Node,
        spread: Spread,
        epsilon: float,
        events: list[PartitionEvent],
    ) -> None:
        below = self.tree.leaves_below(parent)
        before = tuple(node.cluster() for node in below)
        quantities = {
            "cluster": leaf.id, "n": row - leaf.since, "epsilon": epsilon, "diameter": spread.d1,
            "parent_diameter": parent.diameter, "parent_epsilon": parent.epsilon,
        }  # fmt: skip
        merged = self.tree.collapse(parent)
        self.cluster_of[merged.labels] = merged.id
        merged.since = leaf.since
        merged.next_test = leaf.next_test
        if any(node.since != leaf.since for node in below):
            self.forget(merged, row)
        events.append(PartitionEvent(row, "merge", before, (merged.cluster(),), quantities))

    # ---- labels that wait in the catch-all

    def _join(self, row: int, events: list[PartitionEvent]) -> None:
        """Move the labels of the catch-all that are known now to their nearest cluster: that of
        the label with the largest Jaccard similarity.

        Labels that become known one by one wait for others, a few percent of what is known or of
        the rows.
        """
        room = self.tree.nodes.get(self.tree.catch_all)
        if room is None or room.parent < 0:
            return
        labels = self.statistics.labels
        cluster_of = self.cluster_of[: self.n_labels]
        ready = np.flatnonzero((cluster_of == room.id) & (labels >= self.needed[: self.n_labels]))
        known = labels >= self.params.min_observations
        few = len(ready) * JOIN_BATCHES < np.count_nonzero(known)
        if not len(ready) or (few and row < self.next_join):
            return
        self.next_join = row + (row - self.began) // JOIN_BATCHES
        targets = self._nearest(ready, known, room, row)
        stays = targets == room.id
        self.needed[ready[stays]] = 2 * labels[ready[stays]]
        moved, targets = ready[~stays], targets[~stays]
        if not len(moved):
            return
        nodes = [self.tree.nodes[i] for i in np.unique(targets).tolist()]
        leaving = Cluster(room.id, tuple(moved.tolist()))
        before = (*(node.cluster() for node in nodes), leaving)
        for node in nodes:
            node.labels = sorted(node.labels + moved[targets == node.id].tolist())
            self.cluster_of[node.labels] = node.id
            if node.since != room.since:
                self.forget(node, row)
        room.labels = np.flatnonzero(cluster_of == room.id).tolist()
        after = tuple(node.cluster() for node in nodes)
        self.tree.drop_empty_catch_all()
        events.append(PartitionEvent(row, "join", before, after, {"labels": len(moved)}))

    def _nearest(self, ready: Int64Array, known: np.ndarray, room: Node, row: int) -> Int64Array:
        """The cluster that each label is most similar to; the catch-all when it is to none, or to
        those that wait with it far more: they may be a cluster of their own."""
        labels = self.statistics.labels
        group = np.where(known, 0, -1).astype(np.int32)
        group[ready] = 1
        pairs = self.statistics.pairs_within(group, across=True)
        label = np.concatenate([pairs.first, pairs.second])
        other = np.concatenate([pairs.second, pairs.first])
        both = np.tile(pairs.rows.astype(np.float64), 2)[group[label] == 1]
        label, other = label[group[label] == 1], other[group[label] == 1]
        ids, cluster = np.unique(self.cluster_of[: self.n_labels], return_inverse=True)
        at = cluster[other]
        # a label's count covers the rows of the catch-all, those of the cluster perhaps fewer
        rows = np.array([row - self.tree.nodes[i].since for i in ids.tolist()], np.float64)
        share = np.minimum(1.0, rows / max(1, row - room.since))[at]
        union = np.maximum(labels[label] * share + labels[other] - both, both)
        similarity = both / union / np.where(ids[at] == room.id, WAITING_MATES, 1.0)
        targets = np.full(self.n_labels, room.id, np.int64)
        order = np.lexsort((-other, similarity))  # the last one written stays
        targets[label[order]] = ids[at[order]]
        return targets[ready]


def _part(pairs: KnownPairs, kept: np.ndarray) -> KnownPairs:
    """The pairs among some labels of a cluster."""
    inside = kept[pairs.first] & kept[pairs.second]
    position = np.cumsum(kept).astype(np.int32) - 1
    return KnownPairs(
        pairs.rows[kept],
        position[pairs.first[inside]],
        position[pairs.second[inside]],
        pairs.jaccard[inside],
    )
