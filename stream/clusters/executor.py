"""Where clusters live and work: here, dealt out to threads, or elsewhere.

Clusters share nothing that changes, so that neither their order nor where they work makes a
difference to what they answer. Kernels do not hold the interpreter's lock.
"""

from __future__ import annotations

import abc
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from stream.clusters.cluster import Cluster
from stream.clusters.grouping import joined_output, output_like
from stream.clusters.work import Done, MixerInputs, Work, work_off
from stream.engine.arrays import Float64Array, Int64Array, allocate
from stream.engine.label_cluster_layout import ClusterOutput, ClusterParams
from stream.errors import ParameterError

LEAST_PAIRS_A_PART = 256  # fewer pairs (row, cluster) are not worth a part of their own
SMALL_TASKS = 8  # a task is small where so many of its kind cost no more than a part
LEAST_ROOM = 1e-9  # of a part that large tasks fill
PARTS_A_THREAD = 2  # so that a thread that has done its part finds another


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


def deal(costs: Sequence[float] | Int64Array, n_parts: int) -> list[list[int]]:
    """Deal tasks out so that all parts cost about the same: the large ones first, the dearest to
    the part that has cost least so far; the small ones fill up the parts, in their order.

    Examples
    --------
    >>> deal([5, 1, 3, 1], 2)
    [[0], [2, 1, 3]]
    """
    cost = np.asarray(costs, np.float64)
    mean = cost.sum() / n_parts
    is_large = cost * SMALL_TASKS > mean
    large, small = np.flatnonzero(is_large), np.flatnonzero(~is_large)
    parts: list[list[int]] = [[] for _ in range(n_parts)]
    taken = np.zeros(n_parts)
    for task in large[np.argsort(-cost[large], kind="stable")].tolist():
        least = int(taken.argmin())
        parts[least].append(task)
        taken[least] += cost[task]
    room = np.cumsum(np.maximum(mean - taken, LEAST_ROOM))
    done = np.cumsum(cost[small])
    ends = np.searchsorted(done, room[:-1] * (done[-1] / room[-1])) if len(small) else []
    for part, tasks in zip(parts, np.split(small, ends), strict=False):
        part += tasks.tolist()
    return [part for part in parts if part]


class Answered(NamedTuple):
    """What clusters answered to a segment."""

    output: ClusterOutput
    n_listed: int  # entries of the output's lists
    mixer_inputs: list[MixerInputs]  # by number of the cluster; empty unless it was asked for


class Parts:
    """Work in parts that can be done side by side, each of them once.

    Parameters
    ----------
    calls
        Each does one part.
    join
        Makes one answer of what the calls returned, in their order.
    """

    def __init__(self, calls: Sequence[Callable[[], Any]], join: Callable[[list[Any]], Answered]):
        self._calls, self._join = calls, join
        self._results: list[Any] = [None] * len(calls)

    @property
    def tasks(self) -> list[Callable[[], None]]:
        """One for each part, to be called in any order and thread."""
        return [functools.partial(self._do, part) for part in range(len(self._calls))]

    def _do(self, part: int) -> None:
        self._results[part] = self._calls[part]()

    def joined(self) -> Answered:
        """The answer, once all tasks have been called."""
        return self._join(self._results)


class WorkerState(NamedTuple):
    """A worker, and what it has."""

    host: str
    process: int  # number of the process
    clusters: list[int]  # numbers, ascending
    n_bytes: int  # of the arrays
    seconds: float  # that its clusters have worked
    restarts: int  # times that it was begun anew, because it had died


class Moved(NamedTuple):
    """Clusters that were moved, because one worker had much more to do than another."""

    segment: int  # segments that were worked off before
    source: int  # the worker that had them
    target: int
    clusters: list[int]
    imbalance: float  # what the busiest worker cost before, in shares of a worker's mean


class Executor(abc.ABC):
    """The place where clusters live.

    Clusters are numbered from 0 in the order in which they begin.
    """

    n_jobs: int  # threads, as in scikit-learn, where clusters work in this process

    @property
    @abc.abstractmethod
    def n_threads(self) -> int:
        """Threads of this process that the stages of a call are worth."""

    @property
    @abc.abstractmethod
    def clusters(self) -> list[Cluster]:
        """All clusters by number; those that live elsewhere are copies."""

    @abc.abstractmethod
    def begin(self, n_clusters: int, params: ClusterParams, capacity: int) -> None:
        """Have so many clusters; those that are new have no label, and room for ``capacity``."""

    @abc.abstractmethod
    def add_label(self, number: int, label: int, now: int) -> None:
        """Let a cluster take in a label that comes with the row learnt after ``now`` others."""

    @abc.abstractmethod
    def divide(self, work: Work, *, explain: bool = False) -> Parts:
        """Let every cluster answer and learn what concerns it, in parts."""

    @property
    @abc.abstractmethod
    def n_cells(self) -> Int64Array:
        """[clusters] pairs of features and cluster that have weights."""

    @property
    @abc.abstractmethod
    def n_bytes(self) -> int:
        """Bytes of the arrays of all clusters."""

    @abc.abstractmethod
    def shrink(self, most: int) -> None:
        """Let clusters with more than ``most`` cells give up those with the smallest weights."""

    @abc.abstractmethod
    def mixer_weights(self, number: int) -> Float64Array:
        """[labels, inputs] what each input weighs for the labels of a cluster."""

    @property
    def n_workers(self) -> int:
        """Processes of their own that clusters live in; 0: they are here."""
        return 0

    def use_workers(self, n_workers: int) -> None:
        """Have so many workers.

        Raises
        ------
        ParameterError
            When clusters do not live in workers.
        """
        raise ParameterError(
            "The clusters of this model are in this process; stream.distributed.on_ray(model, "
            f"workers={n_workers}) has them live in workers."
        )

    def describe_workers(self) -> list[WorkerState]:
        """Where each worker is and what it has."""
        return []

    @property
    def worker_moves(self) -> list[Moved]:
        """The last times that clusters were moved to even out what workers do."""
        return []

    def close(self) -> None:  # noqa: B027
        """Give up what was needed to have clusters there."""


class LocalExecutor(Executor):
    """Clusters in this process, which work one after the other or in threads.

    Parameters
    ----------
    clusters
        That there are already.
    n_jobs
        Threads, as in scikit-learn.
    """

    def __init__(self, clusters: Sequence[Cluster] = (), n_jobs: int = 1):
        self._clusters = list(clusters)
        self.n_jobs = n_jobs
        self.least_pairs = LEAST_PAIRS_A_PART

    @property
    def n_threads(self) -> int:
        """See :attr:`Executor.n_threads`."""
        return n_threads(self.n_jobs)

    @property
    def clusters(self) -> list[Cluster]:
        """All clusters by number."""
        return self._clusters

    def begin(self, n_clusters: int, params: ClusterParams, capacity: int) -> None:
        """See :meth:`Executor.begin`."""
        while len(self._clusters) < n_clusters:
            self._clusters.append(Cluster(params, capacity))

    def add_label(self, number: int, label: int, now: int) -> None:
        """See :meth:`Executor.add_label`."""
        self._clusters[number].add_label(label, now)

    def divide(self, work: Work, *, explain: bool = False) -> Parts:
        """See :meth:`Executor.divide`."""
        output = allocate(ClusterOutput, {"asked": work.n_pairs, "listed": 0})
        parts = self._deal(np.diff(work.read.start))

        def advance(numbers: list[int]) -> Done:
            return work_off(self._clusters, numbers, work, output_like(output), explain)

        def join(done: list[Done]) -> Answered:
            outputs = [(each.n_listed, each.output) for each in done]
            joined, n_listed = joined_output(output, parts, work.read.start, outputs)
            mixer_inputs = [each for part in done for each in part.mixer_inputs]
            return Answered(joined, n_listed, sorted(mixer_inputs, key=lambda each: each.number))

        return Parts([functools.partial(advance, part) for part in parts], join)

    def _deal(self, n_pairs: Int64Array) -> list[list[int]]:
        """The clusters that are worked off one after the other, for each part; those without a pair
        are in none."""
        busy = np.flatnonzero(n_pairs)
        if self.n_threads == 1:
            return [busy.tolist()] if len(busy) else []
        n_parts = min(PARTS_A_THREAD * self.n_threads, 1 + int(n_pairs.sum()) // self.least_pairs)
        return [busy[part].tolist() for part in deal(n_pairs[busy], n_parts)]

    @property
    def n_cells(self) -> Int64Array:
        """See :attr:`Executor.n_cells`."""
        return np.array([each.n_cells for each in self._clusters], np.int64)

    @property
    def n_bytes(self) -> int:
        """See :attr:`Executor.n_bytes`."""
        return sum(each.n_bytes for each in self._clusters)

    def shrink(self, most: int) -> None:
        """See :meth:`Executor.shrink`."""
        for cluster in self._clusters:
            if cluster.n_cells > most:
                cluster.shrink(most)

    def mixer_weights(self, number: int) -> Float64Array:
        """See :meth:`Executor.mixer_weights`."""
        return self._clusters[number].mixer_weights
