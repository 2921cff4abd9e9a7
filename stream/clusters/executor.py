"""Where clusters do their work: here, or dealt out to threads.

Clusters share nothing that changes, so that neither their order nor the number of threads makes a
difference to what they answer. Kernels do not hold the interpreter's lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

LEAST_PAIRS_A_THREAD = 256  # fewer pairs (row, cluster) are not worth a thread


def n_threads(n_jobs: int) -> int:
    """Threads that ``n_jobs`` stands for; -1: as many as there are processors, -2: one less, and so
    on.

    Examples
    --------
    >>> n_threads(3)
    3
    """
    if n_jobs > 0:
        return n_jobs
    known = hasattr(os, "sched_getaffinity")
    processors = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    return max(1, processors + 1 + n_jobs)


def deal(costs: Sequence[int], n_parts: int) -> list[list[int]]:
    """Deal tasks out so that all parts cost about the same: the dearest first, each to the part
    that has cost least so far.

    Examples
    --------
    >>> deal([5, 1, 3, 1], 2)
    [[0], [2, 1, 3]]
    """
    parts: list[list[int]] = [[] for _ in range(n_parts)]
    totals = [0] * n_parts
    for task in sorted(range(len(costs)), key=lambda task: -costs[task]):
        least = totals.index(min(totals))
        parts[least].append(task)
        totals[least] += costs[task]
    return [part for part in parts if part]


class Executor:
    """Runs clusters.

    Parameters
    ----------
    n_jobs
        As in scikit-learn.
    """

    def __init__(self, n_jobs: int = 1):
        self.n_jobs = n_jobs
        self.least_pairs = LEAST_PAIRS_A_THREAD

    def parts(self, clusters: Sequence[int], n_pairs: Sequence[int]) -> list[list[int]]:
        """The clusters that are worked off one after the other, for each thread."""
        n_parts = min(n_threads(self.n_jobs), 1 + sum(n_pairs) // self.least_pairs)
        if n_parts == 1:
            return [list(clusters)]
        return [[clusters[task] for task in part] for part in deal(n_pairs, n_parts)]

    def run(self, parts: Sequence[list[int]], work: Callable[[list[int]], Result]) -> list[Result]:
        """Work off all parts; the results in their order."""
        if len(parts) <= 1:
            return [work(part) for part in parts]
        with ThreadPoolExecutor(len(parts)) as pool:
            return list(pool.map(work, parts))
