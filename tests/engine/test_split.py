"""When a leaf splits and on what: gains against exact counts, and what every parameter does."""

import math

import numpy as np
import pytest
import scipy.stats
from engine_streams import classes_as_labels, learner, make_batch, random_rows, shape_of

from stream import HoeffdingTreeClassifier
from stream.engine import layout as lay
from stream.engine.arrays import allocate
from stream.engine.split import SplitScratch, _impurity, best_split

NEVER = 1e9  # a grace period without attempts: the leaf only gathers its statistics


def entropy(counts):
    """Bits."""
    return float(scipy.stats.entropy(counts, base=2)) if np.sum(counts) > 0 else 0.0


def impurity_of(truth, single_label):
    """Impurity of rows of labels (-1: unknown) by SciPy's entropy."""
    if single_label:
        return entropy(truth.sum(axis=0))
    return sum(entropy([(column == 1).sum(), (column == 0).sum()]) for column in truth.T)


def gain_of(left, truth, single_label):
    """Information gain of a division of rows."""
    whole = impurity_of(truth, single_label)
    below = sum(
        side.mean() * impurity_of(truth[side], single_label) for side in (left, ~left) if side.any()
    )
    return (whole - below) if single_label else (whole - below) / whole


def leaf_of(x, truth, **changes):
    """A learner whose one leaf has learnt the rows and never tried to split."""
    model = learner("mc", grace_period=NEVER, **changes)
    model.run(make_batch(x, truth), predict=False)
    return model


def attempt(model, **changes):
    """The best split of the first leaf: split?, feature, threshold, rows on the left, scratch."""
    scratch = allocate(SplitScratch, {"labels": model.tree.labels.bias.shape[-1]})
    return *best_split(model.tree, model.params._replace(**changes), 0, scratch), scratch


@pytest.mark.parametrize("single_label", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_impurity_equals_scipy_entropy(seed, single_label):
    """A sum over the wrong labels, a wrong base, or unknown rows that count as absent."""
    rng = np.random.default_rng(seed)
    labels = np.array([0, 2, 3], np.int32)
    truth = rng.integers(0, 2, (60, 4))
    unknown = np.zeros((60, 4), bool)
    if single_label:
        truth = np.eye(4, dtype=int)[rng.choice(labels, 60)]
    else:
        unknown = rng.random((60, 4)) < 0.2
    params = leaf_of(np.ones((1, 1)), truth[:1], single_label=single_label).params
    found = _impurity(
        params,
        60.0,
        (truth * ~unknown).sum(axis=0).astype(float)[labels],
        unknown.sum(axis=0).astype(float)[labels],
        3,
        np.zeros((2, 3)),
    )
    expected = impurity_of(np.where(unknown, -1, truth)[:, labels], single_label)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("single_label", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_binary_features_are_ranked_by_their_exact_gain(seed, single_label):
    """Counts of zeros that are derived wrongly: where features are 0 or 1 nothing is estimated."""
    rng = np.random.default_rng(seed)
    x = (rng.random((200, 6)) < rng.uniform(0.2, 0.8, 6)).astype(float)
    noise = rng.random((200, 3)) < 0.3
    truth = (x[:, :3].astype(int)) ^ noise
    if single_label:
        truth = classes_as_labels(truth)
    gains = [gain_of(x[:, j] == 0, truth, single_label) for j in range(6)]
    best, second = np.sort(gains)[[-1, -2]]
    model = leaf_of(x, truth, single_label=single_label)
    sure, feature, threshold, rows_left, scratch = attempt(model, delta=0.999999, tau=0.0)
    assert feature == int(np.argmax(gains))
    assert threshold == 0.0
    left = x[:, feature] == 0
    assert rows_left == left.sum()
    for label in range(3):
        assert scratch.best_left[0, label] == truth[left, label].sum()
    # the bound decides just where the exact gains say so
    value_range = math.log2(max(3, 2)) if single_label else 1.0
    for bound in (best - second - 1e-9, best - second + 1e-9):
        delta = math.exp(-2 * 200 * (bound / value_range) ** 2)
        if delta < 1.0:
            assert attempt(model, delta=delta, tau=0.0)[0] == (bound < best - second)
    assert sure or best - second < 1e-3


def test_unknown_labels_are_neither_present_nor_absent():
    """A label whose unknown rows make it look rare, so that a useless feature wins."""
    rng = np.random.default_rng(0)
    x = (rng.random((400, 2)) < 0.5).astype(float)
    truth = np.c_[x[:, 0].astype(int) ^ (rng.random(400) < 0.2), rng.integers(0, 2, 400)]
    truth[(x[:, 1] == 1) & (rng.random(400) < 0.9), 0] = -1
    _, feature, *_ = attempt(leaf_of(x, truth))
    assert feature == 0


def test_gaussian_thresholds_count_nearly_what_is_there():
    """A cumulative distribution on the wrong side, or with a wrong deviation."""
    rng = np.random.default_rng(1)
    x = np.r_[rng.normal(-1, 1, 2_000), rng.normal(2, 0.5, 2_000)][:, None]
    truth = np.r_[np.zeros(2_000, int), np.ones(2_000, int)][:, None]
    truth = np.c_[truth, 1 - truth]
    for single_label in (False, True):
        _, _, threshold, _, scratch = attempt(leaf_of(x, truth, single_label=single_label))
        left = x[:, 0] <= threshold
        assert scratch.best_left[0, 0] == pytest.approx(truth[left, 0].sum(), abs=60)
        assert scratch.best_left[0, 1] == pytest.approx(truth[left, 1].sum(), abs=60)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_sparse_features_are_cut_exactly_between_zero_and_the_rest(sign):
    """A Gaussian over zeros and values, which puts some of the zeros on the wrong side."""
    rng = np.random.default_rng(2)
    present = rng.random(500) < 0.2
    x = (sign * present * rng.uniform(1, 3, 500))[:, None]
    truth = np.c_[present, ~present].astype(int)
    _, _, threshold, rows_left, _ = attempt(leaf_of(x, truth))
    assert ((x[:, 0] <= threshold) == (present if sign < 0 else ~present)).all()
    assert rows_left == (x[:, 0] <= threshold).sum()


def splits(x, truth, **changes):
    model = learner("mc", **changes)
    model.run(make_batch(x, truth), predict=False)
    return int(model.tree.registers[lay.N_SPLITS])


def first_split(x, truth, **changes):
    """Row after which the tree splits for the first time; the number of rows if it does not."""
    model = learner("mc", **changes)
    for i in range(len(x)):
        model.run(make_batch(x[i : i + 1], truth[i : i + 1]), predict=False)
        if model.tree.registers[lay.N_SPLITS]:
            return i
    return len(x)


def test_a_smaller_delta_splits_later_and_a_larger_tau_earlier():
    """A bound whose direction is reversed, or that ignores one of its parameters."""
    x, truth = random_rows(3, 2_000)
    by_delta = [first_split(x, truth, delta=delta, tau=0.0) for delta in (0.9, 1e-9, 1e-12)]
    assert by_delta[0] < by_delta[1] < by_delta[2]
    by_tau = [first_split(x, truth, delta=1e-12, tau=tau) for tau in (0.2, 0.3, 0.5)]
    assert by_tau[0] > by_tau[1] > by_tau[2]


def test_grace_period_is_the_distance_of_attempts():
    """An attempt at every row, or none after the first."""
    x, truth = random_rows(3, 400)
    for grace in (30.0, 100.0):
        model = learner("mc", grace_period=grace, delta=0.5, tau=1.0)
        found = []
        for i in range(400):
            model.run(make_batch(x[i : i + 1], truth[i : i + 1]), predict=False)
            if int(model.tree.registers[lay.N_SPLITS]) > len(found):
                found.append(i)
        assert found[0] == grace - 1
        leaf_rows = model.tree.leaves["stat_rows"][: model.tree.registers[lay.LEAVES_USED]]
        assert (leaf_rows < grace).all()  # tau of 1: every attempt of an impure leaf succeeds


@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.3])
def test_no_side_gets_less_than_the_minimum_fraction(fraction):
    """A branch for a handful of outliers."""
    rng = np.random.default_rng(4)
    rare = rng.random(1_000) < 0.04
    x = np.c_[rare, rng.random(1_000) < 0.5].astype(float)
    truth = np.c_[rare, rng.random(1_000) < 0.5].astype(int)
    truth[:, 1] ^= (x[:, 1] == 1) & (rng.random(1_000) < 0.3)
    _, feature, _, rows_left, _ = attempt(leaf_of(x, truth, min_branch_fraction=fraction))
    assert feature == (0 if fraction == 0.0 else 1)
    assert min(rows_left, 1_000 - rows_left) > fraction * 1_000


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_depth_is_limited(depth):
    """A limit that is off by one."""

    def height(shape):
        return 1 + max(height(shape[2]), height(shape[3])) if shape else 0

    x, truth = random_rows(5, 2_000)
    model = learner("mc", max_depth=depth, delta=0.5, tau=1.0)
    model.run(make_batch(x, truth), predict=False)
    assert height(shape_of(model.tree)) == depth
    free = learner("mc", delta=0.5, tau=1.0)
    free.run(make_batch(x, truth), predict=False)
    assert height(shape_of(free.tree)) > 3


def test_a_dominated_leaf_does_not_split():
    """A limit on the share of the largest class that is not looked at."""
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (2_000, 2))
    truth = np.eye(2, dtype=int)[(x[:, 0] > 1.3).astype(int)]  # about 90 % in one class
    assert splits(x, truth, single_label=True, max_share_to_split=0.99) > 0
    assert splits(x, truth, single_label=True, max_share_to_split=0.8) == 0


def test_a_useless_feature_is_no_reason_to_split():
    """Splits on noise, which ``merit_preprune`` is there to prevent; without it they happen."""
    rng = np.random.default_rng(7)
    x, truth = rng.normal(0, 1, (400, 1)), rng.integers(0, 2, (400, 2))
    assert splits(x, truth, tau=0.0, delta=1e-7) == 0
    assert splits(x, truth, tau=0.0, delta=1e-7, merit_preprune=False) > 0


def test_a_leaf_without_uncertainty_does_not_split():
    """A division by an impurity of zero."""
    x = np.random.default_rng(8).normal(0, 1, (300, 2))
    for truth in (np.zeros((300, 2), int), np.ones((300, 2), int)):
        assert splits(x, truth, delta=0.5, tau=1.0) == 0
    one_class = np.eye(2, dtype=int)[np.zeros(300, int)]
    assert splits(x, one_class, delta=0.5, tau=1.0, single_label=True) == 0


def test_more_split_points_find_a_finer_threshold():
    """A number of thresholds that is not used."""
    rng = np.random.default_rng(9)
    x = rng.uniform(0.1, 1, (3_000, 1))
    truth = np.c_[x[:, 0] > 0.8, x[:, 0] <= 0.8].astype(int)
    low, high = x.min(), x.max()
    error = []
    for n in (1, 2, 50):
        threshold = attempt(leaf_of(x, truth, n_split_points=n))[2]
        place = (threshold - low) / (high - low) * (n + 1)
        assert place == pytest.approx(round(place))  # on a grid of n points between the extremes
        error.append(abs(threshold - 0.8))
    assert error[0] > error[1] > error[2]


def tree_of(share, seed):
    x, truth = random_rows(10, 3_000, features=12)
    model = learner("mc", feature_share=share, seed=seed, delta=0.3, tau=0.3)
    model.run(make_batch(x, truth), predict=False)
    return shape_of(model.tree)


def test_random_features_follow_the_seed():
    """A seed that is ignored, or a choice that depends on something else."""
    assert tree_of(0.3, seed=1) == tree_of(0.3, seed=1)
    shapes = {tree_of(0.3, seed=seed) for seed in range(5)}
    assert len(shapes) == 5
    assert tree_of(1.0, seed=1) == tree_of(1.0, seed=2)


def test_random_features_take_the_share_they_should():
    """A share that is its complement: the best feature is missed in about 70 % of the trees."""
    rng = np.random.default_rng(11)
    x = (rng.random((300, 5)) < 0.5).astype(float)
    truth = np.c_[x[:, 0], 1 - x[:, 0]].astype(int)
    model = leaf_of(x, truth)
    found = [
        attempt(model, feature_share=0.3, seed=seed, merit_preprune=False)[1] == 0
        for seed in range(400)
    ]
    assert 0.2 < np.mean(found) < 0.4


def test_every_single_label_leaf_holds_as_many_rows_as_its_classes():
    """Children whose class frequencies do not add up to one."""
    rng = np.random.default_rng(12)
    model = HoeffdingTreeClassifier(
        grace_period=50, delta=0.1, tau=0.3, leaf_prediction="mc", drift_detection=False
    )
    x = rng.normal(0, 1, (2_000, 3))
    y = np.where(x[:, 0] > 0, "a", np.where(x[:, 1] > 0.5, "b", "c"))
    model.learn_many(x, y)
    assert model.summary.n_leaves > 3
    np.testing.assert_allclose(model.predict_proba_many(x).sum(axis=1), 1.0)


@pytest.mark.parametrize("seed", range(20))
def test_no_child_holds_more_labels_than_rows(seed):
    """Log odds of a frequency above one: not a number, and so are all answers of the leaf."""
    rng = np.random.default_rng(seed)
    n = 400
    x = rng.standard_t(1.5, (n, 3)) * (rng.random((n, 3)) < 0.6)
    truth = (x + rng.normal(0, 0.3, (n, 3)) > rng.choice([-2.0, 0.0, 2.0], 3)).astype(int)
    truth[rng.random((n, 3)) < 0.15] = -1
    model = learner("adaptive", grace_period=20.0, delta=0.5, tau=1.0, min_branch_fraction=0.0)
    answers = model.run(make_batch(x, truth), predict=True)
    assert np.isfinite(answers).all()
    assert model.tree.registers[lay.N_SPLITS] > 5
    used = model.tree.registers[lay.LEAVES_USED]
    labels, rows = model.tree.labels, model.tree.leaves["n_rows"][:used, None]
    assert (labels.n_present[:used] + labels.n_unknown[:used] <= rows + 1e-6).all()


def test_a_value_after_nothing_but_missing_ones():
    """NaN for all labels, because the feature has no first value yet."""
    x = np.array([[np.nan], [np.nan], [2.0], [3.0]])
    truth = np.array([[1, 0], [0, 1], [1, 0], [0, 1]])
    for leaf_prediction in ("nb", "adaptive"):
        answers = learner(leaf_prediction).run(make_batch(x, truth), predict=True)
        assert np.isfinite(answers).all()
