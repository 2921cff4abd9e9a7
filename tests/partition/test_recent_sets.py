from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from stream import LabelPartitioner
from stream.errors import SnapshotError
from stream.partition import recent_sets
from stream.partition.recent_sets import RecentSets


def csr(sets):
    indptr = np.cumsum([0, *map(len, sets)])
    return indptr, np.array([label for each in sets for label in sorted(each)], np.int32)


def random_sets(rng, n):
    return [set(rng.choice(12, rng.integers(0, 7), replace=False).tolist()) for _ in range(n)]


@pytest.mark.parametrize("seed", range(5))
def test_the_usual_size_is_that_of_the_last_sets_whatever_the_chunks(seed, monkeypatch):
    """A set too many or too few, a row without a label of the cluster that is counted."""
    monkeypatch.setattr(recent_sets, "MOST_SETS", 20)
    rng = np.random.default_rng(seed)
    sets, kept, start = random_sets(rng, 90), RecentSets(), 0
    indptr, indices = csr(sets)
    while start < len(sets):
        stop = min(len(sets), start + int(rng.integers(1, 50)))
        kept.add(indptr, indices, start, stop)
        kept.check_restored()
        start = stop
        for cluster in ([0], [1, 2, 3], list(range(12)), [11, 5]):
            sizes = Counter(len(s & set(cluster)) for s in sets[max(0, stop - 20) : stop])
            del sizes[0]
            usual = min(sizes, key=lambda size: (-sizes[size], size), default=0)
            assert kept.usual_size(np.array(cluster, np.int32)) == usual


def test_large_sets_are_fewer(monkeypatch):
    monkeypatch.setattr(recent_sets, "MOST_LABELS", 100)
    kept = RecentSets()
    for _ in range(10):
        kept.add(np.array([0, 30, 60]), np.tile(np.arange(30, dtype=np.int32), 2), 0, 2)
        assert len(kept.labels) <= 100
    assert len(kept.start) - 1 == 3
    assert kept.usual_size(np.arange(40, dtype=np.int32)) == 30


@pytest.mark.parametrize(
    ("start", "labels"), [([0, 3], [1, 2]), ([1, 2], [1, 2]), ([0, 2, 1, 2], [1, 2]), ([], [])]
)
def test_damaged_sets_are_refused(start, labels):
    kept = RecentSets()
    kept.start, kept.labels = np.array(start, np.int64), np.array(labels, np.int32)
    with pytest.raises(SnapshotError):
        kept.check_restored()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_small_clusters_are_found_though_rows_hold_labels_of_several(seed):
    """A safe size that is that of whole rows: none of these clusters has so many labels."""
    rng = np.random.default_rng(seed)
    blocks = rng.random((5_000, 10, 1)) < 0.35
    labels = (blocks & (rng.random((5_000, 10, 6)) < 0.8)).reshape(5_000, 60)
    assert np.bincount(labels.sum(axis=1)).argmax() > 6
    model = LabelPartitioner()
    model.learn_many(labels.astype(float))
    assert sorted(map(sorted, model.clusters)) == [
        list(range(first, first + 6)) for first in range(0, 60, 6)
    ]
