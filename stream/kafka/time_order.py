"""Time decides the order between partitions: the message with the earliest timestamp comes next.

Kafka orders the messages of one partition only. Where instances and labels were written over an
hour and are read within seconds, reading whatever comes first predicts all instances before the
first label is seen. So a message is offered once no partition can still have an earlier one: each
has something earlier or later fetched, or is at its end. This is what Kafka Streams does with
``max.task.idle.ms`` (KIP-353, KIP-695).

- A timestamp that goes back within a partition counts as the largest so far.
- A message without a time (none, zero, or refused because it lies in the future) comes when its
  turn in its partition comes.
- Among equal times the partitions take turns, in the order in which they are listed.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from stream.kafka.clients.interface import Record, TopicPartition

# What a broker allows by default for timestamps that clients set (message.timestamp.after.max.ms).
MAX_AHEAD_MILLISECONDS = 3_600_000
# A message that was written earlier to another partition may be seen so much later: producers
# gather messages, and each partition is asked for by a request of its own.
SETTLE_SECONDS = 0.03
UNTIMED = -1  # the timestamp of a message that has none
NEVER = math.inf


class Piece(NamedTuple):
    """Messages of one partition, one after the other."""

    partition: TopicPartition
    records: list[Record]
    untimed: bool = False  # whether their timestamps were refused


class _Fetched:
    """Messages of one partition that came together and wait for their turns.

    An object for each of them would take longer than to find whose turn it is.

    Attributes
    ----------
    records, times
        The messages, and the largest time of the partition up to each: never less than before.
    at
        The one that is next; those before it were taken.
    seen
        When they came (monotonic clock).
    untimed
        Whether their own times were refused.
    """

    __slots__ = ("at", "records", "seen", "times", "untimed")

    def __init__(self, records: list[Record], times: list[int], seen: float, untimed: bool):
        self.records = records
        self.times = times
        self.at = 0
        self.seen = seen
        self.untimed = untimed

    def __len__(self) -> int:
        return len(self.records) - self.at

    @property
    def time(self) -> int:
        """That of the next one."""
        return self.times[self.at]

    def take(self, stop: int) -> list[Record]:
        """Those that are next, until before ``stop``."""
        taken, self.at = self.records[self.at : stop], stop
        return taken


TimeOf = Callable[[Record], int]


def timed(records: Iterable[Record], time_of: TimeOf) -> list[Record]:
    """Messages with times of their own instead of Kafka's."""
    return [record._replace(timestamp=time_of(record)) for record in records]


def without_time(record: Record) -> Record:
    """A message whose timestamp was refused."""
    return record._replace(timestamp=UNTIMED)


class TimeOrder:
    """Holds what was fetched until it may come next.

    Parameters
    ----------
    partitions
        What is read; among equal times those in front come first.

    Attributes
    ----------
    n_held
        Messages that wait.
    """

    def __init__(self, partitions: Iterable[TopicPartition]):
        self.n_held = 0
        self._held: dict[TopicPartition, deque[_Fetched]] = {}
        self._times: dict[TopicPartition, int] = {}
        self._turns: dict[TopicPartition, int] = {}  # when each was last taken from
        self._n_taken = 0
        self.add_partitions(partitions)

    def add_partitions(self, partitions: Iterable[TopicPartition]) -> None:
        """Read more partitions."""
        for each in partitions:
            self._held[each] = deque()
            self._times[each] = UNTIMED
            self._turns[each] = 0

    def add(
        self, partition: TopicPartition, records: Sequence[Record], seen: float, now: float
    ) -> list[Record]:
        """Hold the next messages of a partition.

        Parameters
        ----------
        partition, records
            The messages.
        seen
            When they came (``time.monotonic()``).
        now
            The same moment in milliseconds since 1970.

        Returns
        -------
        Those whose timestamps were refused.
        """
        if not records:
            return []
        time, held = self._times[partition], self._held[partition]
        limit = now + MAX_AHEAD_MILLISECONDS

        def is_absurd(record: Record) -> bool:
            return record.timestamp == 0 or record.timestamp > limit  # such as microseconds

        timestamps = [record.timestamp for record in records]
        parts: Iterable[tuple[bool, Iterable[Record]]] = [(False, records)]
        if 0 in timestamps or max(timestamps) > limit:
            parts = itertools.groupby(records, is_absurd)
        absurd: list[Record] = []
        for refused, some in parts:
            part = list(some)
            if refused:
                absurd += part
                part = list(map(without_time, part))
            times = itertools.accumulate([each.timestamp for each in part], max, initial=time)
            _, *largest = times
            held.append(_Fetched(part, largest, seen, refused))
            time = largest[-1]
        self._times[partition] = time
        self.n_held += len(records)
        return absurd

    def n_held_of(self, partition: TopicPartition) -> int:
        """Messages of a partition that wait."""
        return sum(map(len, self._held[partition]))

    @property
    def empty(self) -> list[TopicPartition]:
        """The partitions of which nothing is held."""
        return [each for each, held in self._held.items() if not held]

    @property
    def held_since(self) -> float | None:
        """When the message that has waited longest came; None when none waits."""
        return min((held[0].seen for held in self._held.values() if held), default=None)

    def take(
        self, ended: Collection[TopicPartition] = (), seen_until: float | None = None
    ) -> list[Piece]:
        """The messages that come next, in order.

        Parameters
        ----------
        ended
            Partitions that are known to be at their ends: nothing earlier can come of them. When
            another one has nothing left, its next message may be earlier than all others.
        seen_until
            Take only messages that came by then; None: any.
        """
        heap = [
            (held[0].time, self._turns[each], rank, each)
            for rank, (each, held) in enumerate(self._held.items())
            if held
        ]
        if any(not held and each not in ended for each, held in self._held.items()):
            return []
        heapq.heapify(heap)
        pieces: list[Piece] = []
        while heap:
            _, _, rank, partition = heap[0]
            held = self._held[partition]
            if seen_until is not None and held[0].seen > seen_until:
                break
            others = min((each[0] for each in heap[1:3]), default=NEVER)
            self._n_taken += _take_before(others, partition, held, seen_until, pieces)
            self._turns[partition] = self._n_taken
            if held:
                heapq.heapreplace(heap, (held[0].time, self._n_taken, rank, partition))
            elif partition in ended:
                heapq.heappop(heap)
            else:
                break
        self.n_held -= sum(len(piece.records) for piece in pieces)
        return pieces


def _take_before(
    others: float,
    partition: TopicPartition,
    held: deque[_Fetched],
    seen_until: float | None,
    pieces: list[Piece],
) -> int:
    """Take the next message of a partition, and those after it whose time is before ``others``, the
    earliest of the other partitions; how many."""
    n_taken = 0
    last = pieces[-1] if pieces and pieces[-1].partition == partition else None
    while held:
        fetched = held[0]
        if seen_until is not None and fetched.seen > seen_until:
            break
        stop = bisect.bisect_left(fetched.times, others, fetched.at)
        if stop == fetched.at:
            if n_taken:
                break
            stop += 1  # the next message comes in any case
        n_taken += stop - fetched.at
        if last is None or last.untimed != fetched.untimed:
            last = Piece(partition, fetched.take(stop), fetched.untimed)
            pieces.append(last)
        else:
            last.records.extend(fetched.take(stop))
        if not fetched:
            held.popleft()
    return n_taken


class IdleWait:
    """Decides how long partitions of which nothing is held are waited for.

    Parameters
    ----------
    max_idle
        Seconds for which a partition that is not at its end, and of which nothing comes, is waited
        for.
    ends
        Asks the broker for the ends of partitions.
    is_at
        Whether a partition was read up to an offset.
    """

    def __init__(
        self,
        max_idle: float,
        ends: Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]],
        is_at: Callable[[TopicPartition, int], bool],
    ):
        self._max_idle = max_idle
        self._ends = ends
        self._is_at = is_at
        self._known: dict[TopicPartition, int] = {}
        self._waiting_since: float | None = None
        self.gave_up: list[TopicPartition] = []  # not waited for any longer

    def take(
        self, order: TimeOrder, now: float, fixed_ends: Mapping[TopicPartition, int] | None
    ) -> list[Piece]:
        """The messages that may be taken now.

        Parameters
        ----------
        order
            What is held.
        now
            ``time.monotonic()``.
        fixed_ends
            Where each partition ends, when what comes later is not to be read; None: the broker is
            asked.
        """
        pieces = order.take()
        since, empty = order.held_since, order.empty
        if since is None or not empty:
            self._waiting_since = None
            return pieces
        if fixed_ends is None and now < since + SETTLE_SECONDS:
            return pieces
        behind = self._behind(empty, self._known if fixed_ends is None else fixed_ends)
        if not behind and fixed_ends is None:
            self._known |= self._ends(empty)
            behind = self._behind(empty, self._known)
        if behind:
            if self._waiting_since is None or pieces:
                self._waiting_since = now
            if now - self._waiting_since < self._max_idle:
                return pieces
        else:
            self._waiting_since = None
        self.gave_up = behind
        seen_until = None if fixed_ends is not None else now - SETTLE_SECONDS
        return pieces + order.take(empty, seen_until)

    def _behind(
        self, empty: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
    ) -> list[TopicPartition]:
        """Those that were not read up to their ends."""
        return [each for each in empty if not self._is_at(each, ends.get(each, 0))]
