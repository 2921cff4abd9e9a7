"""What those who operate a learner ask it."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from kafka_helpers import Running, produce_rows, service_for, yeast_messages

from stream.errors import NotAvailableError
from stream.kafka.monitoring import ServiceCollector
from stream.kafka.operations import OperationsServer


@pytest.fixture
def server():
    started = OperationsServer(0)
    yield started
    started.close()


def ask(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_it_answers_before_the_learner_exists(server):
    """A learner that compiles for minutes is killed because nothing answers at its port."""
    assert ask(server, "/live")[0] == 200
    assert ask(server, "/ready") == (503, "not ready: starting\n")
    assert ask(server, "/metrics")[0] == 200
    assert ask(server, "/else")[0] == 404


def test_nobody_else_reaches_it_unless_told(server):
    """Metrics name topics and labels to everyone in the network."""
    assert server._server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken(server):
    with pytest.raises(NotAvailableError, match="choose another --metrics-port"):
        OperationsServer(server.port)


def test_ready_once_it_has_caught_up(broker, topic, tmp_path, server):
    """Predictions of yesterday's rows are taken for today's."""
    source, predictions = topic(), topic()
    produce_rows(broker.bootstrap, source, yeast_messages(100))
    service = service_for(
        broker.bootstrap, tmp_path, source, predictions, settings={"until_end": False}
    )
    server.service = service
    assert ask(server, "/ready")[0] == 503
    with Running(service) as running:
        running.until(lambda: ask(server, "/ready")[0] == 200)
        told = ask(server, "/metrics")[1]
        for wanted in (
            "drifthomer_broker_up 1.0",
            "drifthomer_ready 1.0",
            "drifthomer_rows_learnt_total 100.0",
            'drifthomer_label_f1{label="',
            "drifthomer_fetch_seconds_total",
            "drifthomer_learn_seconds_total",
            "drifthomer_memory_bytes",
        ):
            assert wanted in told
        service.stop()
        assert ask(server, "/ready") == (503, "not ready: stopping\n")


def test_no_metrics_of_nothing(broker, topic, tmp_path, server):
    """A learner that has learnt nothing shows a subset accuracy of 1."""
    source, predictions = topic(), topic()
    produce_rows(broker.bootstrap, source, [(b"k", b'{"x":{"a":1}}')])
    server.service = service = service_for(broker.bootstrap, tmp_path, source, predictions)
    service.run()
    told = ask(server, "/metrics")[1]
    assert "drifthomer_rows_total 1.0" in told
    assert "drifthomer_metric_all{" not in told


def test_a_field_that_changes_its_type_is_told(broker, topic, tmp_path):
    """A producer sends a number as a text: the model gets another feature, and nobody notices."""
    source, predictions = topic(), topic()
    rows = [
        b'{"a":1,"b":"on","c":{"d":3}}',
        b'{"a":2,"b":"off","c":{"d":3}}',
        b'{"a":"high"}',
        b'{"c.d":"three"}',
    ]
    told = []
    for row in rows:
        produce_rows(broker.bootstrap, source, [(None, b'{"x":%b}' % row)])
        service = service_for(broker.bootstrap, tmp_path, source, predictions)
        service.run()  # from the snapshot of the one before
        found = {each.name: each for each in ServiceCollector(service).collect()}
        told.append(found["drifthomer_fields_of_two_types"].samples[0].value)
    assert told == [0, 0, 1, 2]
