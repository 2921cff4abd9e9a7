"""The client confluent-kafka: a binding of librdkafka, several times faster, an optional extra."""

from __future__ import annotations

from collections.abc import Mapping

import confluent_kafka as library
from confluent_kafka.admin import AdminClient, NewTopic

from stream.kafka.clients.confluent_errors import telling
from stream.kafka.clients.confluent_options import config_of
from stream.kafka.clients.confluent_sink import ConfluentSink
from stream.kafka.clients.confluent_source import ConfluentSource
from stream.kafka.clients.connection import Connection


class Confluent:
    """A :class:`~stream.kafka.clients.interface.Client`."""

    def create_topics(
        self, connection: Connection, topics: Mapping[str, int], replication: int | None
    ) -> None:
        """See :class:`~stream.kafka.clients.interface.Client`."""
        admin = AdminClient(config_of(connection))
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
