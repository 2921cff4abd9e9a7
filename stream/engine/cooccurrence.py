"""How often labels, and pairs of labels, are present; counted from present labels only.

A row with k present labels costs k·(k − 1) / 2 steps, whatever the number of labels. The pairs of a
few thousand labels stand in a triangle; beyond that, only pairs that were seen stand in a list that
a hash table finds them in. The same pass over the rows feeds a detector with the share of each
row's present pairs that lie inside one cluster.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np

from stream.engine.adwin import adwin_mean, adwin_update
from stream.engine.arrays import (
    COUNTS,
    KEYS,
    WEIGHTS,
    Axes,
    Float64Array,
    Int32Array,
    Int64Array,
    below,
)
from stream.engine.jit import inlined, kernel
from stream.engine.random import mix

# registers
N_ROWS = 0  # rows counted
N_PAIRS = 1  # pairs in the list
FALLS = 2  # falls of the coherence that nobody has looked at
N_REGISTERS = 3

EMPTY = -1  # a slot of the hash table without a pair
KEY_BASE = 1 << 31


class Counts(NamedTuple):
    """Label and pair counts; the triangle is empty when the list is in use, and the other way
    round."""

    registers: Annotated[Int64Array, Axes(N_REGISTERS, holds=COUNTS)]
    labels: Annotated[Int32Array, Axes("labels", holds=COUNTS)]  # rows with the label
    triangle: Annotated[
        Int32Array, Axes("triangle", holds=COUNTS)
    ]  # pair i < j stands at j (j − 1) / 2 + i
    keys: Annotated[Int64Array, Axes("pairs", holds=KEYS)]  # pair i < j: j · KEY_BASE + i
    pairs: Annotated[Int32Array, Axes("pairs", holds=COUNTS)]  # rows with both labels
    slots: Annotated[
        Int32Array, Axes("slots", fill=EMPTY, holds=below("pairs", low=EMPTY))
    ]  # place of a pair in the list

    @staticmethod
    def upgrade_state(state: dict[str, Any], version: int) -> dict[str, Any]:
        """State of an earlier version of the snapshot format: sizes of whole label sets are not
        counted any more."""
        return {name: value for name, value in state.items() if name != "set_sizes"}


class Coherence(NamedTuple):
    """What the last fall of the coherence looked like."""

    means: Annotated[
        Float64Array, Axes(2, holds=WEIGHTS)
    ]  # of the detector's window: before, after


@inlined
def _slot_of(counts, key):
    """The slot of a pair, or the empty one it would take."""
    mask = len(counts.slots) - 1
    slot = np.int64(mix(key) & np.uint64(mask))
    while counts.slots[slot] != EMPTY and counts.keys[counts.slots[slot]] != key:
        slot = (slot + 1) & mask
    return slot


@inlined
def _count_listed(counts, key, amount):
    slot = _slot_of(counts, key)
    at = counts.slots[slot]
    if at == EMPTY:
        at = counts.registers[N_PAIRS]
        counts.registers[N_PAIRS] += 1
        counts.slots[slot] = at
        counts.keys[at] = key
        counts.pairs[at] = 0
    counts.pairs[at] += amount


@kernel
def count_rows(
    counts,
    coherence,
    adwins,
    cluster_of,
    waiting,
    y_indptr,
    y_indices,
    start,
    stop,
    most_pairs,
    delta,
):
    """Count rows ``start`` to ``stop`` (exclusive); returns the first row that was not counted,
    because the list has no room for its pairs, or ``stop``.

    Rows with more than ``most_pairs`` pairs count for their labels alone. With ``delta`` > 0 the
    detector 0 of ``adwins`` is told the coherence of every row: the share inside one cluster of the
    pairs whose labels are not in the cluster ``waiting``.
    """
    dense = len(counts.triangle) > 0
    for row in range(start, stop):
        first, last = y_indptr[row], y_indptr[row + 1]
        k = last - first
        n_pairs = k * (k - 1) // 2
        counts_pairs = n_pairs <= most_pairs
        if not dense and counts_pairs:
            if counts.registers[N_PAIRS] + n_pairs > len(counts.keys):
                return row
        counts.registers[N_ROWS] += 1
        inside, n_placed = 0, 0
        for b in range(first, last):
            j = y_indices[b]
            counts.labels[j] += 1
            if not counts_pairs:
                continue
            cluster = cluster_of[j]
            if cluster != waiting:
                n_placed += 1
            base = np.int64(j) * (j - 1) // 2
            for a in range(first, b):
                i = y_indices[a]
                if cluster_of[i] == cluster and cluster != waiting:
                    inside += 1
                if dense:
                    counts.triangle[base + i] += 1
                else:
                    _count_listed(counts, np.int64(j) * KEY_BASE + i, 1)
        if delta > 0.0 and n_placed > 1:
            before = adwin_mean(adwins, 0)
            share = inside / (n_placed * (n_placed - 1) // 2)
            if adwin_update(adwins, 0, share, delta):
                after = adwin_mean(adwins, 0)
                if after < before:
                    counts.registers[FALLS] += 1
                    coherence.means[0] = before
                    coherence.means[1] = after
    return stop


@kernel
def compare_rows(cluster_of, other_of, y_indptr, y_indices, start, stop, most_pairs, sums):
    """Add to ``sums``: rows with two labels or more, and over them the coherence of the first
    partition, that of the other, and the squared difference of the two."""
    for row in range(start, stop):
        first, last = y_indptr[row], y_indptr[row + 1]
        n_pairs = (last - first) * (last - first - 1) // 2
        if n_pairs == 0 or n_pairs > most_pairs:
            continue
        inside, inside_other = 0, 0
        for b in range(first, last):
            j = y_indices[b]
            for a in range(first, b):
                i = y_indices[a]
                if cluster_of[i] == cluster_of[j]:
                    inside += 1
                if other_of[i] == other_of[j]:
                    inside_other += 1
        x, y = inside / n_pairs, inside_other / n_pairs
        sums[0] += 1.0
        sums[1] += x
        sums[2] += y
        sums[3] += (y - x) * (y - x)


@kernel
def relist(counts, keys, pairs, n_old, least):
    """Put the first ``n_old`` pairs of a list that were counted ``least`` times or more into the
    empty list of ``counts``, in their order."""
    for at in range(n_old):
        if pairs[at] >= least:
            _count_listed(counts, keys[at], pairs[at])


@kernel
def list_triangle(counts, triangle, n_labels):
    """Put the pairs of a triangle into the empty list of ``counts``."""
    for j in range(n_labels):
        base = np.int64(j) * (j - 1) // 2
        for i in range(j):
            if triangle[base + i] > 0:
                _count_listed(counts, np.int64(j) * KEY_BASE + i, triangle[base + i])


@inlined
def _selected(group, i, j, across):
    a, b = group[i], group[j]
    if across:
        return a >= 0 and b >= 0 and a + b > 0
    return a >= 0 and a == b


@kernel
def select_pairs(counts, group, n_labels, across, first, second, amount):
    """Write the pairs that were seen and whose labels are of one group; returns how many there are,
    those included for which there is no room.

    Labels of group −1 are left out. With ``across``: pairs of a label of group 1 with one of group
    0 or 1.
    """
    n = 0
    if len(counts.triangle) > 0:
        for j in range(n_labels):
            if group[j] < 0:
                continue
            base = np.int64(j) * (j - 1) // 2
            for i in range(j):
                if _selected(group, i, j, across) and counts.triangle[base + i] > 0:
                    if n < len(first):
                        first[n], second[n], amount[n] = i, j, counts.triangle[base + i]
                    n += 1
        return n
    for at in range(counts.registers[N_PAIRS]):
        j = counts.keys[at] // KEY_BASE
        i = counts.keys[at] % KEY_BASE
        if counts.pairs[at] > 0 and _selected(group, i, j, across):
            if n < len(first):
                first[n], second[n], amount[n] = i, j, counts.pairs[at]
            n += 1
    return n


@kernel
def forget(counts, marked, n_labels):
    """Set the counts of marked labels, and of every pair with one of them, to zero; listed pairs
    stay in the list until it is made anew."""
    for j in range(n_labels):
        if marked[j]:
            counts.labels[j] = 0
    if len(counts.triangle) > 0:
        for j in range(n_labels):
            base = np.int64(j) * (j - 1) // 2
            for i in range(j):
                if marked[i] or marked[j]:
                    counts.triangle[base + i] = 0
        return
    for at in range(counts.registers[N_PAIRS]):
        if marked[counts.keys[at] // KEY_BASE] or marked[counts.keys[at] % KEY_BASE]:
            counts.pairs[at] = 0


@kernel
def follow_neighbours(order, first, second, parent, side):
    """Sides of undecided labels (−1): joined to their neighbours along the pairs in ``order``,
    never across two decided groups (Kruskal: a spanning forest with the decided labels as roots).

    ``parent`` is scratch [labels]; a group's side stands at its root and is written back to all.
    """
    for x in range(len(parent)):
        parent[x] = x
    for at in order:
        a, b = first[at], second[at]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a == b or (side[a] >= 0 and side[b] >= 0):
            continue
        if side[a] < 0:
            a, b = b, a
        parent[b] = a
    for x in range(len(parent)):
        root = x
        while parent[root] != root:
            root = parent[root]
        side[x] = side[root]
