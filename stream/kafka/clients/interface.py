"""What a learner asks of a Kafka client, whichever it is.

Bytes come in and bytes go out: nothing is decoded by a client, whose errors then could not be told
by message. Partitions are assigned and never subscribed to: a learner's state cannot follow a
partition that a rebalance takes away.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from stream.errors import NotAvailableError
from stream.kafka.clients.connection import Connection


class TopicPartition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class Record(NamedTuple):
    """A message as it was read."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int  # milliseconds since 1970; -1: unknown


class Message(NamedTuple):
    """A message to be written."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def too_large(topic: str, partition: int, key: bytes | None, headers: Any) -> str:
    """What to say of a message that its topic does not take.

    The key of a prediction, and the headers of a dead letter, tell which message it came of.
    """
    source = dict(headers)
    if "source-topic" in source:
        place = b"%b/%b@%b" % tuple(source[f"source-{each}"] for each in _PLACE)
    else:
        place = key or b"a message without a key"
    return (
        f"What was to be written to {topic}/{partition} for {place.decode(errors='replace')} is "
        "larger than the topic allows; raise its max.message.bytes, or the broker's "
        "message.max.bytes."
    )


_PLACE = ("topic", "partition", "offset")


class Offsets(NamedTuple):
    """What a partition holds."""

    start: int  # of its first message
    end: int  # past its last message that readers may see


class SourceClient(Protocol):
    """Reads messages of assigned partitions; used by one thread at a time.

    Every method raises :class:`~stream.kafka.errors.BrokerUnavailableError` when no broker answers
    in time, and :class:`~stream.kafka.errors.KafkaError` when it refuses.
    """

    def partitions(self, topic: str) -> list[int]:
        """Numbers of the partitions of a topic, in order; empty when there is no such topic."""
        ...

    def offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Offsets]:
        """Where each partition begins and ends."""
        ...

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The offsets that the group committed, of the partitions that have one."""
        ...

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from now on, each from an offset."""
        ...

    def poll(self, seconds: float, most: int) -> list[tuple[TopicPartition, list[Record]]]:
        """The next messages, ``most`` at most, waiting for the first; those of a partition are in
        order.

        Raises
        ------
        OffsetError
            When a partition does not hold the offset that is to be read.
        """
        ...

    def position(self, partition: TopicPartition) -> int:
        """The offset that is read next, past what is no message (marks of transactions)."""
        ...

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Read no more of these partitions until :meth:`resume`; nothing is lost."""
        ...

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Go on with partitions that were paused."""
        ...

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Tell the group's offsets, for tools that watch the lag."""
        ...

    def close(self) -> None:
        """Leave; nothing is committed."""
        ...


class SinkClient(Protocol):
    """Writes messages, idempotently: none twice, those of a partition in order.

    Every method raises :class:`~stream.kafka.errors.FencedError` when another sink of the same
    transactional id has taken over, and otherwise what a :class:`SourceClient` raises.
    """

    def send(self, messages: Sequence[Message]) -> None:
        """Hand messages over; they are written when :meth:`flush` or :meth:`commit` returned."""
        ...

    def flush(self) -> None:
        """Wait until everything handed over is written.

        Raises
        ------
        BrokerUnavailableError
            When some of it could not be written.
        """
        ...

    def fence(self) -> None:
        """End the transaction that an earlier sink of the same transactional id left open, and let
        it write no more.

        It comes first: what the group committed is only certain afterwards.
        """
        ...

    def handed_over(self) -> int:
        """How much was handed over so far, for :meth:`wait_written`."""
        ...

    def wait_written(self, number: int) -> None:
        """Wait until what was handed over by then is written, whatever came after it; in any
        thread.

        Parameters
        ----------
        number
            What :meth:`handed_over` gave.

        Raises
        ------
        BrokerUnavailableError
            When some of them could not be written; :meth:`send` and :meth:`flush` raise it too.
        """
        ...

    def begin(self) -> None:
        """Start a transaction; only with a transactional id."""
        ...

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Make everything since :meth:`begin` visible at once, together with the group's
        offsets."""
        ...

    def abort(self) -> None:
        """Undo everything since :meth:`begin`."""
        ...

    def close(self) -> None:
        """Leave, without waiting for what is not written yet."""
        ...


class Client(Protocol):
    """Makes sources and sinks, and topics."""

    def create_topics(
        self, connection: Connection, topics: Mapping[str, int], replication: int | None
    ) -> None:
        """Make topics; one that exists stays as it is.

        Parameters
        ----------
        connection
            How brokers are reached.
        topics
            How many partitions each has.
        replication
            Copies of each; None: as many as the broker makes by default.
        """
        ...

    def source(self, connection: Connection, group: str) -> SourceClient:
        """A reader whose offsets are committed under the name of a group."""
        ...

    def sink(
        self, connection: Connection, group: str, transactional_id: str | None = None
    ) -> SinkClient:
        """A writer; with a transactional id it writes in transactions only."""
        ...


CLIENTS = {
    "kafka-python": ("stream.kafka.clients.kafka_python", "kafka-python"),
    "confluent": ("stream.kafka.clients.confluent", "drifthomer[confluent]"),
}


def load_client(name: str) -> Client:
    """A client by its name in :data:`CLIENTS`.

    Raises
    ------
    NotAvailableError
        When there is no such client, or the package it needs is not installed.
    """
    if name not in CLIENTS:
        raise NotAvailableError(
            f"The Kafka client must be one of {', '.join(CLIENTS)}. Got {name!r} instead."
        )
    module, package = CLIENTS[name]
    try:
        return importlib.import_module(module).CLIENT
    except ModuleNotFoundError as error:
        raise NotAvailableError(
            f"The Kafka client {name!r} needs the module {error.name!r}; install it with "
            f"pip install '{package}'."
        ) from error
