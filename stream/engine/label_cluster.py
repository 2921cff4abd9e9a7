"""A cluster of labels at work: its models, the mixer of what they say, and the truth it learns.

A cluster is asked about the rows that the gate says concern it. Its models, one logistic model for
each label, learn the rows that hold one of its labels: given that one is present, which. Where
labels are unknown they learn a row with the probability that it holds one of them. Times the gate's
probability they say how probable each label is. The mixer learns the rows that the cluster was
asked about.

The mixer works in the logit domain with weights that the cluster's labels share and weights of each
label's own, from evidence against the base rate (as :mod:`stream.engine.label_mixer`).
"""

from __future__ import annotations

import numpy as np

from stream.engine.by_address import state_at
from stream.engine.cells import cells_left, learn_row_of_cells, score_row
from stream.engine.elementary import log
from stream.engine.events import follows
from stream.engine.jit import inlined, kernel
from stream.engine.label_cluster_layout import (
    BASE_RATE,
    BIAS,
    CELLS_FULL,
    DONE,
    GATE,
    MEAN,
    MODEL,
    N_INPUTS,
    OUTPUT_FULL,
    PERSISTENCE,
    TREND,
    TRUE,
    UNKNOWN_TRUTH,
    VOTES,
)
from stream.engine.label_mixer import PAST_MEMORY, PRIOR_ROWS
from stream.engine.log_odds import cut_sigmoid, rare_logit, sigmoid
from stream.engine.mixer_steps import move_own_weights, move_shared_weight
from stream.engine.recalled import vote_share

LEAST_LISTED = 1e-3  # probability of a label that is worth being listed
_FADED = (1.0 - 1.0 / PAST_MEMORY) ** np.arange(8192)  # what a count is worth so many rows later

LARGEST_EVIDENCE = 10.0  # of one model against the base rate, in logits: labels may be rare
LARGEST_MIX = 12.0


@inlined
def _faded(n_rows):
    return _FADED[n_rows] if n_rows < len(_FADED) else 0.0


@inlined
def _settle_past(cluster, column, now):
    """The decayed truths after absence and after presence, at row ``now``; what comes after a row
    that does not know the label counts as after absence."""
    absent0, absent1 = cluster.after_absent[column, 0], cluster.after_absent[column, 1]
    present0, present1 = cluster.after_present[column, 0], cluster.after_present[column, 1]
    n_rows = now - cluster.touched[column]
    if n_rows > 0 and cluster.had[column]:
        present0 = (present0 + 1.0) * _FADED[1]
        present1 *= _FADED[1]
        n_rows -= 1
    faded = _faded(n_rows)
    absent0 = absent0 * faded + (1.0 - faded) * (PAST_MEMORY - 1.0)
    absent1 *= faded
    return absent0, absent1, present0, present1


@inlined
def _count_past(cluster, now, n_known, rate, last, out):
    """How often labels were present after rows in which they were what they were ``last``."""
    for column in range(n_known):
        absent0, absent1, present0, present1 = _settle_past(cluster, column, now)
        if last[column]:
            rows, hits = present0 + present1, present1
        else:
            rows, hits = absent0 + absent1, absent1
        out[column] = (hits + PRIOR_ROWS * rate[column]) / (rows + PRIOR_ROWS)


@inlined
def _touch(cluster, column, now):
    """Count that a label is present in row ``now``."""
    absent0, absent1, present0, present1 = _settle_past(cluster, column, now)
    if cluster.touched[column] == now and cluster.had[column]:  # the row before had it
        present1 = (present1 + 1.0) * _FADED[1]
        present0 *= _FADED[1]
    else:
        absent1 = (absent1 + 1.0) * _FADED[1]
        absent0 *= _FADED[1]
    cluster.after_absent[column, 0], cluster.after_absent[column, 1] = absent0, absent1
    cluster.after_present[column, 0], cluster.after_present[column, 1] = present0, present1
    cluster.touched[column], cluster.had[column] = now + 1, 1


@inlined
def _pass_over(cluster, column, now):
    """Count nothing in row ``now``, which does not know a label."""
    absent0, absent1, present0, present1 = _settle_past(cluster, column, now)
    cluster.after_absent[column, 0], cluster.after_absent[column, 1] = absent0, absent1
    cluster.after_present[column, 0], cluster.after_present[column, 1] = present0, present1
    cluster.touched[column], cluster.had[column] = now + 1, 0


@inlined
def _limited(evidence):
    return min(max(evidence, -LARGEST_EVIDENCE), LARGEST_EVIDENCE)


@inlined
def _evidence(p, base, n, out):
    """Log odds of probabilities [labels] against those of the base rates, which are given."""
    for column in range(n):
        out[column] = _limited(rare_logit(p[column]) - base[column])


@inlined
def _base_rates(cluster, now, n, rate, base):
    n_present, n_unknown, rows = cluster.n_present, cluster.n_unknown, now + 1.0
    for column in range(n):
        rate[column] = (n_present[column] + 0.5) / (rows - n_unknown[column])
    for column in range(n):
        base[column] = rare_logit(rate[column])


@inlined
def _products(p, scores, n, out):
    """Probabilities of labels: that of their cluster times those of their models."""
    for column in range(n):
        out[column] = p * cut_sigmoid(scores[column])


@inlined
def _shares(scratch, total, n):
    """Shares of the votes."""
    vote, silent, rate, share = scratch.vote, scratch.silent, scratch.rate, scratch.share
    for column in range(n):
        share[column] = vote_share(vote[column], silent[column], total, rate[column])


@inlined
def _mix(cluster, inputs, base, n, mixed):
    """Probabilities of labels from the inputs of the mixer."""
    for column in range(n):
        mixed[column] = base[column]
    for place in range(N_INPUTS):
        shared, own, given = cluster.weight[place], cluster.own_weight[place], inputs[place]
        for column in range(n):
            mixed[column] += (shared + own[column]) * given[column]
    for column in range(n):
        mixed[column] = sigmoid(min(max(mixed[column], -LARGEST_MIX), LARGEST_MIX))


# Loops over labels are short and many, each over few arrays and without a branch: the compiler
# then has several labels done at a time.
@inlined
def _answer(cluster, params, x, row, now, p, n_columns, n_known, total, scratch):
    """Fill ``scratch`` with what is predicted for a row's labels."""
    score_row(cluster.cells, np.int64(0), x, row, cluster.bias, n_columns, scratch.found,
              scratch.scores)  # fmt: skip
    inputs, rate, base = scratch.inputs, scratch.rate, scratch.base
    product, share = scratch.product, scratch.share
    _base_rates(cluster, now, n_known, rate, base)
    _products(p, scratch.scores, n_known, product)
    _evidence(product, base, n_known, inputs[MODEL])
    votes, mean = inputs[VOTES], inputs[MEAN]
    if params.use_votes and total > 0.0:
        _shares(scratch, total, n_known)
        _evidence(share, base, n_known, votes)
        for column in range(n_known):
            share[column] = 0.5 * (share[column] + product[column])
        _evidence(share, base, n_known, mean)
    else:
        for column in range(n_known):
            votes[column] = 0.0
            mean[column] = inputs[MODEL, column]
    persistence, trend = inputs[PERSISTENCE], inputs[TREND]
    if params.use_past:
        _count_past(cluster, now, n_known, rate, scratch.last, share)
        for column in range(n_known):
            persistence[column] = rare_logit(share[column]) - base[column]
        for column in range(n_known):
            trend[column] = 4.0 * (scratch.trend[column] - rate[column])
    else:
        for column in range(n_known):
            persistence[column] = 0.0
            trend[column] = 0.0
    gate, scaled_base, bias = inputs[GATE], inputs[BASE_RATE], inputs[BIAS]
    of_gate = 0.1 * log(max(p, 1e-4))
    for column in range(n_known):
        gate[column] = of_gate
        scaled_base[column] = 0.25 * base[column]
        bias[column] = 1.0
    _mix(cluster, inputs, base, n_known, scratch.mixed)


@inlined
def _learn_weights(cluster, params, n_labels, scratch):
    """Move the weights of the mixer against its errors."""
    error, truth, mixed = scratch.error, scratch.truth, scratch.mixed
    for column in range(n_labels):
        known = truth[column] != UNKNOWN_TRUTH
        error[column] = mixed[column] - float(truth[column]) if known else 0.0
    for place in range(N_INPUTS):
        given, total = scratch.inputs[place], 0.0
        for column in range(n_labels):
            total += error[column] * given[column]
        move_own_weights(
            cluster.own_weight[place], cluster.own_square[place], error, given, n_labels,
            params.label_rate,
        )  # fmt: skip
        move_shared_weight(cluster.weight, cluster.square, place, total, params.group_rate)


@inlined
def _learn_models(cluster, params, x, row, n_labels, weight, may_add, scratch):
    scores, truth = scratch.scores, scratch.truth
    for column in range(n_labels):
        p = cut_sigmoid(scores[column])
        known = truth[column] != UNKNOWN_TRUTH
        scores[column] = weight * (p - float(truth[column])) if known else 0.0
    learn_row_of_cells(
        cluster.cells, np.int64(0), x, row, cluster.bias, cluster.bias_square, n_labels,
        scratch.found, scores, np.float32(params.rate), may_add,
    )  # fmt: skip


@inlined
def _list(cluster, n_known, pair, at, output, scratch):
    """Write the answer down; returns where the next one goes."""
    log_absent, rates, log_base = 0.0, 0.0, 0.0
    output.first[pair] = at
    absent, base_absent = scratch.product, scratch.share
    for column in range(n_known):
        absent[column] = log(1.0 - scratch.mixed[column])
    for column in range(n_known):
        base_absent[column] = log(1.0 - scratch.rate[column])
    for column in range(n_known):
        p = scratch.mixed[column]
        log_absent += absent[column]
        rates += scratch.rate[column]
        log_base += base_absent[column]
        if p > LEAST_LISTED:
            output.label[at] = cluster.label[column]
            output.probability[at] = p
            at += 1
    output.n[pair] = at - output.first[pair]
    output.log_absent[pair] = log_absent
    output.base_rates[pair] = rates
    output.log_base_absent[pair] = log_base
    return at


@inlined
def _advance(cluster, params, work, first, last, at, output, scratch):
    """Answer and learn the pairs ``first`` to ``last``; see :func:`advance_clusters`."""
    events, x, rows, hints = work.events, work.x, work.rows, work.hints
    answered = -1  # event whose answer ``scratch`` holds
    n_columns, n_known, n_labels = cluster.n_labels[0], 0, 0
    for pair in range(first, last):
        event = rows.event[pair]
        row, now, learns = events.row[event], events.now[event], events.learns[event]
        z = (x[0], x[1], x[3] if learns else x[2])
        while n_known < n_columns and cluster.born[n_known] < now:
            n_known += 1
        while n_labels < n_columns and cluster.born[n_labels] < now + learns:
            n_labels += 1
        again = follows(events, event)
        done = again and answered == event - 1
        if not done:  # else there is room, and the answer must not be lost
            if at + n_known > len(output.label):
                return OUTPUT_FULL, pair, at
            soon = pair + 1 < last and rows.event[pair + 1] == event + 1
            will_learn = learns or (soon and follows(events, event + 1))
            if will_learn and cells_left(cluster.cells) < x[0][row + 1] - x[0][row]:
                return CELLS_FULL, pair, at
        present = False
        for i in range(rows.truth[pair], rows.truth[pair + 1]):
            present = present or rows.truth_value[i] == TRUE
        concerned = rows.asked[pair] or rows.weight[pair] > 0.0
        if concerned and not done:
            for i in range(rows.hint[pair], rows.hint[pair + 1]):
                column, place = rows.hint_column[i], rows.hint_place[i]
                scratch.vote[column] = hints.vote[place]
                scratch.silent[column] = hints.silent[place]
                scratch.last[column] = hints.last[place]
                scratch.trend[column] = hints.trend[place]
            _answer(cluster, params, z, row, now, rows.probability[pair], n_columns, n_known,
                    hints.total[event], scratch)  # fmt: skip
            for i in range(rows.hint[pair], rows.hint[pair + 1]):
                column = rows.hint_column[i]
                scratch.vote[column], scratch.silent[column] = 0.0, 0.0
                scratch.last[column], scratch.trend[column] = 0, 0.0
            answered = event
        output.n[pair] = 0
        if rows.asked[pair] and not again:
            at = _list(cluster, n_known, pair, at, output, scratch)
        if not learns:
            continue
        for i in range(rows.truth[pair], rows.truth[pair + 1]):
            scratch.truth[rows.truth_column[i]] = rows.truth_value[i]
        if rows.asked[pair] and params.mix:
            _learn_weights(cluster, params, n_known, scratch)
        if rows.weight[pair] > 0.0:
            weight = rows.weight[pair]
            _learn_models(cluster, params, z, row, n_labels, weight, present, scratch)
        for i in range(rows.truth[pair], rows.truth[pair + 1]):
            column = rows.truth_column[i]
            if rows.truth_value[i] == TRUE:
                _touch(cluster, column, now)
                cluster.n_present[column] += 1.0
            else:
                _pass_over(cluster, column, now)
                cluster.n_unknown[column] += 1.0
            scratch.truth[column] = 0
    return DONE, last, at


@kernel
def advance_clusters(
    prototype, addresses, numbers, params, work, place, first, at, output, scratch
):
    """Let clusters answer and learn what concerns them, one after the other.

    Parameters
    ----------
    prototype
        Any :class:`~stream.engine.label_cluster_layout.LabelCluster`.
    addresses
        [clusters, words] of the states (:func:`~stream.engine.by_address.addresses_of`).
    numbers
        [clusters] the number of each, by which ``work.start`` tells its pairs.
    place, first
        The cluster that is next, and its pair that is next; -1: its first.
    at
        Entry of the output that comes next.

    Returns
    -------
    ``(code, place, first, at)``: DONE; or what has to grow before a call that goes on there.
    """
    while place < len(numbers):
        cluster = state_at(prototype, addresses, place)
        if first < 0:
            first = work.start[numbers[place]]
        last = work.start[numbers[place] + 1]
        code, first, at = _advance(cluster, params, work, first, last, at, output, scratch)
        if code != DONE:
            return code, place, first, at
        place, first = place + 1, np.int64(-1)
    return DONE, place, first, at
