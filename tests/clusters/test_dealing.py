"""How clusters are dealt out to threads and workers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.clusters.executor import SMALL_TASKS, deal

COSTS = st.lists(st.one_of(st.integers(0, 5), st.floats(0.0, 1e6)), max_size=60)


@given(COSTS, st.integers(1, 6))
def test_each_task_is_in_one_part(costs, n_parts):
    """A task that two threads do, or none; a part without tasks, for which a thread is woken."""
    parts = deal(costs, n_parts)
    assert sorted(task for part in parts for task in part) == list(range(len(costs)))
    assert len(parts) <= n_parts
    assert all(parts)


@given(COSTS, st.integers(1, 6))
def test_parts_cost_about_the_same(costs, n_parts):
    """A part with more than one task too many: the others would wait for it."""
    mean, dearest = sum(costs) / n_parts, max(costs, default=0.0)
    for part in deal(costs, n_parts):
        total = sum(costs[task] for task in part)
        assert total <= mean + max(dearest, mean / SMALL_TASKS) * 1.0001 + 1e-6


def test_a_dear_task_has_a_part_of_its_own():
    """Small tasks dealt out in turn, so that a thread has them on top of the dear one."""
    parts = deal([50, *np.ones(50, int).tolist()], 2)
    assert parts == [[0], list(range(1, 51))]
