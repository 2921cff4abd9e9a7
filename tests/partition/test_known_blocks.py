"""Streams whose blocks of labels are known."""

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from stream.data.synthetic import create
from stream.partition import PartitionCore, PartitionParams, adjusted_rand_index

SEEDS = range(5)
GOOD = 0.95
CHANGE = 20_000


def agreement(core, source, row):
    clusters = [labels for _, labels in core.clusters()]
    return adjusted_rand_index(clusters, source.description.blocks_at(row))


def first_good(core, source, start, stop, step=500):
    """Rows after which the blocks are found, counted from the start of the stream."""
    for at in range(start, stop, step):
        batch = source.rows(at, at + step)
        core.learn(batch.y_indptr, batch.y_indices)
        if agreement(core, source, at) >= GOOD:
            return at + step
    return None


def learn(core, source, start, stop):
    batch = source.rows(start, stop)
    return core.learn(batch.y_indptr, batch.y_indices)


def test_the_index_is_that_of_scikit_learn():
    """A wrong correction for chance."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, rng.integers(1, 6), (2, 15))
        lists = [[np.flatnonzero(x == k).tolist() for k in range(6)] for x in (a, b)]
        assert adjusted_rand_index(*lists) == pytest.approx(adjusted_rand_score(a, b))


@pytest.mark.parametrize("shape", ["labels=20,blocks=4", "labels=200,blocks=20"])
@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_are_found_and_found_again(shape, seed):
    """Rules that are too timid, tear blocks apart, or hold on to blocks that are gone."""
    source = create(f"syn-blocks-sud:{shape},positions={CHANGE}", n_rows=2 * CHANGE, seed=seed)
    core = PartitionCore()
    found = first_good(core, source, 0, 5_000)
    assert found is not None
    learn(core, source, found, CHANGE)
    assert agreement(core, source, CHANGE - 1) >= GOOD
    assert first_good(core, source, CHANGE, CHANGE + 10_000) is not None
    assert core.n_restructures == 1


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["labels=20,blocks=4", "labels=200,blocks=20"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_partition_of_a_stationary_stream_stands_still(shape, seed):
    """Splits and merges that take turns; false alarms that rebuild what was right."""
    source = create(f"syn-blocks:{shape}", n_rows=200_000, seed=seed)
    core = PartitionCore()
    learn(core, source, 0, 20_000)
    late = [event for at in range(20_000, 200_000, 20_000)
            for event in learn(core, source, at, at + 20_000)]  # fmt: skip
    assert sum(event.before != event.after for event in late) <= 2
    assert agreement(core, source, 199_999) >= GOOD


@pytest.mark.parametrize("seed", [5, 7])
def test_blocks_are_not_cut_where_labels_are_rare(seed):
    """Labels dealt to pivots by a few common rows, or split off while they wait for the others of
    their block."""
    source = create("syn-blocks:labels=200,blocks=20", n_rows=5_000, seed=seed)
    for min_observations in (10, 20, 50):
        core = PartitionCore(PartitionParams(min_observations=min_observations))
        learn(core, source, 0, 5_000)
        assert agreement(core, source, 0) >= GOOD


def test_a_hundred_thousand_labels_in_bounded_memory():
    """Lists of all labels in every event, or room for every pair."""
    rng = np.random.default_rng(0)
    n_labels, n_rows = 100_000, 20_000
    core = PartitionCore()
    core.add_labels(n_labels)
    first = (n_labels * rng.random(n_rows) ** 4).astype(np.int32) // 3 * 3
    indices = (first[:, None] + np.arange(3, dtype=np.int32)).clip(max=n_labels - 1)
    indices[:, 2] = np.minimum(n_labels - 1, indices[:, 2] + rng.integers(0, 1_000, n_rows))
    kept = np.diff(indices, axis=1, prepend=-1) > 0
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    tracemalloc.start()
    core.learn(indptr, indices[kept])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(core.clusters()) > 2
    assert sum(len(labels) for _, labels in core.clusters()) == n_labels
    assert peak < 200e6


def test_a_false_alarm_changes_nothing():
    """A fall of the coherence that comes from other label frequencies rebuilds right clusters."""
    source = create("syn-blocks:labels=20,blocks=4", n_rows=10_000, seed=0)
    core = PartitionCore()
    learn(core, source, 0, 5_000)
    clusters = core.clusters()
    noise = np.sort(np.argsort(np.random.default_rng(0).random((400, 20)), axis=1)[:, :2], axis=1)
    core.learn(np.arange(0, 801, 2), noise.astype(np.int32).ravel())
    assert core.candidate is not None
    learn(core, source, 5_000, 10_000)
    assert core.candidate is None
    assert core.clusters() == clusters
    assert core.n_restructures == 0
