"""Online standardisation against its recomputation from all past rows."""

import numpy as np
import pytest
from engine_streams import make_batch, random_rows, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from naive.scaling import NaiveScaler

from stream.engine.arrays import allocate, copied
from stream.engine.events import schedule
from stream.engine.scaling import LARGEST, Moments, Scaler, scale_rows

PREDICT_ONLY = -1


def rows_at(rows, i):
    """Row ``i`` of compressed rows as a dictionary."""
    entries = slice(rows[0][i], rows[0][i + 1])
    return dict(zip(rows[1][entries].tolist(), rows[2][entries].tolist(), strict=True))


def scale(x, *, predict=True, delay=0, scaler=None):
    """The rows of a matrix as they are predicted and as they are learnt."""
    batch = make_batch(x, np.zeros((len(x), 1)))
    scaler = scaler or allocate(Scaler, {"features": x.shape[1]})
    events = schedule(len(x), 0, 0, predict=predict, delay=delay)
    room = 2 * x.size + x.shape[1]  # the kernel wants room for the common features of a row, too
    scaled = np.zeros(events.n_answers + 1, np.int64), np.zeros(room, np.int32), np.zeros(room)
    others, also = copied(scaler), tuple(each.copy() for each in scaled)
    given = batch.features, events
    moments, no_moments = (Moments(*np.zeros((2, n))) for n in (x.shape[1], 0))
    assert not scale_rows(scaler, *given, np.zeros(2, np.int64), scaled, moments)
    assert not scale_rows(others, *given, np.zeros(2, np.int64), also, no_moments)
    for found, expected in zip(scaled, also, strict=True):
        np.testing.assert_array_equal(found, expected)
    predicted, learnt = (
        [rows_at(scaled, answer) for answer in events.answer[of].tolist()]
        for of in (events.predicted, events.learnt)
    )
    return predicted, learnt, scaler


def assert_equals_twin(x):
    predicted, _, scaler = scale(x)
    twin = NaiveScaler()
    for i, (row, _, _) in enumerate(rows_of(make_batch(x, np.zeros((len(x), 1))))):
        expected, found = twin.scale(row), predicted[i]
        assert list(found) == sorted(found)
        for j in set(expected) | set(found):
            assert found.get(j, 0.0) == pytest.approx(expected.get(j, 0.0), rel=1e-6, abs=1e-9)
        twin.learn(row)
        common = scaler.common[: scaler.n_common[0]].tolist()
    assert set(common) == twin.common
    return predicted, twin


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("density", [1.0, 0.6, 0.5, 0.2])
def test_rows_equal_their_recomputation(density, missing):
    """A row that is part of the statistics it is scaled with, or zeros that are forgotten."""
    x, _ = random_rows(1, 300, features=7, density=density, missing=missing)
    assert_equals_twin(x)


def test_dense_rows_are_standard_scores():
    """Any slip that both the kernel and its twin share: compare with the formula by hand."""
    x = np.random.default_rng(0).normal(3, 2, (200, 2))
    predicted, _, _ = scale(x)
    for i in (5, 50, 199):
        past = x[:i]
        expected = np.clip((x[i] - past.mean(axis=0)) / past.std(axis=0), -LARGEST, LARGEST)
        np.testing.assert_allclose(list(predicted[i].values()), expected, rtol=1e-9)


def test_rare_features_keep_their_zeros():
    """Sparse rows that become dense because a mean is subtracted from zeros."""
    rng = np.random.default_rng(1)
    x = rng.normal(5, 1, (500, 30)) * (rng.random((500, 30)) < 0.05)
    predicted, _, scaler = scale(x)
    first = 100  # a feature may be common among very few rows
    for i in range(first, 500):
        assert set(predicted[i]) == set(np.flatnonzero(x[i]))
    assert scaler.n_common[0] == 0
    i, j = next((i, j) for i in range(400, 500) for j in np.flatnonzero(x[i]))
    past = x[:i, j][x[:i, j] != 0]
    assert predicted[i][j] == pytest.approx(x[i, j] / np.sqrt(np.mean(past**2)))


def test_features_cross_the_threshold_in_both_directions():
    """A feature that is listed twice, lost, or never leaves the list of common ones."""
    rng = np.random.default_rng(2)
    share = np.r_[np.full(100, 0.1), np.full(300, 0.95), np.full(900, 0.05), np.full(900, 0.9)]
    x = rng.normal(2, 1, (len(share), 4)) * (rng.random((len(share), 4)) < share[:, None])
    common = []
    for end in (100, 400, 1_300, 2_200):
        _, _, scaler = scale(x[:end])
        listed = scaler.common[: scaler.n_common[0]].tolist()
        assert listed == sorted(set(listed))
        assert set(np.flatnonzero(scaler.is_common)) == set(listed)
        common.append(len(listed))
    assert common == [0, 4, 0, 4]
    assert_equals_twin(x)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_large_values_keep_their_digits(offset):
    """A variance from sums of raw squares: it is noise where the mean is large."""
    x = np.random.default_rng(3).normal(offset, 1.0, (400, 1))
    predicted, _, _ = scale(x)
    past = x[:399, 0]
    expected = (x[399, 0] - past.mean()) / past.std()
    assert predicted[399][0] == pytest.approx(expected, rel=1e-5)


def test_a_constant_feature_says_nothing():
    """A division by a deviation of rounding errors."""
    x = np.full((100, 1), 0.1)
    predicted, _, _ = scale(x)
    assert all(predicted[i] == {} for i in range(1, 100))


def test_outliers_are_cut():
    """One value that moves a model by thousands of deviations."""
    x = np.r_[np.random.default_rng(4).normal(0, 1, 100), 1e6, -1e6][:, None]
    predicted, _, _ = scale(x[:101])
    assert predicted[100][0] == LARGEST
    predicted, _, _ = scale(np.delete(x, 100, axis=0))
    assert predicted[100][0] == -LARGEST


@pytest.mark.parametrize("delay", [1, 3, 10])
def test_delayed_rows_are_scaled_with_what_was_learnt(delay):
    """A prediction whose scale already knows rows without a truth."""
    x, _ = random_rows(5, 60, features=4, density=0.7, missing=0.1)
    predicted, learnt, _ = scale(x, delay=delay)
    rows = [row for row, _, _ in rows_of(make_batch(x, np.zeros((60, 1))))]
    twin = NaiveScaler()
    for i, row in enumerate(rows):
        assert predicted[i] == pytest.approx(twin.scale(row), rel=1e-6, abs=1e-9)
        if i >= delay:
            late = rows[i - delay]
            expected = twin.scale(late)
            assert learnt[i - delay] == pytest.approx(expected, rel=1e-6, abs=1e-9)
            twin.learn(late)


def test_predictions_alone_change_nothing():
    """A scaler that learns from rows it should only predict."""
    x, _ = random_rows(6, 100, features=4)
    _, _, scaler = scale(x)
    before = [array.copy() for array in scaler]
    scale(x + 100.0, delay=PREDICT_ONLY, scaler=scaler)
    for old, new in zip(before, scaler, strict=True):
        np.testing.assert_array_equal(old, new)


@settings(max_examples=40, deadline=None)
@given(
    cells=st.lists(
        st.lists(
            st.sampled_from([0.0, 0.0, 1.0, -2.0, 0.5, 3.25, float("nan")]),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=40,
    )
)
def test_any_rows_equal_their_recomputation(cells):
    """Features of one value, that are always missing, or that turn common with their first row."""
    assert_equals_twin(np.array(cells))
