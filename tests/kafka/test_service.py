"""A learner between real topics: what it predicts, and that it is exact after it was stopped."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from kafka_helpers import (
    PATIENCE,
    model_bytes,
    produce_rows,
    read_all,
    service_for,
    yeast_messages,
)

from stream import IHOMER, DriftHOMER, HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.data import open_source
from stream.errors import NotAvailableError, ParameterError
from stream.evaluate import prequential
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import load_client
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.producing import produce
from stream.snapshot import dumps

N_ROWS = 600


@pytest.fixture(scope="module")
def yeast():
    return yeast_messages(N_ROWS)


@pytest.fixture
def topics(broker, topic, yeast):
    """A topic with Yeast, and one for predictions."""
    names = topic(), topic()
    produce_rows(broker.bootstrap, names[0], yeast)
    return names


def local_run(model):
    """Predictions of the same rows without Kafka, and the model."""
    source = open_source("yeast")
    batch = next(iter(source.batches(N_ROWS)))
    return model.test_then_train_many(batch, source.schema), source.schema, model


@pytest.mark.parametrize(
    ("make", "client", "exactly_once"),
    [
        (MultiLabelHoeffdingTree, "kafka-python", False),
        (MultiLabelHoeffdingTree, "kafka-python", True),
        (MultiLabelHoeffdingTree, "confluent", False),
        (MultiLabelHoeffdingTree, "confluent", True),
        (IHOMER, "kafka-python", True),
        (DriftHOMER, "kafka-python", False),
    ],
)
def test_predictions_are_bit_for_bit_those_of_a_local_run(
    broker, topics, tmp_path, make, client, exactly_once
):
    """Rows that are numbered, grouped or rounded otherwise than in a file."""
    topic, predictions = topics
    settings = {"exactly_once": exactly_once, "batch_messages": 97, "name": predictions}
    service_for(
        broker.bootstrap,
        tmp_path,
        topic,
        predictions,
        model=make(seed=1),
        client=client,
        settings=settings,
    ).run()
    expected, schema, model = local_run(make(seed=1))
    written = read_all(broker.bootstrap, predictions)
    assert [key for _, key, _ in written] == [f"{topic}/0@{i}".encode() for i in range(N_ROWS)]
    for row, (_, _, value) in enumerate(written):
        said = msgspec.json.decode(value)
        assert (said["key"], said["event"], said["model_version"]) == (str(row), row, row)
        assert said["source"] == {"topic": topic, "partition": 0, "offset": row, "row": 0}
        known = [schema.labels.index(label) for label in said["probabilities"]]
        assert row == 0 or len(known) == len(schema.labels)
        told = np.array(list(said["probabilities"].values()))
        assert np.array_equal(told, expected.probabilities[row, known])
        assert set(said["labels"]) == {
            schema.labels[i] for i in np.flatnonzero(expected.labels[row])
        }
    assert model_bytes(tmp_path, predictions) == dumps(model)


def clients(broker):
    library = load_client("kafka-python")
    connection = Connection(broker.bootstrap, deadline=PATIENCE)
    return library.source(connection, "tests"), library.sink(connection, "tests")


def test_classes(broker, topic, tmp_path):
    """A stream of classes goes through the same doors, and is scored as one."""
    where, predictions = topic(), topic()
    source, sink = clients(broker)
    rows = open_source("sea-a:rows=400,seed=3")
    assert produce(rows, source, sink, where) == 400
    source.close()
    sink.close()
    service = service_for(
        broker.bootstrap,
        tmp_path,
        where,
        predictions,
        model=HoeffdingTreeClassifier(seed=1),
        mapping=FieldMapping(target="y"),
        settings={"batch_messages": 61},
    )
    service.run()
    local = prequential(rows, HoeffdingTreeClassifier(seed=1))
    told = service.learner.metrics.total.as_dict()
    assert {name: told[name] for name in ("accuracy", "kappa", "kappa_m", "kappa_t")} == {
        name: local.metrics[name] for name in ("accuracy", "kappa", "kappa_m", "kappa_t")
    }
    last = msgspec.json.decode(read_all(broker.bootstrap, predictions)[-1][2])
    assert len(last["labels"]) == 1
    assert sum(last["probabilities"].values()) == pytest.approx(1)


def test_rows_and_their_labels_go_round_the_partitions_together(broker, topic):
    """Labels in another partition than their row never meet it when partitions are shared out."""
    where, labels = topic(3), topic(3)
    source, sink = clients(broker)
    produce(open_source("yeast"), source, sink, where, labels_topic=labels, label_delay=5, limit=20)
    placed = {
        name: {key: partition for partition, key, _ in read_all(broker.bootstrap, name)}
        for name in (where, labels)
    }
    assert placed[where] == placed[labels] == {b"%d" % row: row % 3 for row in range(20)}
    with pytest.raises(ParameterError, match="as many partitions"):
        produce(open_source("yeast"), source, sink, where, labels_topic=topic(2))
    with pytest.raises(NotAvailableError, match="no topic 'absent'"):
        produce(open_source("yeast"), source, sink, "absent")
    source.close()
    sink.close()
