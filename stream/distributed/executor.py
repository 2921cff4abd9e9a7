"""Clusters in Ray's actors, behind the interface that clusters in this process have."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from stream.clusters.call import state_bytes
from stream.clusters.cluster import Cluster
from stream.clusters.executor import Answered, Executor, Moved, Parts, WorkerState, deal
from stream.clusters.work import Work
from stream.distributed.balance import balanced, costs, imbalance, without_others
from stream.distributed.packing import unpacked
from stream.distributed.session import Session
from stream.distributed.shard import Call, Shard
from stream.distributed.worker import Answer, NewLabel
from stream.engine.arrays import Float64Array, Int64Array, allocate
from stream.engine.label_cluster_layout import ClusterOutput, ClusterParams
from stream.engine.recent_layout import Hints
from stream.engine.unit_rows import UnitRows

logger = logging.getLogger(__name__)

STAGE_THREADS = 4  # one for each stage of a call
REPLAYED_BYTES = 256_000_000  # of batches that are kept until the next snapshots of workers
REPLAYED_CALLS = 2_000  # of a worker, likewise
LEAST_SECONDS = 1e-6  # what a cluster costs at least
BALANCE_SEGMENTS = 64  # segments between two looks at what workers cost
MOST_IMBALANCE = 1.25  # of the busiest worker, in shares of a worker's mean
EVEN = 1.05  # likewise, when the number of workers changes
KEPT_MOVES = 1_000
_OF_EVENTS = ("start", "total")
_OF_PAIRS = ("log_absent", "base_rates", "log_base_absent", "n")


class RayExecutor(Executor):
    """Clusters in workers, each a process of its own.

    Parameters
    ----------
    session
        With Ray; it is closed with this.
    clusters
        That there are already.
    n_workers
        How many workers.
    n_jobs
        Threads for when the clusters are here again.
    """

    def __init__(
        self, session: Session, clusters: Sequence[Cluster], n_workers: int, n_jobs: int = 1
    ):
        self.n_jobs = n_jobs
        self.replayed_bytes = REPLAYED_BYTES
        self._session = session
        self._n_put = 0  # bytes, since workers were last told to save
        self._x: tuple[UnitRows, Any] | None = None  # the last rows that were put
        self._seconds = np.zeros(len(clusters))
        self._owner = np.zeros(len(clusters), np.int64)
        parts = deal([1 + each.n_bytes for each in clusters], n_workers)
        parts += [[] for _ in range(n_workers - len(parts))]
        self._shards: list[Shard] = []
        for worker, part in enumerate(parts):
            self._owner[part] = worker
            self._shards.append(Shard(session, {number: clusters[number] for number in part}))
        for shard in self._shards:
            shard.wait()
        self.balance_segments = BALANCE_SEGMENTS
        self.most_imbalance = MOST_IMBALANCE
        self._moves: deque[Moved] = deque(maxlen=KEPT_MOVES)
        self._n_segments = 0
        self._recent_seconds = np.zeros(len(clusters))  # since clusters were last balanced
        self._params: tuple[ClusterParams, int] | None = None
        self._begun: list[int] = []  # clusters that workers have not been told of
        self._labels: list[NewLabel] = []

    # ---- clusters

    @property
    def n_threads(self) -> int:
        """See :attr:`Executor.n_threads`: one waits for the workers while the others prepare what
        they do next and conclude what they have done."""
        return STAGE_THREADS

    @property
    def clusters(self) -> list[Cluster]:
        """Copies of all clusters by number."""
        found: dict[int, Cluster] = {}
        for snapshot in self._ask("save"):
            found |= unpacked(snapshot)
        return [found[number] for number in range(len(self._owner))]

    def begin(self, n_clusters: int, params: ClusterParams, capacity: int) -> None:
        """See :meth:`Executor.begin`."""
        self._params = params, capacity
        new = range(len(self._owner), n_clusters)
        self._begun += new
        counts = np.bincount(self._owner, minlength=len(self._shards))
        for _ in new:
            worker = int(counts.argmin())
            counts[worker] += 1
            self._owner = np.append(self._owner, worker)
            self._seconds = np.append(self._seconds, 0.0)
            self._recent_seconds = np.append(self._recent_seconds, 0.0)

    def add_label(self, number: int, label: int, now: int) -> None:
        """See :meth:`Executor.add_label`."""
        self._labels.append(NewLabel(number, label, now))

    def _tell_news(self) -> None:
        """Tell workers of clusters and labels that are new."""
        if not self._begun and not self._labels:
            return
        assert self._params is not None
        for worker, shard in enumerate(self._shards):
            begun = [number for number in self._begun if self._owner[number] == worker]
            labels = [each for each in self._labels if self._owner[each.cluster] == worker]
            if begun or labels:
                shard.change("add", begun, *self._params, labels)
        self._begun, self._labels = [], []

    # ---- work

    def divide(self, work: Work, *, explain: bool = False) -> Parts:
        """See :meth:`Executor.divide`: workers divide it among themselves."""
        return Parts([lambda: self._run(work, explain)], lambda answers: answers[0])

    def _run(self, work: Work, explain: bool) -> Answered:
        """Let the workers do the work of a segment."""
        self._tell_news()
        sizes = np.diff(work.read.start)
        busy = np.flatnonzero(sizes)
        learns = bool(work.read.events.learns.any())
        x, rest = self._put(work)
        calls: list[tuple[int, list[int], Call]] = []
        for worker, shard in enumerate(self._shards):
            numbers = busy[self._owner[busy] == worker].tolist()
            if numbers:
                send = shard.change if learns else shard.ask
                calls.append((worker, numbers, send("advance", x, rest, numbers, explain)))
        answers = []
        for worker, numbers, call in calls:
            answers.append(self._shards[worker].result(call))
            self._seconds[numbers] += answers[-1].seconds
            self._recent_seconds[numbers] += answers[-1].seconds
        worker_of_pair = np.repeat(self._owner, sizes)
        places = [np.flatnonzero(worker_of_pair == worker) for worker, _, _ in calls]
        self._save_shards()
        self._balance()
        return joined(work.n_pairs, places, answers)

    def _put(self, work: Work) -> tuple[Any, Any]:
        """Share a segment's work with all workers: the rows, which segments of a call have in
        common, and the rest."""
        ray, read = self._session.ray, work.read
        if self._x is None or self._x[0] is not read.x:
            self._x = read.x, ray.put(read.x)
            self._n_put += state_bytes(read.x)
        read = read._replace(x=None, hints=without_room(read.hints))  # type: ignore[arg-type]
        self._n_put += state_bytes((read.events, read.rows, read.start, read.hints))
        return self._x[1], ray.put(work._replace(read=read))

    def _save_shards(self) -> None:
        """Keep the calls that a worker would have to do again within their limit."""
        full = self._n_put > self.replayed_bytes or any(
            shard.n_kept > REPLAYED_CALLS for shard in self._shards
        )
        for shard in self._shards:
            shard.settle(wait=full)
            if full:
                shard.save()
        if full:
            self._n_put = 0

    # ---- sizes

    def _ask(self, name: str, *args: Any) -> list[Any]:
        """Ask all workers the same."""
        self._tell_news()
        calls = [shard.ask(name, *args) for shard in self._shards]
        return [shard.result(call) for shard, call in zip(self._shards, calls, strict=True)]

    def _sizes(self) -> Int64Array:
        """[clusters, 2] cells and bytes."""
        sizes = np.zeros((len(self._owner), 2), np.int64)
        for each in self._ask("sizes"):
            for number, found in each.items():
                sizes[number] = found
        return sizes

    @property
    def n_cells(self) -> Int64Array:
        """See :attr:`Executor.n_cells`."""
        return self._sizes()[:, 0]

    @property
    def n_bytes(self) -> int:
        """See :attr:`Executor.n_bytes`."""
        return int(self._sizes()[:, 1].sum())

    def shrink(self, most: int) -> None:
        """See :meth:`Executor.shrink`."""
        self._tell_news()
        for shard in self._shards:
            shard.change("shrink", most)

    def mixer_weights(self, number: int) -> Float64Array:
        """See :meth:`Executor.mixer_weights`."""
        self._tell_news()
        shard = self._shards[self._owner[number]]
        return shard.result(shard.ask("mixer_weights", number))

    # ---- workers

    @property
    def n_workers(self) -> int:
        """Workers that clusters live in."""
        return len(self._shards)

    def describe_workers(self) -> list[WorkerState]:
        """See :meth:`Executor.describe_workers`."""
        states = []
        places, sizes = self._ask("place"), self._sizes()
        for worker, (host, process) in enumerate(places):
            own = np.flatnonzero(self._owner == worker)
            states.append(
                WorkerState(
                    host,
                    process,
                    own.tolist(),
                    n_bytes=int(sizes[own, 1].sum()),
                    seconds=float(self._seconds[own].sum()),
                    restarts=self._shards[worker].n_rebuilt,
                )
            )
        return states

    @property
    def worker_moves(self) -> list[Moved]:
        """See :attr:`Executor.worker_moves`."""
        return list(self._moves)

    def use_workers(self, n_workers: int) -> None:
        """Have so many workers; clusters move as the bytes of their snapshots."""
        new = [Shard(self._session, {}) for _ in range(n_workers - len(self._shards))]
        for shard in new:
            shard.wait()
        self._shards += new
        cost = costs(self._seconds + LEAST_SECONDS, self._sizes()[:, 1])
        remaining = without_others(cost, self._owner, n_workers)
        self._move(balanced(cost, remaining, n_workers, EVEN))
        for shard in self._shards[n_workers:]:
            shard.close()
        del self._shards[n_workers:]

    def _balance(self) -> None:
        """Every so often, move clusters away from a worker that has much more to do than others."""
        self._n_segments += 1
        if self._n_segments % self.balance_segments or len(self._shards) == 1:
            return
        cost = costs(self._recent_seconds, self._sizes()[:, 1])
        found = imbalance(cost, self._owner, len(self._shards))
        self._recent_seconds[:] = 0.0
        if found <= self.most_imbalance:
            return
        bound = 0.5 * (1.0 + self.most_imbalance)  # so that clusters do not move to and fro
        wanted = balanced(cost, self._owner, len(self._shards), bound)
        moved = np.flatnonzero(wanted != self._owner)
        for source, target in sorted(set(zip(self._owner[moved], wanted[moved], strict=True))):
            numbers = moved[(self._owner[moved] == source) & (wanted[moved] == target)].tolist()
            self._moves.append(Moved(self._n_segments, int(source), int(target), numbers, found))
            logger.info("%d clusters move from worker %d to worker %d, which had less to do.",
                        len(numbers), source, target)  # fmt: skip
        self._move(wanted)

    def _move(self, wanted: Int64Array) -> None:
        """Move clusters to the workers [clusters] that are wanted."""
        self._tell_news()
        for source, giving in enumerate(self._shards):
            leaving = np.flatnonzero((self._owner == source) & (wanted != source))
            for target in np.unique(wanted[leaving]).tolist():
                numbers = leaving[wanted[leaving] == target].tolist()
                snapshot = giving.result(giving.change("take", numbers))
                self._shards[target].change("put", snapshot)
        self._owner = wanted

    def close(self) -> None:
        """End the workers, and Ray where it was started for them."""
        for shard in self._shards:
            shard.close()
        self._shards, self._x = [], None
        self._session.close()


def without_room(hints: Hints) -> Hints:
    """Hints in arrays that end where they do."""
    n_hints = int(hints.start[-1])
    listed = hints._asdict()
    kept = {name: each[:n_hints] for name, each in listed.items() if name not in _OF_EVENTS}
    return hints._replace(**kept)


def joined(n_pairs: int, places: list[Int64Array], answers: list[Answer]) -> Answered:
    """One output from those of all workers.

    Parameters
    ----------
    n_pairs
        Pairs (event, cluster) of the segment.
    places
        Places of the pairs that each worker answered.
    answers
        What each worker answered.
    """
    n_listed = sum(len(each.output.label) for each in answers)
    output = allocate(ClusterOutput, {"asked": n_pairs, "listed": n_listed})
    at, mixer_inputs = 0, []
    for place, each in zip(places, answers, strict=True):
        found = each.output
        for name in _OF_PAIRS:
            getattr(output, name)[place] = getattr(found, name)
        output.first[place] = found.first + at
        end = at + len(found.label)
        output.label[at:end], output.probability[at:end] = found.label, found.probability
        at = end
        mixer_inputs += each.mixer_inputs
    return Answered(output, n_listed, sorted(mixer_inputs, key=lambda each: each.number))
