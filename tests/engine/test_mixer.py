"""The mixer against its definition, and what its weights become when clusters change."""

import math

import numpy as np
import pytest
from mixer_decoder_rows import (
    add_labels,
    mixer_decoder_of,
    random_partition,
    random_truth,
    take_row,
)
from naive.mixer import NaiveMixer, clipped, logit

from stream.engine.joint_decoder_layout import INDEPENDENTLY
from stream.engine.label_mixer import FIRST_SQUARE, LARGEST_EVIDENCE, PERSISTENCE, TREND


def alone(**params):
    """Mixer and decoder of which the decoder does nothing."""
    return mixer_decoder_of(decode=INDEPENDENTLY, **params)


def both(n_models=3, **params):
    """Mixer and decoder, and the twin of the mixer, without labels."""
    growing = alone(n_models=n_models, **params)
    return growing, NaiveMixer(growing.params.mixer, n_models)


def regroup_both(growing, twin, n_labels, clusters, n_rows=0):
    add_labels(growing, n_labels, clusters, n_rows)
    twin.add_labels(n_labels, n_rows)
    twin.regroup(clusters)


def play(growing, twin, rng, n_rows):
    """Take both through random rows, comparing every answer."""
    for _ in range(n_rows):
        said = rng.uniform(0, 1, (growing.n_models, growing.n_labels)).round(3)
        truth = random_truth(rng, growing.n_labels, unknown=0.4)
        past = np.array([rng.integers(0, 2, growing.n_labels), rng.random(growing.n_labels)])
        told, answered, _ = take_row(growing, said, truth, past)
        np.testing.assert_allclose(told, twin.mix(said, past), rtol=0, atol=1e-9)
        assert answered == frozenset(np.flatnonzero(told > 0.5).tolist())
        twin.learn(said, past, truth)


@pytest.mark.parametrize("past", [True, False])
@pytest.mark.parametrize("mix", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_it_equals_its_definition(seed, mix, past):
    """A step that is taken before all labels of a cluster were looked at, an unknown label that is
    learnt, weights that do not come along when clusters change, or a label that begins wrong."""
    rng = np.random.default_rng(seed)
    growing, twin = both(mix=mix, past=past, n_models=int(rng.integers(1, 4)))
    n_labels, rows = 4, 0
    regroup_both(growing, twin, n_labels, random_partition(rng, n_labels, 2))
    play(growing, twin, rng, 60)
    for n_labels, n_clusters in ((4, 3), (4, 1), (7, 2), (9, 4)):
        rows += 60
        clusters = random_partition(rng, n_labels, n_clusters)
        regroup_both(growing, twin, n_labels, clusters, rows)
        play(growing, twin, rng, 60)
    expected = [
        [twin.shared[twin.cluster(k)][p] + twin.own[k, p] for p in twin.places] for k in range(9)
    ]
    np.testing.assert_allclose(growing.weights, expected, rtol=0, atol=1e-9)
    assert (np.abs(growing.weights[:, 0] - 1 / growing.n_models) > 1e-3).all() == mix


def test_without_learning_models_are_averaged():
    """A plain average that is not one of log odds, or that looks at the past."""
    rng = np.random.default_rng(1)
    growing = alone(mix=False, n_models=3)
    add_labels(growing, 2, [[0, 1]])
    n_present = np.zeros(2)
    for row in range(50):
        said = rng.uniform(0.02, 0.98, (3, 2))
        truth = (rng.random(2) < [0.8, 0.4]).astype(float)
        told, _, _ = take_row(growing, said, truth)
        for label in range(2):
            base = logit((n_present[label] + 0.5) / (row + 1.0))
            evidence = [clipped(logit(p) - base, LARGEST_EVIDENCE) for p in said[:, label]]
            expected = 1.0 / (1.0 + math.exp(-base - sum(evidence) / 3))
            assert told[label] == pytest.approx(expected, abs=1e-12)
        n_present += truth


@pytest.mark.parametrize("mix", [True, False])
def test_models_that_are_made_of_several_weigh_most_at_first(mix):
    """Weights that learning would have to find anew, or a plain average that is none."""
    growing = alone(mix=mix, n_models=4, n_given=2)
    add_labels(growing, 2, [[0], [1]])
    expected = [0.125, 0.125, 0.25, 0.5] if mix else [0.25] * 4
    assert growing.weights[:, :4].tolist() == [expected, expected]


def test_a_label_that_nothing_is_said_of_begins_with_its_base_rate():
    """A new label that begins at one half however many rows it was absent from."""
    growing = alone(n_models=1)
    add_labels(growing, 1, [[0]], n_rows=99)
    rate = 0.5 / 100
    told, _, _ = take_row(growing, [[rate]])
    assert told[0] == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize("past", [True, False])
def test_the_past_is_used_where_it_tells(past):
    """Persistence that is never an input, or one although it is switched off."""
    growing = alone(past=past, n_models=1)
    add_labels(growing, 1, [[0]])
    truths = np.repeat(np.random.default_rng(3).integers(0, 2, 40), 15)
    right, last, trend = 0, 0, 0.0
    for row, truth in enumerate(truths):
        _, answered, _ = take_row(growing, [[0.5]], [truth], [[last], [trend]])
        right += row >= 100 and (0 in answered) == truth
        last, trend = truth, trend + (truth - trend) / 5
    share = right / (len(truths) - 100)
    assert (share > 0.85) == past
    own_past = growing.weights[0, [1 + PERSISTENCE, 1 + TREND]]
    assert own_past.any() == past


def test_an_unknown_truth_teaches_nothing():
    """A label whose truth is unknown and that is taken for absent."""
    growing = alone()
    add_labels(growing, 2, [[0], [1]])
    before = growing.weights.copy()
    for _ in range(5):
        take_row(growing, [[0.9, 0.9], [0.2, 0.2]], [np.nan, 1])
    mixer = growing.state.mixer
    np.testing.assert_array_equal(growing.weights[0], before[0])
    assert (growing.weights[1, :2] != before[1, :2]).all()
    assert mixer.n_known[:2].tolist() == [0, 5]
    assert not mixer.followed[0].any()


def test_weights_follow_splits_and_merges():
    """Children that begin anew, a merge that takes the weights of one cluster alone, or a new
    cluster that begins with another one's."""
    rng = np.random.default_rng(6)
    growing, twin = both(n_models=2)
    regroup_both(growing, twin, 4, [[0, 1], [2, 3]])
    play(growing, twin, rng, 80)
    before = growing.state.mixer.weight.copy()
    squares = growing.state.mixer.square.copy()
    said = rng.random((2, 4))
    told, _, _ = take_row(growing, said)
    add_labels(growing, 4, [[3], [0], [2], [1]])  # both split
    np.testing.assert_allclose(growing.state.mixer.weight, before[[1, 0, 1, 0]], rtol=1e-12)
    np.testing.assert_allclose(take_row(growing, said)[0], told, rtol=1e-12)
    add_labels(growing, 5, [[0, 1, 2], [3], [4]])  # a merge, and a new label
    mixer = growing.state.mixer
    np.testing.assert_allclose(mixer.weight[0], (2 * before[0] + before[1]) / 3, rtol=1e-12)
    np.testing.assert_allclose(mixer.square[0], (2 * squares[0] + squares[1]) / 3, rtol=1e-12)
    np.testing.assert_array_equal(mixer.weight[2], [0.5, 0.5, 0, 0, 0, 0])
    assert (mixer.square[2] == FIRST_SQUARE).all()


def test_a_cluster_learns_faster_on_its_own():
    """A drift in one cluster that makes the others forget how far they may step."""
    growing, twin = both(n_models=2)
    regroup_both(growing, twin, 4, [[0, 1], [2, 3]])
    play(growing, twin, np.random.default_rng(7), 40)
    before = growing.state.mixer.square.copy()
    growing.learn_faster(1)
    square = growing.state.mixer.square
    np.testing.assert_array_equal(square[0], before[0])
    assert (before[1] > FIRST_SQUARE).any()
    assert (square[1] == FIRST_SQUARE).all()
