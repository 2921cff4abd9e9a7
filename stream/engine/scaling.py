"""Online standardisation of features, one row after the other, for models that need inputs of one
size.

A *common* feature (not zero in about half of the rows or more) becomes (x - mean) / deviation,
zeros included. Any other feature stays sparse: its zeros stay zero and its values are divided by
their root mean square. The row itself is not part of the statistics it is scaled with.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

from stream.engine.arrays import (
    COUNTS,
    SUMS,
    VALUES,
    Axes,
    Float64Array,
    Int32Array,
    Int64Array,
    UInt8Array,
    below,
    up_to,
)
from stream.engine.events import follows
from stream.engine.jit import inlined, kernel

BECOMES_COMMON = 0.5  # share of rows in which a feature is not zero
STOPS_BEING_COMMON = 0.4
MOST_FEATURES = 4096  # of rows that are taken for dense
LARGEST = 5.0  # scaled values are cut here: one outlier must not move a model


class Scaler(NamedTuple):
    """Statistics of every feature over all rows that were learnt."""

    n_rows: Annotated[Int64Array, Axes(1, holds=COUNTS)]
    n_common: Annotated[Int64Array, Axes(1, holds=up_to("features"))]
    common: Annotated[
        Int32Array, Axes("features", holds=below("features"))
    ]  # the common features, ascending
    is_common: Annotated[UInt8Array, Axes("features", holds=below(2))]
    n: Annotated[Int64Array, Axes("features", holds=COUNTS)]  # times not zero
    n_missing: Annotated[Int64Array, Axes("features", holds=COUNTS)]
    shift: Annotated[
        Float64Array, Axes("features", holds=VALUES)
    ]  # first value; the sums below are of x - shift, x not zero
    total: Annotated[Float64Array, Axes("features", holds=SUMS)]
    square: Annotated[Float64Array, Axes("features", holds=SUMS)]


class Moments(NamedTuple):
    """Mean and deviation of features, as long as the scaler learns no row. Without room for them
    each is found when it is needed."""

    mean: Annotated[Float64Array, Axes("features")]  # of x - shift
    deviation: Annotated[Float64Array, Axes("features")]  # 0: the feature is constant


@inlined
def _mean(total, shift, n, rows):
    """Mean of x - shift, zeros included."""
    zeros = rows - n
    return (total - zeros * shift) / rows


@inlined
def _deviation(square, shift, n, rows, mean):
    """Standard deviation, zeros included; 0 where it is nothing but rounding errors."""
    zeros = rows - n
    variance = (square + zeros * shift * shift) / rows - mean * mean
    least = 1e-12 * (mean * mean + shift * shift)
    return math.sqrt(max(variance, 0.0)) if variance > least else 0.0


@inlined
def _find_moments(scaler, n_features, moments):
    """Find the moments of the first features at once; returns whether that was worth it."""
    if n_features > len(moments.mean) or 4 * scaler.n_common[0] < n_features:
        return False
    n, n_missing, n_rows = scaler.n, scaler.n_missing, scaler.n_rows[0]
    shift, total, square = scaler.shift, scaler.total, scaler.square
    mean, deviation = moments
    # Short loops over few arrays, so that the compiler has several features done at a time.
    for j in range(n_features):
        mean[j] = _mean(total[j], shift[j], float(n[j]), float(n_rows - n_missing[j]))
    for j in range(n_features):
        rows = float(n_rows - n_missing[j])
        deviation[j] = _deviation(square[j], shift[j], float(n[j]), rows, mean[j])
    return True


@inlined
def _scaled(scaler, j, x, found, moments):
    """Value of feature ``j`` after scaling; ``found``: the moments are there."""
    n = float(scaler.n[j]) if j < len(scaler.n) else 0.0
    if n == 0.0:
        return 1.0 if x > 0.0 else -1.0
    shift = scaler.shift[j]
    if scaler.is_common[j]:
        if found:
            mean, deviation = moments.mean[j], moments.deviation[j]
        else:
            rows = float(scaler.n_rows[0] - scaler.n_missing[j])
            mean = _mean(scaler.total[j], shift, n, rows)
            deviation = _deviation(scaler.square[j], shift, n, rows, mean)
        value = (x - shift - mean) / deviation if deviation > 0.0 else 0.0
    else:
        square = scaler.square[j] + 2.0 * shift * scaler.total[j] + n * shift * shift
        value = x / math.sqrt(square / n) if square > 0.0 else math.copysign(1.0, x)
    return min(max(value, -LARGEST), LARGEST)


@inlined
def _put(indices, values, at, j, value):
    """Write an entry at ``at`` unless its value is 0; returns where the next one goes."""
    if value == 0.0:
        return at
    indices[at] = j
    values[at] = value
    return at + 1


@inlined
def scale_row(scaler, x_indices, x_values, first, last, indices, values, at, moments):
    """Scale the row in entries ``first`` to ``last``; write it from ``at`` on and return where it
    ends. ``moments`` are room to work in."""
    n_common = scaler.n_common[0]
    n_features = scaler.common[n_common - 1] + 1 if n_common > 0 else 0
    found = _find_moments(scaler, n_features, moments)
    c = 0
    for entry in range(first, last):
        j = x_indices[entry]
        while c < n_common and scaler.common[c] < j:
            common = scaler.common[c]
            at = _put(indices, values, at, common, _scaled(scaler, common, 0.0, found, moments))
            c += 1
        if c < n_common and scaler.common[c] == j:
            c += 1
        x = x_values[entry]
        if not math.isnan(x):
            at = _put(indices, values, at, j, _scaled(scaler, j, x, found, moments))
    while c < n_common:
        common = scaler.common[c]
        at = _put(indices, values, at, common, _scaled(scaler, common, 0.0, found, moments))
        c += 1
    return at


@kernel
def _insert_common(scaler, j):
    place = scaler.n_common[0]
    while place > 0 and scaler.common[place - 1] > j:
        scaler.common[place] = scaler.common[place - 1]
        place -= 1
    scaler.common[place] = j
    scaler.n_common[0] += 1
    scaler.is_common[j] = 1


@inlined
def update_scaler(scaler, x_indices, x_values, first, last):
    """Add the row in entries ``first`` to ``last`` to the statistics."""
    scaler.n_rows[0] += 1
    rows = scaler.n_rows[0]
    for entry in range(first, last):
        j = x_indices[entry]
        if j >= len(scaler.n):
            continue  # the memory limit left no room for this column
        x = x_values[entry]
        if math.isnan(x):
            scaler.n_missing[j] += 1
            continue
        if scaler.n[j] == 0:
            scaler.shift[j] = x
        offset = x - scaler.shift[j]
        scaler.n[j] += 1
        scaler.total[j] += offset
        scaler.square[j] += offset * offset
        if not scaler.is_common[j] and scaler.n[j] >= BECOMES_COMMON * (rows - scaler.n_missing[j]):
            _insert_common(scaler, j)
    kept = 0
    for c in range(scaler.n_common[0]):
        j = scaler.common[c]
        if scaler.n[j] < STOPS_BEING_COMMON * (rows - scaler.n_missing[j]):
            scaler.is_common[j] = 0
        else:
            scaler.common[kept] = j
            kept += 1
    scaler.n_common[0] = kept


@kernel
def scale_rows(scaler, x, events, cursor, scaled, moments):
    """Scale the row of each event, and add those that are learnt to the statistics.

    Parameters
    ----------
    x
        Rows ``(indptr, indices, values)``.
    events
        :class:`~stream.engine.events.Events`. A row that is learnt as soon as it was predicted is
        scaled once.
    cursor
        Next event, and the entries written; moved on.
    scaled
        The scaled rows [answers] ``(indptr, indices, values)``, in place.
    moments
        Room to work in, for all features or none.

    Returns
    -------
    Whether there is no room for the next row.
    """
    for event in range(cursor[0], len(events.row)):
        row = events.row[event]
        first, last = x[0][row], x[0][row + 1]
        if not follows(events, event):
            if cursor[1] + last - first + scaler.n_common[0] > len(scaled[1]):
                return True
            cursor[1] = scale_row(
                scaler, x[1], x[2], first, last, scaled[1], scaled[2], cursor[1], moments
            )
            scaled[0][events.answer[event] - events.answer[0] + 1] = cursor[1]
        if events.learns[event]:
            update_scaler(scaler, x[1], x[2], first, last)
        cursor[0] = event + 1
    return False
