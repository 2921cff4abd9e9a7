"""The set decoder: from probabilities of the labels that were asked to the label set that is
answered.

A table keeps the label sets that were seen, with decayed counts. With ``p`` the labels'
probabilities, ``f`` their base rates and ``c`` the share of a set among the rows, a set that was
seen scores ``log P(set | p) + beta * (log c - log P(set | f))``, as in
:mod:`stream.engine.joint_decoder`; labels whose cluster was not asked count with ``kappa`` times
their base rate, where ``kappa`` is how often such labels were present compared with their base
rates.

What is answered is the candidate with the highest expected worth. Candidates are the most probable
sets that were seen and, for every ``k``, the ``k`` most probable labels, whose F1 is worth about
``2 * sum(p of them) / (k + sum of all p)`` (Ye, Chai, Lee and Chieu, "Optimizing F-measures", ICML
2012; Waegeman et al., JMLR 2014).
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np

from stream.engine.arrays import (
    COUNTS,
    DECAYED,
    KEYS,
    WEIGHTS,
    Axes,
    Float64Array,
    Int32Array,
    Int64Array,
    UInt8Array,
    below,
    up_to,
)
from stream.engine.best_first import N_BUCKETS, list_best, rank
from stream.engine.elementary import SMALLEST, exp, log
from stream.engine.jit import inlined
from stream.engine.joint_decoder import expected_worth
from stream.engine.joint_decoder_layout import (
    BALANCED,
    COMPOSED_EXPECTED,
    COMPOSED_RIGHT,
    F1,
    LEAST_REST,
    SUBSET,
    TOP,
    UNIT,
)
from stream.engine.joint_decoder_layout import N_REGISTERS as N_REGISTERS_OF_DECODER
from stream.engine.log_odds import logit

# Registers; the first ones are those of the decoder for few labels.
N_ROWS = N_REGISTERS_OF_DECODER  # rows whose truth was known as a whole
N_NEW = N_ROWS + 1  # of them, those with a set that was not in the table
MISSED = N_ROWS + 2  # present labels whose cluster was not asked
EXPECTED_MISSES = N_ROWS + 3  # sum of the base rates of labels that were not asked
SET_SIZE = N_ROWS + 4  # sum of the present labels; unknown ones with their probability
N_SIZES = N_ROWS + 5  # rows in SET_SIZE
N_REGISTERS = N_ROWS + 6

DONE, OUTPUT_FULL = 0, 1
MAX_RANKED = 256  # most probable labels that are looked at
NOT_COUNTED = math.inf  # of a logit


class SetDecoder(NamedTuple):
    """All of a set decoder that changes while it learns."""

    registers: Annotated[Float64Array, Axes(N_REGISTERS, holds=DECAYED)]
    n_present: Annotated[Float64Array, Axes("labels", holds=COUNTS)]
    n_unknown: Annotated[Float64Array, Axes("labels", holds=COUNTS)]
    achieved: Annotated[
        Float64Array, Axes("labels", 3, holds=DECAYED)
    ]  # decayed: right, answered, present
    n_sets: Annotated[Int64Array, Axes(1, holds=up_to("sets"))]
    times: Annotated[Float64Array, Axes("sets", holds=DECAYED)]
    key: Annotated[Int64Array, Axes("sets", holds=KEYS)]
    by_chance: Annotated[
        Float64Array, Axes("sets", holds=WEIGHTS)
    ]  # sum of the members' logits of base rates
    size: Annotated[Int32Array, Axes("sets", holds=up_to("width"))]
    members: Annotated[Int32Array, Axes("sets", "width", holds=below("labels"))]  # ascending


class Listed(NamedTuple):
    """What clusters answered, sorted by event."""

    start: Annotated[Int64Array, Axes("events1")]
    label: Annotated[Int32Array, Axes("listed")]
    probability: Annotated[Float64Array, Axes("listed")]
    log_absent: Annotated[Float64Array, Axes("events")]
    base_rates: Annotated[Float64Array, Axes("events")]
    log_base_absent: Annotated[Float64Array, Axes("events")]


class SetDecoderScratch(NamedTuple):
    """Room for one event's work."""

    place: Annotated[Int64Array, Axes("labels", fill=-1)]  # in the event's list
    logit: Annotated[Float64Array, Axes("labels", fill=NOT_COUNTED)]
    counted: Annotated[Int32Array, Axes("labels")]  # labels that are not listed and have a logit
    probability: Annotated[Float64Array, Axes("row_listed")]
    order: Annotated[Int64Array, Axes("row_listed")]
    buckets: Annotated[Int64Array, Axes(N_BUCKETS)]
    listed_logit: Annotated[Float64Array, Axes("row_listed")]
    answered: Annotated[UInt8Array, Axes("row_listed")]
    of_row: Annotated[Float64Array, Axes("sets")]  # log probability of each set
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
    """Share of the rows in which a label was present, of those that say."""
    return (decoder.n_present[label] + 0.5) / (now - decoder.n_unknown[label] + 1.0)


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
def _count_logits(first, n, listed, scratch):
    """Fill ``scratch.logit`` for the listed labels."""
    logits, probability = scratch.listed_logit, scratch.probability
    for i in range(n):
        logits[i] = log(probability[i] / (1.0 - probability[i]))
    for i in range(n):
        scratch.logit[listed.label[first + i]] = logits[i]


@inlined
def _forget_logits(n_counted, first, n, listed, scratch):
    """Leave ``scratch.logit`` as it was before the event."""
    for i in range(first, first + n):
        scratch.logit[listed.label[i]] = NOT_COUNTED
    for i in range(n_counted):
        scratch.logit[scratch.counted[i]] = NOT_COUNTED


@inlined
def _add_logits(decoder, now, factor, absent, scratch):
    """Fill ``scratch.of_row`` with the log probability of each seen set; returns how many labels
    that are not listed have a logit from now on."""
    n_counted, logits = 0, scratch.logit
    for s in range(decoder.n_sets[0]):
        of_row, members = absent, decoder.members[s]
        for i in range(decoder.size[s]):
            label = np.uintp(members[i])  # see engine/postings.py
            if logits[label] == NOT_COUNTED:
                rate = base_rate(decoder, label, now)
                logits[label] = logit(min(factor * rate, 0.5))
                scratch.counted[n_counted] = members[i]
                n_counted += 1
            of_row += logits[label]
        scratch.of_row[s] = of_row
    return n_counted


@inlined
def _score_sets(decoder, params, event, now, listed, scratch):
    """Fill ``scratch.score`` with the probability of each seen set; returns that of all others, and
    how many labels that are not listed have a logit from now on."""
    registers, n_sets = decoder.registers, decoder.n_sets[0]
    unit, factor = registers[UNIT], kappa(decoder)
    not_asked = max(mean_size(decoder) - listed.base_rates[event], 0.0)
    absent = listed.log_absent[event] - factor * not_asked
    base_absent = listed.log_base_absent[event] - not_asked
    n_counted = _add_logits(decoder, now, factor, absent, scratch)
    of_row, score, times, by_chance = (
        scratch.of_row, scratch.score, decoder.times, decoder.by_chance,
    )  # fmt: skip
    rows, beta, seen, highest = registers[N_ROWS] + unit, params.beta, 0.0, -math.inf
    for s in range(n_sets):
        score[s] = log(max(times[s], SMALLEST) / rows)
    for s in range(n_sets):
        score[s] = of_row[s] + beta * (score[s] - base_absent - by_chance[s])
    for s in range(n_sets):
        of_row[s] = exp(min(of_row[s], 0.0))
    for s in range(n_sets):
        seen += of_row[s]
        highest = max(highest, score[s])
    new = (registers[N_NEW] + 0.5 * unit) / rows
    rest = beta * log(new)
    rest += (1.0 - beta) * log(max(1.0 - seen, LEAST_REST))
    highest = max(highest, rest)
    for s in range(n_sets):
        score[s] = exp(score[s] - highest)
    others = exp(rest - highest)
    total = others
    for s in range(n_sets):
        total += score[s]
    for s in range(n_sets):
        score[s] /= total
    return others / total, n_counted


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
def _choose(decoder, params, event, now, first, n, n_known, listed, scratch):
    """Mark the answer among the listed labels, and write down its other members."""
    probability, order, registers = scratch.probability, scratch.order, decoder.registers
    _count_logits(first, n, listed, scratch)
    rest, n_counted = _score_sets(decoder, params, event, now, listed, scratch)
    total = 0.0
    for i in range(n):
        total += probability[i]
    n_top = list_best(scratch.score, decoder.n_sets[0], TOP, scratch.top)
    correction = (registers[COMPOSED_RIGHT] + registers[UNIT]) / (
        registers[COMPOSED_EXPECTED] + registers[UNIT]
    )
    not_asked = max(mean_size(decoder) - listed.base_rates[event], 0.0)
    log_p = listed.log_absent[event] - kappa(decoder) * not_asked
    inside, best, best_k, best_p = 0.0, -math.inf, 0, 0.0
    for k in range(min(n, MAX_RANKED) + 1):
        if k > 0:
            i = order[k - 1]
            inside += probability[i]
            log_p += scratch.listed_logit[i]
        p_set = rest * exp(min(log_p, 0.0))
        known = min(p_set * correction, 1.0)
        worth = expected_worth(params, registers, k, inside, total, known, n_known)
        if worth > best:
            best, best_k, best_p = worth, k, p_set
    _forget_logits(n_counted, first, n, listed, scratch)
    scratch.ranked_k[0], scratch.ranked_p[0] = best_k, best_p
    chosen = -1
    for t in range(n_top):
        s = scratch.top[t]
        inside = 0.0
        for i in range(decoder.size[s]):
            place = scratch.place[decoder.members[s, i]]
            inside += probability[place - first] if place >= 0 else 0.0
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
def f1_threshold(decoder, label):
    """Half the F1 that a label achieves (Lipton, Elkan and Naryanaswamy, ECML PKDD 2014)."""
    achieved, unit = decoder.achieved[label], decoder.registers[UNIT]
    return (achieved[0] + 0.5 * unit) / (achieved[1] + achieved[2] + unit)


@inlined
def choose_answer(decoder, params, event, now, n_known, listed, scratch):
    """Fill ``scratch`` with the ranking and the answer of an event."""
    first, last = listed.start[event], listed.start[event + 1]
    n = last - first
    scratch.n_other[0] = 0
    scratch.ranked_p[0] = 0.0
    for i in range(n):
        scratch.place[listed.label[first + i]] = first + i
        scratch.answered[i] = 0
        scratch.probability[i] = listed.probability[first + i]
    rank(scratch.probability, n, scratch.buckets, scratch.order)
    for i in range(n):
        p = scratch.probability[i]
        if params.decode == F1:
            scratch.answered[i] = p > f1_threshold(decoder, listed.label[first + i])
        else:
            scratch.answered[i] = p > 0.5
    if params.decode == SUBSET or params.decode == BALANCED:
        for i in range(n):
            scratch.answered[i] = 0
        if n_known > 0:
            _choose(decoder, params, event, now, first, n, n_known, listed, scratch)


@inlined
def forget_places(event, listed, scratch):
    """Leave ``scratch`` as it was before the event."""
    for i in range(listed.start[event], listed.start[event + 1]):
        scratch.place[listed.label[i]] = -1
