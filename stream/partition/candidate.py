"""A hierarchy that grows from fresh statistics beside the current one, and when it takes over."""

from __future__ import annotations

import math

import numpy as np

from stream.engine.arrays import Int32Array, Int64Array
from stream.engine.cooccurrence import compare_rows
from stream.partition.clustering import Clustering, PartitionParams

SETTLED_ROWS = 5  # grace periods without a change, before two partitions are compared
LEAST_GAIN = 0.01  # of coherence, for a restructuring


class Candidate:
    """A second hierarchy, and how it compares with the current one since it last changed.

    Parameters
    ----------
    params
        Parameters of the rules.
    row
        Rows that had been learnt when it began.
    """

    def __init__(self, params: PartitionParams, row: int):
        self.params = params
        self.other = Clustering(params, row)
        self._begin(row)

    def _begin(self, row: int) -> None:
        self.unchanged_since = row
        self._sums = np.zeros(4)  # see compare_rows

    def count(
        self,
        current: Clustering,
        y_indptr: Int64Array,
        y_indices: Int32Array,
        start: int,
        stop: int,
    ) -> None:
        """Count rows and compare the two partitions on them."""
        self.other.statistics.count(y_indptr, y_indices, start, stop)
        compare_rows(
            current.cluster_of, self.other.cluster_of, y_indptr, y_indices, start, stop,
            self.other.statistics.most_pairs, self._sums,
        )  # fmt: skip

    def examine(self, current: Clustering, row: int) -> tuple[str, dict[str, float]]:
        """Let the hierarchy change, and judge it when it has not for a while.

        Returns
        -------
        tuple
            "restructure", "drop" or "wait", and the numbers that decided. Compared is the coherence
            less what labels of the same frequencies would give if they were unrelated, so that one
            large cluster is worth nothing (the modularity of Newman and Girvan, 2004).
        """
        if self.other.examine(row):
            self._begin(row)
        age = row - self.other.began
        settled = (
            row - self.unchanged_since >= SETTLED_ROWS * self.params.grace_period
            and age >= self.params.settling
        )
        if settled and self._same_clusters(current):
            return "drop", {"rows": age, "gain": 0.0}
        n, own, others, squares = self._sums.tolist()
        if settled and n > 1:
            labels = self.other.statistics.labels
            chance = _coherence_by_chance(labels, current.cluster_of)
            chance_of_other = _coherence_by_chance(labels, self.other.cluster_of)
            difference = (others - own) / n
            gain = difference - (chance_of_other - chance)
            variance = max(0.0, squares / n - difference * difference)
            log_term = math.log(1.0 / self.params.delta)
            # empirical Bernstein bound of a mean of values in [−1, 1]
            bound = math.sqrt(2.0 * variance * log_term / n) + 6.0 * log_term / n
            quantities = {
                "rows": age, "compared": n, "gain": gain, "bound": bound,
                "coherence": own / n, "coherence_of_other": others / n,
                "chance": chance, "chance_of_other": chance_of_other,
            }  # fmt: skip
            if gain - bound > LEAST_GAIN:
                return "restructure", quantities
            if age >= self.params.patience:
                return "drop", quantities
        return ("drop", {"rows": age}) if age >= self.params.patience else ("wait", {})

    def _same_clusters(self, current: Clustering) -> bool:
        n = self.other.n_labels
        both = current.cluster_of[:n].astype(np.int64) << 32 | self.other.cluster_of[:n]
        return (
            len(np.unique(both))
            == len(np.unique(current.cluster_of[:n]))
            == len(np.unique(self.other.cluster_of[:n]))
        )

    def take_over(self, current: Clustering) -> None:
        """Make the hierarchy ready to replace the current one: labels that it never saw go where
        most of their old cluster went, and clusters that stay as they are keep their numbers."""
        other, tree = self.other, self.other.tree
        self._keep_silent_labels_in_place(current)
        numbers = {leaf.labels[0]: leaf for leaf in current.tree.leaves() if leaf.labels}
        mapping, next_id = {}, current.tree.next_id
        for i in sorted(tree.nodes):
            node = tree.nodes[i]
            same = numbers.get(node.labels[0]) if node.labels else None
            if same is not None and same.labels == node.labels:
                mapping[i] = same.id
            else:
                mapping[i] = next_id
                next_id += 1
        tree.renumber(mapping, next_id)
        for leaf in tree.leaves():
            other.cluster_of[leaf.labels] = leaf.id
        n = other.n_labels
        other.was_known[:n] |= current.was_known[:n]

    def _keep_silent_labels_in_place(self, current: Clustering) -> None:
        other, tree = self.other, self.other.tree
        room = tree.nodes.get(tree.catch_all)
        if room is None or room.parent < 0:
            return
        moves: dict[int, list[int]] = {}
        for label in room.labels:
            if other.statistics.labels[label] > 0 or not current.was_known[label]:
                continue
            mates = np.array(current.tree.nodes[int(current.cluster_of[label])].labels)
            where = other.cluster_of[mates[other.was_known[mates]]]
            ids, sizes = np.unique(where[where != room.id], return_counts=True)
            if len(ids):
                moves.setdefault(int(ids[np.argmax(sizes)]), []).append(label)
        for target, labels in moves.items():
            node = tree.nodes[target]
            node.labels = sorted(node.labels + labels)
        moved = {label for labels in moves.values() for label in labels}
        room.labels = [label for label in room.labels if label not in moved]
        tree.drop_empty_catch_all()


def _coherence_by_chance(labels: Int32Array, cluster_of: Int32Array) -> float:
    """Share of pairs inside one cluster among the pairs of unrelated labels of given counts."""
    weight = labels.astype(np.float64)
    clusters = np.unique(cluster_of[: len(labels)], return_inverse=True)[1]
    squares = float((weight * weight).sum())
    total = float(weight.sum()) ** 2 - squares
    inside = float((np.bincount(clusters, weight) ** 2).sum()) - squares
    return inside / total if total > 0 else 0.0
