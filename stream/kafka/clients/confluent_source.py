"""Reading with the client confluent-kafka."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import confluent_kafka as library

from stream.kafka.clients.confluent_errors import TRYING, UNKNOWN_TOPIC, telling, told
from stream.kafka.clients.confluent_options import config_of, offsets_of
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import Offsets, Record, TopicPartition
from stream.kafka.clients.time_limit import within

logger = logging.getLogger(__name__)


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
                # While a broker waits for messages it answers no other question.
                "fetch.wait.max.ms": 100,
                **config_of(connection),
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
        found: dict[tuple[str, int], list[Record]] = {}
        message: Any  # the stubs of the library allow None where there is a value
        last, records, new = None, [], tuple.__new__
        for message in polled:
            error = message.error()
            where = message.topic(), message.partition()
            if error is not None:
                if error.code() == library.KafkaError._PARTITION_EOF:
                    self._positions[TopicPartition(*where)] = message.offset()
                    continue
                if error.code() in (*TRYING, *UNKNOWN_TOPIC):
                    continue
                raise told(error, "reading")
            if where != last:
                last, records = where, found.setdefault(where, [])
            kind, time_of = message.timestamp()
            if kind == library.TIMESTAMP_NOT_AVAILABLE:
                time_of = -1
            # A NamedTuple's own way takes three times as long.
            records.append(new(Record, (message.offset(), message.key(), message.value(), time_of)))
        named = [(TopicPartition(*where), records) for where, records in found.items()]
        for each, records in named:
            self._positions[each] = max(self._positions.get(each, 0), records[-1].offset + 1)
        return named

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
                lambda: self._handle.commit(offsets=offsets_of(positions), asynchronous=False),
            )

    def close(self) -> None:
        """See :class:`~stream.kafka.clients.interface.SourceClient`."""
        try:
            self._handle.close()
        except (library.KafkaException, RuntimeError) as error:
            logger.debug("closing the consumer: %s", error)
