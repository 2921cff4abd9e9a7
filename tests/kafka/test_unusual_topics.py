"""Topics that are compacted, compressed, too small or cut off."""

from __future__ import annotations

import sys

import pytest
from kafka import KafkaAdminClient
from kafka import TopicPartition as ClientPartition
from kafka_helpers import (
    PATIENCE,
    create_topic,
    produce_rows,
    read_all,
    service_for,
    yeast_messages,
)

from stream.errors import NotAvailableError
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import CLIENTS, Message, TopicPartition, load_client
from stream.kafka.errors import BadMessageError, KafkaError, OffsetError

N_ROWS = 60


def configured(bootstrap, **config):
    """A topic with a configuration of its own."""
    name = create_topic(bootstrap) + "-made"
    options = {key.replace("_", "."): str(value) for key, value in config.items()}
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        wanted = {"num_partitions": 1, "replication_factor": 1, "configs": options}
        admin.create_topics({name: wanted}, wait_for_metadata=True)
    return name


# ---- deletions


def test_deletions_of_a_compacted_topic_are_passed_over(broker, topic, tmp_path):
    """--allow-gaps is offered for compacted topics, and their deletions end the learner."""
    source, predictions = configured(broker.bootstrap, cleanup_policy="compact"), topic()
    deletions = [(b"%d" % n, None) for n in range(20)]
    produce_rows(broker.bootstrap, source, [*yeast_messages(N_ROWS), *deletions])
    service = service_for(
        broker.bootstrap,
        tmp_path,
        source,
        predictions,
        settings={"allow_gaps": True},
        skip_null_values=True,
    )
    service.run()
    counts = service.learner.counts
    assert (counts.messages, counts.learnt, counts.skipped, counts.dead) == (80, N_ROWS, 20, 0)


def test_a_deletion_is_an_error_where_none_is_expected(broker, topic, tmp_path):
    source, predictions = topic(), topic()
    produce_rows(broker.bootstrap, source, [*yeast_messages(3), (b"k", None)])
    with pytest.raises(BadMessageError, match="@3: a message must have a value"):
        service_for(broker.bootstrap, tmp_path, source, predictions).run()


# ---- codecs


@pytest.mark.parametrize(("codec", "package"), [("snappy", "python-snappy"), ("lz4", "lz4")])
def test_a_codec_that_is_not_there_is_named(broker, topic, monkeypatch, codec, package):
    """'The broker refused', without a word of what to do."""
    import confluent_kafka

    name = topic()
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": broker.bootstrap, "compression.type": codec}
    )
    producer.produce(name, b"v" * 10_000)
    assert producer.flush(PATIENCE) == 0
    from kafka import codec as codecs

    monkeypatch.setattr(codecs, f"has_{codec}", lambda: False)
    connection = Connection(broker.bootstrap, deadline=PATIENCE)
    source = load_client("kafka-python").source(connection, "g")
    source.assign({TopicPartition(name, 0): 0})
    with pytest.raises(NotAvailableError, match=rf"{codec}.* pip install '{package}'"):
        read_for_ever(source)
    source.close()


def read_for_ever(source):
    while True:
        source.poll(0.2, 10)


# ---- sizes


@pytest.mark.parametrize("client", CLIENTS)
def test_a_message_that_is_too_large_is_named(broker, client):
    """'Message size too large', of some message of a million."""
    name = configured(broker.bootstrap, max_message_bytes=2_000)
    sink = load_client(client).sink(Connection(broker.bootstrap, deadline=PATIENCE), "g")
    sink.send([Message(name, 0, b"instances/0@17", b"v" * 50_000)])
    with pytest.raises(KafkaError, match=rf"to {name}/0 for instances/0@17 is larger"):
        sink.flush()
    sink.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_dead_letter_that_is_too_large_tells_where_it_came_from(broker, client):
    name = configured(broker.bootstrap, max_message_bytes=2_000)
    sink = load_client(client).sink(Connection(broker.bootstrap, deadline=PATIENCE), "g")
    headers = (
        ("source-topic", b"instances"), ("source-partition", b"3"), ("source-offset", b"9"),
    )  # fmt: skip
    sink.send([Message(name, 0, None, b"v" * 50_000, headers)])
    with pytest.raises(KafkaError, match=r"for instances/3@9 is larger"):
        sink.flush()
    sink.close()


# ---- deleted messages


def test_an_order_over_deleted_messages_is_refused(broker, topic, tmp_path):
    """A follower that begins after what retention has deleted learns less, and says nothing."""
    source, predictions, others = topic(), topic(), topic()
    produce_rows(broker.bootstrap, source, yeast_messages(N_ROWS))
    service_for(broker.bootstrap, tmp_path / "one", source, predictions).run()
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        admin.delete_records({ClientPartition(source, 0): 25})
    order = tmp_path / "one" / "learner.order"
    for _ in range(2):  # the second time there is a snapshot, of where it began
        with pytest.raises(OffsetError, match=r"begins with offset 0 .* and this learner with 25"):
            service_for(
                broker.bootstrap,
                tmp_path / "two",
                source,
                others,
                settings={"follow_order": order},
            ).run()
    assert read_all(broker.bootstrap, others) == []


def test_a_follower_goes_on_although_what_it_has_taken_was_deleted(broker, topic, tmp_path):
    source, predictions, others = topic(), topic(), topic()
    produce_rows(broker.bootstrap, source, yeast_messages(N_ROWS))
    service_for(broker.bootstrap, tmp_path / "one", source, predictions).run()
    settings = {"follow_order": tmp_path / "one" / "learner.order"}
    for most in (40, sys.maxsize):
        service_for(
            broker.bootstrap,
            tmp_path / "two",
            source,
            others,
            settings=settings | {"max_messages": most},
        ).run()
        with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
            admin.delete_records({ClientPartition(source, 0): 25})
    assert len(read_all(broker.bootstrap, others)) == N_ROWS
