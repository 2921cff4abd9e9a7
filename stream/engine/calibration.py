"""How far probabilities are from what happened: counts for Brier score and calibration error.

A row costs the labels that have a probability above zero and those that are present, whatever the
number of labels of the stream; nothing is allocated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int32Array, Int64Array, UInt8Array
from stream.engine.jit import kernel
from stream.engine.metrics import is_scored

BINS = 10  # of equal width on [0, 1]; a probability on an edge is in the bin above it
ABSENT, PRESENT, UNKNOWN = 0, 1, 2  # in CalibrationCounts.truth


class CalibrationCounts(NamedTuple):
    """Sums over the cells (rows × labels) of one stretch whose truth is known.

    Only cells of a probability above zero are in the sums by bin, so that a cell that no model
    mentions costs nothing: how many there are follows from ``scored`` and ``unknown``.
    """

    cells: Int64Array  # [labels, bins] cells of a probability above zero
    present: Int64Array  # [labels, bins] those of them in which the label is present
    total: Float64Array  # [labels, bins] sum of their probabilities
    squared: Float64Array  # [labels] sum of their squared errors
    missed: Int64Array  # [labels] cells of probability zero in which the label is present
    unknown: Int64Array  # [labels] scored rows in which the truth of the label is unknown
    scored: Int64Array  # [1] rows of which something is known
    truth: UInt8Array  # [labels] room for the truth of one row; ABSENT between rows


def empty_calibration(n_labels: int) -> CalibrationCounts:
    """Counts of ``n_labels`` labels before the first row."""
    return CalibrationCounts(
        np.zeros((n_labels, BINS), np.int64),
        np.zeros((n_labels, BINS), np.int64),
        np.zeros((n_labels, BINS)),
        np.zeros(n_labels),
        np.zeros(n_labels, np.int64),
        np.zeros(n_labels, np.int64),
        np.zeros(1, np.int64),
        np.zeros(n_labels, np.uint8),
    )


@kernel
def count_calibration(
    counts: CalibrationCounts,
    start: Int64Array,  # [rows + 1] first probability of each row
    label: Int32Array,  # [entries] column; each once in a row, in any order
    probability: Float64Array,  # [entries]
    y_indptr: Int64Array,
    y_indices: Int32Array,
    u_indptr: Int64Array,
    u_indices: Int32Array,
    first: int,
    stop: int,
    n_labels: int,
    single_label: bool,
) -> None:
    """Add the rows ``first`` to ``stop``; a label that is not listed has probability zero.

    ``counts`` has room for every label column that occurs.
    """
    for i in range(first, stop):
        y, y_end = y_indptr[i], y_indptr[i + 1]
        u, u_end = u_indptr[i], u_indptr[i + 1]
        if not is_scored(y_end - y, u_end - u, n_labels, single_label):
            continue
        counts.scored[0] += 1
        for k in range(y, y_end):
            counts.truth[y_indices[k]] = PRESENT
            counts.missed[y_indices[k]] += 1
        for k in range(u, u_end):
            counts.truth[u_indices[k]] = UNKNOWN
            counts.unknown[u_indices[k]] += 1
        for k in range(start[i], start[i + 1]):
            j, p = label[k], probability[k]
            if not p > 0.0 or counts.truth[j] == UNKNOWN:
                continue
            place = min(int(p * BINS), BINS - 1)
            error = p
            if counts.truth[j] == PRESENT:
                counts.present[j, place] += 1
                counts.missed[j] -= 1
                error = 1.0 - p
            counts.cells[j, place] += 1
            counts.total[j, place] += p
            counts.squared[j] += error * error
        for k in range(y, y_end):
            counts.truth[y_indices[k]] = ABSENT
        for k in range(u, u_end):
            counts.truth[u_indices[k]] = ABSENT
