"""Where the clusters of a model live and work: in threads of this process, or in workers."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

from stream.clusters.cluster import Cluster
from stream.clusters.executor import Executor, Moved, WorkerState, n_threads
from stream.clusters.gated import GatedClusters
from stream.errors import ParameterError


class PlacedClusters:
    """A model whose clusters may live elsewhere; where they do is not saved.

    Subclasses set ``n_jobs`` when they are made.
    """

    _n_jobs: int

    @property
    @abc.abstractmethod
    def _gated(self) -> GatedClusters | None:
        """The clusters behind the gate; None while the model is being made."""

    @property
    def n_jobs(self) -> int:
        """Threads in which clusters work."""
        return self._n_jobs

    @n_jobs.setter
    def n_jobs(self, n_jobs: int) -> None:
        self._n_jobs = n_jobs
        if self._gated is not None:
            self._gated.executor.n_jobs = n_jobs

    @property
    def threads(self) -> int:
        """How many threads ``n_jobs`` stands for on this machine."""
        return n_threads(self._n_jobs)

    @property
    def workers(self) -> int:
        """Workers that clusters live in (see :func:`stream.distributed.on_ray`); 0: they are here.

        It may be set to another number of workers at any time.
        """
        return 0 if self._gated is None else self._gated.executor.n_workers

    @workers.setter
    def workers(self, workers: int) -> None:
        check_workers(workers)
        if self._gated is not None:
            self._gated.executor.use_workers(workers)

    @property
    def worker_states(self) -> list[WorkerState]:
        """Where each worker is, the numbers of its clusters, their bytes, the seconds that they
        have worked, and how often the worker was begun anew; empty while clusters are here."""
        return [] if self._gated is None else self._gated.executor.describe_workers()

    @property
    def worker_moves(self) -> list[Moved]:
        """The last times that clusters were moved to a worker that had less to do."""
        return [] if self._gated is None else self._gated.executor.worker_moves

    def collect(self) -> None:
        """Bring clusters that live in workers home, and end the workers."""
        if self._gated is not None:
            self._gated.collect_clusters()

    def move_clusters(self, begin: Callable[[list[Cluster], int], Executor]) -> None:
        """Move the clusters to another executor.

        Parameters
        ----------
        begin
            Takes the clusters and the number of threads, and gives what they live in from now on.
        """
        if self._gated is not None:
            self._gated.move_clusters(begin)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_n_jobs"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.n_jobs = 1


def check_workers(workers: Any) -> None:
    """Raise ParameterError unless there may be so many workers."""
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ParameterError(
            f"The 'workers' parameter must be an int in the range [1, inf). Got {workers!r} "
            "instead."
        )
