"""Reading ahead: a thread polls, a bounded queue holds what it read, and learning takes it from
there. While the queue is full nothing is polled, which a partition that is assigned does not mind.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from stream.kafka.clients.interface import Record, SourceClient, TopicPartition
from stream.kafka.errors import BrokerUnavailableError, KafkaError, OffsetError
from stream.kafka.time_order import IdleWait, Piece, TimeOf, TimeOrder, timed

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
HOLD_SECONDS = 0.01  # while messages wait for those of other partitions
MAX_HELD = 5_000  # messages of a partition; it is paused then
MAX_IDLE_SECONDS = 10.0
MAX_POLLED = 2_000  # messages of one poll
ASK_SECONDS = 5.0  # between questions to a broker for the ends of the partitions
TELL_SECONDS = 10.0  # between warnings that a broker is away


class OffsetGuard:
    """Sees to it that the messages of a partition come one after the other.

    Parameters
    ----------
    positions
        The offset that comes next, by partition.
    allow_gaps
        Whether offsets may be missing: in compacted topics, and where producers use transactions.
    """

    def __init__(self, positions: Mapping[TopicPartition, int], *, allow_gaps: bool = False):
        self.positions = dict(positions)
        self.allow_gaps = allow_gaps

    def check(self, partition: TopicPartition, records: list[Record]) -> None:
        """Look at the next messages of a partition.

        Raises
        ------
        OffsetError
            When an offset is missing, or comes again.
        """
        expected = self.positions[partition]
        offsets = [record.offset for record in records]
        if offsets == list(range(expected, expected + len(records))):  # the common case
            self.positions[partition] = expected + len(records)
            return
        for record in records:
            if record.offset < expected:
                raise OffsetError(
                    f"The offsets of {partition} must increase: after {expected - 1} came "
                    f"{record.offset}, which was read before; was the topic made anew? Give the "
                    "learner another name to begin again."
                )
            if record.offset > expected and not self.allow_gaps:
                raise OffsetError(
                    f"The offsets of {partition} must follow each other: {expected} was to come "
                    f"and {record.offset} came. Were messages deleted? Topics that are compacted, "
                    "or written in transactions, have such gaps: allow them with --allow-gaps."
                )
            expected = record.offset + 1
        self.positions[partition] = expected


class Poller:
    """Polls in a thread of its own.

    Parameters
    ----------
    source
        The client; only the thread uses it once it has started.
    positions
        Where each partition is read from.
    capacity
        Messages that may wait to be taken.
    deadline
        Seconds for which a broker that does not answer is waited for.
    until_end
        Whether to stop at the ends that the partitions have when it starts.
    allow_gaps
        See :class:`OffsetGuard`.
    max_idle
        See :class:`~stream.kafka.time_order.IdleWait`.
    more_partitions
        Asked from time to time which partitions, and from where, have come to be read as well.
    time_of
        What is taken instead of the timestamp of a message.

    Attributes
    ----------
    lag
        Messages between what was taken and the ends of the partitions, as last heard.
    n_untimed
        Messages whose timestamps were refused.
    broker_up
        Whether a broker answered when it was last asked.
    fetch_seconds
        Time spent with polls that brought messages.
    """

    def __init__(
        self,
        source: SourceClient,
        positions: Mapping[TopicPartition, int],
        *,
        capacity: int,
        deadline: float,
        until_end: bool = False,
        allow_gaps: bool = False,
        max_idle: float = MAX_IDLE_SECONDS,
        more_partitions: Callable[[], Mapping[TopicPartition, int]] | None = None,
        time_of: TimeOf | None = None,
    ):
        self._source = source
        self._time_of = time_of
        self._capacity = capacity
        self._deadline = deadline
        self._until_end = until_end
        self._more_partitions = more_partitions
        self._guard = OffsetGuard(positions, allow_gaps=allow_gaps)
        self._ends: dict[TopicPartition, int] = {}
        self._order = TimeOrder(positions)
        self._idle = IdleWait(max_idle, self._ends_of, self._is_at)
        self._paused: set[TopicPartition] = set()
        self._told_absurd = self._told_idle = False
        self._changed = threading.Condition()
        self._queue: deque[Piece] = deque()
        self._waiting = 0  # messages in the queue
        self._taken = dict(positions)
        self._error: BaseException | None = None
        self._finished = False
        self._stop = False
        self.n_untimed = 0
        self.fetch_seconds = 0.0
        self.broker_up = True
        self._to_commit: dict[TopicPartition, int] = {}
        self._heard = time.monotonic()
        self._asked = 0.0
        self._told = 0.0
        self._thread = threading.Thread(target=self._run, name="kafka: polling", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    # ---- for the thread that learns

    def take(self, most: int, seconds: float) -> list[Piece]:
        """What was read, ``most`` messages at most, waiting for the first.

        Raises
        ------
        KafkaError
            When reading came to an end, after what was read before was taken.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._queue or self._error or self._finished, timeout=seconds
            )
            if not self._queue and self._error is not None:
                raise self._error
            taken: list[Piece] = []
            while self._queue and most > 0:
                partition, records, untimed = self._queue.popleft()
                if len(records) > most:
                    self._queue.appendleft(Piece(partition, records[most:], untimed))
                    records = records[:most]
                most -= len(records)
                self._waiting -= len(records)
                self._taken[partition] = records[-1].offset + 1
                taken.append(Piece(partition, records, untimed))
            self._changed.notify_all()
            return taken

    @property
    def finished(self) -> bool:
        """Whether the end was reached and everything was taken."""
        with self._changed:
            return self._finished and not self._queue

    @property
    def lag(self) -> dict[TopicPartition, int]:
        """See the class."""
        with self._changed:
            return {
                each: max(0, end - self._taken.get(each, 0)) for each, end in self._ends.items()
            }

    def commit_later(self, positions: Mapping[TopicPartition, int]) -> None:
        """Have offsets committed for the tools that watch the lag."""
        with self._changed:
            self._to_commit = dict(positions)

    def stop(self, seconds: float = 5.0) -> None:
        """End the thread; what was read and not taken is forgotten."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        self._thread.join(seconds)

    # ---- the thread

    def _run(self) -> None:
        try:
            # Before anything is read: a broker answers nothing else while it waits for messages.
            self._ask()
            self._source.assign(self._guard.positions)
            while self._has_room():
                self._poll()
                self._ask()
                self._offer()
                if self._until_end and self._ends:
                    self._look_for_end()
                self._commit()
        except BaseException as error:  # told to the thread that learns
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _has_room(self) -> bool:
        """Wait until there is room; False when it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stop or self._waiting < self._capacity)
            return not self._stop and not self._finished

    def _poll(self) -> None:
        seconds = HOLD_SECONDS if self._order.n_held else POLL_SECONDS
        began = time.perf_counter()
        try:
            polled = self._source.poll(seconds, MAX_POLLED)
        except BrokerUnavailableError as error:
            self._away(error)
            return
        if not polled:
            return
        self.fetch_seconds += time.perf_counter() - began
        self._heard = time.monotonic()
        now = time.time() * 1000
        for partition, records in polled:
            self._guard.check(partition, records)
            if self._time_of is not None:
                records = timed(records, self._time_of)
            absurd = self._order.add(partition, records, self._heard, now)
            if absurd:
                self._tell_absurd(partition, absurd)
        self._pause()

    def _offer(self) -> None:
        """Put what comes next by its time into the queue."""
        if not self._order.n_held or (self._until_end and not self._ends):
            return
        try:
            pieces = self._idle.take(
                self._order, time.monotonic(), self._ends if self._until_end else None
            )
        except BrokerUnavailableError as error:
            self._away(error)
            return
        if self._idle.gave_up and not self._told_idle:
            self._told_idle = True
            logger.warning(
                "Nothing comes of %s, which is not at its end; the others go on without it after "
                "the time of --max-idle, so that their order may not be that of time.",
                ", ".join(map(str, self._idle.gave_up)),
            )
        if not pieces:
            return
        with self._changed:
            for piece in pieces:
                self._queue.append(piece)
                self._waiting += len(piece.records)
            self._changed.notify_all()
        self._pause()

    def _pause(self) -> None:
        """Read no more of partitions of which much is held, so that the others are read."""
        full = {
            each
            for each in self._guard.positions
            if self._order.n_held_of(each) >= (MAX_HELD // 2 if each in self._paused else MAX_HELD)
        }
        if full != self._paused:
            self._source.pause(full - self._paused)
            self._source.resume(self._paused - full)
            self._paused = full

    def _ends_of(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        found = {each: offsets.end for each, offsets in self._source.offsets(partitions).items()}
        with self._changed:
            self._ends |= found
        return found

    def _is_at(self, partition: TopicPartition, end: int) -> bool:
        # The client's own position passes marks of transactions, which are no messages.
        return self._guard.positions[partition] >= end or self._source.position(partition) >= end

    def _tell_absurd(self, partition: TopicPartition, absurd: Sequence[Record]) -> None:
        self.n_untimed += len(absurd)
        if not self._told_absurd:
            self._told_absurd = True
            logger.warning(
                "The message %s@%d has the timestamp %d, which must be milliseconds since 1970 and "
                "not in the future; it, and others like it, count as having no time.",
                partition,
                absurd[0].offset,
                absurd[0].timestamp,
            )

    def _ask(self) -> None:
        """Ask for the ends of the partitions, now and then: a broker that is away gives no
        messages either, and says nothing."""
        now = time.monotonic()
        if now - self._asked >= ASK_SECONDS:
            self._asked = now
            try:
                found = self._source.offsets(list(self._guard.positions))
                more = self._more_partitions() if self._more_partitions else {}
            except BrokerUnavailableError as error:
                self._away(error)
                return
            self.broker_up = True
            if self._told:
                logger.warning("The broker answers again.")
                self._told = 0.0
            self._heard = time.monotonic()
            self._note_ends({each: offsets.end for each, offsets in found.items()})
            self._add(
                {each: start for each, start in more.items() if each not in self._guard.positions}
            )

    def _note_ends(self, ends: dict[TopicPartition, int]) -> None:
        with self._changed:
            if not (self._until_end and self._ends):  # else those of the start are the end
                self._ends = ends

    def _add(self, more: Mapping[TopicPartition, int]) -> None:
        if not more or self._until_end:
            return
        logger.warning("New partitions are read: %s.", ", ".join(map(str, more)))
        self._guard.positions.update(more)
        self._order.add_partitions(more)
        with self._changed:
            self._taken.update(more)
        self._source.assign(self._guard.positions)
        self._source.pause(self._paused)

    def _look_for_end(self) -> None:
        if not self._order.n_held and all(
            self._is_at(each, end) for each, end in self._ends.items()
        ):
            with self._changed:
                self._finished = True
                self._changed.notify_all()

    def _away(self, error: BrokerUnavailableError) -> None:
        self.broker_up = False
        now = time.monotonic()
        if now - self._heard > self._deadline:
            raise BrokerUnavailableError(
                f"No broker has answered for {now - self._heard:.0f} seconds, the limit of "
                f"--broker-timeout; check the brokers and start again: {error}"
            ) from error
        if now - self._told > TELL_SECONDS:
            self._told = now
            logger.warning(
                "The broker is away; waiting for %.0f more seconds: %s",
                self._deadline - (now - self._heard),
                error,
            )

    def _commit(self) -> None:
        with self._changed:
            positions, self._to_commit = self._to_commit, {}
        if positions:
            try:
                self._source.commit(positions)
            except KafkaError as error:  # nothing depends on it
                logger.warning("Offsets could not be committed for lag tools: %s", error)
