"""Brokers for the tests: a real one where it can be had, librdkafka's mock everywhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from kafka_helpers import create_topic
from real_kafka import KafkaUnavailableError, RealKafka, find_kafka

# Set where a missing broker is a fault and no reason to skip.
REQUIRED = "DRIFTHOMER_REQUIRE_KAFKA"


def _start() -> RealKafka:
    try:
        find_kafka()
    except KafkaUnavailableError as error:
        if os.environ.get(REQUIRED):
            raise
        pytest.skip(f"no real Kafka broker: {error}")
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
