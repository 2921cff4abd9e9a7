"""Brokers for the tests: a real one where it can be had, librdkafka's mock everywhere."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from kafka_helpers import PATIENCE, create_topic
from real_kafka import KafkaUnavailableError, RealKafka, find_kafka

# Set where a missing broker is a fault and no reason to skip.
REQUIRED = "DRIFTHOMER_REQUIRE_KAFKA"


def require_kafka() -> None:
    """Skip the test where no broker can be started, unless that is a fault."""
    try:
        find_kafka()
    except KafkaUnavailableError as error:
        if os.environ.get(REQUIRED):
            raise
        pytest.skip(f"no real Kafka broker: {error}")


def _start() -> RealKafka:
    require_kafka()
    return RealKafka()


@pytest.fixture(scope="session")
def broker() -> Iterator[RealKafka]:
    """A real broker that no test may stop."""
    with _start() as started:
        yield started


@pytest.fixture
def breakable_broker() -> Iterator[RealKafka]:
    """A real broker of the test's own, to be stopped, killed or paused."""
    with _start() as started:
        yield started


@pytest.fixture
def topic(broker: RealKafka) -> Callable[..., str]:
    """Makes a topic with a name that no other test has."""
    return lambda partitions=1: create_topic(broker.bootstrap, partitions)


class MockKafka:
    """The broker inside of librdkafka: it starts at once and knows no transactions."""

    def __init__(self) -> None:
        import confluent_kafka

        self._producer = confluent_kafka.Producer({"test.mock.num.brokers": 1})
        brokers = self._producer.list_topics(timeout=PATIENCE).brokers.values()
        self.bootstrap = ",".join(f"{each.host}:{each.port}" for each in brokers)

    def topic(self) -> str:
        """A new topic with four partitions, of which the last has a message."""
        name = f"topic-{uuid.uuid4().hex[:12]}"
        self._producer.produce(name, b"made", partition=3)
        assert self._producer.flush(PATIENCE) == 0
        return name


@pytest.fixture
def mock_broker(monkeypatch: pytest.MonkeyPatch) -> MockKafka:
    """A mock broker of the test's own."""
    from stream.kafka.clients import kafka_python

    # It does not say which versions of requests it takes.
    for settings in (kafka_python.CONSUMER, kafka_python.PRODUCER):
        monkeypatch.setitem(settings, "api_version", (2, 3))
    return MockKafka()
