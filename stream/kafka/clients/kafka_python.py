"""The client kafka-python: in Python alone, and the default."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata
from kafka import TopicPartition as ClientPartition
from kafka import errors as client_errors

from stream.errors import NotAvailableError
from stream.kafka.clients.causes import causes
from stream.kafka.clients.connection import OPTIONS, Connection, revealed
from stream.kafka.clients.interface import Message, Offsets, Record, TopicPartition, too_large
from stream.kafka.clients.time_limit import within
from stream.kafka.errors import BrokerUnavailableError, FencedError, KafkaError, OffsetError

logger = logging.getLogger(__name__)

TRANSACTION_SECONDS = 60.0
MAX_UNWRITTEN = 20_000  # messages handed over and not acknowledged
# Many messages in a request: a learner cares for rows a second more than for the first row's delay.
PRODUCER = {"linger_ms": 5, "batch_size": 1 << 17, "max_request_size": 20_000_000}
CONSUMER = {"fetch_max_wait_ms": 100, "max_partition_fetch_bytes": 4 << 20}

CODECS = {"snappy": "python-snappy", "lz4": "lz4", "zstd": "zstandard"}

_LOST = (client_errors.OffsetOutOfRangeError, client_errors.LogTruncationError)
_NO_OFFSET = (client_errors.NoOffsetForPartitionError,)
_FENCED = (client_errors.ProducerFencedError, client_errors.TransactionCoordinatorFencedError)
_TOO_LARGE = (client_errors.MessageSizeTooLargeError, client_errors.RecordListTooLargeError)
_EPOCH = (client_errors.InvalidProducerEpochError,)
_PASSING = (
    client_errors.RetriableError,
    client_errors.KafkaConnectionError,
    client_errors.BrokerNotAvailableError,
    client_errors.InvalidTxnStateError,
    client_errors.InvalidProducerIdMappingError,
    client_errors.OutOfOrderSequenceNumberError,
    client_errors.TransactionAbortableError,
    client_errors.TransactionAbortedError,
    client_errors.UnknownProducerIdError,
)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Tell the client's errors in the words of :mod:`stream.kafka.errors`."""
    try:
        yield
    except (*_LOST, *_NO_OFFSET) as error:
        raise OffsetError(f"An offset is not in the log any more, while {what}: {error}") from error
    except _PASSING as error:
        raise BrokerUnavailableError(
            f"No broker did what was asked, while {what}: {error}"
        ) from error
    except client_errors.UnsupportedCodecError as error:
        raise NotAvailableError(_missing_codec(str(error))) from error
    except client_errors.KafkaError as error:
        if type(error) is client_errors.KafkaError:  # "for unknown reasons", such as no answer
            raise BrokerUnavailableError(
                f"No broker did what was asked, while {what}: {error}"
            ) from error
        raise KafkaError(f"The broker refused, while {what}: {error}") from error


def _missing_codec(reason: str) -> str:
    """What to install, where a codec of compressed messages is not there."""
    for codec, package in CODECS.items():
        if codec in reason:
            return (
                f"Messages are compressed with {codec}, for which the client kafka-python needs "
                f"another package; install it with pip install '{package}', or take --client "
                "confluent, which has all codecs."
            )
    return f"Messages are compressed with a codec that the client does not have: {reason}"


def _config(connection: Connection) -> dict[str, Any]:
    if connection.has_secrets:
        # At the level DEBUG it logs every request, and with them passwords.
        log = logging.getLogger("kafka")
        log.setLevel(max(log.getEffectiveLevel(), logging.INFO))
    milliseconds = int(connection.request_seconds * 1000)
    named = {OPTIONS[name]: value for name, value in revealed(connection.options).items()}
    servers = [address.strip() for address in connection.bootstrap_servers.split(",")]
    return {
        "bootstrap_servers": servers,
        "bootstrap_timeout_ms": milliseconds,
        "request_timeout_ms": milliseconds,
        "reconnect_backoff_max_ms": 1_000,
        "metrics_enabled": False,
        **named,
    }


class KafkaPythonSource:
    """A :class:`~stream.kafka.clients.interface.SourceClient`."""

    def __init__(self, connection: Connection, group: str):
        self._seconds = connection.request_seconds
        with _told("connecting"):
            self._consumer = KafkaConsumer(
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="none",
                isolation_level="read_committed",
                allow_auto_create_topics=False,
                **CONSUMER,
                **_config(connection),
            )

    def partitions(self, topic: str) -> list[int]:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        with _told(f"asking for the partitions of {topic!r}"):
            # Asks the broker each time, so that new partitions are seen.
            within(self._seconds, "asking for topics", self._consumer.topics)
            return sorted(self._consumer.partitions_for_topic(topic) or ())

    def offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, Offsets]:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        asked = [ClientPartition(*each) for each in partitions]
        milliseconds = int(self._seconds * 1000)
        with _told("asking for offsets"):
            starts = self._consumer.beginning_offsets(asked, milliseconds)
            ends = self._consumer.end_offsets(asked, milliseconds)
        return {
            each: Offsets(starts[where], ends[where])
            for each, where in zip(partitions, asked, strict=True)
        }

    def committed(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        found = {}
        with _told("asking for committed offsets"):
            for each in partitions:
                offset = self._consumer.committed(
                    ClientPartition(*each), timeout_ms=int(self._seconds * 1000)
                )
                if offset is not None:
                    found[each] = offset
        return found

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        with _told("assigning partitions"):
            self._consumer.assign([ClientPartition(*each) for each in positions])
            for each, offset in positions.items():
                self._consumer.seek(ClientPartition(*each), offset)

    def poll(self, seconds: float, most: int) -> list[tuple[TopicPartition, list[Record]]]:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        with _told("reading"):
            polled = self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=most)
        return [
            (
                TopicPartition(*where),
                [Record(each.offset, each.key, each.value, each.timestamp) for each in records],
            )
            for where, records in polled.items()
        ]

    def position(self, partition: TopicPartition) -> int:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        with _told("asking for a position"):
            return self._consumer.position(ClientPartition(*partition), timeout_ms=1_000)

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        self._consumer.pause(*(ClientPartition(*each) for each in partitions))

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        self._consumer.resume(*(ClientPartition(*each) for each in partitions))

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        with _told("committing offsets"):
            self._consumer.commit(_metadata(positions), timeout_ms=int(self._seconds * 1000))

    def close(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=1_000)
        except client_errors.KafkaError as error:
            logger.debug("closing the consumer: %s", error)


class KafkaPythonSink:
    """A :class:`~stream.kafka.clients.interface.SinkClient`."""

    def __init__(self, connection: Connection, group: str, transactional_id: str | None = None):
        self._group = group
        self._deadline = connection.deadline
        self._seconds = connection.request_seconds
        # The client loses a request of a transaction when the connection breaks before it is sent,
        # and waits for its answer for ever: to begin again from the snapshot is the way on.
        self._patience = 3 * connection.request_seconds
        self._unwritten = 0
        self._handed_over = 0
        self._failure: BaseException | None = None
        self._transactional = transactional_id is not None
        self._began = time.monotonic()
        settings: dict[str, Any] = {**PRODUCER, **_config(connection)}
        settings["delivery_timeout_ms"] = int((connection.deadline + 1) * 1000)
        settings["max_block_ms"] = int(connection.request_seconds * 1000)
        if transactional_id is not None:
            settings["transactional_id"] = transactional_id
            settings["transaction_timeout_ms"] = int(TRANSACTION_SECONDS * 1000)
        with _told("connecting"):
            self._producer = KafkaProducer(allow_auto_create_topics=False, **settings)

    def send(self, messages: Sequence[Message]) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        send, failed = self._producer.send, self._fail
        with self._told("writing"):
            self._check()
            for topic, partition, key, value, headers in messages:
                # Times are the broker's business: repeats of a message then have the same bytes.
                try:
                    sent = send(topic, value, key, list(headers), partition)
                except client_errors.MessageSizeTooLargeError as error:
                    raise KafkaError(too_large(topic, partition, key, headers)) from error
                sent.add_errback(partial(failed, topic, partition, key, headers))
        self._unwritten += len(messages)
        self._handed_over += len(messages)
        if self._unwritten > MAX_UNWRITTEN:
            self.flush()

    def _fail(
        self, topic: str, partition: int, key: Any, headers: Any, error: BaseException
    ) -> None:
        if isinstance(error, _TOO_LARGE):
            error = KafkaError(too_large(topic, partition, key, headers))
        self._failure = self._failure or error

    def flush(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        with self._told("writing"):
            self._producer.flush(self._deadline)
            self._unwritten = 0
            self._check()

    def handed_over(self) -> int:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        return self._handed_over

    def wait_written(self, number: int) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        with self._told("writing"):
            self._producer.flush(self._deadline)  # does not wait for what comes meanwhile
            if self._failure is not None:
                raise BrokerUnavailableError(f"Messages could not be written: {self._failure}")

    def _check(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def fence(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        with self._told("fencing earlier learners"):
            within(self._patience, "fencing earlier learners", self._producer.init_transactions)

    def begin(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        with self._told("beginning a transaction"):
            self._producer.begin_transaction()
        self._began = time.monotonic()

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""

        def commit() -> None:
            self._producer.send_offsets_to_transaction(_metadata(positions), self._group)
            self._producer.commit_transaction()

        with self._told("committing a transaction"):
            within(self._patience, "committing a transaction", commit)
            self._unwritten = 0
            self._check()

    def abort(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        with self._told("ending a transaction"):
            within(self._seconds, "ending a transaction", self._producer.abort_transaction)
        self._failure = None

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """As :func:`_told`, but a producer that was fenced is told from a broker that is away.

        The client wraps the former in errors that look like the latter, and a learner that went
        back to its snapshot then would throw out the one that took over.
        """
        try:
            with _told(what):
                yield
        except (KafkaError, client_errors.KafkaError) as error:
            manager = getattr(self._producer, "_transaction_manager", None)
            behind = list(causes(error, self._failure, getattr(manager, "last_error", None)))
            # A broker says the same of a sink that was fenced and of one whose transaction it
            # ended because it took too long.
            in_time = self._transactional and time.monotonic() - self._began < TRANSACTION_SECONDS
            if any(isinstance(each, _FENCED) for each in behind) or (
                in_time and any(isinstance(each, _EPOCH) for each in behind)
            ):
                raise FencedError(
                    f"Another learner of the same name has taken over, while {what}; stop one of "
                    "them."
                ) from error
            if any(isinstance(each, _EPOCH) for each in behind):
                raise BrokerUnavailableError(
                    f"The broker ended the producer, while {what}: {error}"
                ) from error
            raise

    def close(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SinkClient`."""
        try:
            self._producer.close(timeout=1)
        except client_errors.KafkaError as error:
            logger.debug("closing the producer: %s", error)


def _metadata(positions: Mapping[TopicPartition, int]) -> dict[ClientPartition, OffsetAndMetadata]:
    return {
        ClientPartition(*each): OffsetAndMetadata(offset, "", -1)
        for each, offset in positions.items()
    }


class KafkaPython:
    """A :class:`~stream.kafka.clients.interface.Client`."""

    def create_topics(
        self, connection: Connection, topics: Mapping[str, int], replication: int | None
    ) -> None:
        """See :class:`~stream.kafka.clients.interface.Client`."""
        config = _config(connection)
        for name in ("metrics_enabled", "compression_type"):  # not for those who make topics
            config.pop(name, None)
        milliseconds = int(connection.request_seconds * 1000)
        with _told("making topics"), contextlib.closing(KafkaAdminClient(**config)) as admin:
            for name, partitions in topics.items():
                wanted = {
                    "num_partitions": partitions,
                    "replication_factor": -1 if replication is None else replication,
                }
                with contextlib.suppress(client_errors.TopicAlreadyExistsError):
                    admin.create_topics({name: wanted}, milliseconds, wait_for_metadata=True)

    def source(self, connection: Connection, group: str) -> KafkaPythonSource:
        """See :class:`~stream.kafka.clients.interface.Client`."""
        return KafkaPythonSource(connection, group)

    def sink(
        self, connection: Connection, group: str, transactional_id: str | None = None
    ) -> KafkaPythonSink:
        """See :class:`~stream.kafka.clients.interface.Client`."""
        return KafkaPythonSink(connection, group, transactional_id)


CLIENT = KafkaPython()
