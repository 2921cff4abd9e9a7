"""Clusters move from workers that have much to do to those that have little."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.distributed.balance import balanced, imbalance


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 40))
def test_no_worker_gets_more_than_the_busiest_had(seed, n_workers, n_clusters):
    """Clusters that move to and fro without end, or to a worker that has enough already."""
    rng = np.random.default_rng(seed)
    cost = rng.exponential(size=n_clusters) * rng.integers(0, 2, n_clusters)
    owner = rng.integers(0, n_workers, n_clusters)
    found = balanced(cost, owner, n_workers, bound=1.1)
    assert imbalance(cost, found, n_workers) <= imbalance(cost, owner, n_workers) + 1e-9
    loads = np.bincount(found, weights=cost, minlength=n_workers)
    if imbalance(cost, found, n_workers) > 1.1:  # one cluster alone is more than the gap
        own = cost[found == loads.argmax()]
        assert own[own > 0].min() >= loads.max() - loads.min() - 1e-9


def test_a_small_difference_moves_nothing():
    """A move that costs more than it gains."""
    cost, owner = np.array([1.0, 1.1, 1.0, 1.1]), np.array([0, 0, 1, 1])
    assert balanced(cost, owner, 2, bound=1.25).tolist() == owner.tolist()
