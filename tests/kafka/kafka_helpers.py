"""What the tests of Kafka share."""

from __future__ import annotations

import uuid

from kafka import KafkaAdminClient


def create_topic(bootstrap: str, partitions: int = 1, name: str | None = None) -> str:
    """Make a topic, with a name that no other test has unless one is given."""
    name = name or f"topic-{uuid.uuid4().hex[:12]}"
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1}})
    return name
