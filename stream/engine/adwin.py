"""ADWIN change detectors, many of them side by side in a few arrays.

Source: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007 (the
ADWIN2 variant with exponential histograms). Detections fall on the same positions as those of
``river.drift.ADWIN`` with its default constants.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np

from stream.engine.arrays import (
    COUNTS,
    WEIGHTS,
    Axes,
    Float64Array,
    Int32Array,
    RecordArray,
    below,
    record,
    up_to,
)
from stream.engine.elementary import log
from stream.engine.jit import kernel

MAX_BUCKETS = 5  # buckets of one size before two of them merge
LEVELS = 28  # level i holds buckets of 2**i values: room for 1.3e9 values in a window
CLOCK = 32  # values between two tests for change
MIN_WINDOW_LENGTH = 5  # values on each side of a cut
GRACE_PERIOD = 10  # values before the first test


DETECTOR = record(
    width=np.int64,  # values in the window
    ticks=np.int64,  # values since the detector began
    total=np.float64,  # sum of the window's values
    spread=np.float64,  # sum of their squared deviations from the mean
    n_levels=np.int32,  # levels in use; 0 is the same as 1
    detected=np.int32,  # 1: the last value ended in a detection, the next one begins anew
)


_DETECTORS_HOLD = {
    **dict.fromkeys(("width", "ticks"), COUNTS),
    **dict.fromkeys(("total", "spread"), WEIGHTS),
    "n_levels": up_to(LEVELS),
    "detected": below(2),
}


class Adwins(NamedTuple):
    """State of all detectors; the first axis is the detector.

    Buckets of a level stand oldest first.
    """

    detectors: Annotated[RecordArray, Axes("detectors", dtype=DETECTOR, holds=_DETECTORS_HOLD)]
    totals: Annotated[
        Float64Array, Axes("detectors", LEVELS, MAX_BUCKETS + 1, holds=WEIGHTS)
    ]  # sum of a bucket's values
    spreads: Annotated[
        Float64Array, Axes("detectors", LEVELS, MAX_BUCKETS + 1, holds=WEIGHTS)
    ]  # of squared deviations
    n_buckets: Annotated[Int32Array, Axes("detectors", LEVELS, holds=up_to(MAX_BUCKETS))]


@kernel
def adwin_reset(adwins, d):
    """Forget everything that detector ``d`` has seen."""
    adwins.n_buckets[d, :] = 0
    adwins.detectors[d].n_levels = 1
    adwins.detectors[d].width = 0
    adwins.detectors[d].ticks = 0
    adwins.detectors[d].total = 0.0
    adwins.detectors[d].spread = 0.0
    adwins.detectors[d].detected = 0


@kernel
def adwin_mean(adwins, d):
    """Mean of the window of detector ``d`` (0 when it is empty)."""
    return (
        adwins.detectors[d].total / adwins.detectors[d].width
        if adwins.detectors[d].width > 0
        else 0.0
    )


@kernel
def _drop_front(adwins, d, level, n_dropped):
    """Remove the oldest buckets of a level; the others move up."""
    left = adwins.n_buckets[d, level] - n_dropped
    for bucket in range(left):
        adwins.totals[d, level, bucket] = adwins.totals[d, level, bucket + n_dropped]
        adwins.spreads[d, level, bucket] = adwins.spreads[d, level, bucket + n_dropped]
    adwins.n_buckets[d, level] = left


@kernel
def _drop_oldest(adwins, d):
    """Remove the oldest bucket of the window and return how many values it held."""
    level = adwins.detectors[d].n_levels - 1
    size = float(1 << level)
    total, spread = adwins.totals[d, level, 0], adwins.spreads[d, level, 0]
    adwins.detectors[d].width -= 1 << level
    adwins.detectors[d].total -= total
    width = float(adwins.detectors[d].width)
    if width > 0:
        shift = total / size - adwins.detectors[d].total / width
        adwins.detectors[d].spread -= spread + size * width * shift * shift / (size + width)
    else:
        adwins.detectors[d].spread = 0.0
    _drop_front(adwins, d, level, 1)
    if adwins.n_buckets[d, level] == 0 and level > 0:
        adwins.detectors[d].n_levels = level
    return 1 << level


@kernel
def _compress(adwins, d):
    """Merge the two oldest buckets of every level that holds more than ``MAX_BUCKETS``."""
    for level in range(LEVELS - 1):
        if adwins.n_buckets[d, level] <= MAX_BUCKETS:
            return
        size = float(1 << level)
        first, second = adwins.totals[d, level, 0], adwins.totals[d, level, 1]
        shift = first / size - second / size
        spread = (
            adwins.spreads[d, level, 0]
            + adwins.spreads[d, level, 1]
            + size * size * shift * shift / (size + size)
        )
        above = level + 1
        if above >= adwins.detectors[d].n_levels:
            adwins.detectors[d].n_levels = above + 1
        slot = adwins.n_buckets[d, above]
        adwins.totals[d, above, slot] = first + second
        adwins.spreads[d, above, slot] = spread
        adwins.n_buckets[d, above] = slot + 1
        _drop_front(adwins, d, level, 2)
    if adwins.n_buckets[d, LEVELS - 1] > MAX_BUCKETS:  # the largest window there is room for
        _drop_oldest(adwins, d)


@kernel
def _differ(adwins, d, n_old, n_new, mean_difference, delta):
    """Whether the two sides of a cut have different means (equation 3.1 of the paper)."""
    width = float(adwins.detectors[d].width)
    delta_prime = log(2.0 * log(width) / delta)
    harmonic = 1.0 / (n_old - MIN_WINDOW_LENGTH + 1.0) + 1.0 / (n_new - MIN_WINDOW_LENGTH + 1.0)
    variance = adwins.detectors[d].spread / width
    epsilon = (
        math.sqrt(2.0 * harmonic * variance * delta_prime) + 2.0 / 3.0 * delta_prime * harmonic
    )
    return abs(mean_difference) > epsilon


@kernel
def _shrink_once(adwins, d, delta):
    """Drop the oldest bucket if some cut of the window shows a change."""
    n_old, n_new = 0.0, float(adwins.detectors[d].width)
    sum_old, sum_new = 0.0, adwins.detectors[d].total
    for level in range(adwins.detectors[d].n_levels - 1, -1, -1):
        size = float(1 << level)
        n_here = adwins.n_buckets[d, level]
        for bucket in range(n_here):
            if level == 0 and bucket == n_here - 1:
                return False  # nothing would be left on the newer side
            n_old += size
            n_new -= size
            sum_old += adwins.totals[d, level, bucket]
            sum_new -= adwins.totals[d, level, bucket]
            if n_new >= MIN_WINDOW_LENGTH and n_old >= MIN_WINDOW_LENGTH:
                if _differ(adwins, d, n_old, n_new, sum_old / n_old - sum_new / n_new, delta):
                    _drop_oldest(adwins, d)
                    return True
    return False


@kernel
def adwin_update(adwins, d, value, delta):
    """Add one value to detector ``d``; true when the window shrank because its mean changed."""
    if adwins.detectors[d].detected:
        adwin_reset(adwins, d)
    slot = adwins.n_buckets[d, 0]
    adwins.totals[d, 0, slot] = value
    adwins.spreads[d, 0, slot] = 0.0
    adwins.n_buckets[d, 0] = slot + 1
    adwins.detectors[d].width += 1
    width = float(adwins.detectors[d].width)
    if width > 1:
        shift = value - adwins.detectors[d].total / (width - 1.0)
        adwins.detectors[d].spread += (width - 1.0) * shift * shift / width
    adwins.detectors[d].total += value
    _compress(adwins, d)

    adwins.detectors[d].ticks += 1
    change = False
    if adwins.detectors[d].ticks % CLOCK == 0 and adwins.detectors[d].width > GRACE_PERIOD:
        while _shrink_once(adwins, d, delta):
            change = True
    adwins.detectors[d].detected = 1 if change else 0
    return change
