"""Predictions know the past alone, and nothing but the rows and the delay decides them."""

import numpy as np
import pytest
from engine_streams import (
    LEAF_MODELS,
    changing_rows,
    classes_as_labels,
    learner,
    make_batch,
    random_rows,
    rows_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.engine.events import PREDICT_ONLY
from stream.engine.tree import value_of
from stream.rows.batch import slice_rows

EAGER = {
    "drift_detection": True,
    "drift_delta": 0.2,
    "drift_window_threshold": 20,
    "grace_period": 25.0,
    "delta": 0.2,
    "tau": 0.4,
}
N = 400


def stream(seed, *, single_label, density=0.6):
    x, truth = changing_rows(
        seed, n=N // 2, concepts=2, density=density, missing=0.05, unknown=0.05
    )
    return x, classes_as_labels(truth) if single_label else truth


def answers_of(x, truth, *, leaf_prediction="adaptive", single_label=False, delay=0):
    model = learner(leaf_prediction, single_label=single_label, **EAGER)
    return model.run(make_batch(x, truth), predict=True, delay=delay)


def padded(out, width):
    return np.pad(out, ((0, 0), (0, width - out.shape[1])))


def assert_same_until(one, other, row):
    width = max(one.shape[1], other.shape[1])
    np.testing.assert_array_equal(padded(one, width)[:row], padded(other, width)[:row])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1_000),
    place=st.floats(0, 0.99),
    delay=st.sampled_from([0, 0, 1, 7]),
    leaf_prediction=st.sampled_from(sorted(LEAF_MODELS)),
    single_label=st.booleans(),
    dense=st.booleans(),
)
def test_the_future_changes_no_prediction(seed, place, delay, leaf_prediction, single_label, dense):
    """A prediction that reads the next row, the truth of its own row, or anything beyond."""
    x, truth = stream(seed, single_label=single_label, density=1.0 if dense else 0.4)
    row = int(place * N)
    other_x, other_truth = stream(seed + 1, single_label=single_label, density=0.7)
    features, labels = x.copy(), truth.copy()
    features[row + 1 :] = other_x[row + 1 :] * 3 + 1
    labels[row:] = other_truth[row:]  # the truth of the row itself comes after its prediction
    options = {"leaf_prediction": leaf_prediction, "single_label": single_label, "delay": delay}
    one, other = answers_of(x, truth, **options), answers_of(features, labels, **options)
    assert_same_until(one, other, row + 1)
    if delay:  # labels arrive later still
        labels = truth.copy()
        first = max(0, row + 1 - delay)
        labels[first:] = other_truth[first:]
        assert_same_until(one, answers_of(features, labels, **options), row + 1)


def test_the_past_does_change_predictions():
    """The property above would hold for a model that never learns."""
    x, truth = stream(0, single_label=False)
    other = truth.copy()
    other[N // 2] = 1 - np.abs(other[N // 2])
    one, two = answers_of(x, truth), answers_of(x, other)
    assert (one[N // 2 + 1 :] != two[N // 2 + 1 :]).any()


@pytest.mark.parametrize("delay", [0, 1, 5, 60, N - 1, N, N + 5])
@pytest.mark.parametrize("single_label", [False, True])
def test_delay_is_a_loop_of_predict_and_learn(single_label, delay):
    """A truth that arrives a row early or late, or rows at the end that are never learnt."""
    x, truth = stream(3, single_label=single_label)
    batch = make_batch(x, truth)
    model = learner(single_label=single_label, **EAGER)
    answers = model.run(batch, predict=True, delay=delay)
    loop = learner(single_label=single_label, **EAGER)
    for i in range(N):
        row = slice_rows(batch, i, i + 1)
        expected = loop.run(row, predict=True, delay=PREDICT_ONLY)[0]
        width = len(expected)
        np.testing.assert_array_equal(answers[i, :width], expected)
        assert not answers[i, width:].any()
        if i >= delay:
            loop.run(slice_rows(batch, i - delay, i - delay + 1), predict=False)
    for each in (model, loop):  # the truth of the last rows is still to come
        each.run(slice_rows(batch, max(0, N - delay), N), predict=False)
    np.testing.assert_array_equal(
        model.run(batch, predict=True, delay=PREDICT_ONLY),
        loop.run(batch, predict=True, delay=PREDICT_ONLY),
    )


@pytest.mark.parametrize("single_label", [False, True])
@pytest.mark.parametrize("leaf_prediction", LEAF_MODELS)
@pytest.mark.parametrize("density", [1.0, 0.3])
def test_chunks_give_the_same_bits(leaf_prediction, single_label, density):
    """State that lives from the beginning to the end of a call and not from row to row."""
    x, truth = stream(4, single_label=single_label, density=density)
    batch = make_batch(x, truth)
    whole = learner(leaf_prediction, single_label=single_label, **EAGER).run(batch, predict=True)
    for chunk in (1, 7, 100):
        model = learner(leaf_prediction, single_label=single_label, **EAGER)
        for start in range(0, N, chunk):
            part = slice_rows(batch, start, min(N, start + chunk))
            answers = model.run(part, predict=True)
            np.testing.assert_array_equal(
                padded(answers, whole.shape[1]), whole[start : start + chunk]
            )


def test_predictions_change_nothing():
    """A prediction that takes a slot, counts a row, or moves a scale."""
    x, truth = stream(5, single_label=False)
    batch = make_batch(x, truth)
    model = learner(**EAGER)
    model.run(slice_rows(batch, 0, 200), predict=False)
    rest = slice_rows(batch, 200, N)
    one = model.run(rest, predict=True, delay=PREDICT_ONLY)
    two = model.run(rest, predict=True, delay=PREDICT_ONLY)
    np.testing.assert_array_equal(one, two)
    quiet = learner(**EAGER)
    quiet.run(slice_rows(batch, 0, 200), predict=False)
    np.testing.assert_array_equal(model.run(rest, predict=True), quiet.run(rest, predict=True))


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.sets(st.integers(0, 12)), min_size=1, max_size=8))
def test_a_feature_is_found_in_its_own_row(rows):
    """A search that ends in the row behind: it holds the feature that this row lacks."""
    matrix = np.zeros((len(rows), 13))
    for i, columns in enumerate(rows):
        matrix[i, list(columns)] = i + 1
    batch = make_batch(matrix, np.zeros((len(rows), 1)))
    for i, (row, _, _) in enumerate(rows_of(batch)):
        first, last = batch.x_indptr[i], batch.x_indptr[i + 1]
        for j in range(15):
            found = value_of(batch.x_indices, batch.x_values, first, last, j)
            assert found == row.get(j, 0.0)


def test_unused_columns_change_nothing():
    """Columns that a wider table has and that are never anything but zero."""
    x, truth = random_rows(6, N, density=0.6)
    wide = np.zeros((N, 40))
    wide[:, : x.shape[1]] = x
    np.testing.assert_array_equal(answers_of(x, truth), answers_of(wide, truth))
