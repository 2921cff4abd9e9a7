"""Keeping rows: rings of rows, of their entries and of their labels.

Every column has a chain of its entries, newest first. A chain ends where an entry was overwritten
by one of another column, or by one that is newer.
"""

from __future__ import annotations

import math

import numpy as np

from stream.engine.jit import inlined, kernel
from stream.engine.recent_dense import DENSE, MODE
from stream.engine.recent_layout import (
    CARRIED,
    DENSE_FULL,
    DONE,
    ENTRIES_FULL,
    ENTRY,
    FEATURES_FULL,
    IDF_PERIOD,
    LABELS_FULL,
    N_COUNTED,
    N_KEPT,
    NEXT_ENTRY,
    NEXT_LABEL,
    PRESENT,
    UNKNOWN,
    Recent,
)


@inlined
def weigh_row(recent, x, row, weighted):
    """Fill ``weighted`` with the row times inverse document frequencies, of length one."""
    first, last = x[0][row], x[0][row + 1]
    total = 0.0
    for entry in range(first, last):
        feature = x[1][entry]
        idf = recent.idf[feature] if feature < len(recent.idf) else np.float32(0.0)
        value = x[2][entry] * idf
        weighted[entry - first] = value
        total += value * value
    if total > 0.0:
        scale = np.float32(1.0 / math.sqrt(total))
        for i in range(last - first):
            weighted[i] *= scale


@inlined
def count_columns(recent, x, row):
    """Count the columns of a row; inverse document frequencies move every IDF_PERIOD rows."""
    registers = recent.registers
    for entry in range(x[0][row], x[0][row + 1]):
        feature = x[1][entry]
        if feature < len(recent.n_rows) and x[2][entry] != 0.0:
            recent.n_rows[feature] += 1
            if recent.n_rows[feature] == 1:
                recent.idf[feature] = math.log(1.0 + (registers[N_COUNTED] + 1.0) / 2.0)
    registers[N_COUNTED] += 1
    if registers[N_COUNTED] % IDF_PERIOD == 0:
        for feature in range(len(recent.n_rows)):
            if recent.n_rows[feature] > 0:
                recent.idf[feature] = math.log(
                    1.0 + registers[N_COUNTED] / (recent.n_rows[feature] + 1.0)
                )


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
def keep_row(recent, x, row, y, u, weighted, with_entries):
    """Keep a row that is learnt, with its labels."""
    registers, entries = recent.registers, recent.entries
    number = registers[N_KEPT]
    slot = number % len(recent.first_entry)
    first, last = x[0][row], x[0][row + 1]
    recent.first_entry[slot] = registers[NEXT_ENTRY]
    kept = 0
    for entry in range(first, last if with_entries else first):
        feature, value = x[1][entry], weighted[entry - first]
        if value == 0.0:
            continue
        place = registers[NEXT_ENTRY] % len(entries)
        registers[NEXT_ENTRY] += 1
        newest = recent.newest[feature]
        valid = newest >= 0 and newest != place and entries[newest].column == feature
        entries[place].older = newest if valid else -1
        entries[place].column = feature
        entries[place].value = value
        entries[place].row = number
        recent.newest[feature] = place
        kept += 1
    recent.n_entries[slot] = kept
    _keep_labels(recent, number, slot, y, u, row)
    registers[N_KEPT] += 1


@inlined
def missing_room(recent, params, x, row, n_truths):
    """What has no room for a row: the rings must hold all rows that are looked at."""
    first, last = x[0][row], x[0][row + 1]
    number, n_rows = recent.registers[N_KEPT], len(recent.first_entry)
    if params.window > 0:
        dense = recent.dense
        widest = x[1][last - 1] if last > first else -1
        if widest >= len(recent.newest):
            return FEATURES_FULL
        if dense.registers[MODE] == DENSE:
            if dense.value.shape[1] == 0:
                return DENSE_FULL
        else:
            oldest = max(number - params.window, 0)
            begin = recent.first_entry[oldest % n_rows]
            if number == oldest:
                begin = recent.registers[NEXT_ENTRY]
            if recent.registers[NEXT_ENTRY] - begin + last - first > len(recent.entries):
                return ENTRIES_FULL
    oldest = max(number - n_rows + 1, 0)
    begin = recent.first_label[oldest % n_rows] if number > oldest else recent.registers[NEXT_LABEL]
    if recent.registers[NEXT_LABEL] - begin + n_truths > len(recent.label):
        return LABELS_FULL
    return DONE


@kernel
def _copy_entries(old, new, oldest):
    """Write the entries of the rows from ``oldest`` on into larger rings."""
    for feature in range(len(new.newest)):
        new.newest[feature] = -1
    n_rows, at = len(old.first_entry), 0
    for number in range(oldest, old.registers[N_KEPT]):
        slot = number % n_rows
        first, room = old.first_entry[slot], len(old.entries)
        new.first_entry[slot] = at
        for i in range(old.n_entries[slot]):
            source = old.entries[(first + i) % room]
            new.entries[at].row = number
            new.entries[at].column = source.column
            new.entries[at].value = source.value
            new.entries[at].older = new.newest[source.column]
            new.newest[source.column] = at
            at += 1
    new.registers[NEXT_ENTRY] = at


def with_more_entries(recent: Recent, window: int, n_more: int) -> Recent:
    """The same rows with room for more entries; capacity is a power of two."""
    kept = int(recent.registers[N_KEPT])
    oldest = max(kept - window, 0)
    slots = np.arange(oldest, kept) % len(recent.first_entry)
    needed = int(recent.n_entries[slots].sum()) + n_more
    capacity = len(recent.entries)
    while capacity < needed:
        capacity *= 2
    new = recent._replace(
        registers=recent.registers.copy(),
        entries=np.zeros(capacity, ENTRY).view(recent.entries.dtype),
        first_entry=recent.first_entry.copy(),
        newest=recent.newest.copy(),
    )
    _copy_entries(recent, new, oldest)
    return new


def with_more_labels(recent: Recent, n_more: int) -> Recent:
    """The same rows with room for more labels; capacity is a power of two."""
    kept, n_rows = int(recent.registers[N_KEPT]), len(recent.first_entry)
    slots = np.arange(max(kept - n_rows, 0), kept) % n_rows
    first, n = recent.first_label[slots], recent.n_labels[slots].astype(np.int64)
    room, needed = len(recent.label), int(n.sum())
    capacity = room
    while capacity < needed + n_more:
        capacity *= 2
    old = (np.repeat(first - np.cumsum(n) + n, n) + np.arange(needed)) % room
    label, truth = np.zeros(capacity, np.int32), np.zeros(capacity, np.uint8)
    label[:needed], truth[:needed] = recent.label[old], recent.truth[old]
    registers, first_label = recent.registers.copy(), recent.first_label.copy()
    first_label[slots] = np.cumsum(n) - n
    registers[NEXT_LABEL] = needed
    return recent._replace(label=label, truth=truth, registers=registers, first_label=first_label)
