"""Two learners of one name: the one that was thrown out ends, whatever its client calls it."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from delaying_proxy import DelayingProxy
from kafka import errors as client_errors
from kafka_helpers import (
    PATIENCE,
    Running,
    copy_in_use,
    create_topic,
    predicted_places,
    produce_rows,
    service_for,
    yeast_messages,
)

from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import CLIENTS, load_client
from stream.kafka.errors import BrokerUnavailableError, FencedError

SLOW = (0.005, 0.06)  # seconds for which the network holds back a piece
N_TAKEN = 30  # messages that the survivor has to go on with


@pytest.mark.parametrize("client", CLIENTS)
def test_one_of_two_learners_survives_on_a_slow_network(breakable_broker, tmp_path, client):
    """The client wraps the news that another one took over in an error that looks like an outage;
    the learner goes back to its snapshot, throws out the other one, and so on for ever."""
    broker = breakable_broker
    source, predictions = (create_topic(broker.bootstrap) for _ in range(2))
    messages = itertools.cycle(yeast_messages(200))
    settings = {
        "until_end": False,
        "exactly_once": True,
        "name": f"learner-{predictions}",
        "batch_messages": 5,
        "snapshot_seconds": 0.2,
    }
    done = threading.Event()

    def keep_producing() -> None:
        while not done.wait(0.02):
            produce_rows(broker.bootstrap, source, [next(messages), next(messages)])

    def service(folder):
        return service_for(
            f"127.0.0.1:{broker.proxy_port}",
            tmp_path / folder,
            source,
            predictions,
            settings=settings,
            client=client,
        )

    producing = threading.Thread(target=keep_producing, daemon=True)
    with DelayingProxy(broker.proxy_port, broker.proxied_port, SLOW):
        producing.start()
        try:
            with Running(service("1")) as first:
                first.taken(N_TAKEN)
                now = time.monotonic()  # a snapshot that is not of the first message
                first.until(lambda: first.service.checkpoints.last > now)
                copy_in_use(tmp_path / "1", tmp_path / "2")
                with Running(service("2")) as second:
                    both = first, second
                    deadline = time.monotonic() + PATIENCE
                    while not any(each.error for each in both):
                        assert time.monotonic() < deadline, "both go on, or wait for each other"
                        time.sleep(0.05)
                    (fenced,) = [each for each in both if each.error]
                    (survivor,) = [each for each in both if not each.error]
                    assert type(fenced.error) is FencedError
                    survivor.taken(survivor.service.n_taken + N_TAKEN)
                    assert survivor.error is None
        finally:
            done.set()
            producing.join(PATIENCE)
    places = predicted_places(broker.bootstrap, predictions)
    assert len(places) == len(set(places))


@pytest.mark.parametrize(
    "hidden",
    [
        lambda error: client_errors.KafkaError("Cannot perform send", error),
        lambda error: client_errors.KafkaError("outer", client_errors.KafkaError("inner", error)),
    ],
)
@pytest.mark.parametrize("kind", ["ProducerFencedError", "InvalidProducerEpochError"])
def test_what_kafka_python_wraps_is_found(broker, topic, monkeypatch, hidden, kind):
    """Only the outermost error is looked at, which says that some request has failed."""
    name = topic()
    client = load_client("kafka-python")
    sink = client.sink(Connection(broker.bootstrap, deadline=PATIENCE), name, name)
    sink.fence()

    def fail() -> None:
        raise hidden(getattr(client_errors, kind)())

    monkeypatch.setattr(sink._producer, "begin_transaction", fail)
    with pytest.raises(FencedError, match="Another learner of the same name"):
        sink.begin()
    sink.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_transaction_that_took_too_long_is_an_outage(broker, topic, monkeypatch, client):
    """A learner whose broker hung for a minute ends, although nobody took over."""
    name = topic()
    library = load_client(client)
    sink = library.sink(Connection(broker.bootstrap, deadline=PATIENCE), name, name)
    sink.fence()
    sink._began -= 1_000
    if client == "kafka-python":
        error = client_errors.InvalidProducerEpochError()
        monkeypatch.setattr(sink, "_producer", _Failing(error))
    else:
        import confluent_kafka

        code = confluent_kafka.KafkaError.INVALID_PRODUCER_EPOCH
        error = confluent_kafka.KafkaException(confluent_kafka.KafkaError(code))
        monkeypatch.setattr(sink, "_handle", _Failing(error))
    with pytest.raises(BrokerUnavailableError):
        sink.begin()


class _Failing:
    """A producer that cannot begin."""

    def __init__(self, error: BaseException):
        self._error = error

    def begin_transaction(self) -> None:
        raise self._error

    def poll(self, seconds: float) -> None:
        pass
