"""Placement of labels against its slow twin."""

import numpy as np
import pytest
from cluster_rows import batch_of_sets, random_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from naive.placement import NaivePlacement
from recorded import Recorder, params_of, random_ends

from stream.engine import placement as pl

WAYS = {"jaccard": pl.JACCARD, "random": pl.RANDOM, "given": pl.GIVEN, "single": pl.SINGLE}
FEW_STAGES = {"window": 0, "past": False, "mix": False}


def given_cluster(label):
    return label * 7 % 11


def assert_same_clusters(gated, twin):
    placement, n = gated.placement, len(twin.born)
    assert [labels for _, labels in gated.labels_of_clusters()] == [
        tuple(sorted(labels)) for labels in twin.clusters
    ]
    assert placement.registers[pl.N_PLACED] == n
    assert dict(enumerate(placement.born[:n].tolist())) == twin.born
    assert placement.begun[: len(twin.begun)].tolist() == twin.begun
    for labels in twin.clusters:  # columns are given in the order in which labels come
        assert placement.column[labels].tolist() == list(range(len(labels)))


def play_both(batch, how, capacity, ends=None, delay=0):
    """Clusters behind a gate and the twin after the same rows."""
    rule = given_cluster if how == "given" else None
    params = params_of(placement=WAYS[how], capacity=capacity, **FEW_STAGES)
    recorder = Recorder(params, rule)
    recorder.play(batch, delay, ends)
    twin = NaivePlacement(capacity, WAYS[how], rule, params.seed)
    for event in recorder.events:
        if event.learns:
            twin.learn(event.present, event.unknown)
    return recorder.gated, twin


@pytest.mark.parametrize("delay", [0, 5])
@pytest.mark.parametrize("capacity", [1, 2, 5])
@pytest.mark.parametrize("how", WAYS)
def test_labels_go_where_the_twin_puts_them(how, capacity, delay):
    """A full cluster that takes one more label, a tie that another cluster wins, a label that is
    first seen as an unknown one, labels that are born in the wrong row of a call."""
    rng = np.random.default_rng(capacity + delay)
    batch = random_rows(rng, 200, 60, unknown=True)
    gated, twin = play_both(batch, how, capacity, random_ends(rng, 200), delay)
    assert_same_clusters(gated, twin)
    assert len(twin.born) > 30
    if how == "jaccard":
        assert max(map(len, twin.clusters)) == capacity


label_sets = st.frozensets(st.integers(0, 12), max_size=5)


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(label_sets, label_sets), min_size=1, max_size=12),
    how=st.sampled_from([*WAYS]),
    capacity=st.integers(1, 6),
)
def test_any_label_sets_go_where_the_twin_puts_them(rows, how, capacity):
    """A rule that random streams do not reach."""
    gated, twin = play_both(batch_of_sets(rows), how, capacity)
    assert_same_clusters(gated, twin)


def test_the_older_of_two_clusters_that_hold_as_many_is_taken():
    """A tie that the cluster of the first label wins."""
    rows = [({0, 1}, set()), ({2, 3, 4}, set()), ({0, 5}, set()), ({2, 5, 6}, set())]
    gated, twin = play_both(batch_of_sets(rows), "jaccard", 4)
    assert_same_clusters(gated, twin)
    assert twin.clusters == [[0, 1, 5, 6], [2, 3, 4]]
