"""Counts of labels and pairs against plain addition, and their limits."""

import numpy as np
import pytest
from label_rows import block_sets, csr, naive_counts

from stream.partition.statistics import LabelStatistics
from stream.snapshot import dumps

BLOCKS = [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9, 10, 11]]


def counted(sets, n_labels, chunk=None, **options):
    statistics = LabelStatistics(**options)
    statistics.add_labels(n_labels)
    indptr, indices = csr(sets)
    chunk = chunk or len(sets)
    for start in range(0, len(sets), chunk):
        statistics.count(indptr, indices, start, min(len(sets), start + chunk))
    return statistics


def pair_matrix(statistics):
    pairs = statistics.pairs_within(np.zeros(statistics.n_labels, np.int32))
    matrix = np.zeros((statistics.n_labels,) * 2, np.int64)
    matrix[pairs.first, pairs.second] = pairs.rows
    return matrix


@pytest.mark.parametrize("dense_limit", [0, 5, 100])
def test_counts_are_plain_sums(dense_limit):
    """A pair counted twice, in the wrong place, or lost when the list or its table grows."""
    sets = block_sets(1, 500, BLOCKS, noise=0.1)
    labels, pairs = naive_counts(sets, 12)
    statistics = counted(sets, 12, dense_limit=dense_limit)
    assert statistics.labels.tolist() == labels.tolist()
    assert np.array_equal(pair_matrix(statistics), np.triu(pairs, 1))


def test_counts_survive_the_change_from_dense_to_sparse():
    """Pairs lost or moved when the labels become too many for the triangle."""
    sets = block_sets(2, 400, BLOCKS, noise=0.1)
    early = [labels & set(range(6)) for labels in sets[:200]]
    statistics = counted(early, 6, dense_limit=8)
    statistics.add_labels(12)
    statistics.count(*csr(sets[200:]), 0, 200)
    _, pairs = naive_counts(early + sets[200:], 12)
    assert not len(statistics.counts.triangle)
    assert np.array_equal(pair_matrix(statistics), np.triu(pairs, 1))


@pytest.mark.parametrize("dense_limit", [0, 100])
def test_forgotten_labels_count_from_then_on(dense_limit):
    """A reset that leaves a pair behind, or takes one of other labels with it."""
    sets = block_sets(3, 400, BLOCKS, noise=0.1)
    statistics = counted(sets[:200], 12, dense_limit=dense_limit)
    statistics.forget(np.array([0, 1, 2], np.int32))
    statistics.count(*csr(sets[200:]), 0, 200)
    late, all_pairs = naive_counts(sets[200:], 12)[1], naive_counts(sets, 12)[1]
    expected = np.triu(all_pairs, 1)
    expected[:3] = np.triu(late, 1)[:3]
    assert np.array_equal(pair_matrix(statistics), expected)


def test_the_list_of_pairs_stays_within_its_limit():
    """Memory that grows with the stream, or frequent pairs forgotten in favour of rare ones."""
    rng = np.random.default_rng(4)
    sets = [
        {*rng.integers(10, 2_000, 3).tolist()} | ({0, 1} if i % 2 else {2}) for i in range(3_000)
    ]
    statistics = counted(sets, 2_000, dense_limit=0, max_pairs=2_000)
    assert statistics.n_forgotten > 0
    assert len(statistics.counts.keys) == 2_000
    assert pair_matrix(statistics)[0, 1] == 1_500
    by_row = counted(sets, 2_000, chunk=1, dense_limit=0, max_pairs=2_000)
    assert dumps(by_row) == dumps(statistics)


def test_a_row_of_very_many_labels_does_not_flood_the_list():
    """One broken row that pushes every pair out, or never fits and stops the stream."""
    sets = [{0, 1}, set(range(500)), {0, 1}]
    statistics = counted(sets, 500, dense_limit=0, max_pairs=1_000)
    assert statistics.labels[:3].tolist() == [3, 3, 1]
    assert pair_matrix(statistics).sum() == 2


def test_a_hundred_thousand_labels_fit():
    """A structure that takes room for every possible pair."""
    rng = np.random.default_rng(5)
    n_rows, n_labels = 50_000, 100_000
    indices = np.sort(rng.integers(0, n_labels, (n_rows, 3)), axis=1)
    indices[:, 1] += indices[:, 1] == indices[:, 0]
    indices[:, 2] = np.maximum(indices[:, 2], indices[:, 1] + 1)
    statistics = LabelStatistics(max_pairs=100_000)
    statistics.add_labels(n_labels + 2)
    indptr = np.arange(0, 3 * n_rows + 1, 3)
    statistics.count(indptr, indices.astype(np.int32).ravel(), 0, n_rows)
    assert statistics.labels.sum() == 3 * n_rows
    assert statistics.n_bytes < 5e6
