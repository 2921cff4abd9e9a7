"""How good the order is in which labels are ranked: counts for the metrics at 1, 3 and 5.

A row costs its ranked and its present labels, whatever the number of labels of the stream; nothing
is allocated.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel
from stream.engine.metrics import is_scored

DEPTHS = (1, 3, 5)  # the k of the metrics
DEEPEST = 5
# Jain, Prabhu, Varma: Extreme multi-label loss functions. KDD 2016, section 4.
PROPENSITY_A, PROPENSITY_B = 0.55, 1.5
# Kinds of sums in RankCounts.sums, each for every depth.
PRECISION, NDCG, WEIGHTED, BEST_WEIGHTED = 0, 1, 2, 3
# Places in RankCounts.seen.
ROWS = 0


class RankCounts(NamedTuple):
    """How often each label was present, and sums over rows of one stretch or several."""

    present: Int64Array  # [labels] rows so far in which the label is known to be present
    seen: Int64Array  # [1] rows so far that are scored
    rarest: Int64Array  # [5] room for the smallest counts among the labels of a row
    rows: Int64Array  # [stretches] rows of the stretch that are scored
    sums: Float64Array  # [stretches, 4, 3] by kind and depth


def empty_rank_counts(n_labels: int) -> RankCounts:
    """Counts before the first row, of the whole stream and of one window."""
    return RankCounts(
        np.zeros(n_labels, np.int64),
        np.zeros(1, np.int64),
        np.zeros(DEEPEST, np.int64),
        np.zeros(2, np.int64),
        np.zeros((2, 4, len(DEPTHS))),
    )


@kernel
def _holds(indices: Int32Array, start: int, stop: int, label: int) -> bool:
    """Whether increasing indices hold a label."""
    while start < stop:
        middle = (start + stop) // 2
        if indices[middle] < label:
            start = middle + 1
        elif indices[middle] > label:
            stop = middle
        else:
            return True
    return False


@kernel
def rank_dense(
    probabilities: Float64Array,  # [rows, columns]
    u_indptr: Int64Array,
    u_indices: Int32Array,
    start: int,
    stop: int,
    labels: Int32Array,  # [rows, depth] out: best first, -1 where there are no more
    values: Float64Array,  # [rows, depth] out: their probabilities
) -> None:
    """The most probable labels of the rows ``start`` to ``stop``; the earlier column wins a tie.

    Labels of probability zero are not ranked, nor are those whose truth is unknown.
    """
    depth = labels.shape[1]
    for i in range(start, stop):
        for place in range(depth):
            labels[i, place] = -1
            values[i, place] = 0.0
        u, u_end = u_indptr[i], u_indptr[i + 1]
        for j in range(probabilities.shape[1]):
            value = probabilities[i, j]
            if not value > values[i, depth - 1]:
                continue
            while u < u_end and u_indices[u] < j:
                u += 1
            if u < u_end and u_indices[u] == j:
                continue
            place = depth - 1
            while place > 0 and value > values[i, place - 1]:
                labels[i, place] = labels[i, place - 1]
                values[i, place] = values[i, place - 1]
                place -= 1
            labels[i, place] = j
            values[i, place] = value


@kernel
def inverse_propensity(n_present: int, n_rows: int) -> float:
    """``1 / p`` of a label that was present in some of the rows; at least 1.

    ``p = 1 / (1 + C (n + B)^-A)`` with ``C = (log N - 1) (B + 1)^A``, which is taken to be 0 while
    ``log N < 1``.
    """
    if n_rows < 3:
        return 1.0
    scale = (math.log(n_rows) - 1.0) * (PROPENSITY_B + 1.0) ** PROPENSITY_A
    return 1.0 + scale * (n_present + PROPENSITY_B) ** -PROPENSITY_A


@kernel
def _rarest(
    present: Int64Array, y_indices: Int32Array, start: int, stop: int, rarest: Int64Array
) -> int:
    """The smallest counts among the labels of a row, in increasing order; how many there are."""
    found = 0
    for k in range(start, stop):
        count = present[y_indices[k]]
        if found == DEEPEST and count >= rarest[DEEPEST - 1]:
            continue
        place = min(found, DEEPEST - 1)
        while place > 0 and count < rarest[place - 1]:
            rarest[place] = rarest[place - 1]
            place -= 1
        rarest[place] = count
        found = min(found + 1, DEEPEST)
    return found


@kernel
def count_ranks(
    counts: RankCounts,
    labels: Int32Array,  # [rows, any depth] best first; -1: no more
    y_indptr: Int64Array,
    y_indices: Int32Array,
    u_indptr: Int64Array,
    u_indices: Int32Array,
    start: int,
    stop: int,
    n_labels: int,
) -> None:
    """Score the rows ``start`` to ``stop``, each with propensities from the rows before it.

    A ranked label whose truth is unknown is skipped, and those behind it move up. Rows of which
    nothing is known are not scored. ``counts`` has room for every label that occurs.
    """
    for i in range(start, stop):
        y, y_end = y_indptr[i], y_indptr[i + 1]
        u, u_end = u_indptr[i], u_indptr[i + 1]
        n_unknown = u_end - u
        if not is_scored(y_end - y, n_unknown, n_labels, False):
            continue
        n_rows = counts.seen[ROWS]

        n_rarest = _rarest(counts.present, y_indices, y, y_end, counts.rarest)
        hits, gain, weighted, ideal, best = 0, 0.0, 0.0, 0.0, 0.0
        taken = 0  # ranked labels looked at
        depth = 0  # of DEPTHS
        for place in range(DEEPEST):
            label = -1  # the next ranked one whose truth is known
            while label < 0 and taken < labels.shape[1] and labels[i, taken] >= 0:
                label = labels[i, taken]
                taken += 1
                if n_unknown > 0 and _holds(u_indices, u, u_end, label):
                    label = -1
            discount = 1.0 / math.log2(place + 2.0)
            if label >= 0 and _holds(y_indices, y, y_end, label):
                hits += 1
                gain += discount
                weighted += inverse_propensity(counts.present[label], n_rows)
            if place < n_rarest:  # a perfect ranking has a present label here
                ideal += discount
                best += inverse_propensity(counts.rarest[place], n_rows)
            if place + 1 == DEPTHS[depth]:
                for stretch in range(counts.sums.shape[0]):
                    sums = counts.sums[stretch]
                    sums[PRECISION, depth] += hits / DEPTHS[depth]
                    if hits > 0:
                        sums[NDCG, depth] += gain / ideal
                    sums[WEIGHTED, depth] += weighted
                    sums[BEST_WEIGHTED, depth] += best
                depth += 1
        for stretch in range(counts.rows.shape[0]):
            counts.rows[stretch] += 1
        counts.seen[ROWS] += 1
        for k in range(y, y_end):
            counts.present[y_indices[k]] += 1
