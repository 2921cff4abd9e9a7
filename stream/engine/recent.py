"""The memory of recent rows: the nearest of a bounded window vote for their labels, and the label
sets of the last rows say what persists.

Rows and their entries are kept in rings, with an inverted index. The similarity of a row is the
cosine of weighted rows (value times inverse document frequency; Salton and Buckley 1988), with the
weights of a kept row frozen when it was kept. Contributions are added in the order of the query's
columns, so that the sum of a row does not depend on what else is kept.
"""

from __future__ import annotations

import numpy as np

from stream.engine.best_first import list_best_of_ring
from stream.engine.elementary import exp
from stream.engine.events import follows
from stream.engine.jit import inlined, kernel
from stream.engine.postings import add_similarities, add_two_by_row, stands_by_row
from stream.engine.recent_dense import (
    DENSE,
    MODE,
    UNDECIDED,
    decide_mode,
    keep_dense,
    nearest_dense,
    standardise,
)
from stream.engine.recent_keeping import count_columns, keep_row, missing_room, weigh_row
from stream.engine.recent_layout import (
    DONE,
    HINTS_FULL,
    N_KEPT,
    PRESENT,
    SHARPNESS,
    TREND_MEMORY,
    TREND_ROWS,
    UNKNOWN,
    WINDOW,
)


@inlined
def _nearest_sparse(recent, postings, params, x, row, as_of, scratch):
    """List the rows before ``as_of`` that are nearest to a row; returns how many."""
    weigh_row(recent, x, row, scratch.weighted)
    first, n_slots = x[0][row], min(recent.registers[N_KEPT], len(scratch.similarity))
    entry, last = first, x[0][row + 1]
    while entry < last:
        feature, weight = x[1][entry], scratch.weighted[entry - first]
        if entry + 1 < last and stands_by_row(postings, feature, weight):
            following, its_weight = x[1][entry + 1], scratch.weighted[entry + 1 - first]
            if stands_by_row(postings, following, its_weight):
                add_two_by_row(
                    postings, feature, weight, following, its_weight, n_slots, scratch.similarity
                )
                entry += 2
                continue
        if feature < len(postings.n) and weight != 0.0:
            add_similarities(postings, feature, weight, n_slots, scratch.similarity)
        entry += 1
    oldest = max(recent.registers[N_KEPT] - recent.registers[WINDOW], 0)
    n = list_best_of_ring(
        scratch.similarity, oldest, as_of, params.n_nearest, scratch.near, scratch.near_by
    )
    for slot in range(n_slots):
        scratch.similarity[slot] = np.float32(0.0)
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
        weight = exp(SHARPNESS * (similarity - scratch.near_by[0])) * similarity
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
def _find_nearest(recent, postings, params, x, raw, row, as_of, scratch):
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
    return _nearest_sparse(recent, postings, params, x, row, as_of, scratch)


@inlined
def _learn(recent, postings, params, x, raw, row, y, u, known, scratch):
    """Keep a row in the memory that suits it; ``known``: its nearest rows were just found."""
    dense, number = recent.dense, recent.registers[N_KEPT]
    sparse = params.window > 0 and dense.registers[MODE] != DENSE
    if sparse:
        count_columns(recent, x, row)
        weigh_row(recent, x, row, scratch.weighted)
    elif params.window > 0:
        if not known:
            standardise(dense, raw, row, scratch.dense)
        keep_dense(dense, raw, row, number, scratch.dense)
    keep_row(recent, postings, x, row, y, u, scratch.weighted, sparse)
    if params.window > 0 and dense.registers[MODE] == UNDECIDED:
        decide_mode(dense, raw, row, number)


@kernel
def recall(recent, postings, params, events, first, x, raw, y, u, hints, scratch):
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
    n_events, found = len(events.row), -1  # the event whose nearest rows were found last
    for event in range(first, n_events):
        row, as_of, at = events.row[event], events.as_of[event], hints.start[event]
        learns = events.learns[event]
        z = (x[0], x[1], x[3] if learns else x[2])
        if learns:
            n_truths = y[0][row + 1] - y[0][row] + u[0][row + 1] - u[0][row]
            missing = missing_room(recent, postings, params, z, row, n_truths)
            if missing != DONE:
                return missing, event
        if follows(events, event):
            hints.total[event] = hints.total[event - 1]
        else:
            n_near = _find_nearest(recent, postings, params, z, raw, row, as_of, scratch)
            found = event
            if at + _n_hints(recent, n_near, as_of, scratch) > len(hints.label):
                return HINTS_FULL, event
            begin = at
            at = _add_votes(recent, n_near, event, at, hints, scratch)
            at = _add_past(recent, as_of, at, hints, scratch)
            for i in range(begin, at):
                scratch.place[hints.label[i]] = -1
        hints.start[event + 1] = at
        if learns:
            known = found == event or (found == event - 1 and follows(events, event))
            _learn(recent, postings, params, z, raw, row, y, u, known, scratch)
    return DONE, n_events
