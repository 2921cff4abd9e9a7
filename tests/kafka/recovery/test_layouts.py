"""The same rows and labels in any layout of partitions, read at any time, by learners that are
killed: they are learnt as if they had come in one partition, one after the other."""

from __future__ import annotations

import functools
import os
import random
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer
from kafka_helpers import (
    PATIENCE,
    create_topic,
    learner_in_recorded_order,
    learner_without_kafka,
    read_records,
    service_for,
    yeast_apart,
)
from learners import Learners

from stream.data import open_source
from stream.evaluate import prequential
from stream.kafka.clients.interface import Record, TopicPartition
from stream.models.registry import create_model
from stream.snapshot import SnapshotStore, dumps

# DRIFTHOMER_LAYOUTS=20 for the whole sweep; this many fit into every run of the suite.
N_LAYOUTS = int(os.environ.get("DRIFTHOMER_LAYOUTS", "4"))
SEED = int(os.environ.get("DRIFTHOMER_LAYOUTS_SEED", "14"))
N_ROWS = 300
STEP_SECONDS = 0.02  # between the writes of a producer that runs beside the learner
WRITTEN_AT_ONCE = 10
CLOSE = 0.05  # of micro-F1, where messages have equal times or are read as they are written


class Layout(NamedTuple):
    """How rows and labels lie in their topics, and what happens to those who read them."""

    number: int
    model: str
    partitions: tuple[int, int]  # of the instances, of the labels
    delay: int  # rows between a row and its labels
    at_a_time: int  # messages of the same millisecond
    written_before: float  # share of the messages that are there when the learner starts
    kills: tuple[float, ...]  # seconds after a start
    client: str
    exactly_once: bool
    snapshot_seconds: float
    seed: int  # of the partitions that messages go to

    @property
    def exact(self) -> bool:
        """Whether the times of the messages say their order."""
        return self.at_a_time == 1 and self.written_before == 1.0


def layouts() -> list[Layout]:
    """Random layouts; every other one is a backlog with times that tell all messages apart."""
    chance = random.Random(SEED)
    return [
        Layout(
            number,
            chance.choice(["multilabel-hoeffding-tree", "drifthomer"]),
            (chance.choice([1, 2, 4, 3]), chance.choice([4, 2, 1, 3])),
            chance.choice([0, 1, 20, 50, 120]),
            1 if number % 2 == 0 else chance.choice([1, 5, 40]),
            1.0 if number % 2 == 0 else chance.choice([0.0, 0.5, 1.0]),
            tuple(chance.uniform(0.1, 1.0) for _ in range(chance.randint(0, 3))),
            chance.choice(["kafka-python", "confluent"]),
            chance.random() < 0.5,
            chance.choice([0.01, 0.2, 60.0]),
            chance.randrange(2**32),
        )
        for number in range(N_LAYOUTS)
    ]


class Sent(NamedTuple):
    """A message, and whether it has labels."""

    is_label: bool
    key: bytes
    value: bytes


@functools.cache
def in_one_line(delay: int) -> list[Sent]:
    """Rows, each followed by the labels of the row ``delay`` before it, as 'produce' sends them."""
    rows, truths = yeast_apart(N_ROWS)
    found = []
    for number in range(N_ROWS + delay):
        if number < N_ROWS:
            found.append(Sent(False, *rows[number]))
        if number >= delay:
            found.append(Sent(True, *truths[number - delay]))
    return found


@functools.cache
def expected(delay: int, model: str) -> tuple[bytes, dict[str, float]]:
    """Bytes of the model and metrics, without Kafka, of the messages in one line."""
    learner = learner_without_kafka(create_model(model, {}, 1), "predictions", "labels")
    places = TopicPartition("rows", 0), TopicPartition("labels", 0)
    for number, sent in enumerate(in_one_line(delay)):
        record = Record(number, sent.key, sent.value, 1 + number)
        learner.take([(places[sent.is_label], [record])])
    return dumps(learner.driver.model), learner.metrics.total.as_dict()


@functools.cache
def evaluated(delay: int, model: str) -> dict[str, float]:
    """What the evaluation of the same rows gives, with labels that are as late."""
    return prequential(
        open_source("yeast"), create_model(model, {}, 1), delay=delay, limit=N_ROWS
    ).metrics


class Writing:
    """Writes the messages of a layout: some at once, the others in a thread."""

    def __init__(self, bootstrap: str, layout: Layout, topics: tuple[str, str]):
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
        chance = random.Random(layout.seed)
        self._messages = [
            (topics[sent.is_label], chance.randrange(layout.partitions[sent.is_label]), sent)
            for sent in in_one_line(layout.delay)
        ]
        self._at_a_time = layout.at_a_time
        # Earlier than now, so that no message lies in the future of those who read it.
        self._time = int(time.time() * 1000) - len(self._messages)
        self._n_sent = 0
        self._send(int(layout.written_before * len(self._messages)))
        self._thread = threading.Thread(target=self._send_others, daemon=True)

    def _send(self, until: int) -> None:
        for topic, partition, sent in self._messages[self._n_sent : until]:
            at = self._time + self._n_sent // self._at_a_time
            self._producer.produce(topic, sent.value, sent.key, partition, timestamp=at)
            self._n_sent += 1
        assert self._producer.flush(PATIENCE) == 0

    def _send_others(self) -> None:
        while self._n_sent < len(self._messages):
            time.sleep(STEP_SECONDS)
            self._time = max(self._time, int(time.time() * 1000) - self._n_sent)
            self._send(self._n_sent + WRITTEN_AT_ONCE)

    def start(self) -> None:
        """Go on beside the learner."""
        self._thread.start()

    def wait(self) -> None:
        """Wait until everything is written."""
        self._thread.join(PATIENCE)
        assert self._n_sent == len(self._messages)


@pytest.fixture(scope="module")
def learners():
    started = Learners()
    yield started
    started.close()


def learn(broker: Any, learners: Learners, directory: Path, layout: Layout) -> dict[str, Any]:
    """Write and learn what the layout says; the topics."""
    topics = {
        name: create_topic(broker.bootstrap, number)
        for name, number in zip(("rows", "labels"), layout.partitions, strict=True)
    }
    topics["predictions"] = create_topic(broker.bootstrap)

    def start(until_end: bool):
        return learners.start(
            broker.bootstrap,
            directory,
            topics["rows"],
            topics["predictions"],
            model=layout.model,
            client=layout.client,
            settings={
                "labels_topic": topics["labels"],
                "batch_messages": 40,
                "snapshot_seconds": layout.snapshot_seconds,
                "exactly_once": layout.exactly_once,
                "until_end": until_end,
            },
        )

    writing = Writing(broker.bootstrap, layout, (topics["rows"], topics["labels"]))
    writing.start()
    for moment in layout.kills or ((1.0,) if layout.written_before < 1 else ()):
        learner = start(until_end=False)
        assert learner.wait(moment) is None, f"{layout}: exit code {learner.code}"
        learner.kill()
    writing.wait()
    last = start(until_end=True)
    assert last.wait(PATIENCE) == 0, f"{layout}: exit code {last.code}"
    return topics


@pytest.mark.parametrize("layout", layouts(), ids=lambda each: str(each.number))
def test_any_layout_learns_what_one_partition_would(broker, learners, tmp_path, layout):
    """A backlog that is predicted before it is learnt; an order that depends on what was fetched
    first; labels that are lost in a crash."""
    topics = learn(broker, learners, tmp_path, layout)
    service = service_for(
        broker.bootstrap,
        tmp_path,
        topics["rows"],
        topics["predictions"],
        model=layout.model,
        settings={"labels_topic": topics["labels"]},
    )
    newest = SnapshotStore(tmp_path, "learner").read_newest()
    learner = service.begin(newest.value["learner"])
    assert learner.counts.learnt == learner.room.counts.learnt == N_ROWS
    assert (len(learner.room), learner.room.n_early) == (0, 0)
    metrics, found = learner.metrics.total.as_dict(), dumps(learner.driver.model)

    records = read_records(broker.bootstrap, [topics["rows"], topics["labels"]])
    order = tmp_path / "learner.order"
    recorded, _ = learner_in_recorded_order(
        order,
        records,
        topics["predictions"],
        topics["labels"],
        model=create_model(layout.model, {}, 1),
    )
    assert found == dumps(recorded.driver.model)
    assert metrics == recorded.metrics.total.as_dict()
    judged = evaluated(layout.delay, layout.model)
    if layout.exact:
        one_line, its_metrics = expected(layout.delay, layout.model)
        assert found == one_line
        assert metrics == its_metrics
        # The evaluation ranks labels too.
        assert metrics == {name: judged[name] for name in metrics}
    assert metrics["micro_f1"] == pytest.approx(judged["micro_f1"], abs=CLOSE)
