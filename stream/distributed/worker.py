"""What runs in a worker: some of the clusters, and what is done to them, in order."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from stream.clusters.cluster import Cluster
from stream.clusters.work import MixerInputs, Work, work_off
from stream.distributed.packing import packed, unpacked
from stream.distributed.views import as_kernels_take_them
from stream.engine.arrays import Float64Array, Int64Array, allocate
from stream.engine.label_cluster_layout import ClusterOutput, ClusterParams
from stream.engine.unit_rows import UnitRows


class Answer(NamedTuple):
    """What some clusters answered to a segment."""

    output: ClusterOutput  # of their pairs alone, by number of the cluster
    mixer_inputs: list[MixerInputs]
    seconds: Float64Array  # that each took, about, in the order of their numbers


class NewLabel(NamedTuple):
    """A label and the cluster that takes it in."""

    cluster: int
    label: int
    now: int  # rows learnt before the one that it comes with


class Worker:
    """Clusters in a process of their own.

    Calls that change clusters are numbered, and each is done once, in order: a worker that was
    begun anew and lacks some of them says so instead of going on from another state.
    """

    def __init__(self) -> None:
        self._clusters: dict[int, Cluster] = {}
        self._n_changes = 0

    def restore(self, n_changes: int, snapshot: bytes) -> None:
        """Have the clusters of a snapshot, which was taken after so many changes."""
        self._clusters = unpacked(snapshot)
        self._n_changes = n_changes

    def change(self, number: int, name: str, *args: Any) -> Any:
        """Do what changes clusters: one of the methods below.

        Raises
        ------
        RuntimeError
            When it is not the next change.
        """
        if number != self._n_changes:
            raise RuntimeError(f"change {number} ({name}) comes after {self._n_changes} changes")
        result = getattr(self, name)(*args)
        self._n_changes += 1
        return result

    def ask(self, name: str, *args: Any) -> Any:
        """Do what changes nothing: one of the methods below."""
        return getattr(self, name)(*args)

    # ---- changes

    def add(
        self,
        begun: Sequence[int],
        params: ClusterParams,
        capacity: int,
        labels: Sequence[NewLabel],
    ) -> None:
        """Begin clusters, and let clusters take in labels."""
        for number in begun:
            self._clusters[number] = Cluster(params, capacity)
        for each in labels:
            self._clusters[each.cluster].add_label(each.label, each.now)

    def advance(
        self, x: UnitRows, work: Work, numbers: Sequence[int], explain: bool = False
    ) -> Answer:
        """Let clusters answer and learn what concerns them.

        Parameters
        ----------
        x
            The rows, which ``work`` comes without.
        numbers
            Numbers of the clusters, ascending.
        explain
            Whether each cluster's mixer inputs are kept.
        """
        work = as_kernels_take_them(work._replace(read=work.read._replace(x=x)))
        own = pairs_of(numbers, work.read.start)
        room = {"asked": work.n_pairs, "listed": 2 * len(own) + 1_000}
        begin = time.perf_counter()
        done = work_off(self._clusters, numbers, work, allocate(ClusterOutput, room), explain)
        seconds = (time.perf_counter() - begin) * self._shares(numbers, work.read.start)
        listed = {
            name: getattr(done.output, name)[: done.n_listed].copy()
            for name in ("label", "probability")
        }
        pairs = {
            name: getattr(done.output, name)[own]
            for name in ClusterOutput._fields
            if name not in listed
        }
        return Answer(ClusterOutput(**pairs, **listed), done.mixer_inputs, seconds)

    def _shares(self, numbers: Sequence[int], start: Int64Array) -> Float64Array:
        """About what each cluster had of the time of all: its pairs, times its labels."""
        n_labels = np.array([len(self._clusters[number].labels) for number in numbers], float)
        cost = np.diff(start)[numbers] * n_labels
        return cost / max(cost.sum(), 1.0)

    def shrink(self, most: int) -> None:
        """Let clusters with more than ``most`` cells give up those with the smallest weights."""
        for cluster in self._clusters.values():
            if cluster.n_cells > most:
                cluster.shrink(most)

    def take(self, numbers: Sequence[int]) -> bytes:
        """Give clusters away, as the bytes of a snapshot."""
        return packed({number: self._clusters.pop(number) for number in numbers})

    def put(self, snapshot: bytes) -> None:
        """Take clusters in."""
        self._clusters |= unpacked(snapshot)

    # ---- questions

    def save(self) -> bytes:
        """All clusters, as the bytes of a snapshot."""
        return packed(self._clusters)

    def place(self) -> tuple[str, int]:
        """Name of the machine and number of the process."""
        return socket.gethostname(), os.getpid()

    def sizes(self) -> dict[int, tuple[int, int]]:
        """Cells and bytes of each cluster."""
        return {number: (each.n_cells, each.n_bytes) for number, each in self._clusters.items()}

    def mixer_weights(self, number: int) -> Float64Array:
        """[labels, inputs] what each input weighs for the labels of a cluster."""
        return self._clusters[number].mixer_weights


def pairs_of(numbers: Sequence[int], start: Int64Array) -> Int64Array:
    """The pairs of clusters, in their order."""
    ranges = [np.arange(start[number], start[number + 1]) for number in numbers]
    return np.concatenate([np.zeros(0, np.int64), *ranges])
