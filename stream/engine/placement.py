"""Where labels go at first sight: into the cluster that holds most of the known labels of their
row.

Clusters found so are nearly as good as those of hindsight, and cost nothing: a label is placed in
O(labels of its row), and nothing that was learnt moves.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from stream.engine.arrays import (
    COUNTS,
    Axes,
    Int32Array,
    Int64Array,
    below,
)
from stream.engine.jit import kernel
from stream.engine.random import uniform

# Registers.
N_PLACED = 0  # labels that have a cluster
N_CLUSTERS = 1
OPEN = 2  # cluster that takes labels without known company
N_REGISTERS = 3

JACCARD, RANDOM, GIVEN, SINGLE = 0, 1, 2, 3  # how labels are placed


class Placement(NamedTuple):
    """The cluster of every label, and its column there."""

    registers: Annotated[Int64Array, Axes(N_REGISTERS, holds=COUNTS)]
    cluster: Annotated[Int32Array, Axes("labels", fill=-1, holds=below("clusters", low=-1))]
    column: Annotated[Int32Array, Axes("labels", holds=COUNTS)]
    born: Annotated[
        Int64Array, Axes("labels", holds=COUNTS)
    ]  # rows learnt before the row that it came with
    size: Annotated[Int32Array, Axes("clusters", holds=COUNTS)]
    begun: Annotated[
        Int64Array, Axes("clusters", holds=COUNTS)
    ]  # rows learnt before the first label came


@kernel
def _begin_cluster(placement, now):
    cluster = placement.registers[N_CLUSTERS]
    placement.registers[N_CLUSTERS] += 1
    placement.size[cluster] = 0
    placement.begun[cluster] = now
    return cluster


@kernel
def _nearest(placement, labels, capacity):
    """The cluster with room that holds most of the row's known labels, or -1."""
    best, most = -1, 0
    for i in range(len(labels)):
        cluster = placement.cluster[labels[i]]
        if cluster < 0 or placement.size[cluster] >= capacity or cluster == best:
            continue
        count = 0
        for j in range(len(labels)):
            count += placement.cluster[labels[j]] == cluster
        if count > most or (count == most and cluster < best):
            best, most = cluster, count
    return best


@kernel
def _choose(placement, labels, label, now, capacity, how, given, seed):
    registers = placement.registers
    if how == GIVEN:
        while registers[N_CLUSTERS] <= given[label]:
            _begin_cluster(placement, now)
        return given[label]
    if how == JACCARD:
        nearest = _nearest(placement, labels, capacity)
        if nearest >= 0:
            return nearest
    elif how == RANDOM and registers[N_CLUSTERS] > 0:
        # As many clusters as would be half full, filled at random.
        n_clusters = registers[N_CLUSTERS]
        if 2 * registers[N_PLACED] < n_clusters * capacity:
            first = int(uniform(seed, label, 0, 0) * n_clusters)
            for i in range(n_clusters):
                cluster = (first + i) % n_clusters
                if placement.size[cluster] < capacity:
                    return cluster
        return _begin_cluster(placement, now)
    unknown = 0
    for i in range(len(labels)):
        unknown += placement.cluster[labels[i]] < 0
    opened = registers[OPEN]
    if registers[N_CLUSTERS] == 0 or (
        how != SINGLE and placement.size[opened] + min(unknown, capacity) > capacity
    ):
        opened = _begin_cluster(placement, now)
        registers[OPEN] = opened
    return opened


@kernel
def _place_labels(placement, labels, now, capacity, how, given, seed):
    """Give the new labels of a row a cluster and a column there.

    Parameters
    ----------
    labels
        Labels of the row, ascending.
    now
        Rows learnt before.
    capacity
        Labels of a cluster.
    how
        JACCARD, RANDOM, GIVEN or SINGLE.
    given
        [labels] the cluster of each, where they are given.
    """
    for i in range(len(labels)):
        label = labels[i]
        if placement.cluster[label] >= 0:
            continue
        cluster = _choose(placement, labels, label, now, capacity, how, given, seed)
        placement.cluster[label] = cluster
        placement.column[label] = placement.size[cluster]
        placement.born[label] = now
        placement.size[cluster] += 1
        placement.registers[N_PLACED] += 1


@kernel
def place_rows(placement, y, u, first, last, now, capacity, how, given, seed):
    """Place the labels of rows ``first`` to ``last``, which are learnt one after the other."""
    for row in range(first, last):
        _place_labels(placement, y[1][y[0][row] : y[0][row + 1]], now, capacity, how, given, seed)
        _place_labels(placement, u[1][u[0][row] : u[0][row + 1]], now, capacity, how, given, seed)
        now += 1
