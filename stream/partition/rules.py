"""When a cluster of labels splits, where, and when it merges back.

Source: Rodrigues, Gama and Pedroso, "Hierarchical clustering of time-series data streams", IEEE
Transactions on Knowledge and Data Engineering 20 (5), 2008 (ODAC), on the dissimilarity 1 − Jaccard
of labels, as in Neves, Lourenço, Cano and Marreiros, "iHOMER", ECAI 2025.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.cooccurrence import follow_neighbours
from stream.partition.statistics import triangle_size

MAX_PIVOT_PAIRS = 16  # pairs that a split is tried about


def hoeffding_bound(n: int, delta: float) -> float:
    """Largest error of a mean of ``n`` values in [0, 1], but for the probability ``delta``.

    Examples
    --------
    >>> round(hoeffding_bound(1_000, 0.05), 4)
    0.0387
    """
    return math.sqrt(math.log(1.0 / delta) / (2.0 * n)) if n > 0 else math.inf


class KnownPairs(NamedTuple):
    """The labels of a cluster with enough observations, and their pairs that were seen together;
    labels are numbered from 0 here. Every other pair has the dissimilarity 1."""

    rows: Int64Array  # [labels] rows with each label
    first: Int32Array  # [pairs] the smaller label; pairs in increasing order
    second: Int32Array  # [pairs]
    jaccard: Float64Array  # [pairs] similarity, > 0

    @property
    def n_labels(self) -> int:
        """Known labels."""
        return len(self.rows)

    @property
    def n_unseen(self) -> int:
        """Pairs that were never seen together."""
        return triangle_size(self.n_labels) - len(self.first)


class Spread(NamedTuple):
    """The dissimilarities of a cluster's pairs."""

    d1: float  # the largest: the diameter
    d2: float  # the second largest
    d0: float  # the smallest
    mean: float


def spread_of(pairs: KnownPairs) -> Spread | None:
    """Dissimilarities of a cluster; None for one of fewer than two known labels.

    With a single pair, all are the same.
    """
    n_pairs = triangle_size(pairs.n_labels)
    if n_pairs == 0:
        return None
    if not len(pairs.first):
        return Spread(1.0, 1.0, 1.0, 1.0)
    unseen = pairs.n_unseen
    jaccard = pairs.jaccard
    lowest = np.partition(jaccard, 1)[:2].tolist() if len(jaccard) > 1 else [float(jaccard[0])] * 2
    return Spread(
        d1=1.0 if unseen else 1.0 - lowest[0],
        d2=1.0 if unseen > 1 else 1.0 - lowest[0] if unseen else 1.0 - lowest[1],
        d0=1.0 - float(jaccard.max()),
        mean=1.0 - math.fsum(jaccard.tolist()) / n_pairs,
    )


def should_split(spread: Spread, epsilon: float, tau: float) -> bool:
    """The split test of ODAC: the diameter stands out (or the bound is below the tie threshold),
    and the cluster is not about equally wide on both sides of its mean."""
    stands_out = spread.d1 - spread.d2 > epsilon or epsilon < tau
    width = (spread.d1 - spread.d0) * abs(spread.d1 + spread.d0 - 2.0 * spread.mean)
    return stands_out and width > epsilon


def should_merge(diameter: float, epsilon: float, before: float, epsilon_before: float) -> bool:
    """The merge test of ODAC: a cluster became wider than what it was split from."""
    return diameter - before > max(epsilon, epsilon_before)


class Split(NamedTuple):
    """Two sides of a cluster; labels as in :class:`KnownPairs`."""

    pivots: tuple[int, int]
    distance: float  # dissimilarity of the pivots
    side: Int64Array  # [labels] 0 or 1


def find_split(
    pairs: KnownPairs, epsilon: float, delta: float, tau: float, min_size: int
) -> Split | None:
    """Divide a cluster about its two most dissimilar labels, the pivots.

    Every other label goes to the nearer pivot. Two distances that differ by no more than the tie
    threshold, or the bound for as many rows as have the label or the rarer pivot, say nothing about
    which is nearer, and labels that have nothing to do with either pivot would be dealt at random:
    such a label goes with its nearest neighbour instead, and where there is none, to the pivot of
    the lower number.

    When a side has fewer than ``min_size`` labels, they are set aside as pivots and the next pair
    is tried, as long as its dissimilarity is within the bound of the largest. None: no pair will
    do.
    """
    n = pairs.n_labels
    if n < 2 * min_size:
        return None
    eligible = np.ones(n, np.bool_)
    order: Int64Array | None = None
    diameter = None
    for _ in range(MAX_PIVOT_PAIRS):
        found = _farthest(pairs, eligible)
        if found is None:
            return None
        a, b, distance = found
        if diameter is None:
            diameter = distance
        elif distance < diameter - epsilon:
            return None
        to_a, to_b = _similarity_to(pairs, a), _similarity_to(pairs, b)
        nearer = to_a - to_b
        # a Jaccard similarity is a mean over the rows with either label: at least so many
        either = np.maximum(pairs.rows, min(pairs.rows[a], pairs.rows[b]))
        margin = np.maximum(tau, np.sqrt(math.log(1.0 / delta) / (2.0 * either)))
        side = np.where(nearer > margin, 0, np.where(nearer < -margin, 1, -1)).astype(np.int64)
        side[a], side[b] = 0, 1
        if (side < 0).any():
            if order is None:
                order = np.lexsort((pairs.second, pairs.first, -pairs.jaccard))
            follow_neighbours(order, pairs.first, pairs.second, np.empty(n, np.int64), side)
            side[side < 0] = 0
        n_second = int(side.sum())
        small = [s for s, size in enumerate((n - n_second, n_second)) if size < min_size]
        if not small:
            return Split((a, b), distance, side)
        for s in small:
            eligible[side == s] = False
    return None


def _similarity_to(pairs: KnownPairs, label: int) -> Float64Array:
    """Jaccard similarity of every label with one."""
    similarity = np.zeros(pairs.n_labels)
    of_first, of_second = pairs.first == label, pairs.second == label
    similarity[pairs.second[of_first]] = pairs.jaccard[of_first]
    similarity[pairs.first[of_second]] = pairs.jaccard[of_second]
    return similarity


def _farthest(pairs: KnownPairs, eligible: np.ndarray) -> tuple[int, int, float] | None:
    """The most dissimilar pair of eligible labels, of equal ones that of the lowest numbers."""
    labels = np.flatnonzero(eligible)
    if len(labels) < 2:
        return None
    inside = np.flatnonzero(eligible[pairs.first] & eligible[pairs.second])
    if len(inside) == triangle_size(len(labels)):
        at = inside[np.argmin(pairs.jaccard[inside])]
        return int(pairs.first[at]), int(pairs.second[at]), 1.0 - float(pairs.jaccard[at])
    first = pairs.first[inside]
    seen = np.bincount(first, minlength=pairs.n_labels)[labels]
    a = labels[np.argmax(seen < np.arange(len(labels) - 1, -1, -1))]
    unseen = np.setdiff1d(labels[labels > a], pairs.second[inside[first == a]])
    return int(a), int(unseen[0]), 1.0
