"""The compiled tree against its slow, obvious twin: same tests at the same rows, same answers."""

import numpy as np
import pytest
from engine_streams import (
    LEAF_MODELS,
    changing_rows,
    check_invariants,
    classes_as_labels,
    make_batch,
    random_rows,
    rows_of,
    shape_of,
    tree_params,
)
from naive.tree import NaiveTree

from stream.engine import layout as lay
from stream.engine.learner import TreeLearner

KINDS = {
    "dense": {},
    "sparse": {"density": 0.3, "features": 8},
    "missing": {"missing": 0.1},
    "unknown": {"unknown": 0.1},
    "all": {"density": 0.5, "missing": 0.1, "unknown": 0.1},
}
EAGER = {"single_label": True, "grace_period": 25.0, "delta": 0.2, "tau": 0.35}


def run_both(params, batch):
    """Let the tree and its twin predict and learn a batch; assert that they are the same."""
    model, twin = TreeLearner(params, 500e6), NaiveTree(params)
    answers = model.run(batch, predict=True)
    expected = np.zeros_like(answers)
    for i, (x, present, unknown) in enumerate(rows_of(batch)):
        row = twin.predict(x)
        expected[i, : len(row)] = row
        twin.learn(x, present, unknown)
    assert_same_shape(shape_of(model.tree), twin.root.shape())
    assert model.tree.registers[lay.N_SPLITS] == len(twin.splits)
    assert model.tree.registers[lay.N_DRIFTS] == twin.n_drifts
    assert model.tree.registers[lay.N_REPLACED] == twin.n_replaced
    # single precision: the terms of a nearly constant feature are large and cancel each other
    np.testing.assert_allclose(answers, expected, atol=5e-5)
    check_invariants(model.tree)
    return model.tree.registers


def assert_same_shape(one, other):
    assert len(one) == len(other)
    if one:
        assert one[0] == other[0]
        assert one[1] == pytest.approx(other[1], rel=1e-12)
        assert_same_shape(one[2], other[2])
        assert_same_shape(one[3], other[3])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("leaf_prediction", LEAF_MODELS)
def test_multi_label_tree_equals_its_twin(leaf_prediction, kind):
    """Any rule of the tree that the kernels get wrong: counts, leaf models, splits, inheritance."""
    x, truth = random_rows(3, **KINDS[kind])
    registers = run_both(tree_params(leaf_prediction), make_batch(x, truth))
    assert registers[lay.N_SPLITS] >= 3  # the comparison is about something


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("leaf_prediction", LEAF_MODELS)
def test_single_label_tree_equals_its_twin(leaf_prediction, kind):
    """The same in the mode of one class per row."""
    x, truth = random_rows(4, **KINDS[kind])
    batch = make_batch(x, classes_as_labels(truth))
    registers = run_both(tree_params(leaf_prediction, **EAGER), batch)
    assert registers[lay.N_SPLITS] >= 3


@pytest.mark.parametrize(
    "changes",
    [
        {"merit_preprune": False},
        {"min_branch_fraction": 0.2},
        {"n_split_points": 3},
        {"max_depth": 1},
        {"learning_rates": (0.7, 0.0, 0.0, 0.0)},
        {"n_rates": 3, "learning_rates": (0.03, 0.3, 1.0, 0.0)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_parameters_mean_the_same_to_the_twin(changes):
    """A parameter that is read in the wrong place."""
    x, truth = random_rows(5, density=0.7)
    run_both(tree_params(**changes), make_batch(x, truth))


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_max_share_to_split_means_the_same_to_the_twin(share):
    """A limit that is compared with counts since ever and not with those of the statistics."""
    x, truth = random_rows(6)
    params = tree_params(max_share_to_split=share, **EAGER)
    run_both(params, make_batch(x, classes_as_labels(truth)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("leaf_prediction", ["mc", "adaptive"])
def test_branches_are_replaced_as_the_twin_replaces_them(leaf_prediction, seed):
    """Alternates that begin, learn, take over or are dropped at another row; slots of freed
    branches that keep something of their last owner."""
    x, truth = changing_rows(seed, n=500, concepts=4)
    params = tree_params(leaf_prediction, drift_detection=True, drift_delta=0.05)
    registers = run_both(params, make_batch(x, truth))
    assert registers[lay.N_REPLACED] > 0
    assert registers[lay.N_SPLITS] > 3


@pytest.mark.parametrize("seed", range(3))
def test_single_label_branches_are_replaced_as_the_twin_replaces_them(seed):
    """The same for classes, whose loss is 0/1."""
    x, truth = changing_rows(seed, n=500, concepts=4)
    params = tree_params("nba", drift_detection=True, drift_delta=0.05, **EAGER)
    registers = run_both(params, make_batch(x, classes_as_labels(truth)))
    assert registers[lay.N_REPLACED] > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
def test_many_streams_equal_the_twin(seed):
    """Coincidences that few streams have: ties, features that vanish, labels that come late."""
    rng = np.random.default_rng(seed)
    x, truth = changing_rows(
        seed,
        n=300,
        concepts=3,
        features=int(rng.integers(1, 12)),
        labels=int(rng.integers(1, 9)),
        density=rng.choice([1.0, 0.4, 0.1]),
        missing=rng.choice([0.0, 0.15]),
        unknown=rng.choice([0.0, 0.15]),
    )
    truth[: len(truth) // 2, -1] = 0  # a label that comes late
    x[: len(x) // 3, -1] = 0.0
    leaf_prediction = list(LEAF_MODELS)[seed % 5]
    params = tree_params(leaf_prediction, drift_detection=True, drift_delta=0.05)
    run_both(params, make_batch(x, truth))
