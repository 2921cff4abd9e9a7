"""Brokers that restart, hang or stay away while a learner runs."""

from __future__ import annotations

import time

import pytest
from kafka.errors import KafkaConnectionError
from kafka_helpers import (
    Running,
    create_topic,
    learn_in_recorded_order,
    model_bytes,
    predicted_places,
    produce_rows,
    read_records,
    service_for,
    yeast_messages,
)

from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import Message, TopicPartition, load_client
from stream.kafka.errors import BrokerUnavailableError

N_ROWS = 400


@pytest.fixture(scope="module")
def yeast():
    return yeast_messages(N_ROWS)


def check(broker, directory, topic, predictions, exactly_once):
    """All rows were learnt once, in order, and predicted."""
    name = "learner"
    records = read_records(broker.bootstrap, [topic])
    learner, expected = learn_in_recorded_order(directory / f"{name}.order", records, predictions)
    assert model_bytes(directory, name) == learner
    places = predicted_places(broker.bootstrap, predictions)
    assert list(dict.fromkeys(places)) == [key for key, _ in expected]
    assert not exactly_once or len(places) == len(expected)


@pytest.mark.parametrize(
    ("client", "exactly_once"),
    [("kafka-python", False), ("kafka-python", True), ("confluent", False)],
)
def test_a_broker_that_is_killed_and_started_again(
    breakable_broker, tmp_path, yeast, exactly_once, client
):
    """Rows lost or learnt twice, or a learner that dies, when a broker restarts."""
    bootstrap = breakable_broker.bootstrap
    topic, predictions = create_topic(bootstrap), create_topic(bootstrap)
    produce_rows(bootstrap, topic, yeast[: N_ROWS // 2])
    settings = {"until_end": False, "batch_messages": 20, "exactly_once": exactly_once}
    service = service_for(bootstrap, tmp_path, topic, predictions, client=client, settings=settings)
    with Running(service) as running:
        running.taken(N_ROWS // 4)
        breakable_broker.kill()
        breakable_broker.start()
        produce_rows(bootstrap, topic, yeast[N_ROWS // 2 :])
        running.until(lambda: service.learner.counts.events == N_ROWS)
        service.stop()
        running.join()
    check(breakable_broker, tmp_path, topic, predictions, exactly_once)


@pytest.mark.slow
@pytest.mark.parametrize("exactly_once", [False, True])
def test_a_leader_that_is_away_for_twenty_seconds(breakable_broker, tmp_path, yeast, exactly_once):
    """A request that times out ends the learner, or makes it do the same rows twice."""
    bootstrap = breakable_broker.bootstrap
    topic, predictions = create_topic(bootstrap), create_topic(bootstrap)
    produce_rows(bootstrap, topic, yeast)
    settings = {"batch_messages": 20, "exactly_once": exactly_once}
    service = service_for(bootstrap, tmp_path, topic, predictions, settings=settings)
    with Running(service) as running:
        running.taken(100)
        breakable_broker.pause()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            assert running.error is None
            time.sleep(0.5)
        breakable_broker.resume()
        running.join()
    check(breakable_broker, tmp_path, topic, predictions, exactly_once)


def test_a_broker_that_stays_away_ends_the_learner_in_time(
    breakable_broker, tmp_path, yeast, caplog
):
    """A learner that waits for ever in silence looks healthy and is not."""
    bootstrap = breakable_broker.bootstrap
    topic, predictions = create_topic(bootstrap), create_topic(bootstrap)
    produce_rows(bootstrap, topic, yeast)
    caplog.set_level("WARNING", "stream")
    service = service_for(
        bootstrap, tmp_path, topic, predictions, settings={"until_end": False}, deadline=10
    )
    with Running(service) as running:
        running.taken(N_ROWS)
        breakable_broker.kill()
        with pytest.raises(BrokerUnavailableError):
            running.join()
    assert any("broker" in record.message for record in caplog.records)


def test_no_broker_at_all(tmp_path):
    with pytest.raises(BrokerUnavailableError):
        service_for("127.0.0.1:9", tmp_path, "topic", "predictions", deadline=2).run()


def test_addresses_that_are_none():
    from stream.errors import ParameterError

    for address in ("localhost", ":9092", "host:port", "a:1,b"):
        with pytest.raises(ParameterError, match="must be host:port"):
            Connection(address)


def test_a_transaction_that_the_client_forgets_is_given_up(broker, topic, monkeypatch):
    """kafka-python drops a request of a transaction when the connection breaks just before it is
    sent, and the commit waits for ever for the answer; the learner hangs as long as the deadline
    for brokers that are away, and again after the next such moment."""
    where = TopicPartition(topic(), 0)
    sink = load_client("kafka-python").sink(
        Connection(broker.bootstrap, deadline=600), "group", f"learner-{where.topic}"
    )
    sink.fence()
    sink.begin()
    client = sink._producer._sender._client
    await_ready = client.await_ready

    def break_once(*args, **options):
        monkeypatch.setattr(client, "await_ready", await_ready)
        raise KafkaConnectionError("it breaks")

    monkeypatch.setattr(client, "await_ready", break_once)
    monkeypatch.setattr(sink, "_patience", 1.0)
    sink.send([Message(*where, b"key", b"value")])
    with pytest.raises(BrokerUnavailableError, match="while committing"):
        sink.commit({where: 1})
    sink.close()
