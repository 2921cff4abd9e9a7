"""The rules against their slow, obvious twin."""

import numpy as np
import pytest
from label_rows import block_sets, csr, nested_sets
from naive import partition as naive

from stream.partition import PartitionCore, PartitionParams


def examined_once(sets, **options):
    """A core that has seen all rows and is tested once; its splits as (pivots, sides)."""
    core = PartitionCore(PartitionParams(grace_period=len(sets), coherence_drift=False, **options))
    events = core.learn(*csr(sets))
    splits = []
    for event in events:
        pivots = (event.quantities["pivot_1"], event.quantities["pivot_2"])
        splits.append((pivots, [list(cluster.labels) for cluster in event.after[:2]]))
    return core, splits


def clusters_of(core):
    return sorted(list(labels) for _, labels in core.clusters())


def check(sets, n_labels, *, published=False, min_size=2, **options):
    core, splits = examined_once(sets, min_cluster_size=min_size, min_observations=5, **options)
    expected, clusters = naive.hierarchy(
        sets, range(n_labels), options["delta"], options["tau"], min_size, 5, published=published
    )
    assert splits == expected
    known = {label for cluster in clusters for label in cluster}  # the others wait somewhere
    found = [[label for label in cluster if label in known] for cluster in clusters_of(core)]
    assert sorted(filter(None, found)) == sorted(clusters)
    return splits


@pytest.mark.parametrize("dense_limit", [0, 100])
@pytest.mark.parametrize("seed", range(5))
def test_splits_equal_the_twin(seed, dense_limit):
    """Wrong pivots, sides or order: a formula, a tie, or the numbering of pairs is off."""
    blocks = [[0, 5, 7], [1, 2, 9, 10], [3, 4], [6, 8, 11]]
    sets = block_sets(seed, 800, blocks, within=0.8, noise=0.03)
    splits = check(sets, 12, delta=0.05, tau=0.06, dense_limit=dense_limit)
    assert splits


@pytest.mark.parametrize("seed", range(10))
def test_splits_of_unstructured_labels_equal_the_twin(seed):
    """A difference that shows only where pairs never meet, labels are rare, or tests fail."""
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.02, 0.5, 9)
    sets = [{x for x in range(9) if rng.random() < rates[x]} for _ in range(150)]
    check(sets, 9, delta=0.3, tau=0.2, min_size=1)


@pytest.mark.parametrize("seed", range(5))
def test_the_published_rule_to_the_letter(seed):
    """Where every label has a nearer pivot the result is that of the published rule, although
    undecided labels follow their neighbours."""
    splits = check(nested_sets(seed, 8_000), 8, published=True, delta=0.1, tau=0.015)
    assert splits[0][1] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_undecided_labels_do_not_tear_a_block_apart():
    """Labels that have nothing to do with either pivot dealt to both sides by noise."""
    blocks = [list(range(5 * k, 5 * k + 5)) for k in range(8)]
    core, _ = examined_once(block_sets(0, 2_000, blocks), delta=0.05, tau=0.05)
    assert clusters_of(core) == blocks


def test_a_cluster_that_became_wider_than_its_parent_merges_back():
    """The merge test missed, or the merged cluster without some label."""
    rng = np.random.default_rng(1)
    together = [
        {0, 1, 2, 3} if rng.random() < 0.5 else {0, 1} if rng.random() < 0.5 else {2, 3}
        for _ in range(4_000)
    ]
    core = PartitionCore(PartitionParams(min_cluster_size=2, coherence_drift=False))
    events = core.learn(*csr(together))
    assert [event.kind for event in events] == ["split"]
    assert events[0].quantities["d1"] < 0.6
    first = core.clusters()[0][0]
    assert [event.kind for event in core.reexamine(first)] == ["reexamine"]
    apart = [{0} if rng.random() < 0.5 else {1, 2, 3} for _ in range(1_000)]
    merges = [event for event in core.learn(*csr(apart)) if event.kind == "merge"]
    assert [cluster.labels for cluster in merges[0].after] == [(0, 1, 2, 3)]
    assert merges[0].quantities["diameter"] > merges[0].quantities["parent_diameter"]


def test_a_cluster_that_falls_apart_splits_after_its_statistics_began_anew():
    """Old rows that still count after a reexamination."""
    sets = block_sets(2, 5_000, [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]])
    core = PartitionCore(PartitionParams(min_cluster_size=3))
    core.learn(*csr(sets))
    assert clusters_of(core) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    core.reexamine(core.clusters()[0][0])
    core.learn(*csr(block_sets(3, 2_000, [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9, 10, 11]])))
    assert clusters_of(core) == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9, 10, 11]]
