"""What this process knows of a worker: enough to put another one in its place."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from stream.clusters.cluster import Cluster
from stream.distributed.packing import packed
from stream.distributed.session import Session, WorkerError
from stream.distributed.worker import Worker

logger = logging.getLogger(__name__)

START_SECONDS = 120.0  # until a worker answers: a cluster may have to get a machine first
MOST_REBUILDS = 10  # in a row, without one call that was answered


@dataclasses.dataclass(eq=False)
class Call:
    """A call of a worker.

    Parameters
    ----------
    name, args
        Name and arguments of the method of :class:`stream.distributed.worker.Worker`.
    number
        Number of a change, since the worker's clusters began; None: a question.
    ref
        Its result; None: it was fetched.
    """

    name: str
    args: tuple[Any, ...]
    number: int | None
    ref: Any = None


class Shard:
    """Some of the clusters, in an actor.

    Ray's actors lose their state when they die. So there is always a snapshot of the clusters here,
    and every call since it was taken: a worker that dies is replaced by a new one, which is given
    both, and answers as the first one would have. Ray is not asked to restart actors
    (``max_restarts=0``), because only this process knows what their clusters were.

    Parameters
    ----------
    session
        With Ray.
    clusters
        By number. The worker takes them in while this process goes on; :meth:`wait` waits for that.
    """

    def __init__(self, session: Session, clusters: dict[int, Cluster]):
        self._session = session
        ray = session.ray
        self._faults = (
            ray.exceptions.RayActorError,
            ray.exceptions.ObjectLostError,
            ray.exceptions.NodeDiedError,
        )
        self._kind = ray.remote(
            num_cpus=0 if session.is_local else 1,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
            enable_task_events=False,
        )(Worker)
        self._snapshot = packed(clusters)
        self._n_before = 0  # changes before the snapshot
        self._n_changes = 0
        self._calls: list[Call] = []  # since the snapshot, and those whose results are to come
        self._awaited: list[Call] = []  # those whose results are to come
        self._saving: Call | None = None
        self._rebuilt = 0  # times in a row
        self.n_rebuilt = 0  # times in all
        self._actor: Any = None
        self._start()

    # ---- calls

    def change(self, name: str, *args: Any) -> Call:
        """Have the worker change clusters; it begins when what it was told before is done."""
        call = Call(name, args, self._n_changes)
        self._n_changes += 1
        return self._sent(call)

    def ask(self, name: str, *args: Any) -> Call:
        """Have the worker tell something of its clusters as they are after all changes so far."""
        return self._sent(Call(name, args, None))

    def _sent(self, call: Call) -> Call:
        self._calls.append(call)
        self._awaited.append(call)
        self._send(call)
        return call

    def _send(self, call: Call) -> None:
        if call.number is None:
            call.ref = self._actor.ask.remote(call.name, *call.args)
        else:
            call.ref = self._actor.change.remote(call.number, call.name, *call.args)

    def result(self, call: Call) -> Any:
        """What a call gives, however often the worker dies meanwhile.

        Raises
        ------
        WorkerError
            When no worker lives long enough.
        """
        for each in tuple(self._awaited):
            if each.number is not None and each is not call:
                self._fetched(each)
            elif each is call:
                break
        value = self._fetched(call)
        if call.number is None:
            self._calls.remove(call)
        return value

    def _fetched(self, call: Call) -> Any:
        while True:
            try:
                value = self._session.ray.get(call.ref)
            except self._faults as error:
                self._rebuild(error)
            else:
                self._rebuilt = 0
                call.ref = None
                self._awaited.remove(call)
                return value

    @property
    def n_kept(self) -> int:
        """Calls that a new worker would have to do again."""
        return len(self._calls)

    # ---- faults

    def save(self) -> None:
        """Begin to take a snapshot, after which calls need not be kept."""
        if self._saving is None:
            self._saving = self.ask("save")

    def settle(self, *, wait: bool = False) -> None:
        """Take in a snapshot that has come; ``wait``: that is under way."""
        call = self._saving
        if call is None or call.ref is None:
            return
        ray = self._session.ray
        if not wait and not ray.wait([call.ref], timeout=0)[0]:
            return
        place = self._calls.index(call)
        n_before = self._n_before + sum(each.number is not None for each in self._calls[:place])
        self._snapshot = self.result(call)
        self._n_before = n_before
        self._calls = self._calls[place:]
        self._saving = None

    def _start(self) -> None:
        self._actor = self._kind.remote()
        self._ready = self._actor.restore.remote(self._n_before, self._snapshot)

    def wait(self) -> None:
        """Wait until there is a worker.

        Raises
        ------
        WorkerError
            When there is none in time, or none lives long enough.
        """
        try:
            self._wait_for_start()
        except self._faults as error:
            self._rebuild(error)

    def _wait_for_start(self) -> None:
        try:
            self._session.ray.get(self._ready, timeout=START_SECONDS)
        except self._session.ray.exceptions.GetTimeoutError as error:
            self.close()
            raise WorkerError(
                f"a worker did not start within {START_SECONDS:.0f} seconds; each needs a free "
                "processor: 'ray status' shows what the cluster has"
            ) from error

    def _rebuild(self, error: Exception) -> None:
        """Put a new worker in the place of one that died, which may die as it starts."""
        while True:
            self._rebuilt += 1
            self.n_rebuilt += 1
            if self._rebuilt > MOST_REBUILDS:
                raise WorkerError(
                    f"a worker died {self._rebuilt} times in a row; Ray's logs say why, and the "
                    f"last time it said: {error}"
                ) from error
            logger.warning(
                "A worker died and is begun anew with %d calls since its snapshot: %s",
                len(self._calls), str(error).strip().splitlines()[0],
            )  # fmt: skip
            self.close()
            self._start()
            try:
                self._wait_for_start()
                break
            except self._faults as again:
                error = again
        for call in self._calls:
            wanted = call.ref is not None
            self._send(call)
            if not wanted:
                call.ref = None

    def close(self) -> None:
        """End the worker."""
        if self._actor is not None:
            self._session.ray.kill(self._actor, no_restart=True)
            self._actor = None
