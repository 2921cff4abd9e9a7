"""The joint decoder: from a probability per label to a distribution over label sets.

A *table* keeps the label sets that were seen, with decayed counts: table 0 for all labels, and one
for the labels of every cluster. With ``p`` the labels' probabilities, ``f`` their base rates and
``c`` the share of a set among the rows, a set that was seen scores

    log P(set | p) + beta * (log c - log P(set | f)),

where ``P(set | q)`` is the probability of the set if labels were independent with probabilities
``q``: what the row says of its labels one by one, corrected by how much more often they occur
together than by chance. All sets that were never seen count as one more, of score
``(1 - beta) * log(what P(. | p) leaves to them) + beta * log(share of rows with a new set)``: the
same formula, with what ``p`` leaves to them for what their base rates do. Inside it, labels are
spread as the clusters' tables say, independently of each other; inside a cluster's table, labels of
a piece that was never seen are independent.

A set that is answered as a whole is the best of the most probable sets that were seen and one that
is *composed* of every cluster's best piece, where that one was never seen. Clusters are not quite
independent and pieces not quite certain, so that the probability of a composed set is corrected by
how often such sets were right, compared with how often that was expected.
"""

from __future__ import annotations

import math

import numpy as np

from stream.engine.best_first import list_best, rank
from stream.engine.elementary import SMALLEST, exp, log
from stream.engine.jit import inlined
from stream.engine.joint_decoder_layout import (
    ANSWERED,
    ANSWERED_PRESENT,
    ANSWERED_RIGHT,
    BALANCED,
    COMPOSED_EXPECTED,
    COMPOSED_RIGHT,
    COUNTED,
    F1,
    INDEPENDENT,
    LEAST_REST,
    MARGINAL,
    NO_COMPOSED,
    PREDICTED,
    PRESENT,
    SUBSET,
    TOP,
    TRUE_POSITIVE,
    UNIT,
)


@inlined
def _prepare(decoder, p, n_labels, n_tables, scratch):
    """Logits of a row's labels and of their base rates, and what all of a table's being absent
    scores."""
    unit = decoder.registers[UNIT]
    for table in range(n_tables):
        scratch.absent[table] = 0.0
        scratch.base_absent[table] = 0.0
    logits, base_logits = scratch.logit, scratch.base_logit
    absent, base_absent = scratch.label_absent, scratch.label_base_absent
    n_present, n_known = decoder.n_present, decoder.n_known
    for label in range(n_labels):
        base_logits[label] = (n_present[label] + 0.5 * unit) / (n_known[label] + unit)
    for label in range(n_labels):
        base_absent[label] = log(1.0 - base_logits[label])
    for label in range(n_labels):
        base_logits[label] = log(base_logits[label]) - base_absent[label]
    for label in range(n_labels):
        absent[label] = log(1.0 - p[label])
    for label in range(n_labels):
        logits[label] = log(p[label]) - absent[label]
    for label in range(n_labels):
        table = decoder.table[label]
        scratch.absent[table] += absent[label]
        scratch.base_absent[table] += base_absent[label]
        scratch.absent[0] += absent[label]
        scratch.base_absent[0] += base_absent[label]


@inlined
def _score_table(decoder, params, table, scratch):
    """Probability of every set in a table, and of all sets that are not in it."""
    unit, n_sets, beta = decoder.registers[UNIT], decoder.n_sets[table], params.beta
    score, times, of_row = scratch.score[table], decoder.times[table], scratch.of_row
    logits, base_logits, absent = scratch.logit, scratch.base_logit, scratch.absent[table]
    size, members, base_absent = (
        decoder.size[table], decoder.members[table], scratch.base_absent[table],
    )  # fmt: skip
    rows, seen = decoder.n_rows[table] + unit, 0.0
    for s in range(n_sets):
        row, base, own = absent, base_absent, members[s]
        for i in range(size[s]):
            label = np.uintp(own[i])  # see engine/postings.py
            row += logits[label]
            base += base_logits[label]
        of_row[s], score[s] = row, base
    for s in range(n_sets):
        share = log(max(times[s], SMALLEST) / rows)
        score[s] = of_row[s] + beta * (share - score[s])
    for s in range(n_sets):
        score[s] = score[s] if times[s] > 0.0 else -math.inf
    for s in range(n_sets):
        of_row[s] = exp(of_row[s])
    highest, best = -math.inf, INDEPENDENT
    for s in range(n_sets):
        seen += of_row[s]
        if score[s] > highest:
            highest, best = score[s], s
    new = (decoder.n_new[table] + 0.5 * unit) / rows
    rest = beta * log(new)
    rest += (1.0 - beta) * log(max(1.0 - seen, LEAST_REST))
    highest = max(highest, rest)
    for s in range(n_sets):
        score[s] = exp(score[s] - highest)
    rest = exp(rest - highest)
    total = rest
    for s in range(n_sets):
        total += score[s]
    for s in range(n_sets):
        score[s] /= total
    scratch.rest[table] = rest / total
    scratch.best[table] = best


@inlined
def _add_members(decoder, table, scratch, marginal):
    """Add the probability of every set in a table to the marginals of its labels."""
    size, score = decoder.size[table], scratch.score[table]
    for s in range(decoder.n_sets[table]):
        own, probability = decoder.members[table, s], score[s]
        for i in range(size[s]):
            marginal[np.uintp(own[i])] += probability


@inlined
def _independent_best(decoder, table, scratch, n_labels):
    """Log probability of the most probable set if labels are independent."""
    best = scratch.absent[table]
    for label in range(n_labels):
        if decoder.table[label] == table and scratch.logit[label] > 0.0:
            best += scratch.logit[label]
    return best


@inlined
def _decode_clusters(decoder, params, p, n_labels, n_tables, scratch):
    """Marginals inside the clusters; returns the log probability of the clusters' best pieces."""
    composed = 0.0
    for table in range(1, n_tables):
        _score_table(decoder, params, table, scratch)
    for label in range(n_labels):
        scratch.piece[label] = scratch.rest[decoder.table[label]] * p[label]
    for table in range(1, n_tables):
        _add_members(decoder, table, scratch, scratch.piece)
        best, log_rest = scratch.best[table], log(max(scratch.rest[table], SMALLEST))
        independent = log_rest + _independent_best(decoder, table, scratch, n_labels)
        if best == INDEPENDENT or log(max(scratch.score[table, best], SMALLEST)) < independent:
            scratch.best[table] = INDEPENDENT
            composed += independent
        else:
            composed += log(max(scratch.score[table, best], SMALLEST))
    return composed


@inlined
def _compose(decoder, n_labels, n_tables, scratch, members):
    """Write the clusters' best pieces into ``members``, ascending; returns how many."""
    for label in range(n_labels):
        table = decoder.table[label]
        alone = scratch.best[table] == INDEPENDENT
        scratch.mark[label] = alone and scratch.logit[label] > 0.0
    for table in range(1, n_tables):
        best = scratch.best[table]
        if best != INDEPENDENT:
            for i in range(decoder.size[table, best]):
                scratch.mark[decoder.members[table, best, i]] = 1
    n = 0
    for label in range(n_labels):
        if scratch.mark[label] == 1:
            members[n] = label
            n += 1
            scratch.mark[label] = 0
    return n


@inlined
def _candidates(decoder, composed, n_labels, n_tables, scratch):
    """Write down the sets to choose from and their probabilities; returns how many."""
    registers = decoder.registers
    n = list_best(scratch.score[0], decoder.n_sets[0], TOP - 1, scratch.place)
    size, p, candidate = scratch.candidate_size, scratch.candidate_p, scratch.candidate
    for c in range(n):
        s = scratch.place[c]
        size[c], p[c] = decoder.size[0, s], scratch.score[0, s]
        for i in range(size[c]):
            candidate[c, i] = decoder.members[0, s, i]
    size[n] = _compose(decoder, n_labels, n_tables, scratch, candidate[n])
    scratch.composed[0] = n
    scratch.composed_p[0] = scratch.rest[0] * exp(composed)
    right, expected = registers[COMPOSED_RIGHT], registers[COMPOSED_EXPECTED]
    correction = (right + registers[UNIT]) / (expected + registers[UNIT])
    p[n] = min(scratch.composed_p[0] * correction, 1.0)
    for c in range(n):
        if size[c] == size[n]:
            same = True
            for i in range(size[n]):
                if candidate[c, i] != candidate[n, i]:
                    same = False
                    break
            if same:
                scratch.composed_p[0] = NO_COMPOSED
                return n
    return n + 1


@inlined
def expected_worth(params, registers, k, inside, total, p_set, n_labels):
    """Expected worth of answering with ``k`` labels.

    The F1 of the row is about ``2 * inside / (k + total)`` (Ye, Chai, Lee and Chieu, "Optimizing
    F-measures", ICML 2012). The micro-F1 ``F`` of a stream with ``S`` labels answered or present a
    row rises by ``(2 p - F) / S`` a row with a label of probability ``p`` that is answered.

    Parameters
    ----------
    registers
        With what was answered before.
    inside, total
        Sum of the probabilities of these labels, and of all.
    p_set
        Probability that they are the true set.
    """
    if params.decode == SUBSET:
        return p_set
    unit = registers[UNIT]
    both = registers[ANSWERED] + registers[ANSWERED_PRESENT] + unit
    micro_f1 = (2.0 * registers[ANSWERED_RIGHT] + 0.5 * unit) / both
    micro = (2.0 * inside - micro_f1 * k) * (registers[COUNTED] + unit) / both
    f1 = 2.0 * inside / (k + total) if k > 0 else p_set
    weighed = params.exact_weight * p_set + params.f1_weight * f1 + params.micro_weight * micro
    rest = 1.0 - params.exact_weight - params.f1_weight - params.micro_weight
    return weighed - rest * (k + total - 2.0 * inside) / n_labels


@inlined
def _choose(decoder, params, p, n, n_labels, scratch, decided):
    """Answer with the candidate of the highest expected worth, or with the most probable labels.

    Parameters
    ----------
    n
        Candidates written down.
    """
    registers, order, total = decoder.registers, scratch.order, 0.0
    for label in range(n_labels):
        total += p[label]
    best, highest, best_k = -1, -math.inf, 0
    for c in range(n):
        inside = 0.0
        for i in range(scratch.candidate_size[c]):
            inside += p[scratch.candidate[c, i]]
        worth = expected_worth(
            params, registers, scratch.candidate_size[c], inside, total, scratch.candidate_p[c],
            n_labels,
        )  # fmt: skip
        if worth > highest:
            best, highest = c, worth
    if params.decode == BALANCED:
        rank(p, n_labels, scratch.buckets, order)
        inside, log_p = 0.0, scratch.absent[0]
        for k in range(n_labels + 1):
            if k > 0:
                inside += p[order[k - 1]]
                log_p += scratch.logit[order[k - 1]]
            p_set = scratch.rest[0] * exp(min(log_p, 0.0))
            worth = expected_worth(params, registers, k, inside, total, p_set, n_labels)
            if worth > highest:
                best, highest, best_k = -1, worth, k
    if best >= 0:
        for i in range(scratch.candidate_size[best]):
            decided[scratch.candidate[best, i]] = 1
    else:
        for i in range(best_k):
            decided[order[i]] = 1


@inlined
def f1_threshold(decoder, label):
    """Half the F1 that a label achieves: the threshold that maximises it (Lipton, Elkan and
    Naryanaswamy, ECML PKDD 2014)."""
    achieved, unit = decoder.achieved[label], decoder.registers[UNIT]
    common = achieved[TRUE_POSITIVE] + 0.5 * unit
    return common / (achieved[PREDICTED] + achieved[PRESENT] + unit)


@inlined
def decode_row(decoder, params, p, n_labels, scratch, decided):
    """Marginals of a row's labels in ``scratch.marginal``, and the label set that is answered.

    Parameters
    ----------
    p
        [labels] probability of each label on its own, in (0, 1).
    decided
        [labels] 1: answered; in place.
    """
    n_tables = len(decoder.n_sets)
    _prepare(decoder, p, n_labels, n_tables, scratch)
    composed = _decode_clusters(decoder, params, p, n_labels, n_tables, scratch)
    _score_table(decoder, params, 0, scratch)
    marginal = scratch.marginal
    for label in range(n_labels):
        marginal[label] = scratch.rest[0] * scratch.piece[label]
    _add_members(decoder, 0, scratch, marginal)
    for label in range(n_labels):
        marginal[label] = min(marginal[label], 1.0)
        decided[label] = 0
    if params.decode == MARGINAL:
        for label in range(n_labels):
            decided[label] = marginal[label] > 0.5
        return
    if params.decode == F1:
        for label in range(n_labels):
            decided[label] = marginal[label] > f1_threshold(decoder, label)
        return
    n = _candidates(decoder, composed, n_labels, n_tables, scratch)
    _choose(decoder, params, marginal, n, n_labels, scratch, decided)
