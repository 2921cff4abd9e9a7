"""Exponential and logarithm against those of the system's library, in long double."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.engine import elementary
from stream.engine.best_first import N_BUCKETS, rank
from stream.engine.jit import kernel
from stream.engine.log_odds import LARGEST_LOGIT, LARGEST_RARE_LOGIT, logit, rare_logit, sigmoid


@kernel
def exps(x, out):
    for i in range(len(x)):
        out[i] = elementary.exp(x[i])


@kernel
def logs(x, out):
    for i in range(len(x)):
        out[i] = elementary.log(x[i])


@kernel
def log1ps(x, out):
    for i in range(len(x)):
        out[i] = elementary.log1p(x[i])


@kernel
def log_odds(p, rare, common):
    for i in range(len(p)):
        rare[i] = rare_logit(p[i])
        common[i] = logit(p[i])


@kernel
def sigmoids(x, out):
    for i in range(len(x)):
        out[i] = sigmoid(x[i])


@kernel
def ranked(p, buckets, order):
    rank(p, len(p), buckets, order)


def units_off(found, expected):
    """Largest error in units of the last place."""
    return float(np.max(np.abs(found - expected) / np.spacing(np.abs(expected.astype(float)))))


def of(function, x):
    out = np.full(len(x), np.nan)
    function(x, out)
    return out


def test_exponentials_are_right_to_two_units():
    x = np.concatenate([np.random.default_rng(0).uniform(-700, 700, 100_000), [0.0, -0.0, 1e-300]])
    assert units_off(of(exps, x), np.exp(x.astype(np.longdouble))) < 2
    assert of(exps, np.array([0.0])) == 1.0


def test_exponentials_end_where_doubles_do():
    """Bits of an exponent that run over into the sign."""
    far = of(exps, np.array([-np.inf, -1e300, -701.0, 701.0, 1e300, np.inf]))
    assert (far[:3] == far[0]).all()
    assert (far[3:] == far[3]).all()
    assert 0.0 < far[0] < 1e-303
    assert 1e303 < far[3] < np.inf


def test_logarithms_are_right_to_two_units():
    rng = np.random.default_rng(1)
    x = np.exp(rng.uniform(-700, 700, 100_000))
    near = rng.uniform(0.5, 2.0, 100_000)
    for values in (x, near):
        assert units_off(of(logs, values), np.log(values.astype(np.longdouble))) < 2
    assert of(logs, np.array([1.0])) == 0.0
    small = np.exp(rng.uniform(-700, 10, 100_000))
    assert units_off(of(log1ps, small), np.log1p(small.astype(np.longdouble))) < 4


def test_loops_and_single_calls_give_the_same_bits():
    """Operations that the compiler fuses in one of the two."""
    x = np.random.default_rng(2).uniform(1e-6, 30.0, 1001)
    for function, one in ((exps, elementary.exp), (logs, elementary.log)):
        interpreted = getattr(one, "py_func", one)
        together, apart = (
            of(function, x),
            np.array([of(function, x[i : i + 1])[0] for i in range(99)]),
        )
        assert together[:99].tobytes() == apart.tobytes()
        assert interpreted is not None


def test_log_odds_are_cut():
    p = np.array([0.0, 1e-9, 1e-5, 1e-3, 0.25, 0.5, 0.9, 1.0 - 1e-5, 1.0])
    rare, common = np.zeros(len(p)), np.zeros(len(p))
    log_odds(p, rare, common)
    assert rare[[0, 1, -1]].tolist() == [
        -LARGEST_RARE_LOGIT,
        -LARGEST_RARE_LOGIT,
        LARGEST_RARE_LOGIT,
    ]
    assert common[[0, 1, 2, -2, -1]].tolist() == [-LARGEST_LOGIT] * 3 + [LARGEST_LOGIT] * 2
    expected = [math.log(each / (1.0 - each)) for each in p[2:-1]]
    assert rare[2:-1] == pytest.approx(expected, rel=1e-14, abs=1e-15)
    assert common[3:-2] == pytest.approx(expected[1:-1], rel=1e-14, abs=1e-15)
    assert of(sigmoids, rare[2:-1]) == pytest.approx(p[2:-1], rel=1e-13)


@given(
    st.lists(st.sampled_from([0.0, 5e-324, 1e-9, 2.0**-16, 1e-3, 0.5, 0.5 + 2**-50, 1.0]) |
             st.floats(0.0, 1.0), max_size=200),
)  # fmt: skip
def test_places_are_ranked_as_they_would_be_sorted(p):
    """Few by comparing, many by buckets; equals and those of one bucket in the wrong order."""
    order = np.zeros(max(len(p), 1), np.int64)
    ranked(np.array(p), np.zeros(N_BUCKETS, np.int64), order)
    expected = sorted(range(len(p)), key=lambda place: -p[place])
    assert order[: len(p)].tolist() == expected
