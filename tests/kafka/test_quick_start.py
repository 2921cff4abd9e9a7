"""What a newcomer meets first: topics that are missing, classes, a last line that says why."""

from __future__ import annotations

import pytest
from kafka_helpers import PATIENCE, create_topic, produce_rows, read_all, service_for
from real_kafka import RealKafka

from stream.cli import main
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import CLIENTS, load_client
from stream.kafka.label_join import WaitingRoom
from stream.kafka.messages.decoding import FieldDecoder
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.predictions import PredictionWriter
from stream.kafka.model_drivers import BatchDriver
from stream.kafka.summary import summary
from stream.kafka.topic_learner import TopicLearner
from stream.kafka.topics import NewTopics, create_missing
from stream.models.registry import create_model


def test_a_broker_at_a_port_keeps_its_log(broker, tmp_path):
    """A quick start that is interrupted begins with an empty broker the next time."""
    with RealKafka(folder=tmp_path / "broker") as first:
        port = int(first.bootstrap.rpartition(":")[2])
        name = create_topic(first.bootstrap)
        produce_rows(first.bootstrap, name, [(b"k", b"v")])
    with RealKafka(port=port, folder=tmp_path / "broker") as again:
        assert again.bootstrap == f"127.0.0.1:{port}"
        assert read_all(again.bootstrap, name) == [(0, b"k", b"v")]


@pytest.mark.parametrize("client", CLIENTS)
def test_topics_are_made_where_they_are_missing(broker, topic, client):
    """Labels get one partition where rows have three, and never meet them."""
    there, connection = topic(3), Connection(broker.bootstrap, deadline=PATIENCE)
    library, missing = load_client(client), f"made-{there}"
    topics = [there, missing]
    assert create_missing(library, connection, topics, NewTopics()) == [missing]
    source = library.source(connection, "g")
    assert [source.partitions(each) for each in topics] == [[0, 1, 2]] * 2
    source.close()
    assert create_missing(library, connection, topics, NewTopics(5)) == []
    library.create_topics(connection, {missing: 5}, None)  # another command was quicker


@pytest.mark.parametrize("model", [[], ["--model", "hoeffding-tree"]])
def test_classes_that_are_produced_can_be_consumed(broker, topic, tmp_path, caplog, model):
    """'produce' writes classes where 'consume' does not look: 300 predicted, 0 learnt."""
    data = tmp_path / "classes.csv"
    rows = [f"{n % 3},{'even' if n % 3 == 0 else 'odd'}" for n in range(200)]
    data.write_text("\n".join(["a,kind", *rows]))
    names = topic(), topic()
    shared = ["--bootstrap-servers", broker.bootstrap, "--topic", names[0]]
    assert main(["produce", str(data), "--target", "kind", *shared]) == 0
    learn = ["--predictions-topic", names[1], "--name", "n", "--snapshot-dir", str(tmp_path)]
    assert main(["consume", *shared, *learn, "--until-end", *model]) == 0
    last = caplog.messages[-1]
    assert "200 instances predicted, 200 learnt" in last
    *_, (_, _, prediction) = read_all(broker.bootstrap, names[1])
    assert b'"labels":["odd"]' in prediction or b'"labels":["even"]' in prediction


# ---- the last line


def told(broker, topic, tmp_path, rows, labels=None, **settings):
    """The last line after some messages."""
    names = [topic() for _ in range(3)]
    produce_rows(broker.bootstrap, names[0], rows)
    if labels is not None:
        produce_rows(broker.bootstrap, names[1], labels)
        settings["labels_topic"] = names[1]
    service = service_for(broker.bootstrap, tmp_path, names[0], names[2], settings=settings)
    service.run()
    return summary(service.learner)


def row(key, **fields):
    pairs = ",".join(f'"{name}":{value}' for name, value in fields.items())
    return key, f'{{"x":{{"a":1}},{pairs}}}'.encode() if pairs else b'{"x":{"a":1}}'


def test_labels_under_another_name(broker, topic, tmp_path):
    """Nothing is learnt, and the last line shows a subset accuracy of 1."""
    rows = [row(b"k", labels='["u"]')] * 20
    line = told(broker, topic, tmp_path, rows)
    assert "20 instances predicted, 0 learnt, 0 dead letters. Nothing was learnt: 20 " in line
    assert "--mapping" in line
    assert "accuracy" not in line


def test_keys_that_name_an_entity(broker, topic, tmp_path):
    """Most rows have the key of another one, and are never learnt; nothing says so."""
    keys = [b"user-%d" % (n % 5) for n in range(50)]
    rows = [row(key) for key in keys]
    labels = [(key, b'{"y":{"u":true}}') for key in keys]
    line = told(broker, topic, tmp_path, rows, labels)
    assert "Many rows were not learnt" in line
    assert "45 rows had a key that was waiting or learnt already" in line


def test_labels_that_never_come(broker, topic, tmp_path):
    line = told(broker, topic, tmp_path, [row(b"%d" % n) for n in range(20)], [])
    assert "Nothing was learnt: 20 rows still wait for labels, no message of" in line


def test_enough_is_not_complained_about():
    """Every run ends with a complaint, and nobody reads it."""
    learner = TopicLearner(
        BatchDriver(create_model("multilabel-hoeffding-tree")),
        FieldDecoder(FieldMapping()),
        PredictionWriter("p", 1),
        task="multi-label",
        labels_topic="l",
        room=WaitingRoom(ttl=1_000, capacity=100),
    )
    learner.counts.messages = learner.counts.events = 100
    learner.counts.learnt = 60
    assert summary(learner).endswith("0 dead letters.")
    # A stream that is produced twice under the same keys: half of the rows are repeats.
    for learnt in (40, 50):
        learner.counts.learnt = learnt
        assert "Many rows were not learnt" in summary(learner)
