"""The router's network against formulas, and one answer however its rows are grouped."""

import numpy as np
import pytest
from naive import network as naive

from stream.engine.network import settle_squares
from stream.engine.network_layout import AWAKE, N_FEATURES, STEPS, NetworkParams
from stream.engine.router import Router
from stream.snapshot import dumps, loads

SHAPES = [(7, 0), (6, 5), (24, 17)]


def params(**changed):
    given = {"learning_rate": 0.01, "batch_rows": 8, "dropout": 0.0, "seed": 3}
    given |= {"most_features": 1_000}
    return NetworkParams(**given | changed)


def sparse(x):
    """Dense rows as ``(indptr, indices, values)``."""
    there = x != 0
    indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int64)
    return indptr, np.nonzero(there)[1].astype(np.int32), x[there]


def rows_of(n_rows, n_features, n_outputs, seed=1):
    """Sparse inputs, and targets of which some are missing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, n_features)) * (rng.random((n_rows, n_features)) < 0.8)
    targets = (rng.random((n_rows, n_outputs)) < 0.4).astype(float)
    targets[rng.random(targets.shape) < 0.2] = np.nan
    return x, targets, rng.uniform(0.5, 2.0, n_rows)


def router(hidden=6, second=5, n_features=4, n_outputs=3, **changed):
    made = Router(params(**changed), hidden, second)
    made.widen(n_features)
    made.add_outputs(n_outputs)
    return made


def known(values, made, n_features):
    """The parts of a network's arrays that are in use, as 64-bit numbers."""
    kept = {name: array.astype(float) for name, array in values._asdict().items()}
    kept["first"] = kept["first"][:n_features]
    kept["output"] = kept["output"][: made.n_outputs]
    kept["output_bias"] = kept["output_bias"][: made.n_outputs]
    return kept


@pytest.mark.parametrize(("hidden", "second"), SHAPES)
def test_scores_and_gradients_are_those_of_the_formulas(hidden, second):
    x, targets, row_weights = rows_of(12, 4, 3)
    made = router(hidden, second, batch_rows=1000)
    made.learn(sparse(x[:1]), targets[:1])  # columns count when they were seen
    for values in made.network.gradients:
        values[:] = 0
    weights = known(made.network.weights, made, 4)
    np.testing.assert_allclose(made.score(sparse(x)), naive.scores(weights, x), atol=1e-5)
    made.learn(sparse(x), targets, row_weights)
    expected = naive.gradients(weights, x, targets, row_weights)
    found = known(made.network.gradients, made, 4)
    assert sum(np.abs(values).max() > 0.1 for values in expected.values() if values.size) >= 4
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=2e-4, err_msg=name)


@pytest.mark.parametrize(("hidden", "second"), SHAPES)
def test_steps_are_those_of_adam(hidden, second):
    """Mini-batches of 8 rows; the rows of the last, unfinished one change no weight yet."""
    x, targets, _ = rows_of(8 * 30 + 5, 4, 3)
    x[0] = 1.0
    made = router(hidden, second)
    weights, adam = known(made.network.weights, made, 4), naive.Adam(0.01)
    for start in range(0, 240, 8):
        part = slice(start, start + 8)
        found = naive.gradients(weights, x[part], targets[part], np.ones(8))
        adam.take(weights, {name: values / (8 * 3) for name, values in found.items()})
    made.learn(sparse(x), targets)
    assert made.network.registers[STEPS] == 30
    for name, values in known(made.network.weights, made, 4).items():
        np.testing.assert_allclose(values, weights[name], atol=2e-4, err_msg=name)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("chunk_rows", [1, 3, 8, 50])
def test_calls_of_any_size_give_the_same_bits(chunk_rows, dropout):
    x, targets, row_weights = rows_of(100, 9, 3)
    one, other = router(n_features=9, dropout=dropout), router(n_features=9, dropout=dropout)
    one.learn(sparse(x), targets, row_weights)
    for start in range(0, 100, chunk_rows):
        part = slice(start, start + chunk_rows)
        other.learn(sparse(x[part]), targets[part], row_weights[part])
        other.score(sparse(x[:3]))  # answering changes nothing
    assert dumps(other) == dumps(one)
    restored = loads(dumps(one))
    np.testing.assert_array_equal(restored.score(sparse(x)), one.score(sparse(x)))


def test_room_for_more_columns_changes_no_answer():
    """Columns that were never learnt count as zero, whether there is room for them or not."""
    x, targets, _ = rows_of(40, 3, 3)
    one, other = router(n_features=3), router(n_features=3)
    one.learn(sparse(x), targets)
    other.widen(50)
    wide = np.hstack([x, np.zeros((40, 40))])
    other.learn(sparse(wide), targets)
    assert other.network.registers[N_FEATURES] == 3
    wide[:, 3:] = 9.0
    np.testing.assert_array_equal(other.score(sparse(wide)), one.score(sparse(x)))


def test_columns_without_room_are_left_out():
    x, targets, _ = rows_of(40, 9, 3)
    one, other = router(n_features=3), router(n_features=3)
    room = len(one.network.weights.first)
    one.learn(sparse(x), targets)
    x[:, room:] = 0.0
    other.learn(sparse(x), targets)
    np.testing.assert_array_equal(one.score(sparse(x)), other.score(sparse(x)))


def test_it_learns_what_one_layer_cannot():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 2))
    targets = np.stack([x[:, 0] * x[:, 1] > 0, np.abs(x[:, 0]) < 0.7], axis=1).astype(float)
    made = router(hidden=32, second=0, n_features=2, n_outputs=2)
    made.learn(sparse(x), targets)
    right = (made.score(sparse(x)) > 0) == (targets > 0)
    assert right.mean() > 0.9


def test_a_removed_output_is_silent_and_its_slot_begins_anew():
    x, targets, _ = rows_of(64, 4, 3)
    made, untouched = router(), router()
    for each in (made, untouched):
        each.learn(sparse(x), targets)
    made.remove_outputs([1])
    assert (made.score(sparse(x))[:, 1] == 0).all()
    np.testing.assert_array_equal(
        made.score(sparse(x))[:, [0, 2]], untouched.score(sparse(x))[:, [0, 2]]
    )
    before = untouched.network.weights.output[1].copy()
    assert made.add_outputs(2) == [1, 3]
    assert made.network.weights.output[1].any()
    assert not np.array_equal(made.network.weights.output[1], router().network.weights.output[1])
    assert not np.array_equal(made.network.weights.output[1], before)
    assert not made.network.means.output[1].any()
    assert not made.network.squares.output[1].any()


def test_an_output_without_targets_stays_as_it_is():
    x, targets, _ = rows_of(64, 4, 3)
    targets[:, 1] = np.nan
    made = router()
    before = made.network.weights.output.copy()
    made.learn(sparse(x), targets)
    np.testing.assert_array_equal(made.network.weights.output[1], before[1])
    assert not np.array_equal(made.network.weights.output[0], before[0])


def test_a_late_output_steps_as_an_early_one():
    """The bias correction counts from an output's own beginning: without, its first step would be
    three times as long."""
    x, targets, _ = rows_of(8 * 50, 4, 3)
    made = router()
    made.learn(sparse(x), targets)
    made.reset_output(0)
    before = made.network.weights.output_bias[0]
    made.learn(sparse(x[:8]), np.ones((8, 3)))
    assert np.isclose(made.network.weights.output_bias[0] - before, 0.01, rtol=1e-3)


def test_dropout_leaves_the_mean_of_the_units_alone():
    _, targets, _ = rows_of(1, 4, 3)
    whole, dropping = router(hidden=4000, second=0), router(hidden=4000, second=0, dropout=0.25)
    for each in (whole, dropping):
        each.learn(sparse(np.ones((1, 4))), targets)
        each.score(sparse(np.ones((1, 4))))
    kept = dropping.scratch.hidden > 0
    on = whole.scratch.hidden > 0
    assert 0.7 < kept[on].mean() < 0.8
    assert np.isclose(dropping.scratch.hidden.mean(), whole.scratch.hidden.mean(), rtol=0.05)


def awake_throughout(made):
    """Let steps go over every feature, as if none could sleep."""
    sleep = made.scratch.sleep
    settle_squares(made.network, sleep)
    n_features = made.network.registers[N_FEATURES]
    sleep.until[:n_features] = AWAKE
    sleep.awake[:n_features] = np.arange(n_features)
    sleep.n_awake[0] = n_features


def test_features_that_sleep_end_as_if_every_step_had_gone_over_them():
    """A moment that was not made up for, a feature that is not woken, or one that falls asleep
    while its weights still move."""
    n_features, n_rows = 12, 2_400
    rng = np.random.default_rng(4)
    x = rng.normal(size=(n_rows, n_features)) * (rng.random((n_rows, n_features)) < 0.5)
    x[10:900, 1:5] = 0.0
    x[10:2_300, 5:8] = 0.0
    x[10:, 8:10] = 0.0
    targets = (rng.random((n_rows, 3)) < 0.4).astype(float)
    one, other = router(n_features=9, batch_rows=2), router(n_features=9, batch_rows=2)
    one.widen(n_features)
    other.widen(n_features)
    n_awake = []
    for start in range(0, n_rows, 8):
        part = sparse(x[start : start + 8])
        one.learn(part, targets[start : start + 8])
        awake_throughout(other)
        other.learn(part, targets[start : start + 8])
        n_awake.append(int(one.scratch.sleep.n_awake[0]))
        if start in (880, 2_000):
            one = loads(dumps(one))
    assert min(n_awake[20:]) < n_awake[1]
    assert max(n_awake[200:]) > min(n_awake[20:])
    assert dumps(one) == dumps(other)


@pytest.mark.parametrize(("hidden", "second"), SHAPES)
@pytest.mark.parametrize("dropout", [0.0, 1.0 - 2**-53])
def test_whatever_a_network_learns_it_can_be_loaded_again(hidden, second, dropout):
    """Weights, moments or sums of gradients beyond what a snapshot may hold, or 32-bit numbers."""
    rng = np.random.default_rng(5)
    x = rng.choice([1e6, -1e6, 1.0], size=(4_000, 4))
    targets = (rng.random((4_000, 3)) < 0.5).astype(float)
    made = router(hidden, second, learning_rate=1.0, batch_rows=1, dropout=dropout)
    for start in range(0, 4_000, 500):
        made.learn(sparse(x[start : start + 500]), targets[start : start + 500], np.full(500, 1e3))
        assert np.isfinite(made.score(sparse(x[:20]))).all()
        assert dumps(loads(dumps(made))) == dumps(made)
    assert all(np.isfinite(values).all() for values in made.network.weights)
