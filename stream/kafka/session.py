"""From a snapshot on, with one pair of clients, until the end or until the brokers break off."""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import Client, Message, SinkClient, SourceClient, TopicPartition
from stream.kafka.errors import (
    BadMessageError,
    BrokerUnavailableError,
    FencedError,
    KafkaError,
    OffsetError,
)
from stream.kafka.polling import Poller
from stream.kafka.recovery.checkpoints import Checkpoint, Checkpoints
from stream.kafka.recovery.recorded_order import OrderFile, Run, read_order
from stream.kafka.recovery.replay import Replay, in_batches
from stream.kafka.recovery.starting import (
    listed,
    partitions_to_read,
    refuse_if_deleted,
    starting_offsets,
)
from stream.kafka.settings import Settings
from stream.kafka.summary import summary
from stream.kafka.time_order import Piece, TimeOf
from stream.kafka.topic_learner import TopicLearner

logger = logging.getLogger(__name__)

TAKE_SECONDS = 0.1


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no cyclic garbage meanwhile: the rows of a batch are many objects without cycles,
    and to look through them again and again takes a fifth of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Host(Protocol):
    """What outlives a session: how brokers are reached, what is asked for, and how far it came."""

    client: Client
    connection: Connection
    settings: Settings
    checkpoints: Checkpoints
    stopping: bool
    lag: dict[TopicPartition, int]
    broker_up: bool
    caught_up: bool
    fetch_seconds: float
    learn_seconds: float
    time_of: TimeOf | None
    rest: Callable[[], None] | None
    attempted: dict[TopicPartition, int] | None
    """The furthest offsets that this process asked to be committed; None: it never did."""

    @property
    def n_taken(self) -> int:
        """Messages taken since the snapshot that the process began with."""
        ...

    def begin(self, state: dict[str, Any] | None) -> TopicLearner:
        """Make the learner that goes on from a state, or from nothing."""
        ...


class Session:
    """Serves from the newest snapshot on, with one pair of clients."""

    def __init__(self, service: Host):
        self.service = service
        self.settings = service.settings
        self.checkpoints = service.checkpoints
        self.source: SourceClient
        self.sink: SinkClient
        self.learner: TopicLearner
        self.order: OrderFile
        self.poller: Poller | None = None
        self.positions: dict[TopicPartition, int] = {}  # the offset that comes next
        self.committed: dict[TopicPartition, int] = {}  # up to here the learner is silent
        self.told = time.monotonic()  # when progress was
        self.order_length = 0  # bytes of the order file before which all messages were taken

    # ---- beginning and end

    def run(self) -> None:
        """Go through the session.

        Raises
        ------
        DriftHomerError
            As :meth:`stream.kafka.service.Service.run`.
        """
        client, connection, settings = self.service.client, self.service.connection, self.settings
        with contextlib.ExitStack() as closing:
            self.source = client.source(connection, settings.name)
            closing.callback(self.source.close)
            identity = f"drifthomer-{settings.name}" if settings.exactly_once else None
            self.sink = client.sink(connection, settings.name, identity)
            closing.callback(self.sink.close)
            self.restore()
            closing.callback(self.order.close)
            closing.callback(self.checkpoints.wait)
            try:
                self.follow()
                self.serve(closing)
            except BadMessageError:
                self.finish()  # so that what came before the bad message is not done again
                raise
            self.finish()

    def restore(self) -> None:
        """Restore the newest snapshot, or begin a new learner where there is none."""
        checkpoint = self.checkpoints.read()
        self.positions = {} if checkpoint is None else checkpoint.positions
        read = partitions_to_read(self.source, self.settings, self.positions)
        if self.settings.exactly_once:
            # Told before anyone is fenced: the learner that committed may be running elsewhere. A
            # process that begins with a snapshot has nothing to tell, and must not ask: the
            # transaction of a learner that was killed is open until it is fenced, and the broker
            # does not answer that long.
            asks_first = checkpoint is None or self.service.attempted is not None
            before = self.source.committed(read) if asks_first else {}
            self.refuse_if_overtaken(before)
            if checkpoint is None and before:
                raise KafkaError(
                    f"The group {self.settings.name!r} has committed offsets and there is no "
                    f"snapshot in {self.settings.directory}; bring it back, or give the learner "
                    "another name to begin again."
                )
            self.sink.fence()
            self.committed = self.source.committed(read)
            if self.service.attempted is None:
                self.service.attempted = dict(self.committed)
        path = self.settings.directory / f"{self.settings.name}.order"
        if checkpoint is None and path.exists() and path.stat().st_size:
            raise OffsetError(
                f"There is an order of messages, {path}, and no snapshot; bring back the "
                "snapshots, or remove it to begin again."
            )
        # The order across partitions must survive whatever the snapshot survives; with one
        # partition there is only one order.
        self.order = OrderFile(path, durable=len(read) > 1)
        self.positions = starting_offsets(self.source, self.settings, read, self.positions)
        self.learner = self.service.begin(None if checkpoint is None else checkpoint.learner)
        if checkpoint is None:
            self.checkpoints.write(self.checkpoint())  # so that every crash has one to go back to
        else:
            self.order_length = checkpoint.order_length

    def refuse_if_overtaken(self, committed: dict[TopicPartition, int]) -> None:
        """End when the group's offsets are beyond what this process ever asked for.

        Where a connection broke at the moment in which another learner of this name took over,
        nothing else tells it from an outage.
        """
        attempted = self.service.attempted
        if attempted is None:
            return
        ahead = [each for each, offset in committed.items() if offset > attempted.get(each, 0)]
        if ahead:
            raise FencedError(
                f"Another learner named {self.settings.name!r} has committed {listed(ahead)} "
                "further than this one; stop one of them."
            )

    def finish(self) -> None:
        """Leave behind a snapshot of where it ended."""
        if not self.settings.exactly_once:
            self.sink.flush()
        self.checkpoints.write(self.checkpoint())
        if self.poller is not None:
            self.poller.stop()
        if not self.settings.exactly_once:
            try:
                self.source.commit(self.positions)
            except KafkaError as error:  # nothing depends on it
                logger.warning("Offsets could not be committed for lag tools: %s", error)

    # ---- the recorded order

    def follow(self) -> None:
        """Take the messages since the snapshot again, in the order in which they were taken, and
        those of an order that is to be followed."""
        self.take_recorded(self.order.since(self.order_length), record=False)
        if self.service.stopping:
            return
        self.order_length = self.order.length
        if self.settings.follow_order is not None:
            refuse_if_deleted(self.settings.follow_order, self.order.path, self.positions)
            self.take_recorded(read_order(self.settings.follow_order), record=True)

    def take_recorded(self, runs: Iterable[Run], *, record: bool) -> None:
        """Take messages in a recorded order, as far as they were not taken yet."""
        replay = Replay(
            self.source,
            self.positions,
            deadline=self.service.connection.deadline,
            allow_gaps=self.settings.allow_gaps,
            time_of=self.service.time_of,
        )
        pieces = replay.pieces(self.not_taken(runs))
        for batch in in_batches(pieces, self.settings.batch_messages):
            if self.service.stopping:
                return
            self.take(batch, record=record)
            self.snapshot_if_due()

    def not_taken(self, runs: Iterable[Run]) -> Iterator[Run]:
        """What of recorded runs was not taken yet."""
        for partition, first, past, untimed in runs:
            at = self.positions.get(partition, first)
            if at < past:
                yield Run(partition, max(first, at), past, untimed)

    # ---- as messages come

    def serve(self, closing: contextlib.ExitStack) -> None:
        """Take messages as they come."""
        if self.service.stopping:
            return
        poller = self.poller = Poller(
            self.source,
            self.positions,
            capacity=self.settings.queue_messages,
            deadline=self.service.connection.deadline,
            until_end=self.settings.until_end,
            allow_gaps=self.settings.allow_gaps,
            max_idle=self.settings.max_idle_seconds,
            more_partitions=None if self.settings.partitions else self.new_partitions,
            time_of=self.service.time_of,
        )
        fetched_before = self.service.fetch_seconds
        if not self.settings.exactly_once:
            self.checkpoints.on_written = poller.commit_later
        closing.callback(poller.stop)
        self.checkpoints.prepare(self.checkpoint())
        poller.start()
        limit = self.settings.max_messages
        while not (self.service.stopping or poller.finished):
            most = self.settings.batch_messages
            if limit is not None:
                most = min(most, limit - self.service.n_taken)
                if most <= 0:
                    break
            pieces = poller.take(most, TAKE_SECONDS)
            if pieces:
                self.take(pieces, record=True)
            elif self.service.rest is not None:
                self.service.rest()
            self.service.lag = lag = poller.lag
            self.service.broker_up = poller.broker_up
            self.service.fetch_seconds = fetched_before + poller.fetch_seconds
            self.service.caught_up |= bool(lag) and not any(lag.values())
            self.snapshot_if_due()
            self.tell_progress()
        poller.stop()

    def tell_progress(self) -> None:
        """Tell in the log, now and then, what was done so far."""
        now = time.monotonic()
        if now - self.told >= self.settings.progress_seconds:
            self.told = now
            lag = sum(self.service.lag.values())
            logger.info("%s Lag: %d messages.", summary(self.learner), lag)

    def new_partitions(self) -> dict[TopicPartition, int]:
        """Partitions that were added to the topics, from their begin on."""
        read = partitions_to_read(self.source, self.settings, self.positions)
        new = [each for each in read if each not in self.positions]
        if not new:
            return {}
        self.order.durable = True
        return {each: start for each, (start, _) in self.source.offsets(new).items()}

    # ---- both

    def take(self, pieces: Sequence[Piece], *, record: bool) -> None:
        """Take messages: record their order, learn, write."""
        if record:
            self.order.append(
                Run(partition, records[0].offset, records[-1].offset + 1, untimed)
                for partition, records, untimed in pieces
            )
        if self.committed:
            for _, some in itertools.groupby(self.split_at_committed(pieces), self.is_committed):
                self.learn(list(some))
        else:
            self.learn(pieces)
        if record:
            self.order_length = self.order.length

    def split_at_committed(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Pieces that lie before, or after, what the last transaction committed."""
        found = []
        for partition, records, untimed in pieces:
            silent = sum(each.offset < self.committed.get(partition, 0) for each in records)
            parts = records[:silent], records[silent:]
            found += [Piece(partition, part, untimed) for part in parts if part]
        return found

    def is_committed(self, piece: Piece) -> bool:
        """Whether what follows from a piece was written in the last transaction or before it."""
        return piece.records[-1].offset < self.committed.get(piece.partition, 0)

    def learn(self, pieces: Sequence[Piece]) -> None:
        """Learn from messages and write what follows, unless it was committed already."""
        began = time.perf_counter()
        with _uncollected():
            messages = self.learner.take([(each.partition, each.records) for each in pieces])
        self.service.learn_seconds += time.perf_counter() - began
        silent = all(map(self.is_committed, pieces))
        for partition, records, _ in pieces:
            self.positions[partition] = records[-1].offset + 1
        if not self.settings.exactly_once:
            self.sink.send(messages)
        elif not silent:
            self.write_once(messages)
        if self.committed and all(
            self.positions[each] >= offset for each, offset in self.committed.items()
        ):
            self.committed = {}

    def write_once(self, messages: Sequence[Message]) -> None:
        """Write in a transaction, with the offsets."""
        self.sink.begin()
        self.service.attempted = {**(self.service.attempted or {}), **self.positions}
        try:
            self.sink.send(messages)
            self.sink.commit(self.positions)
        except BrokerUnavailableError:
            self.undo()
            raise

    def undo(self) -> None:
        """End the transaction without a trace."""
        try:
            self.sink.abort()
        except KafkaError as error:  # the next session's fence ends it
            logger.debug("the transaction could not be aborted: %s", error)

    def snapshot_if_due(self) -> None:
        """Write a snapshot in the background when it is time."""
        due = time.monotonic() - self.checkpoints.tried >= self.settings.snapshot_seconds
        if not due or self.checkpoints.busy:
            return
        if self.settings.exactly_once:
            self.checkpoints.write_later(self.checkpoint(), first=lambda: None)
            return
        # What a snapshot covers is never written again, so that it has to be written before.
        sink, so_far = self.sink, self.sink.handed_over()
        self.checkpoints.write_later(self.checkpoint(), first=lambda: sink.wait_written(so_far))

    def checkpoint(self) -> Checkpoint:
        """Where the learner is and what it is, not copied."""
        return Checkpoint(dict(self.positions), self.order_length, self.learner.get_state())
