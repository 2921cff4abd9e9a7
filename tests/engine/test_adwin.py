"""ADWIN kernels against ``river.drift.ADWIN``: same windows, same detections, same positions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.drift import ADWIN

from stream.engine.adwin import (
    LEVELS,
    MAX_BUCKETS,
    Adwins,
    adwin_mean,
    adwin_reset,
    adwin_update,
)
from stream.engine.arrays import allocate


def detectors(n=1):
    """Empty detectors side by side."""
    adwins = allocate(Adwins, {"detectors": n})
    for d in range(n):
        adwin_reset(adwins, d)
    return adwins


def run(values, delta):
    """Positions of detections, and width and mean of the window after every value."""
    adwins = detectors()
    found, widths, means = [], [], []
    for i, value in enumerate(values):
        if adwin_update(adwins, 0, float(value), delta):
            found.append(i)
        widths.append(int(adwins.detectors[0].width))
        means.append(adwin_mean(adwins, 0))
    return found, widths, means


def run_river(values, delta):
    """The same from River."""
    adwin = ADWIN(delta=delta)
    found, widths, means = [], [], []
    for i, value in enumerate(values):
        adwin.update(float(value))
        if adwin.drift_detected:
            found.append(i)
        widths.append(int(adwin.width))
        means.append(adwin.estimation)
    return found, widths, means


def assert_same(values, delta):
    found, widths, means = run(values, delta)
    river_found, river_widths, river_means = run_river(values, delta)
    assert found == river_found
    assert widths == river_widths
    np.testing.assert_allclose(means, river_means, rtol=1e-9, atol=1e-9)
    return found


def bernoulli_shift(rng):
    return np.r_[rng.random(rng.integers(100, 800)) < 0.2, rng.random(600) < 0.6].astype(float)


def gaussian_shift(rng):
    return np.r_[rng.normal(0, 1, rng.integers(200, 900)), rng.normal(2, 0.5, 500)]


def slow_drift(rng):
    return (rng.random(1_500) < np.linspace(0.05, 0.9, 1_500)).astype(float)


def many_changes(rng):
    levels = rng.random(8)
    return np.concatenate([rng.normal(level, 0.1, rng.integers(30, 400)) for level in levels])


def no_change(rng):
    return (rng.random(1_500) < 0.3).astype(float)


CHANGING = (bernoulli_shift, gaussian_shift, slow_drift, many_changes)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("make", [*CHANGING, no_change])
def test_detections_windows_and_means_equal_river(make, seed):
    """A detector that tests at other rows, drops the wrong bucket, or loses digits when it does."""
    rng = np.random.default_rng([seed, len(make.__name__)])
    delta = (0.5, 0.05, 0.002, 1e-5)[seed % 4]
    found = assert_same(make(rng), delta)
    if make in CHANGING[:2] and delta in (0.05, 0.002):
        assert found  # the comparison is about something


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -7.5, 1e9])
def test_a_constant_raises_no_alarm(value):
    """A variance of rounding errors that becomes negative or raises alarms."""
    adwins = detectors()
    assert not any(adwin_update(adwins, 0, value, 0.05) for _ in range(5_000))
    assert adwins.detectors[0].width == 5_000
    assert adwin_mean(adwins, 0) == pytest.approx(value)
    assert_same(np.full(2_000, value), 0.05)


@pytest.mark.parametrize("delta", [0.9, 0.2, 0.002, 1e-8])
def test_delta_matters_as_it_does_in_river(delta):
    """A confidence level that is stored and not used."""
    values = gaussian_shift(np.random.default_rng(5)) * 0.3
    assert_same(values, delta)


def test_a_smaller_delta_detects_later():
    """A bound whose direction is reversed."""
    rng = np.random.default_rng(8)
    values = np.r_[rng.random(1_000) < 0.3, rng.random(1_000) < 0.5]
    first = [run(values, delta)[0][0] for delta in (0.5, 0.002, 1e-10)]
    assert 1_000 <= first[1] < first[2]
    assert first[0] <= first[1]


def test_detectors_do_not_disturb_each_other():
    """A detector that reads or writes the row of its neighbour."""
    rng = np.random.default_rng(0)
    streams = [make(rng)[:700] for make in CHANGING]
    adwins = detectors(len(streams))
    found = [[] for _ in streams]
    for i in range(700):
        for d in rng.permutation(len(streams)):
            if i < len(streams[d]) and adwin_update(adwins, d, float(streams[d][i]), 0.002):
                found[d].append(i)
    for d, values in enumerate(streams):
        alone, widths, means = run(values, 0.002)
        assert found[d] == alone
        assert adwins.detectors[d].width == widths[-1]
        assert adwin_mean(adwins, d) == means[-1]


def test_reset_forgets_everything():
    """A slot that goes on with the window of the node that had it before."""
    rng = np.random.default_rng(1)
    first, second = gaussian_shift(rng), bernoulli_shift(rng)
    adwins = detectors()
    for value in first:
        adwin_update(adwins, 0, float(value), 0.002)
    adwin_reset(adwins, 0)
    assert adwin_mean(adwins, 0) == 0.0
    found = [i for i, value in enumerate(second) if adwin_update(adwins, 0, float(value), 0.002)]
    assert found == run(second, 0.002)[0]


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(
        st.tuples(
            st.integers(1, 300),
            st.floats(-5, 5),
            st.sampled_from([0.0, 0.01, 0.3, 2.0]),
        ),
        min_size=1,
        max_size=5,
    ),
    delta=st.sampled_from([0.5, 0.05, 0.002]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_sequence_of_levels_equals_river(pieces, delta, seed):
    """Short windows, single values between changes, and levels without noise."""
    rng = np.random.default_rng(seed)
    values = [rng.normal(level, noise, n) for n, level, noise in pieces]
    # values on a coarse grid: sums are exact, so that no cut depends on the order of additions
    assert_same(np.round(np.concatenate(values) * 64) / 64, delta)


def test_a_detector_needs_no_reset_before_its_first_value():
    """A detector of a tree's first root that never notices a change: its state is all zeros."""
    values = bernoulli_shift(np.random.default_rng(2))
    adwins = allocate(Adwins, {"detectors": 1})
    found = [i for i, value in enumerate(values) if adwin_update(adwins, 0, float(value), 0.002)]
    assert found
    assert found == run(values, 0.002)[0]


def window_of_buckets(adwins):
    """Width and total of the buckets of detector 0."""
    counts = adwins.n_buckets[0]
    width = sum(int(counts[level]) << level for level in range(LEVELS))
    total = sum(adwins.totals[0, level, : counts[level]].sum() for level in range(LEVELS))
    return width, total


@pytest.mark.parametrize("make", CHANGING)
def test_the_window_is_the_sum_of_its_buckets(make):
    """A bucket dropped without its values, or merged into the wrong level."""
    adwins = detectors()
    for value in make(np.random.default_rng(4)):
        adwin_update(adwins, 0, float(value), 0.002)
        width, total = window_of_buckets(adwins)
        assert width == adwins.detectors[0].width
        assert total == pytest.approx(adwins.detectors[0].total, abs=1e-6)
        assert adwins.n_buckets[0].max() <= MAX_BUCKETS


def test_a_window_that_cannot_grow_drops_its_oldest_bucket():
    """Writing past the last level after more than a thousand million values."""
    adwins = detectors()
    # every level full: the next values cascade up to the last level again and again
    adwins.n_buckets[0, :] = MAX_BUCKETS
    for level in range(LEVELS):
        adwins.totals[0, level, :MAX_BUCKETS] = 0.5 * (1 << level)
    detector = adwins.detectors[0]
    detector.n_levels = LEVELS
    detector.width = MAX_BUCKETS * ((1 << LEVELS) - 1)
    detector.total = 0.5 * detector.width
    full = int(detector.width)
    for i in range(200):
        assert not adwin_update(adwins, 0, float(i % 2), 0.002)
        width, total = window_of_buckets(adwins)
        assert width == detector.width <= full + 1
        assert total == pytest.approx(detector.total)
        assert adwins.n_buckets[0].max() <= MAX_BUCKETS
        assert detector.n_levels <= LEVELS
    assert detector.width < full
    assert adwin_mean(adwins, 0) == pytest.approx(0.5)
