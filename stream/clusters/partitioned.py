"""A partition of the labels with a tree for each cluster.

Rows are learnt in segments: a segment ends where the partition may change (every
``grace_period`` rows) and where a label is new. Inside a segment clusters are independent of each
other, so that each tree takes the whole segment in one kernel call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from stream.clusters.loss_watch import ClusterWatch
from stream.clusters.tree_bank import NumberedClusters, TreeBank, row_losses
from stream.clusters.tree_parts import ClusterOfTrees, PartRows
from stream.engine.arrays import (
    Float64Array,
    Int32Array,
    Int64Array,
)
from stream.engine.checking import require_all
from stream.engine.layout import TreeParams
from stream.engine.learner import RowScaler, labels_needed, wider
from stream.rows.batch import Batch


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


class Segment(NamedTuple):
    """Rows that are predicted and learnt with one structure."""

    first: int  # first row that is predicted
    learnt: int  # first row that is learnt
    end: int  # first row that is not predicted any more
    stop: int  # first row that is not learnt any more
    n_labels_before: int  # labels that are known until the first row is learnt

    @property
    def cursor(self) -> Int64Array:
        """Next row to predict and next row to learn, for kernels."""
        return np.array([self.first, self.learnt], np.int64)

    @property
    def learns(self) -> bool:
        """Whether it has rows to learn."""
        return self.stop > self.learnt


class PartitionedLearner:
    """What learners over a partition of the labels share: segments, labels that are new, and
    changes of the partition.

    Parameters
    ----------
    partition
        The partition, which has seen nothing.
    scales
        Whether trees use standardised rows.
    watch_clusters
        Whether a rise of a cluster's loss has its partition looked at anew.
    drift_delta
        Allowed probability of a false alarm.
    period
        Rows after which something else than the partition may change; 0: nothing does.
    """

    def __init__(
        self,
        partition: Partition,
        *,
        scales: bool,
        watch_clusters: bool,
        drift_delta: float,
        period: int = 0,
    ):
        self.partition = partition
        self.rows = RowScaler(needed=scales)
        self.watcher = ClusterWatch(drift_delta) if watch_clusters else None
        self.period = period
        self.n_labels = 0
        self.n_learnt = 0
        self.events: list[Any] = []
        self.listeners: list[Callable[[Any], None]] = []  # are told of every event; not pickled

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"listeners": []}

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        clusters = self.partition.clusters()
        labels = [label for _, labels in clusters for label in labels]
        require_all(labels, self.n_labels, "each label is in one cluster")
        if self.watcher is not None:
            self.watcher.check_clusters(clusters)

    @property
    def n_clusters(self) -> int:
        """Clusters of the partition."""
        return len(self.partition.clusters())

    # ---- what a learner adds

    def _clusters_grew(self, clusters: NumberedClusters) -> None:
        """There are new labels: ``n_labels`` is not yet up to date."""
        raise NotImplementedError

    def _clusters_changed(self, clusters: NumberedClusters) -> None:
        """The partition was restructured."""
        raise NotImplementedError

    def _loss_rose(self, clusters: list[int]) -> None:
        """The loss of clusters rose."""

    def _period_ended(self) -> None:
        """A multiple of the partition's grace period was learnt."""

    # ---- segments

    def _segments(self, rows: PartRows, first_row: int, n_labels: Int64Array) -> Iterator[Segment]:
        """The segments of a call, in order; each has to be worked off before the next is taken."""
        work, n_rows = rows.work, rows.work.n_rows
        learnable = 0 if not work.learns else n_rows - work.delay if work.predict else n_rows
        first, learnt = first_row, 0
        while (work.predict and first < n_rows) or learnt < learnable:
            before = self.n_labels
            if learnt < learnable:
                self._add_labels(int(n_labels[learnt]))
                stop = self._segment_end(learnt, n_labels, learnable)
                end = min(n_rows, stop + work.delay) if work.predict else stop
            else:
                stop, end = learnt, n_rows
            yield Segment(first, learnt, end, stop, before)
            first, learnt = max(first, end), stop

    def _segment_end(self, learnt: int, n_labels: Int64Array, learnable: int) -> int:
        """First row that is not learnt with the present structure."""
        end = min(int(np.searchsorted(n_labels, self.n_labels, side="right")), learnable)
        for period in (self.partition.grace_period, self.period):
            if period:
                end = min(end, learnt + period - self.n_learnt % period)
        return end

    def _learnt(self, batch: Batch, segment: Segment, losses: Sequence[Float64Array]) -> None:
        """Count a segment that was learnt, and change the partition if it is time.

        Parameters
        ----------
        losses
            The loss of every cluster of the partition [rows], in its order; only used where
            clusters are watched.
        """
        learnt, stop = segment.learnt, segment.stop
        self.partition.count(batch.y_indptr, batch.y_indices, learnt, stop)
        self.n_learnt += stop - learnt
        if self.watcher is not None:
            for (number, _), loss in zip(self.partition.clusters(), losses, strict=True):
                self.watcher.add(number, loss, learnt, stop)
        period = self.partition.grace_period
        if not period or self.n_learnt % period:
            return
        events: list[Any] = []
        if self.watcher is not None and (risen := self.watcher.take_risen()):
            self._loss_rose(risen)
            for number in risen:
                events += self.partition.reexamine(number, self.n_learnt)
        self._period_ended()
        events += self.partition.examine(self.n_learnt)
        if events:
            clusters = self.partition.clusters()
            self._clusters_changed(clusters)
            if self.watcher is not None:
                self.watcher.follow(clusters, grown=False)
            self._tell(events)

    def _tell(self, events: Sequence[Any]) -> None:
        """Keep events, and tell those who listen."""
        self.events += events
        for event in events:
            for listener in self.listeners:
                listener(event)

    def _add_labels(self, n_labels: int) -> None:
        """Take in the labels up to ``n_labels``, each into the cluster that the partition says."""
        if n_labels <= self.n_labels:
            return
        self.partition.add_labels(n_labels)
        clusters = self.partition.clusters()
        self.n_labels = n_labels
        self._clusters_grew(clusters)
        if self.watcher is not None:
            self.watcher.follow(clusters, grown=True)


class TreePerCluster(PartitionedLearner):
    """Trees over a partition of the labels, sharing one online standardisation.

    Parameters
    ----------
    params
        Parameters of the trees.
    partition
        The partition, which has seen nothing.
    max_size
        Limit in bytes for all arrays.
    watch_clusters
        Whether a rise of a cluster's loss has its partition looked at anew.
    """

    def __init__(
        self, params: TreeParams, partition: Partition, *, max_size: float, watch_clusters: bool
    ):
        super().__init__(
            partition,
            scales=params.use_logistic,
            watch_clusters=watch_clusters,
            drift_delta=params.drift_delta,
        )
        self.bank = TreeBank(params, max_size)

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        super().check_restored()
        self.bank.check_clusters(self.partition.clusters())

    @property
    def clusters(self) -> list[ClusterOfTrees]:
        """The clusters and their trees."""
        return self.bank.clusters

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.rows.n_bytes + self.bank.n_bytes

    def run(
        self, batch: Batch, *, first_row: int = 0, predict: bool, delay: int = 0
    ) -> Float64Array:
        """Predict and learn rows; see :meth:`stream.engine.learner.TreeLearner.run`."""
        work = self.rows.prepare(batch, first_row, predict, delay)
        rows, n_rows = PartRows(batch, work), work.n_rows
        y, u = batch.truths
        n_labels = labels_needed(y, u) if work.learns else np.zeros(n_rows, np.int64)
        out = np.zeros((n_rows if predict else 0, self.n_labels))
        ask = self.watcher is not None or self.partition.grace_period > 0
        for segment in self._segments(rows, first_row, n_labels):
            self.bank.advance(rows, segment.cursor, segment.end, segment.stop, ask=ask)
            if predict:
                out = wider(out, self.n_labels)
                first, end = segment.first, segment.end
                self.bank.collect_predicted(rows, out[first:end], first, end)
            if segment.learns:
                self._learnt(batch, segment, self._losses(rows, segment))
        return out

    def _losses(self, rows: PartRows, segment: Segment) -> list[Float64Array]:
        if self.watcher is None:
            return []
        by_number = {
            cluster.number: row_losses(
                self.bank.learnt_answers(rows, cluster),
                rows.truth_of(cluster.labels),
                segment.learnt,
                segment.stop,
            )
            for cluster in self.clusters
        }
        return [by_number[number] for number, _ in self.partition.clusters()]

    def _clusters_grew(self, clusters: NumberedClusters) -> None:
        self.bank.add_labels(self.n_labels, clusters, self.n_learnt)

    def _clusters_changed(self, clusters: NumberedClusters) -> None:
        self.bank.restructure(clusters)

    def _period_ended(self) -> None:
        self.bank.settle()
