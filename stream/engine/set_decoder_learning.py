"""What the set decoder keeps of the rows: label sets, answers and misses, with counts that fade."""

from __future__ import annotations

from typing import NamedTuple

from stream.engine.arrays import Int32Array, Int64Array
from stream.engine.events import Events, follows
from stream.engine.jit import inlined, kernel
from stream.engine.joint_decoder_layout import (
    ANSWERED,
    ANSWERED_PRESENT,
    ANSWERED_RIGHT,
    COMPOSED_EXPECTED,
    COMPOSED_RIGHT,
    COUNTED,
    MEMORY,
    UNIT,
)
from stream.engine.joint_decoder_learning import LARGEST_UNIT, set_key
from stream.engine.log_odds import logit
from stream.engine.set_decoder import (
    DONE,
    EXPECTED_MISSES,
    MISSED,
    N_NEW,
    N_REGISTERS,
    N_ROWS,
    N_SIZES,
    OUTPUT_FULL,
    SET_SIZE,
    Listed,
    base_rate,
    choose_answer,
    f1_threshold,
    forget_places,
    kappa,
    mean_size,
)


@inlined
def _count_set(decoder, labels, now, max_sets):
    """Count a label set; where there is no room, it takes the place of the rarest."""
    registers = decoder.registers
    unit, n = registers[UNIT], len(labels)
    registers[N_ROWS] += unit
    key, found, by_chance = set_key(labels, n), -1, 0.0
    for s in range(decoder.n_sets[0]):
        if decoder.key[s] == key and decoder.size[s] == n:
            same = True
            for i in range(n):
                if decoder.members[s, i] != labels[i]:
                    same = False
                    break
            if same:
                found = s
                break
    for i in range(n):
        by_chance += logit(base_rate(decoder, labels[i], now))
    if found >= 0:
        decoder.times[found] += unit
        decoder.by_chance[found] = by_chance
        return
    registers[N_NEW] += unit
    if n > decoder.members.shape[1]:
        return
    s = decoder.n_sets[0]
    if s < max_sets:
        decoder.n_sets[0] += 1
    else:
        s = 0
        for other in range(1, max_sets):
            if decoder.times[other] < decoder.times[s]:
                s = other
    decoder.times[s], decoder.key[s], decoder.size[s] = unit, key, n
    decoder.by_chance[s] = by_chance
    for i in range(n):
        decoder.members[s, i] = labels[i]


@kernel
def _begin_units(decoder):
    """Express all counts in rows of today."""
    unit = decoder.registers[UNIT]
    for place in range(1, N_REGISTERS):
        decoder.registers[place] /= unit
    for s in range(decoder.n_sets[0]):
        decoder.times[s] /= unit
    for label in range(len(decoder.n_present)):
        for what in range(3):
            decoder.achieved[label, what] /= unit
    decoder.registers[UNIT] = 1.0


@inlined
def _look_at_unknown(decoder, event, now, unknown, listed, scratch):
    """Take unknown labels out of the answer, so that it is not counted as wrong; returns how many
    of them are present on average."""
    first, expected, factor = listed.start[event], 0.0, kappa(decoder)
    for i in range(len(unknown)):
        label = unknown[i]
        place = scratch.place[label]
        if place >= 0:
            expected += scratch.probability[place - first]
            scratch.probability[place - first] = -1.0
            scratch.answered[place - first] = 0
            continue
        expected += factor * base_rate(decoder, label, now)
        for j in range(scratch.n_other[0]):
            if scratch.other[j] == label:
                scratch.n_other[0] -= 1
                scratch.other[j] = scratch.other[scratch.n_other[0]]
                break
    return expected


@inlined
def _count_answer(decoder, event, labels, listed, scratch):
    """Count what was answered, and what of it was right."""
    registers, n_answered, n_right = decoder.registers, scratch.n_other[0], 0
    first = listed.start[event]
    for i in range(listed.start[event + 1] - first):
        n_answered += scratch.answered[i]
    for i in range(len(labels)):
        place = scratch.place[labels[i]]
        if place >= 0:
            n_right += scratch.answered[place - first]
        for j in range(scratch.n_other[0]):
            n_right += scratch.other[j] == labels[i]
    registers[COUNTED] += registers[UNIT]
    registers[ANSWERED] += registers[UNIT] * n_answered
    registers[ANSWERED_RIGHT] += registers[UNIT] * n_right
    registers[ANSWERED_PRESENT] += registers[UNIT] * len(labels)


@inlined
def _count_achieved(decoder, event, labels, listed, scratch):
    """Count which labels were over their thresholds, and which of them were right."""
    unit, first = decoder.registers[UNIT], listed.start[event]
    for i in range(listed.start[event + 1] - first):
        label = listed.label[first + i]
        if scratch.probability[i] > f1_threshold(decoder, label):
            decoder.achieved[label, 1] += unit
            scratch.answered[i] = 2
        else:
            scratch.answered[i] = 0
    for i in range(len(labels)):
        decoder.achieved[labels[i], 2] += unit
        place = scratch.place[labels[i]]
        if place >= 0 and scratch.answered[place - first] == 2:
            decoder.achieved[labels[i], 0] += unit


@inlined
def learn_answered(decoder, event, now, labels, unknown, missed, listed, max_sets, scratch):
    """Count a row; ``scratch`` holds what was answered to it."""
    registers = decoder.registers
    unit, n = registers[UNIT], len(labels)
    not_asked = max(mean_size(decoder) - listed.base_rates[event], 0.0)
    registers[MISSED] += unit * missed
    registers[EXPECTED_MISSES] += unit * not_asked
    if len(unknown) == 0 and now > 0 and scratch.ranked_p[0] > 0.0:
        k, common = scratch.ranked_k[0], 0
        for i in range(k):
            label = listed.label[listed.start[event] + scratch.order[i]]
            for j in range(n):
                common += labels[j] == label
        registers[COMPOSED_EXPECTED] += unit * scratch.ranked_p[0]
        registers[COMPOSED_RIGHT] += unit * (common == k and k == n)
    if len(unknown) > 0:
        hidden = _look_at_unknown(decoder, event, now, unknown, listed, scratch)
        registers[SET_SIZE] += unit * hidden
    _count_answer(decoder, event, labels, listed, scratch)
    _count_achieved(decoder, event, labels, listed, scratch)
    count_truth(decoder, now, labels, unknown, max_sets)


@inlined
def count_truth(decoder, now, labels, unknown, max_sets):
    """Count the labels of a row, and its label set when it is known as a whole."""
    registers = decoder.registers
    unit, n = registers[UNIT], len(labels)
    registers[SET_SIZE] += unit * n
    registers[N_SIZES] += unit
    for i in range(n):
        decoder.n_present[labels[i]] += 1.0
    for i in range(len(unknown)):
        decoder.n_unknown[unknown[i]] += 1.0
    if len(unknown) == 0:
        _count_set(decoder, labels, now, max_sets)
    registers[UNIT] = unit / (1.0 - 1.0 / MEMORY)
    if registers[UNIT] > LARGEST_UNIT:
        _begin_units(decoder)


class DecoderWork(NamedTuple):
    """All that the decoder reads of a segment; it changes none of it."""

    events: Events
    y: tuple[Int64Array, Int32Array]  # present labels: indptr, indices
    u: tuple[Int64Array, Int32Array]  # unknown ones
    missed: Int32Array  # [events] present labels whose cluster was not asked
    n_known: Int64Array  # labels known at each event
    listed: Listed
    answered: bool  # False: rows are only learnt, and others answer


@kernel
def decode(decoder, params, work, first, max_sets, answers, scratch):
    """Choose the answer to each event from ``first`` on, and learn the rows that are learnt.

    Parameters
    ----------
    work
        :class:`DecoderWork`.
    answers
        In place, for predicted rows.

    Returns
    -------
    ``(code, event)``: DONE; or OUTPUT_FULL before the event.
    """
    events, y, u, listed = work.events, work.y, work.u, work.listed
    for event in range(first, len(events.row)):
        row, now, learns = events.row[event], events.now[event], events.learns[event]
        labels, unknown = y[1][y[0][row] : y[0][row + 1]], u[1][u[0][row] : u[0][row + 1]]
        if not work.answered:
            if learns:
                count_truth(decoder, now, labels, unknown, max_sets)
            else:
                answers.start[row + 1] = answers.start[row]
            continue
        fresh = follows(events, event)
        source = event - 1 if fresh else event
        if not learns:
            at = answers.start[row]
            n = listed.start[event + 1] - listed.start[event]
            if at + n + decoder.members.shape[1] > len(answers.label):
                return OUTPUT_FULL, event
        if not fresh or event == first:
            choose_answer(decoder, params, source, now, work.n_known[source], listed, scratch)
        if not learns:
            begin = listed.start[event]
            for i in range(n):
                place = scratch.order[i]
                answers.label[at] = listed.label[begin + place]
                answers.probability[at] = scratch.probability[place]
                answers.present[at] = scratch.answered[place]
                at += 1
            for i in range(scratch.n_other[0]):
                answers.label[at] = scratch.other[i]
                rate = base_rate(decoder, scratch.other[i], now)
                answers.probability[at] = min(kappa(decoder) * rate, 1.0)
                answers.present[at] = 1
                at += 1
            answers.start[row + 1] = at
        if learns:
            missed = work.missed[event]
            learn_answered(decoder, source, now, labels, unknown, missed, listed, max_sets, scratch)
        if not (event + 1 < len(events.row) and follows(events, event + 1)):
            forget_places(source, listed, scratch)
    return DONE, len(events.row)
