"""A tree for each cluster of labels, and what happens to the trees when clusters change.

Rows are learnt in segments: a segment ends where the partition may change (every
``grace_period`` rows) and where a label is new. Inside a segment clusters are independent of each
other, so that each tree takes the whole segment in one kernel call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from stream.engine.arrays import (
    Float64Array,
    Int32Array,
    Int64Array,
)
from stream.engine.batch import Batch
from stream.engine.checking import require
from stream.engine.layout import TreeParams
from stream.engine.learner import (
    GrowingTree,
    LabelRows,
    RowScaler,
    labels_needed,
    wider,
)
from stream.engine.losses import add_up, jaccard_losses, switch_bound, watch
from stream.models.cluster import Cluster, Part, Rows

MIN_COMPARED_ROWS = 300  # before a joint tree may replace the parts it was made for


class Partition(Protocol):
    """Which labels are learnt together; labels are engine numbers."""

    @property
    def grace_period(self) -> int:
        """Rows between changes; 0: it changes only when labels are new."""
        ...

    def add_labels(self, n_labels: int) -> None:
        """Labels up to ``n_labels`` (exclusive) exist."""
        ...

    def count(self, y_indptr: Int64Array, y_indices: Int32Array, start: int, stop: int) -> None:
        """Count the present labels of rows ``start`` to ``stop``."""
        ...

    def examine(self, row: int) -> Sequence[Any]:
        """Change what the counts ask for; returns the events."""
        ...

    def reexamine(self, cluster: int, row: int) -> Sequence[Any]:
        """Look at a cluster with fresh statistics; returns the events."""
        ...

    def clusters(self) -> list[tuple[int, tuple[int, ...]]]:
        """Number and labels of every cluster."""
        ...


class ClusterLearner:
    """Trees over a partition of the labels, sharing one online standardisation.

    Parameters
    ----------
    params
        Of the trees.
    partition
        The partition, which has seen nothing.
    max_size
        Limit in bytes for the arrays of all trees.
    watch_clusters
        Whether a rise of a cluster's loss has its partition looked at anew.
    """

    def __init__(
        self, params: TreeParams, partition: Partition, *, max_size: float, watch_clusters: bool
    ):
        self.params = params
        self.partition = partition
        self.max_size = max_size
        self.watch_clusters = watch_clusters
        self.rows = RowScaler(needed=params.use_logistic)
        self.clusters: list[Cluster] = []
        self.n_labels = 0
        self.n_learnt = 0
        self.n_joined = 0  # times a joint tree took over
        self.events: list[Any] = []
        self.listeners: list[Callable[[Any], None]] = []  # are told of every event; not pickled

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"listeners": []}

    def check_restored(self) -> None:
        """Look at what came out of a snapshot: clusters are those of the partition, and their trees
        know their labels."""
        said = {number: tuple(sorted(labels)) for number, labels in self.partition.clusters()}
        found = {each.number: tuple(each.labels.tolist()) for each in self.clusters}
        require(found == said and len(found) == len(self.clusters), "clusters are the partition's")
        labels = sorted(label for cluster in found.values() for label in cluster)
        require(labels == list(range(self.n_labels)), "each label is in one cluster")
        trees = self._parts()
        require(len({id(part) for part in trees}) == len(trees), "two clusters share a tree")
        require(
            all(part.growing.params == self.params for part in trees),
            "the parameters of a tree are others",
        )

    @property
    def accepts_features(self) -> bool:
        """Whether there is memory for new features in some tree."""
        return self.n_labels == 0 or any(
            not part.growing.full or self.rows.n_features < len(part.growing.tree.shift)
            for part in self._parts()
        )

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.rows.n_bytes + sum(part.growing.n_bytes for part in self._parts())

    def run(
        self, batch: Batch, *, first_row: int = 0, predict: bool, delay: int = 0
    ) -> Float64Array:
        """Predict and learn rows; see :meth:`stream.engine.learner.TreeLearner.run`."""
        work = self.rows.prepare(batch, first_row, predict, delay)
        rows = Rows(batch, work)
        n_rows = work.n_rows
        y, u = (batch.y_indptr, batch.y_indices), (batch.u_indptr, batch.u_indices)
        n_labels = labels_needed(y, u) if work.learns else np.zeros(n_rows, np.int64)
        learnable = 0 if not work.learns else n_rows - delay if predict else n_rows
        cursor = np.array([first_row, 0], np.int64)
        out = np.zeros((n_rows if predict else 0, self.n_labels))
        while (predict and cursor[0] < n_rows) or cursor[1] < learnable:
            learnt = int(cursor[1])
            if learnt < learnable:
                self._add_labels(int(n_labels[learnt]))
                stop = self._segment_end(learnt, n_labels, learnable)
                end = min(n_rows, stop + delay) if predict else stop
            else:
                stop, end = learnt, n_rows
            losses = self._advance(rows, cursor, end, learnt, stop)
            if predict:
                out = wider(out, self.n_labels)
                self._collect(rows, out, int(cursor[0]), end)
                cursor[0] = max(cursor[0], end)
            cursor[1] = stop
            if stop > learnt:
                self._after_segment(batch, learnt, stop, losses)
        if not self.accepts_features and self.rows.max_features is None:
            self.rows.leave_at(max(len(part.growing.tree.shift) for part in self._parts()))
        return out

    def _segment_end(self, learnt: int, n_labels: Int64Array, learnable: int) -> int:
        """First row that is not learnt with the present structure."""
        end = min(int(np.searchsorted(n_labels, self.n_labels, side="right")), learnable)
        period = self.partition.grace_period
        if period:
            end = min(end, learnt + period - self.n_learnt % period)
        return end

    # ---- a segment

    def _advance(
        self, rows: Rows, cursor: Int64Array, end: int, learnt: int, stop: int
    ) -> list[Float64Array]:
        """Let all trees take the segment; returns each cluster's losses of the learnt rows."""
        changes = self.watch_clusters or self.partition.grace_period > 0
        losses = []
        for cluster in self.clusters:
            compared = cluster.joint is not None
            said = [(part, rows.advance(part, cursor, end, ask=changes)) for part in cluster.trees]
            if not (self.watch_clusters or compared) or stop == learnt:
                continue
            whole = _joined(said[: len(cluster.parts)], cluster.labels)
            loss = _losses(whole, rows.truth_of(cluster.labels), learnt, stop)
            losses.append(loss)
            if compared:
                joint = _losses(said[-1][1], rows.truth_of(cluster.labels), learnt, stop)
                cluster.n_compared += stop - learnt
                cluster.loss_parts = add_up(cluster.loss_parts, loss, learnt, stop)
                cluster.loss_joint = add_up(cluster.loss_joint, joint, learnt, stop)
        return losses

    def _collect(self, rows: Rows, out: Float64Array, start: int, stop: int) -> None:
        for cluster in self.clusters:
            for part in cluster.parts:
                said = rows.predicted_by(part)[start:stop]
                out[start:stop, part.labels[: said.shape[1]]] = said

    def _after_segment(
        self, batch: Batch, learnt: int, stop: int, losses: list[Float64Array]
    ) -> None:
        self.partition.count(batch.y_indptr, batch.y_indices, learnt, stop)
        self.n_learnt += stop - learnt
        if self.watch_clusters:
            for cluster, loss in zip(self.clusters, losses, strict=True):
                risen = watch(cluster.watcher, 0, loss, learnt, stop, self.params.drift_delta)
                cluster.risen = cluster.risen or bool(risen)
        period = self.partition.grace_period
        if not period or self.n_learnt % period:
            return
        events: list[Any] = []
        for cluster in self.clusters:
            if cluster.risen:
                events += self.partition.reexamine(cluster.number, self.n_learnt)
                cluster.risen = False
            self._settle(cluster)
        events += self.partition.examine(self.n_learnt)
        if events:
            self.events += events
            self._restructure()
        for event in events:
            for listener in self.listeners:
                listener(event)

    def _settle(self, cluster: Cluster) -> None:
        """Let the joint tree of a merged cluster take over if it is better than the parts."""
        n = cluster.n_compared
        if cluster.joint is None or n < MIN_COMPARED_ROWS:
            return
        parts, joint = cluster.loss_parts / n, cluster.loss_joint / n
        bound = switch_bound(parts, n, n, self.params.switch_significance)
        if parts - joint > bound or (bound < self.params.tau and joint <= parts):
            cluster.parts, cluster.joint = [cluster.joint], None
            self.n_joined += 1

    # ---- clusters come and go

    def _add_labels(self, n_labels: int) -> None:
        """Take in the labels up to ``n_labels``, each into the cluster that the partition says."""
        if n_labels <= self.n_labels:
            return
        new = range(self.n_labels, n_labels)
        self.partition.add_labels(n_labels)
        self.n_labels = n_labels
        present = {cluster.number: cluster for cluster in self.clusters}
        for number, labels in self.partition.clusters():
            joining = [label for label in labels if label in new]
            if joining and number in present:
                for label in joining:
                    present[number].add_label(label)
            elif joining:
                tree = GrowingTree(self.params, self.max_size)
                tree.count_without_labels(self.n_learnt)
                self.clusters.append(Cluster(number, labels, [Part(labels, tree)]))
        self._share_memory()

    def _restructure(self) -> None:
        """Make the clusters those of the partition; what their labels had learnt comes along."""
        old = {cluster.number: cluster for cluster in self.clusters}
        clusters = []
        for number, labels in self.partition.clusters():
            same = old.get(number)
            if same is None or tuple(same.labels) != tuple(labels):
                same = self._from_pieces(number, np.asarray(labels, np.int64))
            clusters.append(same)
        self.clusters = clusters
        self._share_memory()

    def _from_pieces(self, number: int, labels: np.ndarray) -> Cluster:
        """A cluster whose parts are cut from the clusters that had its labels."""
        parts = []
        for cluster in self.clusters:
            for part in cluster.parts:
                common = np.intersect1d(part.labels, labels)
                if len(common):
                    parts.append(part.restricted_to(common))
        made = Cluster(number, labels, parts)
        if len(parts) > 1:
            growing = GrowingTree(self.params, self.max_size)
            growing.widen(0, len(labels))
            made.joint = Part(labels, growing)
        return made

    def _share_memory(self) -> None:
        parts = self._parts()
        for part in parts:
            part.growing.max_size = self.max_size / len(parts)

    def _parts(self) -> list[Part]:
        return [part for cluster in self.clusters for part in cluster.trees]


def _joined(said: list[tuple[Part, Float64Array]], labels: np.ndarray) -> Float64Array:
    """What the parts of a cluster say, in the columns of the cluster."""
    if len(said) == 1:
        return said[0][1]
    whole = np.zeros((len(said[0][1]), len(labels)))
    for part, answers in said:
        known = part.labels[: answers.shape[1]]
        whole[:, np.searchsorted(labels, known)] = answers
    return whole


def _losses(
    answers: Float64Array, truth: tuple[LabelRows, LabelRows], start: int, stop: int
) -> Float64Array:
    losses = np.zeros(len(answers))
    y, u = truth
    room = max(answers.shape[1], *(int(part[1].max()) + 1 if len(part[1]) else 0 for part in truth))
    jaccard_losses(answers, y, u, start, stop, np.zeros(room, np.int8), losses)
    return losses
