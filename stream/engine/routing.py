"""Routing: how heavy each expert of a pool weighs, and which of them were right.

Source: Aspis, Cajas, Suárez-Cetrulo and Simón Carbajo, "DriftMoE", 2025 (multi-hot mask of the
experts that were right, all-wrong fallback, softmax with a temperature).
"""

from __future__ import annotations

import math

from stream.engine.jit import kernel
from stream.engine.log_odds import logit, sigmoid


@kernel
def weigh(scores, slots, temperature, weights):
    """Softmax of the scores of a pool's experts.

    Parameters
    ----------
    scores
        [rows, outputs of the router].
    slots
        [experts] outputs of the pool.
    weights
        [rows, experts] in place.
    """
    n = len(slots)
    for row in range(len(scores)):
        highest = scores[row, slots[0]]
        for e in range(1, n):
            highest = max(highest, scores[row, slots[e]])
        total = 0.0
        for e in range(n):
            weights[row, e] = math.exp((scores[row, slots[e]] - highest) / temperature)
            total += weights[row, e]
        for e in range(n):
            weights[row, e] /= total


@kernel
def blend(probabilities, weights, labels, out):
    """Add up the experts' log odds, each with its weight.

    Parameters
    ----------
    probabilities
        [experts, rows, labels] probabilities.
    weights
        [rows, experts].
    labels
        Labels of the cluster.
    out
        [rows, labels] probabilities in place.
    """
    for row in range(len(weights)):
        for label in labels:
            score = 0.0
            for e in range(weights.shape[1]):
                score += weights[row, e] * logit(probabilities[e, row, label])
            out[row, label] = sigmoid(score)


@kernel
def mark_right(probabilities, labels, truth, row, slots, targets):
    """Targets of a pool's experts for one row: 1 for those whose label set is the true one; if all
    are wrong, for the one that gave the truth the highest probability; none (NaN) if all are right,
    or the truth of no label is known.

    Parameters
    ----------
    probabilities
        [experts, labels] probabilities.
    labels
        Labels of the cluster.
    truth
        [labels] 0 absent, 1 present, 2 unknown.
    targets
        [rows, outputs of the router] in place.
    """
    n_right, n_known, best, highest = 0, 0, 0, -math.inf
    for e in range(len(slots)):
        right, chance = True, 0.0
        for label in labels:
            if truth[label] == 2:
                continue
            n_known += 1
            p = probabilities[e, label] if truth[label] == 1 else 1.0 - probabilities[e, label]
            right = right and p > 0.5
            chance += math.log(max(p, 1e-9))
        targets[row, slots[e]] = 1.0 if right else 0.0
        n_right += right
        if chance > highest:
            best, highest = e, chance
    if n_right == 0 and n_known > 0:
        targets[row, slots[best]] = 1.0
    if n_known == 0 or n_right == len(slots):
        for e in range(len(slots)):
            targets[row, slots[e]] = math.nan


@kernel
def mark_all_right(probabilities, labels, y, u, start, truth, slots, targets):
    """:func:`mark_right` for rows from ``start`` on.

    ``probabilities`` is [experts, rows, labels]; ``truth`` [labels] is room to work in, zero before
    and after.
    """
    for place in range(len(targets)):
        row = start + place
        for entry in range(y[0][row], y[0][row + 1]):
            truth[y[1][entry]] = 1
        for entry in range(u[0][row], u[0][row + 1]):
            truth[u[1][entry]] = 2
        mark_right(probabilities[:, place], labels, truth, place, slots, targets)
        for entry in range(y[0][row], y[0][row + 1]):
            truth[y[1][entry]] = 0
        for entry in range(u[0][row], u[0][row + 1]):
            truth[u[1][entry]] = 0


@kernel
def count_right(targets, slots, memory, right):
    """Move the shares of right answers of a pool's experts towards the targets of rows that have
    some.

    Parameters
    ----------
    targets
        [rows, outputs of the router] 0, 1, or NaN: the pool has no target.
    memory
        Rows over which a share is averaged.
    right
        [experts] in place.
    """
    for row in range(len(targets)):
        if not math.isnan(targets[row, slots[0]]):
            for e in range(len(slots)):
                right[e] += (targets[row, slots[e]] - right[e]) / memory
