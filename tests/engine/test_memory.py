"""A limit for memory: it holds for any stream, and the model goes on."""

import numpy as np
import pytest
from engine_streams import changing_rows, check_invariants, learner, make_batch, tree_params

from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.engine import layout as lay
from stream.engine.arrays import allocate, n_bytes, resize
from stream.engine.growth import column_capacity, new_tree, tree_sizes, widen
from stream.engine.layout import Tree
from stream.rows.batch import slice_rows

EAGER = {
    "drift_detection": True,
    "drift_delta": 0.2,
    "drift_window_threshold": 30,
    "grace_period": 20.0,
    "delta": 0.2,
    "tau": 0.4,
}


def eager_model(max_size, seed=1, kind=MultiLabelHoeffdingTree):
    return kind(
        grace_period=20,
        delta=0.2,
        tau=0.4,
        drift_delta=0.2,
        drift_window_threshold=30,
        max_size=max_size,
        seed=seed,
    )


@pytest.mark.parametrize("megabytes", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("density", [1.0, 0.3])
def test_a_long_stream_stays_under_the_limit(megabytes, density):
    """Pools that double past the limit, or leaves that stop answering when it is reached."""
    x, truth = changing_rows(1, n=2_000, concepts=8, features=12, labels=6, density=density)
    batch = make_batch(x, truth)
    model = learner(max_size=megabytes * 1e6, **EAGER)
    for start in range(0, len(x), 500):
        answers = model.run(slice_rows(batch, start, start + 500), predict=True)
        assert model.n_bytes <= megabytes * 1e6
        assert np.isfinite(answers).all()
        check_invariants(model.tree)
    if megabytes < 1.0:
        assert model.tree.registers[lay.FULL] == 1
    assert answers.std(axis=0).min() > 0.0


@pytest.mark.parametrize("kind", [MultiLabelHoeffdingTree, HoeffdingTreeClassifier])
def test_endlessly_new_features_stay_under_the_limit(kind):
    """A feature per row, as with user names: columns, scalers or names without a bound."""
    limit = 0.3
    model = eager_model(limit, kind=kind)
    rng = np.random.default_rng(2)
    single = kind is HoeffdingTreeClassifier
    right = 0
    for i in range(6_000):
        warm = bool(rng.random() < 0.5)
        x = {"temperature": float(warm) + rng.normal(0, 0.2), f"user {i}": 1.0, f"visit {i}": 2.0}
        truth = "warm" if warm else "cold"
        answer = model.predict_one(x)
        said = answer if single else answer.get("warm", False) and "warm"
        right += (said == "warm") == warm
        model.learn_one(x, truth if single else {"warm": warm, "cold": not warm})
        if i % 500 == 0:
            assert model.n_bytes <= limit * 1e6
    assert model.n_bytes <= limit * 1e6
    assert right > 0.9 * 6_000
    assert len(model._names.features) < 3_000  # of 12,001: names take memory, too


@pytest.mark.parametrize("megabytes", [0.05, 0.1, 0.3])
def test_chunks_give_the_same_bits_under_the_limit(megabytes):
    """Room that is taken for a chunk, so that another chunk reaches the limit at another row."""
    x, truth = changing_rows(3, n=300, concepts=4, features=30, density=0.3)
    late = np.arange(30) * 30  # a feature appears every 30 rows
    x[np.arange(len(x))[:, None] < late[None, :]] = 0.0
    batch = make_batch(x, truth)
    whole = learner(max_size=megabytes * 1e6, **EAGER)
    expected = whole.run(batch, predict=True)
    for chunk in (1, 13, 400):
        model = learner(max_size=megabytes * 1e6, **EAGER)
        for start in range(0, len(x), chunk):
            stop = min(len(x), start + chunk)
            answers = model.run(slice_rows(batch, start, stop), predict=True)
            found = np.pad(answers, ((0, 0), (0, expected.shape[1] - answers.shape[1])))
            np.testing.assert_array_equal(found, expected[start:stop])
        assert (model.tree.registers == whole.tree.registers).all()
        assert tree_sizes(model.tree) == tree_sizes(whole.tree)


@pytest.mark.parametrize("chunk", [1, 50, 333])
def test_names_give_the_same_bits_under_the_limit(chunk):
    """New names that are numbered, or left out, depending on how rows are grouped."""
    rng = np.random.default_rng(4)
    n = 1_000
    x = np.zeros((n, 2 * n))
    x[np.arange(n), rng.permutation(2 * n)[:n]] = 1.0
    x[:, 0] = rng.normal(0, 1, n)
    truth = (x[:, :1] > 0).astype(int)
    one, other = eager_model(0.1), eager_model(0.1)
    for start in range(0, n, chunk):
        one.learn_many(x[start : start + chunk], truth[start : start + chunk])
    other.learn_many(x, truth)
    np.testing.assert_array_equal(one.predict_proba_many(x), other.predict_proba_many(x))
    assert one.n_bytes <= 0.1e6


def test_a_larger_limit_is_worth_something():
    """A limit that stops the tree at once: leaves rest, but those with most rows go on."""
    x, truth = changing_rows(5, n=3_000, concepts=1, features=10, labels=6)
    batch = make_batch(x, truth)
    n_splits = []
    for limit in (20e3, 200e3, 500e6):
        model = learner("nb", max_size=limit, grace_period=50.0)
        model.run(batch, predict=False)
        n_splits.append(int(model.tree.registers[lay.N_SPLITS]))
    assert 0 < n_splits[0] < n_splits[1] <= n_splits[2]


def test_column_capacities_are_a_ladder():
    """Capacities that depend on the way to a width: chunked and whole runs would differ."""
    steps = [column_capacity(n) for n in range(5_000)]
    assert all(capacity >= n for n, capacity in enumerate(steps))
    assert steps == sorted(steps)
    for n in range(1, 5_000, 7):
        assert column_capacity(steps[n]) == steps[n]
        assert steps[n] <= max(4, 1.5 * n)
    assert len(set(steps)) < 25


def test_widening_in_steps_or_at_once_is_the_same():
    """A width that remembers how it grew."""
    once = widen(new_tree(tree_params(drift_detection=True)), 300, 40, 1e9)
    steps = new_tree(tree_params(drift_detection=True))
    for n in range(1, 301):
        steps = widen(steps, n, min(n, 40), 1e9)
    assert tree_sizes(once) == tree_sizes(steps)
    assert (once.registers == steps.registers).all()


def test_new_entries_hold_their_fill_value():
    """Rows of a larger array that say "slot 0" where they should say "none"."""
    tree = new_tree(tree_params(drift_detection=True))
    sizes = {name: size * 4 for name, size in tree_sizes(tree).items()}
    larger = resize(tree, sizes)
    assert (larger.stat_row[tree.stat_row.shape[0] :] == -1).all()
    assert (larger.stat_row[:, tree.stat_row.shape[1] :] == -1).all()
    assert np.isnan(larger.shift).all()
    assert (larger.nodes[:1] == tree.nodes[:1]).all()


def test_bytes_are_those_of_the_arrays():
    """A limit that is compared with an estimate."""

    def held(state):
        return sum(held(part) if isinstance(part, tuple) else part.nbytes for part in state)

    tree = new_tree(tree_params(drift_detection=True))
    sizes = tree_sizes(tree) | {"features": 17, "unknown": 16}
    assert n_bytes(Tree, sizes) == held(allocate(Tree, sizes))
