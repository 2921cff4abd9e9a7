"""The partition of numbered labels at work: a hierarchy, a detector that watches it, and another
hierarchy beside it while it does not fit."""

from __future__ import annotations

from stream.engine import cooccurrence as co
from stream.engine.adwin import Adwins, adwin_reset
from stream.engine.arrays import Int32Array, Int64Array, allocate
from stream.engine.checking import check_adwins, require
from stream.engine.cooccurrence import Coherence
from stream.partition.candidate import Candidate
from stream.partition.clustering import Clustering, PartitionParams
from stream.partition.events import Cluster, PartitionEvent

_STRUCTURAL = {"split", "merge", "join", "restructure"}


class PartitionCore:
    """Clusters of labels 0 to L − 1, which follow the label sets of a stream.

    The rows are given to :meth:`count`, any number at a time but never beyond the next multiple of
    ``grace_period``; there, :meth:`examine` changes the clusters. :meth:`learn` does both.

    Parameters
    ----------
    params
        What the rules need to know.

    Examples
    --------
    >>> import numpy as np
    >>> core = PartitionCore(PartitionParams())
    >>> sets = [[0, 1], [2, 3]] * 2_000
    >>> indptr = np.arange(0, 8_001, 2)
    >>> events = core.learn(indptr, np.array(sets, np.int32).ravel())
    >>> core.clusters(), [event.kind for event in events]
    ([(1, (0, 1)), (2, (2, 3))], ['split'])
    """

    def __init__(self, params: PartitionParams | None = None):
        self.params = params or PartitionParams()
        self.current = Clustering(self.params)
        self.candidate: Candidate | None = None
        self.n_rows = 0
        self.n_restructures = 0
        self._coherence = allocate(Coherence, {})
        self._adwins = allocate(Adwins, {"detectors": 1})
        adwin_reset(self._adwins, 0)

    def check_restored(self) -> None:
        """Validate restored state."""
        check_adwins(self._adwins)
        require(len(self._adwins.detectors) == 1, "one detector watches the coherence")
        both = [self.current] if self.candidate is None else [self.current, self.candidate.other]
        for clustering in both:
            require(clustering.params == self.params, "the rules of a hierarchy are others")
            require(
                clustering.n_labels == self.n_labels, "two hierarchies are not of the same labels"
            )

    @property
    def grace_period(self) -> int:
        """Rows between two examinations."""
        return self.params.grace_period

    @property
    def n_labels(self) -> int:
        """Labels in the partition."""
        return self.current.n_labels

    @property
    def cluster_of(self) -> Int32Array:
        """Number of each label's cluster [labels]."""
        return self.current.cluster_of[: self.n_labels]

    @property
    def n_bytes(self) -> int:
        """Bytes of the statistics."""
        both = [self.current] if self.candidate is None else [self.current, self.candidate.other]
        return sum(clustering.statistics.n_bytes for clustering in both)

    def clusters(self) -> list[tuple[int, tuple[int, ...]]]:
        """Number and labels of every cluster, in the order of their numbers; they are disjoint and
        hold every label."""
        leaves = self.current.tree.leaves()
        return [(leaf.id, tuple(leaf.labels)) for leaf in leaves if leaf.labels]

    def add_labels(self, n_labels: int) -> None:
        """Add the labels up to ``n_labels`` − 1 that are new."""
        self.current.add_labels(n_labels)
        if self.candidate is not None:
            self.candidate.other.add_labels(n_labels)

    def rows_to_examination(self) -> int:
        """Rows that may be counted before :meth:`examine` is due."""
        return self.params.grace_period - self.n_rows % self.params.grace_period

    def count(self, y_indptr: Int64Array, y_indices: Int32Array, start: int, stop: int) -> None:
        """Count rows ``start`` to ``stop`` (exclusive) of present labels in compressed sparse rows,
        increasing in each row; labels that are new are added."""
        present = y_indices[y_indptr[start] : y_indptr[stop]]
        if len(present):
            self.add_labels(int(present.max()) + 1)
        watched = self.params.coherence_drift
        self.current.statistics.count(
            y_indptr, y_indices, start, stop,
            cluster_of=self.current.cluster_of, waiting=self.current.tree.waiting_id,
            coherence=self._coherence, adwins=self._adwins,
            delta=self.params.drift_delta if watched else 0.0,
        )  # fmt: skip
        if self.candidate is not None:
            self.candidate.count(self.current, y_indptr, y_indices, start, stop)
        self.n_rows += stop - start

    def examine(self, row: int | None = None) -> list[PartitionEvent]:
        """Test the clusters; due at every multiple of ``grace_period``.

        Parameters
        ----------
        row
            Number that the events are to bear; None: the rows counted.

        Returns
        -------
        What changed, in order.
        """
        row = self.n_rows if row is None else row
        events: list[PartitionEvent] = []
        self._look_at_coherence(row, events)
        events += self.current.examine(row, joins_only=self.candidate is not None)
        if self.candidate is not None:
            self._look_at_candidate(row, events)
        if any(event.kind in _STRUCTURAL for event in events):
            adwin_reset(self._adwins, 0)
        return events

    def learn(self, y_indptr: Int64Array, y_indices: Int32Array) -> list[PartitionEvent]:
        """Count all rows and examine the clusters wherever it is due."""
        events: list[PartitionEvent] = []
        start, n_rows = 0, len(y_indptr) - 1
        while start < n_rows:
            stop = min(n_rows, start + self.rows_to_examination())
            self.count(y_indptr, y_indices, start, stop)
            if self.n_rows % self.params.grace_period == 0:
                events += self.examine()
            start = stop
        return events

    def reexamine(self, cluster_id: int, row: int | None = None) -> list[PartitionEvent]:
        """Begin the statistics of one cluster anew, because something does not fit: it may split
        then, or merge with what it was split from.

        A cluster whose statistics are younger than the tests need is left alone.
        """
        row = self.n_rows if row is None else row
        leaf = self.current.tree.nodes[cluster_id]
        if row - leaf.since < self.params.settling:
            return []
        before = (leaf.cluster(),)
        quantities: dict[str, float] = {"n": row - leaf.since}
        self.current.forget(leaf, row)
        return [PartitionEvent(row, "reexamine", before, before, quantities)]

    def _look_at_coherence(self, row: int, events: list[PartitionEvent]) -> None:
        registers = self.current.statistics.counts.registers
        if not registers[co.FALLS]:
            return
        registers[co.FALLS] = 0
        before, after = self._coherence.means.tolist()
        events.append(PartitionEvent(row, "drift", quantities={"before": before, "after": after}))
        self.candidate = Candidate(self.params, row)
        self.candidate.other.add_labels(self.n_labels)

    def _look_at_candidate(self, row: int, events: list[PartitionEvent]) -> None:
        assert self.candidate is not None
        verdict, quantities = self.candidate.examine(self.current, row)
        if verdict == "wait":
            return
        before: tuple[Cluster, ...] = ()
        after: tuple[Cluster, ...] = ()
        if verdict == "restructure":
            old, new = self.current, self.candidate.other
            self.candidate.take_over(old)
            ids_before = {leaf.id: leaf.cluster() for leaf in old.tree.leaves() if leaf.labels}
            ids_after = {leaf.id: leaf.cluster() for leaf in new.tree.leaves() if leaf.labels}
            before = tuple(c for i, c in ids_before.items() if i not in ids_after)
            after = tuple(c for i, c in ids_after.items() if i not in ids_before)
            self.current = new
            self.n_restructures += 1
        self.candidate = None
        events.append(PartitionEvent(row, verdict, before, after, quantities))
