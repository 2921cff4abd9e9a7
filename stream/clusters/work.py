"""The work of clusters on a segment: what they read, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from stream.clusters.call import roomier
from stream.clusters.cluster import Cluster
from stream.engine.arrays import Float64Array, Int32Array, allocate
from stream.engine.label_cluster import advance_clusters
from stream.engine.label_cluster_layout import (
    CELLS_FULL,
    DONE,
    ClusterOutput,
    ClusterScratch,
    ClusterWork,
)


class Work(NamedTuple):
    """What clusters read of a segment, and how much room they need for it."""

    read: ClusterWork
    most_entries: int  # of the row that has most

    @property
    def n_pairs(self) -> int:
        """Pairs (event, cluster)."""
        return len(self.read.rows.event)


class MixerInputs(NamedTuple):
    """What a cluster's mixer takes for the labels of the last row that the cluster was asked
    about."""

    number: int  # of the cluster
    labels: Int32Array
    probability: float  # by the gate
    inputs: Float64Array  # [labels, inputs of the mixer]


class Done(NamedTuple):
    """What clusters that worked one after the other answered."""

    n_listed: int  # entries of the output's lists
    output: ClusterOutput
    mixer_inputs: list[MixerInputs]  # empty unless it was asked for


def work_off(
    clusters: Mapping[int, Cluster] | Sequence[Cluster],
    numbers: Sequence[int],
    work: Work,
    output: ClusterOutput,
    explain: bool = False,
) -> Done:
    """Let clusters answer and learn what concerns them, one after the other.

    Parameters
    ----------
    clusters
        By number.
    numbers
        Those that work.
    output
        With a place for every pair; those of other clusters are left alone. It gets more room for
        what is listed where that is needed.
    explain
        Whether each cluster's mixer inputs are kept.
    """
    widest = max([clusters[number].capacity for number in numbers], default=1)
    scratch = allocate(ClusterScratch, {"entries": work.most_entries, "columns": widest})
    at, mixer_inputs = 0, []
    # The inputs of a cluster's mixer stand in the room to work in until the next one comes.
    for group in [[number] for number in numbers] if explain else [numbers]:
        at, output = _advance(clusters, group, work.read, output, at, scratch)
        if explain:
            mixer_inputs.append(_mixer_inputs(group[0], clusters[group[0]], work.read, scratch))
    return Done(at, output, mixer_inputs)


def _mixer_inputs(
    number: int, cluster: Cluster, work: ClusterWork, scratch: ClusterScratch
) -> MixerInputs:
    labels, last = cluster.labels.copy(), int(work.start[number + 1]) - 1
    inputs = scratch.inputs[:, : len(labels)].T.copy()
    return MixerInputs(number, labels, float(work.rows.probability[last]), inputs)


def _advance(
    clusters: Mapping[int, Cluster] | Sequence[Cluster],
    numbers: Sequence[int],
    work: ClusterWork,
    output: ClusterOutput,
    at: int,
    scratch: ClusterScratch,
) -> tuple[int, ClusterOutput]:
    """Where the output ends, and the output, with more room where that was needed."""
    if not numbers:
        return at, output
    own = [clusters[number] for number in numbers]
    addresses = np.concatenate([each.addresses for each in own]).reshape(len(own), -1)
    numbered = np.array(numbers)
    place, first = 0, -1
    while True:
        code, place, first, at = advance_clusters(
            own[0].state, addresses, numbered, own[0].params, work, place, first, at, output,
            scratch,
        )  # fmt: skip
        if code == DONE:
            return at, output
        cluster = own[place]
        if code == CELLS_FULL:
            row = work.events.row[work.rows.event[first]]
            cluster.make_room(int(work.x[0][row + 1] - work.x[0][row]))
            addresses[place] = cluster.addresses
        else:
            output = roomier(output, ("label", "probability"), cluster.capacity)
