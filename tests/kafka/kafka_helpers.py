"""What the tests of Kafka share."""

from __future__ import annotations

import itertools
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaAdminClient

from stream import MultiLabelHoeffdingTree
from stream.data import open_source
from stream.kafka.assembly import Joining, make_service
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import Message, Record, TopicPartition, load_client
from stream.kafka.label_join import WaitingRoom
from stream.kafka.messages.decoding import FieldDecoder
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.predictions import PredictionWriter
from stream.kafka.model_drivers import BatchDriver
from stream.kafka.recovery.recorded_order import read_order
from stream.kafka.service import Service
from stream.kafka.settings import Settings
from stream.kafka.time_order import without_time
from stream.kafka.topic_learner import DeadLetters, TopicLearner
from stream.models.registry import create_model
from stream.snapshot import Files, SnapshotStore, dumps

# Seconds for what takes a moment: on a machine that others keep busy it may take minutes.
PATIENCE = 300.0


def create_topic(bootstrap: str, partitions: int = 1, name: str | None = None) -> str:
    """Make a topic, with a name that no other test has unless one is given."""
    name = name or f"topic-{uuid.uuid4().hex[:12]}"
    wanted = {"num_partitions": partitions, "replication_factor": 1}
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        # The broker answers before it tells others of the topic.
        admin.create_topics({name: wanted}, wait_for_metadata=True)
    return name


def wait_for_partitions(bootstrap: str, topic: str, number: int) -> None:
    """Wait until the broker tells of so many: it answers who adds some before it does."""
    source = load_client("confluent").source(Connection(bootstrap, deadline=PATIENCE), "tests")
    deadline = time.monotonic() + PATIENCE
    while len(source.partitions(topic)) != number:
        assert time.monotonic() < deadline, f"{topic} has {source.partitions(topic)}"
        time.sleep(0.05)
    source.close()


def produce_rows(
    bootstrap: str,
    topic: str,
    rows: Iterable[tuple[bytes | None, bytes | None]],
    partition: int = 0,
) -> None:
    """Write messages (key, value) to a partition."""
    sink = load_client("confluent").sink(Connection(bootstrap, deadline=PATIENCE), "tests")
    sink.send([Message(topic, partition, key, value) for key, value in rows])
    sink.flush()
    sink.close()


def read_all(bootstrap: str, topic: str) -> list[tuple[int, bytes | None, bytes | None]]:
    """Every message (partition, key, value) that a reader of committed messages sees."""
    source = load_client("confluent").source(Connection(bootstrap, deadline=PATIENCE), "tests")
    partitions = [TopicPartition(topic, number) for number in source.partitions(topic)]
    ends = source.offsets(partitions)
    source.assign({each: start for each, (start, _) in ends.items()})
    found = []
    while any(source.position(each) < end for each, (_, end) in ends.items()):
        for where, records in source.poll(0.2, 5_000):
            found += [(where.number, each.key, each.value) for each in records]
    source.close()
    return found


def yeast_messages(n_rows: int | None = None) -> list[tuple[bytes, bytes]]:
    """River's Yeast as 'produce' writes it: key, value."""
    encode = msgspec.json.Encoder().encode
    rows = itertools.islice(open_source("yeast"), n_rows)
    return [(b"%d" % number, encode({"x": x, "y": y})) for number, (x, y) in enumerate(rows)]


def service_for(
    bootstrap: str,
    directory: Path,
    topic: str,
    predictions: str,
    *,
    model: Any = None,
    deadline: float = PATIENCE,
    files: Files | None = None,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Service:
    """A service over a topic, until its end unless it is told otherwise; ``model`` may be a
    name."""
    if isinstance(model, str):
        model = create_model(model, {}, 1)
    # Nothing is given up because it comes late.
    chosen = {
        "until_end": True,
        "name": "learner",
        "max_idle_seconds": PATIENCE,
        **(settings or {}),
    }
    return make_service(
        Connection(bootstrap, deadline=deadline),
        Settings(directory=directory, topic=topic, **chosen),
        MultiLabelHoeffdingTree(seed=1) if model is None else model,
        predictions,
        files=files,
        **options,
    )


def copy_in_use(directory: Path, to: Path, seconds: float = PATIENCE) -> None:
    """Copy a learner's folder of snapshots while it writes: that one goes meanwhile is no fault."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            shutil.copytree(directory, to, ignore=shutil.ignore_patterns(".*.tmp"))
        except shutil.Error:
            if time.monotonic() >= deadline:
                raise
            shutil.rmtree(to)
        else:
            return


def model_bytes(directory: Path, name: str = "learner") -> bytes:
    """Bytes of the model in the newest snapshot."""
    found = SnapshotStore(directory, name).read_newest()
    assert found is not None
    return dumps(found.value["learner"]["model"])


def yeast_apart(
    n_rows: int,
) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Instances and labels of River's Yeast as messages of two topics."""
    encode = msgspec.json.Encoder().encode
    rows = list(itertools.islice(open_source("yeast"), n_rows))
    return (
        [(b"%d" % number, encode({"x": x})) for number, (x, _) in enumerate(rows)],
        [(b"%d" % number, encode({"y": y})) for number, (_, y) in enumerate(rows)],
    )


def read_records(bootstrap: str, topics: list[str]) -> dict[TopicPartition, dict[int, Record]]:
    """Every message of some topics, by partition and offset."""
    source = load_client("confluent").source(Connection(bootstrap, deadline=PATIENCE), "tests")
    found: dict[TopicPartition, dict[int, Record]] = {}
    for topic in topics:
        partitions = [TopicPartition(topic, number) for number in source.partitions(topic)]
        ends = source.offsets(partitions)
        source.assign({each: start for each, (start, _) in ends.items()})
        found |= {each: {} for each in partitions}
        while any(source.position(each) < end for each, (_, end) in ends.items()):
            for where, records in source.poll(0.2, 5_000):
                found[where] |= {each.offset: each for each in records}
    source.close()
    return found


def learner_without_kafka(
    model: Any,
    predictions: str,
    labels_topic: str | None = None,
    *,
    mapping: FieldMapping | None = None,
    joining: Joining | None = None,
    dead_letters: str | None = None,
) -> TopicLearner:
    """A learner that is given messages by hand."""
    fields, joining = mapping or FieldMapping(), joining or Joining()
    room = WaitingRoom(
        fields.label_names if fields.labels_in_parts else (),
        ttl=int(joining.ttl_seconds * 1000),
        capacity=joining.capacity,
        policy=joining.policy,
    )
    return TopicLearner(
        BatchDriver(model),
        FieldDecoder(fields),
        PredictionWriter(predictions, 1),
        task="multi-label",
        labels_topic=labels_topic,
        room=None if labels_topic is None else room,
        dead_letters=DeadLetters(dead_letters, max_share=1.0),
    )


def learner_in_recorded_order(
    order: Path,
    records: dict[TopicPartition, dict[int, Record]],
    predictions: str,
    labels_topic: str | None = None,
    *,
    model: Any = None,
    mapping: FieldMapping | None = None,
    joining: Joining | None = None,
    dead_letters: str | None = None,
) -> tuple[TopicLearner, list[tuple[bytes | None, bytes | None]]]:
    """A learner without Kafka that has taken messages in a recorded order, and its predictions
    (key, value)."""
    learner = learner_without_kafka(
        MultiLabelHoeffdingTree(seed=1) if model is None else model,
        predictions,
        labels_topic,
        mapping=mapping,
        joining=joining,
        dead_letters=dead_letters,
    )
    taken = dict.fromkeys(records, 0)
    written = []
    for partition, first, past, untimed in read_order(order):
        assert first == taken[partition], f"{partition} goes on at {first}"
        taken[partition] = past
        piece = [records[partition][offset] for offset in range(first, past)]
        if untimed:
            piece = [without_time(each) for each in piece]
        for start in range(0, len(piece), 7):  # grouped as no learner does it
            written += learner.take([(partition, piece[start : start + 7])])
    assert taken == {partition: len(held) for partition, held in records.items()}
    return learner, [(each.key, each.value) for each in written if each.topic == predictions]


def learn_in_recorded_order(
    *args: Any, **options: Any
) -> tuple[bytes, list[tuple[bytes | None, bytes | None]]]:
    """Bytes of the model of :func:`learner_in_recorded_order`, and its predictions."""
    learner, written = learner_in_recorded_order(*args, **options)
    return dumps(learner.driver.model), written


class Running:
    """A service in a thread of this process; leaving the block ends it."""

    def __init__(self, service: Service):
        self.service = service
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.service.run()
        except BaseException as error:  # told to the test
            self.error = error

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for a condition; an error of the service is raised."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.error is not None:
                raise self.error
            assert self._thread.is_alive() or condition(), "the service ended too early"
            assert time.monotonic() < deadline, "it did not come to pass"
            time.sleep(0.01)

    def taken(self, n_messages: int, seconds: float = PATIENCE) -> None:
        """Wait until so many messages were taken since the service began."""
        self.until(lambda: self.service.n_taken >= n_messages, seconds)

    def join(self, seconds: float = PATIENCE) -> None:
        """Wait for its end; its error is raised."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the service did not end"
        if self.error is not None:
            raise self.error

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        self.service.stop()
        self._thread.join(PATIENCE)
        assert kind is not None or not self._thread.is_alive(), "the service did not end"


def predicted_places(bootstrap: str, topic: str) -> list[bytes | None]:
    """Keys of all predictions, as often as they were written."""
    return [key for _, key, _ in read_all(bootstrap, topic)]
