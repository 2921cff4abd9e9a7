"""Writing with the client confluent-kafka."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import confluent_kafka as library

from stream.kafka.clients.causes import causes
from stream.kafka.clients.confluent_errors import AFTERWARDS, EPOCH, FENCED, telling
from stream.kafka.clients.confluent_options import config_of, offsets_of
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import Message, TopicPartition, too_large
from stream.kafka.clients.time_limit import within
from stream.kafka.errors import BrokerUnavailableError, FencedError, KafkaError

logger = logging.getLogger(__name__)

TRANSACTION_SECONDS = 60.0
QUEUE_SECONDS = 0.1  # for room in the queue of a sink


class _Call:
    """What one call of ``send`` handed over."""

    __slots__ = ("done_with", "letters", "n_messages", "sink")

    def __init__(self, messages: Sequence[Message], sink: ConfluentSink):
        self.n_messages = len(messages)
        # Appended to by whichever thread polls, which needs no lock.
        self.done_with: list[None] = []
        self.sink = sink
        self.letters = [each for each in messages if each.headers]  # not told when one is refused

    @property
    def is_written(self) -> bool:
        """Whether all were written, or could not be."""
        return len(self.done_with) == self.n_messages

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
        self.done_with.append(None)
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
            **config_of(connection),
        }
        if transactional_id is not None:
            settings["transactional.id"] = transactional_id
            settings["transaction.timeout.ms"] = int(TRANSACTION_SECONDS * 1000)
            settings["delivery.timeout.ms"] = int(TRANSACTION_SECONDS * 1000)
            member = library.Consumer({"group.id": group, **config_of(connection)})
            self._group = member.consumer_group_metadata()
            member.close()
        self._handle: Any = library.Producer(settings)

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
                        if headers:
                            produce(topic, value, key, partition, done, headers=list(headers))
                        else:
                            produce(topic, value, key, partition, done)
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
                while self._calls and self._calls[0].is_written:
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
            offsets = offsets_of(positions)
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
        # Its threads, which try to reach a broker and complain, end with the last reference to it.
        handle, self._handle = self._handle, None
        if handle is None:
            return
        handle.purge()
        try:
            handle.flush(1)
        except library.KafkaException as error:
            logger.debug("closing the producer: %s", error)
