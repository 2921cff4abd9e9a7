"""A tree for each cluster of labels, and what happens to the trees when clusters change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stream.clusters.tree_parts import ClusterOfTrees, Part, PartRows
from stream.engine.arrays import Float64Array, Int64Array, UInt8Array
from stream.engine.checking import require, require_all
from stream.engine.layout import TreeParams
from stream.engine.learner import ALL_ROWS, GrowingTree, LabelsOfRows
from stream.engine.losses import add_up, jaccard_losses, switch_bound

MIN_COMPARED_ROWS = 300  # before a joint tree may replace the parts it was made for
NumberedClusters = Sequence[tuple[int, tuple[int, ...]]]


class TreeBank:
    """Trees over a partition of the labels.

    Parameters
    ----------
    params
        Parameters of the trees.
    max_size
        Limit in bytes for the arrays of all trees.
    """

    def __init__(self, params: TreeParams, max_size: float):
        self.params = params
        self.max_size = max_size
        self.clusters: list[ClusterOfTrees] = []
        self.n_labels = 0
        self.n_joined = 0  # times a joint tree took over

    def check_restored(self) -> None:
        """Raise SnapshotError unless each label is in one cluster, and each tree in one."""
        labels = [label for cluster in self.clusters for label in cluster.labels.tolist()]
        require_all(labels, self.n_labels, "each label is in one cluster")
        trees = self.parts
        require(len({id(part) for part in trees}) == len(trees), "two clusters share a tree")
        require(
            all(part.growing.params == self.params for part in trees),
            "the parameters of a tree are others",
        )

    def check_clusters(self, clusters: NumberedClusters) -> None:
        """Raise SnapshotError unless the clusters are these."""
        expected = {number: tuple(sorted(labels)) for number, labels in clusters}
        found = {each.number: tuple(each.labels.tolist()) for each in self.clusters}
        require(
            found == expected and len(found) == len(self.clusters), "clusters are the partition's"
        )

    @property
    def parts(self) -> list[Part]:
        """Every tree."""
        return [part for cluster in self.clusters for part in cluster.trees]

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return sum(part.growing.n_bytes for part in self.parts)

    # ---- rows

    def advance(
        self,
        rows: PartRows,
        cursor: Int64Array,
        end: int,
        stop: int,
        *,
        ask: bool,
        chosen: Mapping[int, UInt8Array] | None = None,
    ) -> None:
        """Let all trees take a segment of rows.

        Parameters
        ----------
        cursor
            Next row to predict and next row to learn.
        end
            First row that is neither predicted nor learnt.
        stop
            First row that is not learnt.
        ask
            Whether the trees shall say what they think of the rows they learn.
        chosen
            For each cluster's number, the rows that are learnt; None: all.
        """
        learnt = int(cursor[1])
        for cluster in self.clusters:
            mask = ALL_ROWS if chosen is None else chosen[cluster.number]
            for part in cluster.trees:
                rows.advance(part, cursor, end, ask=ask, chosen=mask)
            if cluster.joint is not None and stop > learnt:
                truth = rows.truth_of(cluster.labels)
                parts = row_losses(self.learnt_answers(rows, cluster), truth, learnt, stop)
                joint = row_losses(rows.learnt_by(cluster.joint)[:, 0], truth, learnt, stop)
                cluster.n_compared += stop - learnt
                cluster.loss_parts = add_up(cluster.loss_parts, parts, learnt, stop)
                cluster.loss_joint = add_up(cluster.loss_joint, joint, learnt, stop)

    @staticmethod
    def learnt_answers(rows: PartRows, cluster: ClusterOfTrees) -> Float64Array:
        """Probabilities [rows, labels of the cluster] that its parts gave the rows just before they
        were learnt."""
        if len(cluster.parts) == 1:
            return rows.learnt_by(cluster.parts[0])[:, 0]
        whole = np.zeros((rows.work.n_rows, len(cluster.labels)))
        for part in cluster.parts:
            answers = rows.learnt_by(part)[:, 0]
            known = part.labels[: answers.shape[1]]
            whole[:, np.searchsorted(cluster.labels, known)] = answers
        return whole

    def collect_predicted(self, rows: PartRows, out: Float64Array, start: int, stop: int) -> None:
        """Write the probabilities that the trees gave rows ``start`` to ``stop`` into ``out``
        [those rows, labels]."""
        for part in self._answering():
            probabilities = rows.predicted_by(part)[start:stop, 0]
            out[:, part.labels[: probabilities.shape[1]]] = probabilities

    def collect_learnt(self, rows: PartRows, out: Float64Array, start: int, stop: int) -> None:
        """As :meth:`collect_predicted`, from just before the trees learnt the rows."""
        for part in self._answering():
            probabilities = rows.learnt_by(part)[start:stop, 0]
            out[:, part.labels[: probabilities.shape[1]]] = probabilities

    def _answering(self) -> list[Part]:
        return [part for cluster in self.clusters for part in cluster.parts]

    def settle(self) -> None:
        """Let the joint trees of merged clusters take over where they are better than the parts."""
        for cluster in self.clusters:
            n = cluster.n_compared
            if cluster.joint is None or n < MIN_COMPARED_ROWS:
                continue
            parts, joint = cluster.loss_parts / n, cluster.loss_joint / n
            bound = switch_bound(parts, n, n, self.params.switch_significance)
            if parts - joint > bound or (bound < self.params.tau and joint <= parts):
                cluster.parts, cluster.joint = [cluster.joint], None
                self.n_joined += 1

    # ---- clusters come and go

    def add_labels(self, n_labels: int, clusters: NumberedClusters, n_rows: int) -> None:
        """Take in the labels up to ``n_labels``, each into the cluster that has it; the new ones
        were absent from ``n_rows`` rows."""
        new = range(self.n_labels, n_labels)
        self.n_labels = n_labels
        present = {cluster.number: cluster for cluster in self.clusters}
        for number, labels in clusters:
            joining = [label for label in labels if label in new]
            if joining and number in present:
                for label in joining:
                    present[number].add_label(label)
            elif joining:
                tree = GrowingTree(self.params, self.max_size)
                tree.count_without_labels(n_rows)
                self.clusters.append(ClusterOfTrees(number, labels, [Part(labels, tree)]))
        self._share_memory()

    def restructure(self, clusters: NumberedClusters) -> None:
        """Make the clusters these; what their labels had learnt comes along."""
        old = {cluster.number: cluster for cluster in self.clusters}
        parts = self._answering()
        part_of = np.zeros(self.n_labels, np.int64)
        for place, part in enumerate(parts):
            part_of[part.labels] = place
        made = []
        for number, labels in clusters:
            same = old.get(number)
            if same is None or tuple(same.labels) != tuple(labels):
                same = self._from_pieces(number, np.sort(labels), parts, part_of)
            made.append(same)
        self.clusters = made
        self._share_memory()

    def begin_anew(self, number: int, n_rows: int) -> None:
        """Replace the trees of a cluster by one that has learnt nothing but that there were
        ``n_rows`` rows."""
        for place, cluster in enumerate(self.clusters):
            if cluster.number == number:
                tree = GrowingTree(self.params, self.max_size)
                tree.widen(0, len(cluster.labels))
                tree.count_without_labels(n_rows)
                self.clusters[place] = ClusterOfTrees(
                    number, cluster.labels, [Part(cluster.labels, tree)]
                )
        self._share_memory()

    def _from_pieces(
        self, number: int, labels: np.ndarray, parts: list[Part], part_of: np.ndarray
    ) -> ClusterOfTrees:
        """A cluster of labels [ascending] whose parts are cut from those that had its labels;
        ``part_of`` [labels] says which."""
        places = part_of[labels]
        pieces = [
            parts[place].restricted_to(labels[places == place]) for place in np.unique(places)
        ]
        made = ClusterOfTrees(number, labels, pieces)
        if len(pieces) > 1:
            growing = GrowingTree(self.params, self.max_size)
            growing.widen(0, len(labels))
            made.joint = Part(labels, growing)
        return made

    def _share_memory(self) -> None:
        parts = self.parts
        for part in parts:
            part.growing.max_size = self.max_size / len(parts)


def row_losses(answers: Float64Array, truth: LabelsOfRows, start: int, stop: int) -> Float64Array:
    """Loss [rows] of answers [rows, labels] to rows ``start`` to ``stop``: one less the Jaccard
    similarity of predicted and true labels.
    """
    losses = np.zeros(len(answers))
    room = max(answers.shape[1], int(truth.n_labels[-1]) if len(truth.n_labels) else 0)
    jaccard_losses(answers, truth.y, truth.u, start, stop, np.zeros(room, np.int8), losses)
    return losses
