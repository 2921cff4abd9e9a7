"""The set decoder: from probabilities of the labels that were asked to the label set that is
answered.

A table keeps the label sets that were seen, with decayed counts. With ``p`` the labels'
probabilities, ``f`` their base rates and ``c`` the share of a set among the rows, a set that was
seen scores ``log P(set | p) + beta * (log c - log P(set | f))``, as in
:mod:`stream.engine.decoder`; labels whose cluster was not asked count with ``kappa`` times their
base rate, where ``kappa`` is how often such labels were present compared with their base rates.

What is answered is the candidate with the highest expected worth. Candidates are the most probable
sets that were seen and, for every ``k``, the ``k`` most probable labels, whose F1 is worth about
``2 * sum(p of them) / (k + sum of all p)`` (Ye, Chai, Lee and Chieu, "Optimizing F-measures", ICML
2012; Waegeman et al., JMLR 2014).
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

from stream.engine.arrays import (
    Axes,
    Float64Array,
    Int32Array,
    Int64Array,
    UInt8Array,
)
from stream.engine.decoder import (
    ANSWERED,
    ANSWERED_PRESENT,
    ANSWERED_RIGHT,
    COMPOSED_EXPECTED,
    COMPOSED_RIGHT,
    COUNTED,
    F1,
    INDEPENDENT,
    LEAST_REST,
    MARGINAL,
    MEMORY,
    TOP,
    UNIT,
    expected_worth,
)
from stream.engine.decoder import N_REGISTERS as N_REGISTERS_OF_DECODER
from stream.engine.decoder_learning import LARGEST_UNIT, set_key
from stream.engine.jit import inlined, kernel
from stream.engine.mixer import logit

# Registers; the first ones are those of the decoder for few labels.
N_ROWS = N_REGISTERS_OF_DECODER  # rows whose truth was known as a whole
N_NEW = N_ROWS + 1  # of them, those with a set that was not in the table
MISSED = N_ROWS + 2  # present labels whose cluster was not asked
EXPECTED_MISSES = N_ROWS + 3  # sum of the base rates of labels that were not asked
SET_SIZE = N_ROWS + 4  # sum of the present labels
N_SIZES = N_ROWS + 5  # rows in SET_SIZE
N_REGISTERS = N_ROWS + 6

DONE, OUTPUT_FULL = 0, 1
SMALLEST = 1e-300
MAX_RANKED = 256  # most probable labels that are looked at


class SetDecoder(NamedTuple):
    """All of a set decoder that changes while it learns."""

    registers: Annotated[Float64Array, Axes(N_REGISTERS)]
    n_present: Annotated[Float64Array, Axes("labels")]
    achieved: Annotated[Float64Array, Axes("labels", 3)]  # decayed: right, answered, present
    n_sets: Annotated[Int64Array, Axes(1)]
    times: Annotated[Float64Array, Axes("sets")]
    key: Annotated[Int64Array, Axes("sets")]
    by_chance: Annotated[Float64Array, Axes("sets")]  # sum of the members' logits of base rates
    size: Annotated[Int32Array, Axes("sets")]
    members: Annotated[Int32Array, Axes("sets", "width")]  # ascending


class Listed(NamedTuple):
    """What clusters answered, sorted by event."""

    start: Annotated[Int64Array, Axes("events1")]
    label: Annotated[Int32Array, Axes("listed")]
    probability: Annotated[Float64Array, Axes("listed")]
    log_absent: Annotated[Float64Array, Axes("events")]
    base_rates: Annotated[Float64Array, Axes("events")]
    log_base_absent: Annotated[Float64Array, Axes("events")]


class DecoderScratch(NamedTuple):
    """Room for one event's work."""

    place: Annotated[Int64Array, Axes("labels", fill=-1)]  # in the event's list
    marginal: Annotated[Float64Array, Axes("row_listed")]
    order: Annotated[Int64Array, Axes("row_listed")]
    answered: Annotated[UInt8Array, Axes("row_listed")]
    score: Annotated[Float64Array, Axes("sets")]
    top: Annotated[Int64Array, Axes(TOP)]
    other: Annotated[Int32Array, Axes("width")]  # members of the answer that are not listed
    n_other: Annotated[Int64Array, Axes(1)]
    ranked_p: Annotated[Float64Array, Axes(1)]  # that the most probable labels are the set
    ranked_k: Annotated[Int64Array, Axes(1)]


class Answers(NamedTuple):
    """Labels worth mentioning of predicted rows."""

    start: Annotated[Int64Array, Axes("rows1")]
    label: Annotated[Int32Array, Axes("answers")]
    probability: Annotated[Float64Array, Axes("answers")]
    present: Annotated[UInt8Array, Axes("answers")]


@inlined
def base_rate(decoder, label, now):
    """Share of the rows in which a label was present."""
    return (decoder.n_present[label] + 0.5) / (now + 1.0)


@inlined
def kappa(decoder):
    """How often labels that were not asked are present, compared with their base rates."""
    registers = decoder.registers
    unit = registers[UNIT]
    return min((registers[MISSED] + unit) / (registers[EXPECTED_MISSES] + unit), 1.0)


@inlined
def mean_size(decoder):
    """Present labels of a row."""
    registers = decoder.registers
    return registers[SET_SIZE] / registers[N_SIZES] if registers[N_SIZES] > 0.0 else 0.0


@inlined
def _logit_of(decoder, label, now, factor, listed, scratch):
    place = scratch.place[label]
    if place >= 0:
        p = listed.probability[place]
        return math.log(p / (1.0 - p))
    return logit(min(factor * base_rate(decoder, label, now), 0.5))


@inlined
def _score_sets(decoder, params, event, now, listed, scratch):
    """Fill ``scratch.score`` with the probability of each seen set; returns that of all others."""
    registers, score = decoder.registers, scratch.score
    unit, factor = registers[UNIT], kappa(decoder)
    not_asked = max(mean_size(decoder) - listed.base_rates[event], 0.0)
    absent = listed.log_absent[event] - factor * not_asked
    base_absent = listed.log_base_absent[event] - not_asked
    rows, seen, highest = registers[N_ROWS] + unit, 0.0, -math.inf
    for s in range(decoder.n_sets[0]):
        of_row = absent
        for i in range(decoder.size[s]):
            of_row += _logit_of(decoder, decoder.members[s, i], now, factor, listed, scratch)
        seen += math.exp(min(of_row, 0.0))
        share = math.log(max(decoder.times[s], SMALLEST) / rows)
        score[s] = of_row + params.beta * (share - base_absent - decoder.by_chance[s])
        highest = max(highest, score[s])
    new = (registers[N_NEW] + 0.5 * unit) / rows
    rest = params.beta * math.log(new)
    rest += (1.0 - params.beta) * math.log(max(1.0 - seen, LEAST_REST))
    highest = max(highest, rest)
    total = math.exp(rest - highest)
    others = total
    for s in range(decoder.n_sets[0]):
        score[s] = math.exp(score[s] - highest)
        total += score[s]
    for s in range(decoder.n_sets[0]):
        score[s] /= total
    return others / total


@inlined
def _fill_marginals(decoder, first, n, rest, listed, scratch):
    for i in range(n):
        scratch.marginal[i] = listed.probability[first + i]
    for s in range(decoder.n_sets[0]):
        if scratch.score[s] < 1e9:
            continue
        for i in range(decoder.size[s]):
            place = scratch.place[decoder.members[s, i]]
            if place >= 0:
                scratch.marginal[place - first] += scratch.score[s]


@inlined
def _rank(n, first, listed, scratch):
    """Sort the listed labels into ``scratch.order``, the most probable first."""
    order, marginal = scratch.order, scratch.marginal
    gap = 1
    for i in range(n):
        order[i] = i
        marginal[i] = min(marginal[i], 1.0)
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            moving, at = order[i], i
            while at >= gap and (
                marginal[order[at - gap]] < marginal[moving]
                or (
                    marginal[order[at - gap]] == marginal[moving]
                    and listed.label[first + order[at - gap]] > listed.label[first + moving]
                )
            ):
                order[at] = order[at - gap]
                at -= gap
            order[at] = moving
        gap //= 3


@inlined
def _most_probable_sets(decoder, scratch):
    score, top, n = scratch.score, scratch.top, 0
    for s in range(decoder.n_sets[0]):
        if n == TOP and score[s] <= score[top[n - 1]]:
            continue
        at = n if n < TOP else n - 1
        n = min(n + 1, TOP)
        while at > 0 and score[s] > score[top[at - 1]]:
            top[at] = top[at - 1]
            at -= 1
        top[at] = s
    return n


@inlined
def _answer_set(decoder, s, first, scratch):
    for i in range(decoder.size[s]):
        label = decoder.members[s, i]
        place = scratch.place[label]
        if place >= 0:
            scratch.answered[place - first] = 1
        else:
            scratch.other[scratch.n_other[0]] = label
            scratch.n_other[0] += 1


@inlined
def _is_seen(decoder, k, n_top, first, scratch):
    """Whether the ``k`` most probable labels are one of the most probable sets that were seen."""
    for i in range(k):
        scratch.answered[scratch.order[i]] = 1
    seen = False
    for t in range(n_top):
        s, common = scratch.top[t], 0
        if decoder.size[s] == k:
            for i in range(k):
                place = scratch.place[decoder.members[s, i]]
                common += place >= 0 and scratch.answered[place - first] == 1
            seen = seen or common == k
    for i in range(k):
        scratch.answered[scratch.order[i]] = 0
    return seen


@inlined
def _choose(decoder, params, event, first, n, rest, n_known, listed, scratch):
    """Mark the answer among the listed labels, and write down its other members."""
    marginal, order, registers = scratch.marginal, scratch.order, decoder.registers
    total = 0.0
    for i in range(n):
        total += marginal[i]
    n_top = _most_probable_sets(decoder, scratch)
    correction = (registers[COMPOSED_RIGHT] + registers[UNIT]) / (
        registers[COMPOSED_EXPECTED] + registers[UNIT]
    )
    not_asked = max(mean_size(decoder) - listed.base_rates[event], 0.0)
    log_p = listed.log_absent[event] - kappa(decoder) * not_asked
    inside, best, best_k, best_p = 0.0, -math.inf, 0, 0.0
    for k in range(min(n, MAX_RANKED) + 1):
        if k > 0:
            i = order[k - 1]
            p = listed.probability[first + i]
            inside += marginal[i]
            log_p += math.log(p / (1.0 - p))
        p_set = rest * math.exp(min(log_p, 0.0))
        known = min(p_set * correction, 1.0)
        worth = expected_worth(params, registers, k, inside, total, known, n_known)
        if worth > best:
            best, best_k, best_p = worth, k, p_set
    scratch.ranked_k[0], scratch.ranked_p[0] = best_k, best_p
    chosen = -1
    for t in range(n_top):
        s = scratch.top[t]
        inside = 0.0
        for i in range(decoder.size[s]):
            place = scratch.place[decoder.members[s, i]]
            inside += marginal[place - first] if place >= 0 else 0.0
        worth = expected_worth(
            params, registers, decoder.size[s], inside, total, scratch.score[s], n_known
        )
        if worth >= best:
            best, chosen = worth, s
    if _is_seen(decoder, best_k, n_top, first, scratch):
        scratch.ranked_p[0] = 0.0
    if chosen >= 0:
        _answer_set(decoder, chosen, first, scratch)
    else:
        for k in range(best_k):
            scratch.answered[order[k]] = 1


@inlined
def _threshold(decoder, label):
    """Half the F1 that a label achieves (Lipton, Elkan and Naryanaswamy, ECML PKDD 2014)."""
    achieved, unit = decoder.achieved[label], decoder.registers[UNIT]
    return (achieved[0] + 0.5 * unit) / (achieved[1] + achieved[2] + unit)


@inlined
def _decode(decoder, params, event, now, n_known, listed, scratch):
    """Fill ``scratch`` with marginals, ranking and answer of an event."""
    first, last = listed.start[event], listed.start[event + 1]
    n = last - first
    scratch.n_other[0] = 0
    for i in range(n):
        scratch.place[listed.label[first + i]] = first + i
        scratch.answered[i] = 0
    if params.decode == INDEPENDENT:
        for i in range(n):
            scratch.marginal[i] = listed.probability[first + i]
            scratch.answered[i] = scratch.marginal[i] > 0.5
        _rank(n, first, listed, scratch)
    else:
        rest = _score_sets(decoder, params, event, now, listed, scratch)
        _fill_marginals(decoder, first, n, rest, listed, scratch)
        _rank(n, first, listed, scratch)
        if params.decode == MARGINAL:
            for i in range(n):
                scratch.answered[i] = scratch.marginal[i] > 0.5
        elif params.decode == F1:
            for i in range(n):
                threshold = _threshold(decoder, listed.label[first + i])
                scratch.answered[i] = scratch.marginal[i] > threshold
        elif n_known > 0:
            _choose(decoder, params, event, first, n, rest, n_known, listed, scratch)


@inlined
def _forget_places(event, listed, scratch):
    for i in range(listed.start[event], listed.start[event + 1]):
        scratch.place[listed.label[i]] = -1


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
def _count_achieved(decoder, event, labels, unknown, listed, scratch):
    """Count which labels were over their thresholds, and which of them were right."""
    unit, first = decoder.registers[UNIT], listed.start[event]
    for i in range(len(unknown)):
        place = scratch.place[unknown[i]]
        if place >= 0:
            scratch.marginal[place - first] = -1.0
    for i in range(listed.start[event + 1] - first):
        label = listed.label[first + i]
        if scratch.marginal[i] > _threshold(decoder, label):
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
def _learn(decoder, params, event, now, labels, unknown, missed, listed, max_sets, scratch):
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
    _count_answer(decoder, event, labels, listed, scratch)
    _count_achieved(decoder, event, labels, unknown, listed, scratch)
    for i in range(n):
        decoder.n_present[labels[i]] += 1.0
    if len(unknown) == 0:
        registers[SET_SIZE] += unit * n
        registers[N_SIZES] += unit
        _count_set(decoder, labels, now, max_sets)
    registers[UNIT] = unit / (1.0 - 1.0 / MEMORY)
    if registers[UNIT] > LARGEST_UNIT:
        _begin_units(decoder)


@kernel
def decode(
    decoder, params, events, first, y, u, missed, n_known, listed, max_sets, answers,
    scratch,
):  # fmt: skip
    """Choose the answer to each event from ``first`` on, and learn the rows that are learnt.

    Parameters
    ----------
    y, u
        Present and unknown labels, each ``(indptr, indices)``.
    missed
        [events] present labels whose cluster was not asked.
    n_known
        [events] labels known at each event.
    answers
        In place, for predicted rows.

    Returns
    -------
    ``(code, event)``: DONE; or OUTPUT_FULL before the event.
    """
    for event in range(first, len(events.row)):
        row, now, learns = events.row[event], events.now[event], events.learns[event]
        fresh = learns and event > 0 and events.row[event - 1] == row
        source = event - 1 if fresh else event
        if not learns:
            at = answers.start[row]
            n = listed.start[event + 1] - listed.start[event]
            if at + n + decoder.members.shape[1] > len(answers.label):
                return OUTPUT_FULL, event
        if not fresh or event == first:
            _decode(decoder, params, source, now, n_known[source], listed, scratch)
        if not learns:
            begin = listed.start[event]
            for i in range(n):
                place = scratch.order[i]
                answers.label[at] = listed.label[begin + place]
                answers.probability[at] = scratch.marginal[place]
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
            labels, unknown = y[1][y[0][row] : y[0][row + 1]], u[1][u[0][row] : u[0][row + 1]]
            _learn(decoder, params, source, now, labels, unknown, missed[event], listed, max_sets,
                   scratch)  # fmt: skip
        follows = event + 1 < len(events.row) and events.learns[event + 1]
        if learns or not (follows and events.row[event + 1] == row):
            _forget_places(source, listed, scratch)
    return DONE, len(events.row)
