"""Topics that a command makes before it begins."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence

from stream.errors import NotAvailableError
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import Client
from stream.kafka.errors import BrokerUnavailableError

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class NewTopics:
    """How topics are made that do not exist.

    Parameters
    ----------
    partitions
        Partitions of each; None: as many as those have that exist, or else 1.
    replication
        Copies of each; None: as many as the broker makes by default.
    """

    partitions: int | None = None
    replication: int | None = None


def check_topics(
    client: Client, connection: Connection, topics: Sequence[str], *, may_be_missing: bool = False
) -> None:
    """See that topics are there, waiting for a broker that is away.

    Raises
    ------
    NotAvailableError
        When one is not.
    BrokerUnavailableError
        When no broker answers for as long as the connection's deadline allows.
    """

    def look() -> list[str]:
        source = client.source(connection, "drifthomer-topics")
        try:
            return [topic for topic in topics if not source.partitions(topic)]
        finally:
            source.close()

    missing = _waiting_for_broker(connection, look)
    if missing and not may_be_missing:
        named = ", ".join(map(repr, missing))
        raise NotAvailableError(
            f"There is no topic {named}; make it first, or have it made with --create-topics."
        )


def create_missing(
    client: Client, connection: Connection, topics: Sequence[str], how: NewTopics
) -> list[str]:
    """Make those of some topics that do not exist, waiting for a broker that is away; which.

    Rows and labels meet only in topics that have as many partitions.

    Raises
    ------
    BrokerUnavailableError
        When no broker answers for as long as the connection's deadline allows.
    KafkaError
        When the broker refuses.
    """
    return _waiting_for_broker(connection, lambda: _create_missing(client, connection, topics, how))


def _waiting_for_broker(connection: Connection, call: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + connection.deadline
    while True:
        try:
            return call()
        except BrokerUnavailableError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("The broker is away and is waited for: %s", error)
            time.sleep(RETRY_SECONDS)


def _create_missing(
    client: Client, connection: Connection, topics: Sequence[str], how: NewTopics
) -> list[str]:
    source = client.source(connection, "drifthomer-topics")
    try:
        found = {topic: len(source.partitions(topic)) for topic in topics}
        missing = [topic for topic, number in found.items() if not number]
        if not missing:
            return []
        partitions = how.partitions or max(found.values()) or 1
        client.create_topics(connection, dict.fromkeys(missing, partitions), how.replication)
        # A broker answers before everything knows of the topic.
        deadline = time.monotonic() + connection.request_seconds
        while not all(source.partitions(topic) for topic in missing):
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(f"The topics {', '.join(missing)} did not appear.")
            time.sleep(0.05)
    finally:
        source.close()
    logger.info(
        "Topics made, with %d partition%s each: %s.",
        partitions,
        "s" * (partitions > 1),
        ", ".join(missing),
    )
    return missing
