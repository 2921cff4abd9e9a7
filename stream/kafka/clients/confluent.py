"""The client confluent-kafka: a binding of librdkafka, several times faster, an optional extra."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import confluent_kafka as library
from confluent_kafka.admin import AdminClient, NewTopic

from stream.kafka.clients.causes import causes
from stream.kafka.clients.confluent_errors import (
    AFTERWARDS,
    EPOCH,
    FENCED,
    TRYING,
    UNKNOWN_TOPIC,
    telling,
    told,
)
from stream.kafka.clients.connection import Connection, revealed
from stream.kafka.clients.interface import Message, Offsets, Record, TopicPartition, too_large
from stream.kafka.clients.time_limit import within
from stream.kafka.errors import BrokerUnavailableError, FencedError, KafkaError

logger = logging.getLogger(__name__)

TRANSACTION_SECONDS = 60.0
QUEUE_SECONDS = 0.1  # for room in the queue of a sink


def _config(connection: Connection) -> dict[str, Any]:
    return {
        "bootstrap.servers": connection.bootstrap_servers,
        "reconnect.backoff.max.ms": 1_000,
        "allow.auto.create.topics": False,
        "topic.metadata.refresh.interval.ms": 10_000,
        **revealed(connection.options),
    }


class ConfluentSource:
    """A :class:`~stream.kafka.clients.interface.SourceClient`."""

    def __init__(self, connection: Connection, group: str):
        self._seconds = connection.request_seconds
        self._positions: dict[TopicPartition, int] = {}
        self._handle = library.Consumer(
            {
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,  # so that it tells where no message is left
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "queued.max.messages.kbytes": 65_536,
                **_config(connection),
            }
        )

    def partitions(self, topic: str) -> list[int]:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        with telling(f"asking for the partitions of {topic!r}"):
            found = self._handle.list_topics(topic, self._seconds).topics[topic]
        if found.error is not None:
            if found.error.code() in UNKNOWN_TOPIC:
                return []
            raise told(found.error, f"asking for the partitions of {topic!r}")
        return sorted(found.partitions)

    def offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Offsets]:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        with telling("asking for offsets"):
            return {
                each: Offsets(
                    *self._handle.get_watermark_offsets(
                        library.TopicPartition(*each), self._seconds, cached=False
                    )
                )
                for each in partitions
            }

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        asked = [library.TopicPartition(*each) for each in partitions]
        with telling("asking for committed offsets"):
            found = self._handle.committed(asked, self._seconds)
        return {
            TopicPartition(each.topic, each.partition): each.offset
            for each in found
            if each.offset >= 0
        }

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        self._positions = dict(positions)
        with telling("assigning partitions"):
            self._handle.assign(
                [library.TopicPartition(*each, offset) for each, offset in positions.items()]
            )

    def poll(self, seconds: float, most: int) -> list[tuple[TopicPartition, list[Record]]]:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        with telling("reading"):
            # The first call waits, the second takes what is there.
            polled = self._handle.consume(1, seconds)
            if polled and most > 1:
                polled += self._handle.consume(most - 1, 0)
        found: dict[TopicPartition, list[Record]] = {}
        message: Any  # the stubs of the library allow None where there is a value
        for message in polled:
            error = message.error()
            where = TopicPartition(message.topic(), message.partition())
            if error is not None:
                if error.code() == library.KafkaError._PARTITION_EOF:
                    self._positions[where] = message.offset()
                    continue
                if error.code() in (*TRYING, *UNKNOWN_TOPIC):
                    continue
                raise told(error, "reading")
            kind, time_of = message.timestamp()
            record = Record(
                message.offset(),
                message.key(),
                message.value(),
                -1 if kind == library.TIMESTAMP_NOT_AVAILABLE else time_of,
            )
            found.setdefault(where, []).append(record)
        for where, records in found.items():
            self._positions[where] = max(self._positions.get(where, 0), records[-1].offset + 1)
        return list(found.items())

    def position(self, partition: TopicPartition) -> int:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        return self._positions[partition]

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        if partitions:
            with telling("pausing partitions"):
                self._handle.pause([library.TopicPartition(*each) for each in partitions])

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        if partitions:
            with telling("resuming partitions"):
                self._handle.resume([library.TopicPartition(*each) for each in partitions])

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        with telling("committing offsets"):
            within(
                self._seconds,
                "committing offsets",
                lambda: self._handle.commit(offsets=_metadata(positions), asynchronous=False),
            )

    def close(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        try:
            self._handle.close()
        except (library.KafkaException, RuntimeError) as error:
            logger.debug("closing the consumer: %s", error)


class _Call:
    """What one call of ``send`` handed over."""

    __slots__ = ("letters", "sink", "unwritten")

    def __init__(self, messages: Sequence[Message], sink: ConfluentSink):
        self.unwritten = len(messages)
        self.sink = sink
        self.letters = [each for each in messages if each.headers]  # not told when one is refused

    def done(self, error: Any, message: Any) -> None:
        """A message was written, or could not be."""
        if error is not None and error.code() == library.KafkaError.MSG_SIZE_TOO_LARGE:
            place = message.topic(), message.partition(), message.key()
            content = message.value()
            headers = (
                each.headers
                for each in self.letters
                if (*each[:3], each.value) == (*place, content)
            )
            self.sink._too_large = too_large(*place, next(headers, ()))
        with self.sink._counting:
            self.unwritten -= 1
        if error is not None:
            self.sink._failure = self.sink._failure or error


class ConfluentSink:
    """A :class:`~stream.kafka.clients.interface.SinkClient`."""

    def __init__(self, connection: Connection, group: str, transactional_id: str | None = None):
        self._deadline = connection.deadline
        self._seconds = connection.request_seconds
        self._failure: Any = None  # of the first message that could not be written
        self._fatal: Any = None
        self._too_large: str | None = None
        self._transactional = transactional_id is not None
        self._began = time.monotonic()
        # Callbacks run in whichever thread polls.
        self._counting = threading.Lock()
        self._calls: deque[_Call] = deque()
        self._n_written_calls = 0
        # Offsets are sent by a group that only names them: nobody joins it.
        self._group: Any = None
        settings = {
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.max.bytes": 20_000_000,
            "queue.buffering.max.messages": 200_000,
            "delivery.timeout.ms": int(max(connection.deadline, 1) * 1000),
            **_config(connection),
        }
        if transactional_id is not None:
            settings["transactional.id"] = transactional_id
            settings["transaction.timeout.ms"] = int(TRANSACTION_SECONDS * 1000)
            settings["delivery.timeout.ms"] = int(TRANSACTION_SECONDS * 1000)
            member = library.Consumer({"group.id": group, **_config(connection)})
            self._group = member.consumer_group_metadata()
            member.close()
        self._handle = library.Producer(settings)

    def send(self, messages: Sequence[Message]) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        self._check()
        call = _Call(messages, self)
        with self._counting:
            self._calls.append(call)
        produce, done = self._handle.produce, call.done
        with self._telling("writing"):
            for topic, partition, key, value, headers in messages:
                while True:
                    try:
                        produce(
                            topic, value, key, partition, on_delivery=done, headers=list(headers)
                        )
                        break
                    except library.KafkaException as error:
                        if error.args[0].code() != library.KafkaError.MSG_SIZE_TOO_LARGE:
                            raise
                        raise KafkaError(too_large(topic, partition, key, headers)) from error
                    except BufferError:
                        self._handle.poll(QUEUE_SECONDS)
                        self._check()
            self._handle.poll(0)

    def handed_over(self) -> int:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        with self._counting:
            return len(self._calls) + self._n_written_calls

    def _all_written(self) -> None:
        """Forget what is written: everything."""
        with self._counting:
            self._n_written_calls += len(self._calls)
            self._calls.clear()

    def wait_written(self, number: int) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        deadline = time.monotonic() + self._deadline
        while self._n_written_calls < number and self._failure is None:
            with self._telling("writing"):
                self._handle.poll(QUEUE_SECONDS)
            with self._counting:
                while self._calls and not self._calls[0].unwritten:
                    self._calls.popleft()
                    self._n_written_calls += 1
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(
                    f"No broker took what was written within {self._deadline:.0f} seconds; check "
                    "that it runs."
                )
        if self._failure is not None:
            raise BrokerUnavailableError(f"Messages could not be written: {self._failure.str()}")

    @contextlib.contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """As :func:`telling`, but a producer that was fenced is told from a broker that is away:
        every error that is behind the one raised is looked at."""
        try:
            with telling(what):
                yield
        except (KafkaError, library.KafkaException) as error:
            codes = {
                each.code()
                for each in causes(error, self._failure, self._first_error())
                if isinstance(each, library.KafkaError)
            }
            # A broker says the same of a sink that was fenced and of one whose transaction it
            # ended because it took too long.
            in_time = self._transactional and time.monotonic() - self._began < TRANSACTION_SECONDS
            if codes.intersection(FENCED) or (in_time and codes.intersection(EPOCH)):
                raise FencedError(
                    f"Another learner of the same name has taken over, while {what}; stop one of "
                    "them."
                ) from error
            if codes.intersection((*EPOCH, *AFTERWARDS)):
                raise BrokerUnavailableError(
                    f"The broker ended the producer, while {what}: {error}"
                ) from error
            raise

    def _first_error(self) -> Any:
        """The error that the producer cannot get over; None where there is none.

        It is raised by whatever is called next.
        """
        try:
            self._handle.poll(0)
        except library.KafkaException as error:
            self._fatal = self._fatal or error
        return self._fatal

    def _check(self) -> None:
        failure, self._failure = self._failure, None
        if self._too_large is not None:
            raise KafkaError(self._too_large)
        if failure is not None:
            with self._telling("writing"):
                raise library.KafkaException(failure)

    def flush(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        deadline = time.monotonic() + self._deadline
        with self._telling("writing"):
            # In short waits, so that signals are seen.
            while self._handle.flush(QUEUE_SECONDS):
                self._check()
                if time.monotonic() > deadline:
                    raise BrokerUnavailableError(
                        f"No broker took what was written within {self._deadline:.0f} seconds; "
                        "check that it runs."
                    )
        self._check()
        self._all_written()

    def fence(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        with self._telling("fencing earlier learners"):
            self._handle.init_transactions(self._deadline)

    def begin(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        with self._telling("beginning a transaction"):
            self._handle.begin_transaction()
        self._began = time.monotonic()

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""

        def commit() -> None:
            offsets = _metadata(positions)
            self._handle.send_offsets_to_transaction(offsets, self._group, self._seconds)
            self._handle.commit_transaction(self._seconds)

        with self._telling("committing a transaction"):
            # Not for as long as brokers may be away: to begin again from the snapshot is quicker
            # than what librdkafka does after a broker was killed.
            within(3 * self._seconds, "committing a transaction", commit)
        self._check()
        self._all_written()

    def abort(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        with self._telling("ending a transaction"):
            self._handle.abort_transaction(self._seconds)
        self._failure = None
        self._all_written()

    def close(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        self._handle.purge()
        try:
            self._handle.flush(1)
        except library.KafkaException as error:
            logger.debug("closing the producer: %s", error)


def _metadata(positions: Mapping[TopicPartition, int]) -> list[Any]:
    return [library.TopicPartition(*each, offset) for each, offset in positions.items()]


class Confluent:
    """A :class:`~stream.kafka.clients.interface.Client`."""

    def create_topics(
        self, connection: Connection, topics: Mapping[str, int], replication: int | None
    ) -> None:
        """See :class:`~stream.kafka.clients.interface.Client`."""
        admin = AdminClient(_config(connection))
        wanted = [
            NewTopic(name, partitions, -1 if replication is None else replication)
            for name, partitions in topics.items()
        ]
        seconds = connection.request_seconds
        with telling("making topics"):
            for made in admin.create_topics(wanted, operation_timeout=seconds).values():
                try:
                    made.result(3 * seconds)
                except library.KafkaException as error:
                    if error.args[0].code() != library.KafkaError.TOPIC_ALREADY_EXISTS:
                        raise

    def source(self, connection: Connection, group: str) -> ConfluentSource:
        """See :class:`~stream.kafka.clients.interface.Client`."""
        return ConfluentSource(connection, group)

    def sink(
        self, connection: Connection, group: str, transactional_id: str | None = None
    ) -> ConfluentSink:
        """See :class:`~stream.kafka.clients.interface.Client`."""
        return ConfluentSink(connection, group, transactional_id)


CLIENT = Confluent()
