"""The broker that the other tests rely on."""

from __future__ import annotations

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka_helpers import PATIENCE, create_topic


def test_what_is_written_is_read_also_after_the_broker_was_killed(breakable_broker):
    """A fixture that answers before it is ready, or loses its log when it starts again, makes every
    test of recovery worthless."""
    name = create_topic(breakable_broker.bootstrap)
    with KafkaProducer(bootstrap_servers=breakable_broker.bootstrap) as producer:
        producer.send(name, b"one").get(PATIENCE)
        breakable_broker.kill()
        breakable_broker.start()
        producer.send(name, b"two").get(PATIENCE)
    with KafkaConsumer(
        bootstrap_servers=breakable_broker.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign([TopicPartition(name, 0)])
        found: list[bytes] = []
        while len(found) < 2:
            records = consumer.poll(timeout_ms=int(PATIENCE * 1000))
            assert records, f"nothing more came within {PATIENCE} seconds; so far {found}"
            found += [each.value for some in records.values() for each in some]
    assert found == [b"one", b"two"]
