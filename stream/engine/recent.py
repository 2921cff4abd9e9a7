"""The memory of recent rows: the nearest of a bounded window vote for their labels, and the label
sets of the last rows say what persists.

Rows are kept in a ring with an inverted index: every column has a chain of its entries, newest
first. Entries live in a ring too, and a chain ends where an entry was overwritten. The similarity
of a row is the cosine of weighted rows (value times inverse document frequency; Salton and Buckley
1988), with the weights of a kept row frozen when it was kept. Contributions are added in the order
of the query's columns, so that the sum of a row does not depend on what else is kept.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np

from stream.engine.arrays import (
    Axes,
    Float32Array,
    Float64Array,
    Int32Array,
    Int64Array,
    RecordArray,
    UInt8Array,
    record,
)
from stream.engine.jit import inlined, kernel
from stream.engine.recent_dense import (
    DENSE,
    MODE,
    UNDECIDED,
    DenseRecent,
    DenseScratch,
    decide_mode,
    keep_dense,
    nearest_dense,
    standardise,
)

IDF_PERIOD = 256  # rows learnt between two changes of the inverse document frequencies
NEAREST = 10
SHARPNESS = 8.0  # a neighbour weighs exp(SHARPNESS * (similarity - best)) * similarity
PRIOR = 0.2  # weight of the base rate among the votes
TREND_ROWS = 24  # rows that the trend of a label looks back
TREND_MEMORY = 5.0

# Registers.
N_KEPT = 0  # rows ever kept; the next one's number
NEXT_ENTRY = 1  # entries ever written
NEXT_LABEL = 2  # labels ever written
N_COUNTED = 3  # rows in the counts of columns
N_REGISTERS = 4

# What is known of a label of a kept row; CARRIED: unknown, and present when it was last known.
UNKNOWN, PRESENT, CARRIED = 0, 1, 2

DONE, HINTS_FULL, ENTRIES_FULL, LABELS_FULL, FEATURES_FULL, DENSE_FULL = 0, 1, 2, 3, 4, 5


class RecentParams(NamedTuple):
    """What the kernels need to know."""

    window: int  # rows that vote; 0: none does
    dense_window: int  # rows that vote where most features are not zero
    n_nearest: int


ENTRY = record(
    row=np.int64,  # its number
    older=np.int32,  # place of the entry that the column had before; -1: none
    column=np.int32,
    value=np.float32,
)


class Recent(NamedTuple):
    """The rows that are remembered; rings are indexed by number modulo their length."""

    registers: Annotated[Int64Array, Axes(N_REGISTERS)]
    # rows
    first_entry: Annotated[Int64Array, Axes("rows")]
    n_entries: Annotated[Int32Array, Axes("rows")]
    first_label: Annotated[Int64Array, Axes("rows")]
    n_labels: Annotated[Int32Array, Axes("rows")]
    entries: Annotated[RecordArray, Axes("entries", dtype=ENTRY)]
    # labels of the rows that are not known to be absent
    label: Annotated[Int32Array, Axes("label_entries")]
    truth: Annotated[UInt8Array, Axes("label_entries")]  # PRESENT, UNKNOWN or CARRIED
    # columns
    newest: Annotated[Int64Array, Axes("features", fill=-1)]  # place of an entry
    n_rows: Annotated[Int64Array, Axes("features")]  # rows that had it
    idf: Annotated[Float32Array, Axes("features")]
    dense: DenseRecent


class Hints(NamedTuple):
    """What recent rows say of labels, for each event; labels that are not listed have no vote."""

    start: Annotated[Int64Array, Axes("events1")]
    total: Annotated[Float64Array, Axes("events")]  # weight of all neighbours
    label: Annotated[Int32Array, Axes("hints")]
    vote: Annotated[Float64Array, Axes("hints")]  # weight of the neighbours that have it
    silent: Annotated[Float64Array, Axes("hints")]  # weight of those where it is unknown
    last: Annotated[UInt8Array, Axes("hints")]  # 1: the last row that was known had it
    trend: Annotated[Float64Array, Axes("hints")]  # decayed mean of its truth


class RecentScratch(NamedTuple):
    """Room for one event's work."""

    similarity: Annotated[Float32Array, Axes("rows")]  # 0 before and after
    touched: Annotated[Int64Array, Axes("rows")]
    near: Annotated[Int64Array, Axes("nearest")]  # rows by number, best first
    near_by: Annotated[Float32Array, Axes("nearest")]
    weighted: Annotated[Float32Array, Axes("row_entries")]
    place: Annotated[Int64Array, Axes("labels", fill=-1)]  # in the event's output
    dense: DenseScratch


@inlined
def _weigh(recent, x, row, weighted):
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
def _add_similarities(recent, x, row, oldest, newest, scratch):
    """Add up the similarities of the rows ``oldest`` to ``newest`` (exclusive); returns how many
    were touched."""
    n_rows, n_touched, entries = len(recent.first_entry), 0, recent.entries
    first, last = x[0][row], x[0][row + 1]
    for entry in range(first, last):
        feature = x[1][entry]
        weight = scratch.weighted[entry - first]
        if feature >= len(recent.newest) or weight == 0.0:
            continue
        place, before = recent.newest[feature], recent.registers[N_KEPT]
        while place >= 0:
            number = entries[place].row
            if entries[place].column != feature or number >= before or number < oldest:
                break
            if number < newest:
                slot = number % n_rows
                if scratch.similarity[slot] == 0.0:
                    scratch.touched[n_touched] = number
                    n_touched += 1
                scratch.similarity[slot] += weight * entries[place].value
            before = number
            place = np.int64(entries[place].older)
    return n_touched


@inlined
def _nearest(recent, n_touched, n_nearest, scratch):
    """List the most similar rows, newer ones first among equals; forget the similarities."""
    near, near_by, n = scratch.near, scratch.near_by, 0
    n_rows = len(recent.first_entry)
    for i in range(n_touched):
        number = scratch.touched[i]
        slot = number % n_rows
        similarity = scratch.similarity[slot]
        scratch.similarity[slot] = 0.0
        if similarity <= 0.0:
            continue
        if n == n_nearest and (
            similarity < near_by[n - 1] or (similarity == near_by[n - 1] and number < near[n - 1])
        ):
            continue
        at = n if n < n_nearest else n - 1
        n = min(n + 1, n_nearest)
        while at > 0 and (
            similarity > near_by[at - 1]
            or (similarity == near_by[at - 1] and number > near[at - 1])
        ):
            near[at], near_by[at] = near[at - 1], near_by[at - 1]
            at -= 1
        near[at], near_by[at] = number, similarity
    return n


@inlined
def _hint(hints, label, at, place):
    """List a label in the event's output unless it is there; returns where the next one goes."""
    if place[label] >= 0:
        return at
    hints.label[at] = label
    hints.vote[at] = 0.0
    hints.silent[at] = 0.0
    hints.last[at] = 0
    hints.trend[at] = 0.0
    place[label] = at
    return at + 1


@inlined
def _add_votes(recent, n_near, event, at, hints, scratch):
    """Let the nearest rows vote; returns where the event's output ends."""
    n_rows, room, total = len(recent.first_entry), len(recent.label), 0.0
    for i in range(n_near):
        similarity = scratch.near_by[i]
        weight = math.exp(SHARPNESS * (similarity - scratch.near_by[0])) * similarity
        total += weight
        slot = scratch.near[i] % n_rows
        for j in range(recent.n_labels[slot]):
            source = (recent.first_label[slot] + j) % room
            label = recent.label[source]
            at = _hint(hints, label, at, scratch.place)
            if recent.truth[source] == PRESENT:
                hints.vote[scratch.place[label]] += weight
            else:
                hints.silent[scratch.place[label]] += weight
    hints.total[event] = total
    return at


@inlined
def _add_past(recent, as_of, at, hints, scratch):
    """Say which labels the last rows had; returns where the event's output ends."""
    n_rows, room = len(recent.first_entry), len(recent.label)
    share = 1.0 / TREND_MEMORY
    for back in range(1, TREND_ROWS + 1):
        number = as_of - back
        if number < 0 or number < recent.registers[N_KEPT] - n_rows:
            break
        slot = number % n_rows
        for j in range(recent.n_labels[slot]):
            source = (recent.first_label[slot] + j) % room
            if recent.truth[source] == UNKNOWN:
                continue
            label = recent.label[source]
            at = _hint(hints, label, at, scratch.place)
            place = scratch.place[label]
            hints.trend[place] += share
            if back == 1:
                hints.last[place] = 1
        share *= 1.0 - 1.0 / TREND_MEMORY
    return at


@inlined
def _copy_hints(hints, event, first, last):
    """The same output as the event before, whose entries are ``first`` to ``last``."""
    hints.total[event] = hints.total[event - 1]
    for i in range(first, last):
        to = last + i - first
        hints.label[to] = hints.label[i]
        hints.vote[to] = hints.vote[i]
        hints.silent[to] = hints.silent[i]
        hints.last[to] = hints.last[i]
        hints.trend[to] = hints.trend[i]


@inlined
def _n_hints(recent, n_near, as_of, scratch):
    """Labels that an event's output has at most."""
    n_rows, n = len(recent.first_entry), 0
    for i in range(n_near):
        n += recent.n_labels[scratch.near[i] % n_rows]
    for back in range(1, TREND_ROWS + 1):
        number = as_of - back
        if number >= 0 and number >= recent.registers[N_KEPT] - n_rows:
            n += recent.n_labels[number % n_rows]
    return n


@inlined
def _keep(recent, x, row, y, u, weighted, with_entries):
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
def _missing_room(recent, params, x, row, n_truths):
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


@inlined
def _count_columns(recent, x, row):
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
def _find_nearest(recent, params, x, raw, row, as_of, scratch):
    """List the rows nearest to a row in ``scratch.near``; returns how many."""
    kept, dense = recent.registers[N_KEPT], recent.dense
    if params.window == 0:
        return 0
    if dense.registers[MODE] == DENSE:
        if dense.value.shape[1] == 0:
            return 0
        standardise(dense, raw, row, scratch.dense)
        return nearest_dense(
            dense, kept, as_of, params.n_nearest, scratch.dense, scratch.near, scratch.near_by
        )
    _weigh(recent, x, row, scratch.weighted)
    n_touched = _add_similarities(recent, x, row, kept - params.window, as_of, scratch)
    return _nearest(recent, n_touched, params.n_nearest, scratch)


@inlined
def _learn(recent, params, x, raw, row, y, u, scratch):
    """Keep a row in the memory that suits it."""
    dense, number = recent.dense, recent.registers[N_KEPT]
    sparse = params.window > 0 and dense.registers[MODE] != DENSE
    if sparse:
        _count_columns(recent, x, row)
        _weigh(recent, x, row, scratch.weighted)
    elif params.window > 0:
        standardise(dense, raw, row, scratch.dense)
        keep_dense(dense, raw, row, number, scratch.dense)
    _keep(recent, x, row, y, u, scratch.weighted, sparse)
    if params.window > 0 and dense.registers[MODE] == UNDECIDED:
        decide_mode(dense, raw, row, number)


@kernel
def recall(recent, params, events, first, x, raw, y, u, hints, scratch):
    """Say what recent rows say of each event from ``first`` on, and keep the rows that are learnt.

    Parameters
    ----------
    x, raw
        :class:`~stream.engine.unit_rows.UnitRows`, and the rows as they came, ``(indptr, indices,
        values)``.
    y, u
        Present and unknown labels, each ``(indptr, indices)``.
    hints
        In place.

    Returns
    -------
    ``(code, event)``: DONE; or what has to grow before the call is made again from that event.
    """
    n_events = len(events.row)
    for event in range(first, n_events):
        row, as_of, at = events.row[event], events.as_of[event], hints.start[event]
        learns = events.learns[event]
        z = (x[0], x[1], x[3] if learns else x[2])
        if learns:
            n_truths = y[0][row + 1] - y[0][row] + u[0][row + 1] - u[0][row]
            missing = _missing_room(recent, params, z, row, n_truths)
            if missing != DONE:
                return missing, event
        if learns and event > 0 and events.row[event - 1] == row:
            before = hints.start[event - 1]
            if 2 * at - before > len(hints.label):
                return HINTS_FULL, event
            _copy_hints(hints, event, before, at)
            at += at - before
        else:
            n_near = _find_nearest(recent, params, z, raw, row, as_of, scratch)
            if at + _n_hints(recent, n_near, as_of, scratch) > len(hints.label):
                return HINTS_FULL, event
            begin = at
            at = _add_votes(recent, n_near, event, at, hints, scratch)
            at = _add_past(recent, as_of, at, hints, scratch)
            for i in range(begin, at):
                scratch.place[hints.label[i]] = -1
        hints.start[event + 1] = at
        if learns:
            _learn(recent, params, z, raw, row, y, u, scratch)
    return DONE, n_events


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
