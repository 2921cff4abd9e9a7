"""Keeping rows: rings of rows, of their entries and of their labels.

Entries of the newest rows are listed by column in :mod:`stream.engine.postings` too.
"""

from __future__ import annotations

import numpy as np

from stream.engine.arrays import Int32Array, Int64Array
from stream.engine.elementary import log
from stream.engine.growth import power_of_two
from stream.engine.jit import inlined
from stream.engine.postings import append_posting, drop_oldest, places_needed
from stream.engine.recent_dense import DENSE, MODE
from stream.engine.recent_layout import (
    CARRIED,
    DENSE_FULL,
    DONE,
    ENTRIES_FULL,
    ENTRY,
    FEATURES_FULL,
    LABELS_FULL,
    LEAST_ROWS,
    N_COUNTED,
    N_KEPT,
    NEXT_ENTRY,
    NEXT_LABEL,
    POSTINGS_FULL,
    PRESENT,
    ROWS_FULL,
    UNKNOWN,
    WINDOW,
    Recent,
)
from stream.engine.unit_rows import inverse_length

LEAST_ROOM = 16  # entries, and labels


@inlined
def weigh_row(recent, x, row, weighted):
    """Fill ``weighted`` with the row times inverse document frequencies, of length one; a column
    that no row had yet weighs nothing."""
    first, last = x[0][row], x[0][row + 1]
    n_counted, total = recent.registers[N_COUNTED], 0.0
    for entry in range(first, last):
        feature = x[1][entry]
        n_rows = recent.n_rows[feature] if feature < len(recent.n_rows) else 0
        idf = log(1.0 + n_counted / (n_rows + 1.0)) if n_rows > 0 else 0.0
        value = x[2][entry] * idf
        weighted[entry - first] = value
        total += value * value
    scale = inverse_length(total)
    for i in range(last - first):
        weighted[i] *= scale


@inlined
def count_columns(recent, x, row):
    """Count the columns of a row."""
    for entry in range(x[0][row], x[0][row + 1]):
        if x[2][entry] != 0.0:
            recent.n_rows[x[1][entry]] += 1
    recent.registers[N_COUNTED] += 1


@inlined
def _carried(recent, number, label):
    """Whether a label was present when it was last known, before row ``number``."""
    if number == 0:
        return False
    before = (number - 1) % len(recent.first_entry)
    for i in range(recent.n_labels[before]):
        place = (recent.first_label[before] + i) % len(recent.label)
        if recent.label[place] == label:
            return recent.truth[place] != UNKNOWN
    return False


@inlined
def _keep_labels(recent, number, slot, y, u, row):
    registers, room = recent.registers, len(recent.label)
    recent.first_label[slot] = registers[NEXT_LABEL]
    for entry in range(y[0][row], y[0][row + 1]):
        place = registers[NEXT_LABEL] % room
        recent.label[place] = y[1][entry]
        recent.truth[place] = PRESENT
        registers[NEXT_LABEL] += 1
    for entry in range(u[0][row], u[0][row + 1]):
        place = registers[NEXT_LABEL] % room
        recent.label[place] = u[1][entry]
        recent.truth[place] = CARRIED if _carried(recent, number, u[1][entry]) else UNKNOWN
        registers[NEXT_LABEL] += 1
    recent.n_labels[slot] = registers[NEXT_LABEL] - recent.first_label[slot]


@inlined
def keep_row(recent, postings, x, row, y, u, weighted, with_entries):
    """Keep a row that is learnt, with its labels."""
    registers, entries, room = recent.registers, recent.entries, len(recent.entries)
    number, n_rows = registers[N_KEPT], len(recent.first_entry)
    if number >= registers[WINDOW] > 0:
        old = (number - registers[WINDOW]) % n_rows
        for i in range(recent.n_entries[old]):
            drop_oldest(postings, entries[(recent.first_entry[old] + i) % room].column, old)
    slot = number % n_rows
    first, last = x[0][row], x[0][row + 1]
    recent.first_entry[slot] = registers[NEXT_ENTRY]
    for entry in range(first, last if with_entries else first):
        feature, value = x[1][entry], weighted[entry - first]
        if value == 0.0:
            continue
        place = registers[NEXT_ENTRY] % room
        entries[place].column = feature
        entries[place].value = value
        registers[NEXT_ENTRY] += 1
        append_posting(postings, feature, slot, value)
    recent.n_entries[slot] = registers[NEXT_ENTRY] - recent.first_entry[slot]
    _keep_labels(recent, number, slot, y, u, row)
    registers[N_KEPT] += 1


@inlined
def missing_room(recent, postings, params, x, row, n_truths):
    """What has no room for a row: the rings must hold all rows that are looked at."""
    first, last = x[0][row], x[0][row + 1]
    number, n_rows = recent.registers[N_KEPT], len(recent.first_entry)
    if number == n_rows and n_rows < max(params.window, LEAST_ROWS):
        return ROWS_FULL
    if params.window > 0:
        dense = recent.dense
        widest = x[1][last - 1] if last > first else -1
        if widest >= len(recent.n_rows):
            return FEATURES_FULL
        if dense.registers[MODE] == DENSE:
            if dense.value.shape[1] == 0:
                return DENSE_FULL
        else:
            oldest = max(number - recent.registers[WINDOW], 0)
            begin = recent.first_entry[oldest % n_rows]
            if number == oldest:
                begin = recent.registers[NEXT_ENTRY]
            if recent.registers[NEXT_ENTRY] - begin + last - first > len(recent.entries):
                return ENTRIES_FULL
            if postings.used[0] + places_needed(postings, x, row) > len(postings.slot):
                return POSTINGS_FULL
    oldest = max(number - n_rows + 1, 0)
    begin = recent.first_label[oldest % n_rows] if number > oldest else recent.registers[NEXT_LABEL]
    if recent.registers[NEXT_LABEL] - begin + n_truths > len(recent.label):
        return LABELS_FULL
    return DONE


def with_room_for_entries(recent: Recent, n_more: int) -> Recent:
    """The same rows with room for ``n_more`` entries; only rows that vote keep theirs."""
    kept, n_rows = int(recent.registers[N_KEPT]), len(recent.first_entry)
    slots = np.arange(max(kept - int(recent.registers[WINDOW]), 0), kept) % n_rows
    place, first = _moved(recent.first_entry[slots], recent.n_entries[slots], len(recent.entries))
    entries = np.zeros(power_of_two(len(place) + n_more, LEAST_ROOM), ENTRY).view(
        recent.entries.dtype
    )
    entries[: len(place)] = recent.entries[place]
    registers, first_entry = recent.registers.copy(), recent.first_entry.copy()
    first_entry[slots] = first
    registers[NEXT_ENTRY] = len(place)
    return recent._replace(entries=entries, registers=registers, first_entry=first_entry)


def with_room_for_labels(recent: Recent, n_more: int) -> Recent:
    """The same rows with room for ``n_more`` labels."""
    kept, n_rows = int(recent.registers[N_KEPT]), len(recent.first_entry)
    slots = np.arange(max(kept - n_rows, 0), kept) % n_rows
    place, first = _moved(recent.first_label[slots], recent.n_labels[slots], len(recent.label))
    capacity = power_of_two(len(place) + n_more, LEAST_ROOM)
    label, truth = np.zeros(capacity, np.int32), np.zeros(capacity, np.uint8)
    label[: len(place)], truth[: len(place)] = recent.label[place], recent.truth[place]
    registers, first_label = recent.registers.copy(), recent.first_label.copy()
    first_label[slots] = first
    registers[NEXT_LABEL] = len(place)
    return recent._replace(label=label, truth=truth, registers=registers, first_label=first_label)


def _moved(first: Int64Array, n: Int32Array, room: int) -> tuple[Int64Array, Int64Array]:
    """The places in a ring of what begins at ``first``, ``n`` of each, one after the other; and
    where each begins when they stand in that order."""
    n = n.astype(np.int64)
    begin = np.cumsum(n) - n
    return (np.repeat(first - begin, n) + np.arange(n.sum())) % room, begin
