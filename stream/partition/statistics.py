"""Label and pair counts that grow with the labels, in bounded memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stream.engine import cooccurrence as co
from stream.engine.adwin import Adwins
from stream.engine.arrays import (
    Int32Array,
    Int64Array,
    allocate,
    n_bytes,
    resize,
)
from stream.engine.checking import check_counts, require
from stream.engine.cooccurrence import Coherence, Counts
from stream.partition.recent_sets import RecentSets

DENSE_LIMIT = 2_048  # labels whose pairs stand in a triangle
MAX_PAIRS = 2_000_000  # pairs in the list
_FIRST_LABELS = 8
_FIRST_PAIRS = 1_024


class Pairs(NamedTuple):
    """Pairs of labels that were seen together, in increasing order."""

    first: Int32Array  # [pairs] the smaller label
    second: Int32Array  # [pairs] the larger one
    rows: Int32Array  # [pairs] rows with both


def triangle_size(n_labels: int) -> int:
    """Pairs of ``n_labels`` labels."""
    return n_labels * (n_labels - 1) // 2


class LabelStatistics:
    """Counts of labels 0 to L − 1 and of their pairs.

    Up to ``dense_limit`` labels every pair has its place; beyond, only pairs that were seen do, at
    most ``max_pairs``. When there is no room for another, the pairs counted once are forgotten,
    then those counted twice, and so on until half of the room is free: a pair's count is too small
    by what was forgotten of it. Rows with more than an eighth of ``max_pairs`` pairs count for
    their labels alone.

    Parameters
    ----------
    dense_limit
        Labels.
    max_pairs
        Pairs; a list of n pairs takes 20 to 36 bytes each.

    Examples
    --------
    >>> import numpy as np
    >>> statistics = LabelStatistics()
    >>> statistics.add_labels(3)
    >>> statistics.count(np.array([0, 2, 4, 4]), np.array([0, 1, 0, 2], np.int32), 0, 3)
    >>> statistics.n_rows, statistics.labels.tolist()
    (3, [2, 1, 1])
    >>> statistics.pairs_within(np.zeros(3, np.int32)).second.tolist()
    [1, 2]
    """

    def __init__(self, dense_limit: int = DENSE_LIMIT, max_pairs: int = MAX_PAIRS):
        self.dense_limit = dense_limit
        self.max_pairs = max_pairs
        self.n_labels = 0
        self.n_forgotten = 0  # times that rare pairs were forgotten
        self.sets = RecentSets()
        self._dense = dense_limit > 0
        self._sizes = {"labels": 0, "triangle": 0, "pairs": 0, "slots": 1}
        if self._dense:
            self._sizes |= {"labels": _FIRST_LABELS, "triangle": triangle_size(_FIRST_LABELS)}
        else:
            self._sizes |= self._list_sizes(_FIRST_PAIRS)
        self.counts = allocate(Counts, self._sizes)
        self._allocate_unused()

    def _allocate_unused(self) -> None:
        self._no_coherence = allocate(Coherence, {})
        self._no_adwins = allocate(Adwins, {"detectors": 0})
        self._one_cluster = np.zeros(self._sizes["labels"], np.int32)

    def __getstate__(self) -> dict[str, Any]:
        # Without what the kernels need and do not use.
        return {
            "dense_limit": self.dense_limit,
            "max_pairs": self.max_pairs,
            "n_labels": self.n_labels,
            "n_forgotten": self.n_forgotten,
            "counts": self.counts,
            "sets": self.sets,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({"sets": RecentSets()} | state)  # snapshots of format 2 have none
        counts = self.counts
        self._dense = len(counts.keys) == 0
        self._sizes = {
            "labels": len(counts.labels),
            "triangle": len(counts.triangle),
            "pairs": len(counts.keys),
            "slots": len(counts.slots),
        }
        self._allocate_unused()

    def check_restored(self) -> None:
        """Validate restored state."""
        check_counts(self.counts, self.n_labels)
        require(self.sets.labels < self.n_labels, "recent sets hold known labels")

    @property
    def n_rows(self) -> int:
        """Rows counted."""
        return int(self.counts.registers[co.N_ROWS])

    @property
    def labels(self) -> Int32Array:
        """Rows with each label."""
        return self.counts.labels[: self.n_labels]

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return n_bytes(Counts, self._sizes) + self.sets.n_bytes

    @property
    def most_pairs(self) -> int:
        """Pairs of a row that are counted."""
        return self.max_pairs // 8

    def _list_sizes(self, n_pairs: int) -> dict[str, int]:
        n_pairs = min(n_pairs, self.max_pairs)
        return {"pairs": n_pairs, "slots": 1 << int(2 * n_pairs - 1).bit_length()}

    def add_labels(self, n_labels: int) -> None:
        """Make room for the labels 0 to ``n_labels`` − 1."""
        if n_labels <= self.n_labels:
            return
        self.n_labels = n_labels
        capacity = max(self._sizes["labels"], _FIRST_LABELS)
        while capacity < n_labels:
            capacity = capacity * 3 // 2
        if self._dense and n_labels > self.dense_limit:
            self._list_the_triangle()
        if self._dense:
            capacity = max(min(capacity, self.dense_limit), n_labels)
            self._sizes["triangle"] = triangle_size(capacity)
        self._sizes["labels"] = capacity
        self.counts = resize(self.counts, self._sizes)
        self._one_cluster = np.zeros(capacity, np.int32)

    def _list_the_triangle(self) -> None:
        old = self.counts
        n_seen = int(np.count_nonzero(old.triangle))
        least = 1
        while int(np.count_nonzero(old.triangle >= least)) > self.max_pairs:
            least += 1
        if least > 1:
            old.triangle[old.triangle < least] = 0
            self.n_forgotten += 1
        self._dense = False
        self._sizes |= self._list_sizes(max(_FIRST_PAIRS, 2 * n_seen)) | {"triangle": 0}
        self._replace_list()
        co.list_triangle(self.counts, old.triangle, len(old.labels))

    def _replace_list(self) -> None:
        """An empty list of the present sizes."""
        fresh = allocate(Counts, self._sizes)
        kept = {name: getattr(self.counts, name) for name in ("registers", "labels")}
        self.counts = fresh._replace(**kept)
        self.counts.registers[co.N_PAIRS] = 0

    def count(
        self,
        y_indptr: Int64Array,
        y_indices: Int32Array,
        start: int,
        stop: int,
        *,
        cluster_of: Int32Array | None = None,
        waiting: int = -1,
        coherence: Coherence | None = None,
        adwins: Adwins | None = None,
        delta: float = 0.0,
    ) -> None:
        """Count rows ``start`` to ``stop`` (exclusive) of compressed sparse rows of labels, which
        increase in each row; see :func:`stream.engine.cooccurrence.count_rows`."""
        if cluster_of is None:
            cluster_of = self._one_cluster
        coherence = self._no_coherence if coherence is None else coherence
        adwins = self._no_adwins if adwins is None else adwins
        self.sets.add(y_indptr, y_indices, start, stop)
        while True:
            start = co.count_rows(
                self.counts, coherence, adwins, cluster_of, waiting, y_indptr, y_indices, start,
                stop, self.most_pairs, delta,
            )  # fmt: skip
            if start == stop:
                return
            self._make_room()

    def _make_room(self) -> None:
        old, n_old = self.counts, int(self.counts.registers[co.N_PAIRS])
        least = 1
        if self._sizes["pairs"] < self.max_pairs:
            self._sizes |= self._list_sizes(2 * self._sizes["pairs"])
        else:
            pairs = old.pairs[:n_old]
            while int(np.count_nonzero(pairs >= least)) > self.max_pairs // 2:
                least += 1
            self.n_forgotten += 1
        self._replace_list()
        co.relist(self.counts, old.keys, old.pairs, n_old, least)

    def pairs_within(self, group: Int32Array, *, across: bool = False) -> Pairs:
        """The pairs of labels of one group [labels] that were seen; −1 leaves a label out.

        With ``across``: the pairs of a label of group 1 with one of group 0 or 1.
        """
        room = 4_096
        while True:
            first, second, amount = (np.empty(room, np.int32) for _ in range(3))
            n = co.select_pairs(self.counts, group, self.n_labels, across, first, second, amount)
            if n <= room:
                break
            room = n
        order = np.lexsort((second[:n], first[:n]))
        return Pairs(first[order], second[order], amount[order])

    def forget(self, labels: Int32Array) -> None:
        """Begin the counts of some labels, and of every pair with one of them, anew."""
        marked = np.zeros(max(self.n_labels, 1), np.bool_)
        marked[labels] = True
        co.forget(self.counts, marked, self.n_labels)
