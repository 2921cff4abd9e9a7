"""What both directions of the client confluent-kafka need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import confluent_kafka as library

from stream.kafka.clients.connection import Connection, revealed
from stream.kafka.clients.interface import TopicPartition


def config_of(connection: Connection) -> dict[str, Any]:
    """Options of the library, by its own names."""
    return {
        "bootstrap.servers": connection.bootstrap_servers,
        "reconnect.backoff.ms": 20,  # half of it passes before a client's first connection, too
        "reconnect.backoff.max.ms": 1_000,
        "allow.auto.create.topics": False,
        "topic.metadata.refresh.interval.ms": 10_000,
        **revealed(connection.options),
    }


def offsets_of(positions: Mapping[TopicPartition, int]) -> list[Any]:
    """Offsets as the library takes them."""
    return [library.TopicPartition(*each, offset) for each, offset in positions.items()]
