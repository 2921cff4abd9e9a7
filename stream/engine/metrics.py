"""Counts from which every metric of a label set follows, added up by compiled kernels.

The kernels walk the predicted and the true labels of a row together (both are in increasing order),
so a row costs one scan of its predictions plus the labels present; nothing is allocated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel

# Places in LabelCounts.rows and LabelCounts.examples.
SCORED, EXACT, WRONG, UNKNOWN = 0, 1, 2, 3
F1, PRECISION, RECALL = 0, 1, 2
# Places in BaselineState.now.
MAJORITY, LATEST, SEEN = 0, 1, 2


class LabelCounts(NamedTuple):
    """What was predicted against what was true; only labels whose truth is known are counted."""

    true_positives: Int64Array  # [labels] predicted and present
    false_positives: Int64Array  # [labels] predicted, absent
    false_negatives: Int64Array  # [labels] not predicted, present
    unknown: Int64Array  # [labels] scored rows in which the truth of this label is unknown
    rows: Int64Array  # [4] rows scored, rows exactly right, wrong cells, cells of unknown truth
    examples: Float64Array  # [3] sums over rows: F1, precision, recall of the row


class BaselineState(NamedTuple):
    """Two classifiers that look at classes only: the most frequent class so far, and the latest."""

    counts: Int64Array  # [classes] rows of each class that have arrived
    recent: (
        Int32Array  # [delay + 1, or more than the rows seen] ring of latest classes; -1: unknown
    )
    now: Int64Array  # [3] majority class (-1: none yet), latest class (-1: none yet), rows seen


def empty_counts(n_labels: int) -> LabelCounts:
    """Counts of ``n_labels`` labels before the first row."""
    return LabelCounts(
        np.zeros(n_labels, np.int64),
        np.zeros(n_labels, np.int64),
        np.zeros(n_labels, np.int64),
        np.zeros(n_labels, np.int64),
        np.zeros(4, np.int64),
        np.zeros(3),
    )


def empty_baseline(n_labels: int, room: int = 1) -> BaselineState:
    """Baselines of ``n_labels`` classes, with room for so many rows that wait for their class."""
    return BaselineState(
        np.zeros(n_labels, np.int64), np.full(room, -1, np.int32), np.array([-1, -1, 0])
    )


@kernel
def is_scored(n_present: int, n_unknown: int, n_labels: int, single_label: bool) -> bool:
    """Whether a row says anything: a class, or the truth of at least one label."""
    if single_label:
        return n_present > 0
    return n_unknown == 0 or n_unknown < n_labels


@kernel
def count_labels(
    counts: LabelCounts,
    p_indptr: Int64Array,  # labels that were predicted, ascending within a row
    p_indices: Int32Array,
    y_indptr: Int64Array,
    y_indices: Int32Array,
    u_indptr: Int64Array,
    u_indices: Int32Array,
    start: int,
    stop: int,
    n_labels: int,
    single_label: bool,
) -> None:
    """Add the rows ``start`` to ``stop``.

    Rows of which nothing is known are not scored. ``counts`` has room for every label column that
    occurs.
    """
    for i in range(start, stop):
        y, y_end = y_indptr[i], y_indptr[i + 1]
        u, u_end = u_indptr[i], u_indptr[i + 1]
        n_unknown = u_end - u
        if not is_scored(y_end - y, n_unknown, n_labels, single_label):
            continue
        for k in range(u, u_end):
            counts.unknown[u_indices[k]] += 1
        tp, fp = 0, 0
        n_present = y_end - y
        for p in range(p_indptr[i], p_indptr[i + 1]):
            j = p_indices[p]
            while y < y_end and y_indices[y] < j:
                counts.false_negatives[y_indices[y]] += 1
                y += 1
            if y < y_end and y_indices[y] == j:
                counts.true_positives[j] += 1
                tp += 1
                y += 1
                continue
            while u < u_end and u_indices[u] < j:
                u += 1
            if u < u_end and u_indices[u] == j:
                continue
            counts.false_positives[j] += 1
            fp += 1
        for k in range(y, y_end):
            counts.false_negatives[y_indices[k]] += 1

        wrong = fp + n_present - tp
        counts.rows[SCORED] += 1
        counts.rows[WRONG] += wrong
        counts.rows[UNKNOWN] += n_unknown
        if wrong == 0:
            counts.rows[EXACT] += 1
            counts.examples[F1] += 1.0
            counts.examples[PRECISION] += 1.0
            counts.examples[RECALL] += 1.0
        elif tp > 0:
            counts.examples[F1] += 2.0 * tp / (tp + fp + n_present)
            counts.examples[PRECISION] += tp / (tp + fp)
            counts.examples[RECALL] += tp / n_present


@kernel
def count_baselines(
    state: BaselineState, y_indptr: Int64Array, y_indices: Int32Array, start: int, stop: int
) -> tuple[int, int]:
    """Rows ``start`` to ``stop`` that the majority class and the latest class get right.

    Both predict a row before they learn it, ``delay`` rows later. A new class becomes the majority
    when it overtakes.
    """
    right_majority, right_latest = 0, 0
    size = state.recent.shape[0]
    for i in range(start, stop):
        truth = -1
        if y_indptr[i + 1] > y_indptr[i]:
            truth = y_indices[y_indptr[i]]
            if truth == state.now[MAJORITY]:
                right_majority += 1
            if truth == state.now[LATEST]:
                right_latest += 1
        state.recent[state.now[SEEN] % size] = truth
        state.now[SEEN] += 1
        arrived = state.recent[state.now[SEEN] % size]
        if arrived >= 0:
            state.counts[arrived] += 1
            state.now[LATEST] = arrived
            leader = state.now[MAJORITY]
            if leader < 0 or state.counts[arrived] > state.counts[leader]:
                state.now[MAJORITY] = arrived
    return right_majority, right_latest
