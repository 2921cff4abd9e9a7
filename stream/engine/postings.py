"""The inverted index of recent rows: for every column the rows that have it, oldest first, in one
piece of memory.

A list is a ring whose capacity is a power of two. One that outgrows its place moves to the end of
the pool; when the pool is full, it is made anew from the rows (:func:`postings_of`). A column that
many rows have has no list: its weights stand by row, zeros too, which is added up several times as
fast, to the same sums. The index follows from the rows that are kept, so that it is not part of a
snapshot.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np

from stream.engine.arrays import Axes, Float32Array, Int32Array, Int64Array, allocate
from stream.engine.growth import power_of_two
from stream.engine.jit import inlined, kernel
from stream.engine.recent_layout import N_KEPT, WINDOW, Recent

LEAST_POOL = 1024  # places
COLUMNS_A_PLACE = 8  # columns for which the pool has one place more
COMMON = 8  # one row of so many has a column that stands by row


class Postings(NamedTuple):
    """Lists of rows, by column."""

    start: Annotated[Int64Array, Axes("features")]  # where the list stands in the pool
    capacity: Annotated[Int32Array, Axes("features")]  # a power of two, or 0
    oldest: Annotated[Int32Array, Axes("features")]  # in the list
    n: Annotated[Int32Array, Axes("features")]
    common: Annotated[Int32Array, Axes("features", fill=-1)]  # its place there; -1: it has a list
    by_row: Annotated[Float32Array, Axes("common", "rows")]  # weights in columns without a list
    used: Annotated[Int64Array, Axes(1)]  # places of the pool
    slot: Annotated[Int32Array, Axes("pool")]  # of a row
    value: Annotated[Float32Array, Axes("pool")]  # its weight in that column


@inlined
def places_needed(postings, x, row):
    """Places at the end of the pool that a row takes at most."""
    n = 0
    for entry in range(x[0][row], x[0][row + 1]):
        feature = x[1][entry]
        if postings.common[feature] < 0 and postings.n[feature] == postings.capacity[feature]:
            n += max(2 * postings.capacity[feature], 1)
    return n


@inlined
def append_posting(postings, feature, slot, value):
    """Add the newest row that has a column; the pool must have room for it."""
    if postings.common[feature] >= 0:
        postings.by_row[postings.common[feature], slot] = value
        return
    capacity, start = postings.capacity[feature], postings.start[feature]
    if postings.n[feature] == capacity:
        larger, to = max(2 * capacity, 1), postings.used[0]
        for i in range(capacity):
            place = start + ((postings.oldest[feature] + i) & (capacity - 1))
            postings.slot[to + i] = postings.slot[place]
            postings.value[to + i] = postings.value[place]
        postings.used[0] += larger
        postings.start[feature], postings.capacity[feature] = to, larger
        postings.oldest[feature] = 0
        capacity, start = larger, to
    place = start + ((postings.oldest[feature] + postings.n[feature]) & (capacity - 1))
    postings.slot[place] = slot
    postings.value[place] = value
    postings.n[feature] += 1


@inlined
def drop_oldest(postings, feature, slot):
    """Forget the oldest row that has a column."""
    if postings.common[feature] >= 0:
        postings.by_row[postings.common[feature], slot] = np.float32(0.0)
        return
    last = postings.capacity[feature] - 1
    postings.oldest[feature] = (postings.oldest[feature] + 1) & last
    postings.n[feature] -= 1


@inlined
def stands_by_row(postings, feature, weight):
    """Whether what a column contributes is added up by row."""
    return feature < len(postings.n) and weight != 0.0 and postings.common[feature] >= 0


@inlined
def add_two_by_row(postings, first, first_weight, second, second_weight, n_slots, similarity):
    """As :func:`add_similarities` for one column and then for another, which stand by row."""
    one = postings.by_row[postings.common[first]]
    other = postings.by_row[postings.common[second]]
    for slot in range(n_slots):
        sum_of_first = similarity[slot] + first_weight * one[slot]
        similarity[slot] = sum_of_first + second_weight * other[slot]


@inlined
def _add_listed(postings, first, last, weight, similarity):
    """Add the contributions that stand in the places ``first`` to ``last``."""
    slot, value = postings.slot[first:last], postings.value[first:last]
    for i in range(len(slot)):
        # Unsigned: whether a number is negative, and counts from the end, would be asked each time.
        similarity[np.uintp(slot[i])] += weight * value[i]


@inlined
def add_similarities(postings, feature, weight, n_slots, similarity):
    """Add what a column contributes to the similarity of each row that has it, which are among the
    first ``n_slots``."""
    if postings.common[feature] >= 0:
        by_row = postings.by_row[postings.common[feature]]
        for slot in range(n_slots):
            similarity[slot] += weight * by_row[slot]
        return
    n, start = postings.n[feature], postings.start[feature]
    first = start + postings.oldest[feature]
    n_first = min(n, postings.capacity[feature] - postings.oldest[feature])
    _add_listed(postings, first, first + n_first, weight, similarity)
    _add_listed(postings, start, start + n - n_first, weight, similarity)


@kernel
def _count(recent, oldest, n):
    """Count the rows from ``oldest`` on that have each column."""
    n_rows, room = len(recent.first_entry), len(recent.entries)
    for number in range(oldest, recent.registers[N_KEPT]):
        slot = number % n_rows
        for i in range(recent.n_entries[slot]):
            n[recent.entries[(recent.first_entry[slot] + i) % room].column] += 1


@kernel
def _fill(recent, oldest, postings):
    """List the rows from ``oldest`` on."""
    n_rows, room = len(recent.first_entry), len(recent.entries)
    for number in range(oldest, recent.registers[N_KEPT]):
        slot = number % n_rows
        for i in range(recent.n_entries[slot]):
            entry = recent.entries[(recent.first_entry[slot] + i) % room]
            append_posting(postings, entry.column, slot, entry.value)


def postings_of(recent: Recent, n_more: int = 0) -> Postings:
    """The index of the rows that vote, with room for ``n_more`` places, as many again as are used,
    and one for so many columns: to make it anew takes as long as there are columns."""
    n_features, n_slots = len(recent.n_rows), len(recent.first_entry)
    oldest = max(int(recent.registers[N_KEPT] - recent.registers[WINDOW]), 0)
    n = np.zeros(n_features, np.int64)
    _count(recent, oldest, n)
    is_common = COMMON * n >= n_slots
    n_common = int(is_common.sum())
    capacity = np.where(
        (n > 0) & ~is_common, 1 << np.ceil(np.log2(np.maximum(n, 1))).astype(np.int64), 0
    )
    used = int(capacity.sum())
    pool = power_of_two(2 * used + n_features // COLUMNS_A_PLACE + n_more, LEAST_POOL)
    sizes = {"features": n_features, "pool": pool, "common": n_common, "rows": n_slots}
    postings = allocate(Postings, sizes)
    postings.common[is_common] = np.arange(n_common)
    postings.start[:] = np.cumsum(capacity) - capacity
    postings.capacity[:] = capacity
    postings.used[0] = used
    _fill(recent, oldest, postings)
    return postings


def index_bytes(recent: Recent) -> int:
    """Bytes that the index of these rows is counted with: what it takes depends on when it was made
    anew."""
    a_column, a_place = 20, 8
    return a_column * len(recent.n_rows) + 3 * a_place * len(recent.entries)
