"""Which worker has which clusters, by what they cost."""

from __future__ import annotations

import numpy as np

from stream.engine.arrays import Float64Array, Int64Array

MEMORY_SHARE = 0.2  # of a cluster's cost that is its size; the rest is the time that it takes


def costs(seconds: Float64Array, n_bytes: Int64Array) -> Float64Array:
    """[clusters] what each costs, as a share of all.

    Examples
    --------
    >>> costs(np.array([3.0, 1.0]), np.array([100, 100])).tolist()
    [0.7, 0.3]
    """
    shares = [(1.0 - MEMORY_SHARE, seconds), (MEMORY_SHARE, n_bytes)]
    return np.round(sum(part * each / max(each.sum(), 1e-12) for part, each in shares), 12)


def imbalance(cost: Float64Array, owner: Int64Array, n_workers: int) -> float:
    """What the busiest worker costs, in shares of a worker's mean; 1: all cost the same."""
    return float(_of_workers(cost, owner, n_workers).max() * n_workers / max(cost.sum(), 1e-12))


def balanced(cost: Float64Array, owner: Int64Array, n_workers: int, bound: float) -> Int64Array:
    """Owners [clusters] that keep within a bound, with few clusters moved.

    One after the other, the cluster of the busiest worker that narrows the gap to the idlest one
    most is moved there, until the bound holds or no cluster narrows it.

    Parameters
    ----------
    cost
        [clusters]
    owner
        [clusters] worker of each.
    n_workers
        Number of workers.
    bound
        Of :func:`imbalance`.

    Examples
    --------
    >>> balanced(np.array([3.0, 2.0, 2.0, 1.0]), np.array([0, 0, 0, 1]), 2, bound=1.1).tolist()
    [1, 0, 0, 1]
    """
    owner = owner.copy()
    while imbalance(cost, owner, n_workers) > bound:
        loads = _of_workers(cost, owner, n_workers)
        source, target = int(loads.argmax()), int(loads.argmin())
        gap = loads[source] - loads[target]
        own = np.flatnonzero((owner == source) & (cost > 0.0) & (cost < gap))
        if not len(own):
            return owner
        owner[own[np.abs(cost[own] - gap / 2).argmin()]] = target
    return owner


def without_others(cost: Float64Array, owner: Int64Array, n_workers: int) -> Int64Array:
    """Owners [clusters] among the first ``n_workers``: what others have goes, the dearest first, to
    the worker that costs least.

    Examples
    --------
    >>> without_others(np.array([3.0, 2.0, 2.0, 1.0]), np.array([0, 1, 2, 3]), 2).tolist()
    [0, 1, 1, 0]
    """
    owner = owner.copy()
    orphans = np.flatnonzero(owner >= n_workers)
    loads = _of_workers(np.where(owner < n_workers, cost, 0.0), owner, n_workers)[:n_workers]
    for number in orphans[np.argsort(-cost[orphans], kind="stable")].tolist():
        owner[number] = loads.argmin()
        loads[owner[number]] += cost[number]
    return owner


def _of_workers(cost: Float64Array, owner: Int64Array, n_workers: int) -> Float64Array:
    return np.bincount(owner, weights=cost, minlength=n_workers).astype(np.float64)
