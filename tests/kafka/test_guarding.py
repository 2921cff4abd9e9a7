"""What a learner refuses, and who may go on: offsets, partitions, names, faults of the disk."""

from __future__ import annotations

import errno
import json
import time

import pytest
from faulty_files import STEPS, FaultyFiles
from kafka import KafkaAdminClient
from kafka import TopicPartition as ClientPartition
from kafka_helpers import (
    PATIENCE,
    Running,
    copy_in_use,
    create_topic,
    learn_in_recorded_order,
    model_bytes,
    predicted_places,
    produce_rows,
    read_all,
    read_records,
    service_for,
    wait_for_partitions,
    yeast_messages,
)

from stream import MultiLabelHoeffdingTree
from stream.errors import NotAvailableError, ParameterError, SnapshotError
from stream.kafka.clients.interface import Record, TopicPartition
from stream.kafka.errors import FencedError, KafkaError, OffsetError
from stream.kafka.polling import OffsetGuard
from stream.kafka.recovery.recorded_order import OrderFile, Run
from stream.kafka.recovery.replay import Replay
from stream.snapshot import SnapshotStore

N_ROWS = 200
LATER_WRITE = 100  # of the second snapshot; each array is one
ZERO, ONE = TopicPartition("t", 0), TopicPartition("t", 1)


@pytest.fixture(scope="module")
def yeast():
    return yeast_messages(N_ROWS)


@pytest.fixture
def topics(broker, topic, yeast):
    names = topic(), topic()
    produce_rows(broker.bootstrap, names[0], yeast)
    return names


def records(*offsets):
    return [Record(offset, None, b"", 0) for offset in offsets]


# ---- offsets


def test_gaps_and_repeats_are_told_apart():
    guard = OffsetGuard({ZERO: 3})
    guard.check(ZERO, records(3, 4))
    with pytest.raises(OffsetError, match="5 was to come and 7 came"):
        guard.check(ZERO, records(7))
    with pytest.raises(OffsetError, match="after 4 came 4, which was read before"):
        guard.check(ZERO, records(4))
    OffsetGuard({ZERO: 3}, allow_gaps=True).check(ZERO, records(3, 9))


def test_a_log_that_begins_after_the_snapshot(broker, topics, tmp_path):
    """Rows deleted while the learner was away are skipped in silence."""
    service_for(
        broker.bootstrap, tmp_path, *topics, settings={"max_messages": 50, "batch_messages": 50}
    ).run()
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        admin.delete_records({ClientPartition(topics[0], 0): 90})
    with pytest.raises(OffsetError, match=r"continues at offset 50 .* the log begins at 90"):
        service_for(broker.bootstrap, tmp_path, *topics).run()


def test_a_topic_that_was_made_anew(broker, topics, topic, tmp_path):
    service_for(broker.bootstrap, tmp_path, *topics).run()
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        admin.delete_topics([topics[0]])
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            create_topic(broker.bootstrap, name=topics[0])
            break
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with pytest.raises(OffsetError, match="the log ends at 0; was the topic made anew"):
        service_for(broker.bootstrap, tmp_path, *topics).run()


def test_topics_and_partitions_that_are_not_there(broker, topics, tmp_path):
    with pytest.raises(NotAvailableError, match="no topic 'absent'"):
        service_for(broker.bootstrap, tmp_path, "absent", topics[1]).run()
    with pytest.raises(NotAvailableError, match="no topic 'absent'"):
        service_for(broker.bootstrap, tmp_path, topics[0], "absent").run()
    with pytest.raises(ParameterError, match=r"has the partitions 0\. Got 3 to be read"):
        service_for(broker.bootstrap, tmp_path, *topics, settings={"partitions": [0, 3]}).run()


# ---- the recorded order


def test_runs_are_read_as_they_were_written(tmp_path):
    order = OrderFile(tmp_path / "o")
    order.append([Run(ZERO, 0, 5), Run(ONE, 2, 3)])
    middle = order.length
    order.append([Run(ONE, 3, 9), Run(ZERO, 5, 6)])
    assert order.since(0) == [Run(ZERO, 0, 5), Run(ONE, 2, 9), Run(ZERO, 5, 6)]
    assert order.since(middle) == [Run(ONE, 3, 9), Run(ZERO, 5, 6)]
    with pytest.raises(OffsetError, match="must have 999 bytes"):
        order.since(999)


def test_a_line_that_was_not_finished_is_dropped(tmp_path):
    """A process killed while it wrote a line has done nothing that depends on it."""
    path = tmp_path / "o"
    path.write_bytes(b"t/0 0 5\nt/1 0 1")
    order = OrderFile(path)
    assert order.length == 8
    order.append([Run(ZERO, 5, 6)])
    assert path.read_bytes() == b"t/0 0 5\nt/0 5 6\n"


@pytest.mark.parametrize("line", ["t 0 5", "t/0 5", "t/0 5 5", "t/0 -1 5", "/0 1 2", "t/x 1 2"])
def test_lines_that_are_none(tmp_path, line):
    path = tmp_path / "o"
    path.write_text(line + "\n")
    with pytest.raises(OffsetError, match="must have lines 'topic/partition first past'"):
        OrderFile(path).since(0)


class Scripted:
    """A source that hands out what it is told, in its own order."""

    def __init__(self, *polls):
        self.polls = list(polls)

    def assign(self, positions):
        pass

    def poll(self, seconds, most):
        return self.polls.pop(0) if self.polls else []


def test_a_replay_waits_for_the_partition_whose_turn_it_is():
    source = Scripted([(ONE, records(0, 1, 2))], [(ZERO, records(0))], [(ZERO, records(1))])
    replay = Replay(source, {ZERO: 0, ONE: 0}, deadline=5)
    found = replay.pieces([Run(ZERO, 0, 2), Run(ONE, 0, 1), Run(ONE, 1, 3)])
    assert [(each.partition.number, [r.offset for r in each.records]) for each in found] == [
        (0, [0]),
        (0, [1]),
        (1, [0]),
        (1, [1, 2]),
    ]


def test_an_order_of_another_learner_is_refused():
    source = Scripted([(ZERO, records(5, 6))])
    with pytest.raises(OffsetError, match="is it of another learner"):
        list(Replay(source, {ZERO: 5}, deadline=5).pieces([Run(ZERO, 0, 2)]))
    with pytest.raises(OffsetError, match="needs t/1, which is not among"):
        list(Replay(source, {ZERO: 5}, deadline=5).pieces([Run(ONE, 0, 2)]))


def test_another_learner_follows_the_recorded_order(broker, topic, tmp_path, yeast):
    """A replay in the order that a second process happens to read is another model."""
    source, first, second = topic(3), topic(), topic()
    for partition in range(3):
        produce_rows(broker.bootstrap, source, yeast[partition::3], partition)
    small = {"batch_messages": 17}
    service_for(broker.bootstrap, tmp_path / "1", source, first, settings=small).run()
    follow = small | {"follow_order": tmp_path / "1" / "learner.order", "max_messages": 80}
    for limit in (80, None):  # and it may be interrupted
        follow["max_messages"] = limit
        service_for(broker.bootstrap, tmp_path / "2", source, second, settings=follow).run()
    assert model_bytes(tmp_path / "1") == model_bytes(tmp_path / "2")
    assert read_all(broker.bootstrap, first) == read_all(broker.bootstrap, second)


def test_the_order_belongs_to_the_snapshots(broker, topics, tmp_path):
    service_for(broker.bootstrap, tmp_path, *topics).run()
    for path in tmp_path.glob("*.safetensors"):
        path.unlink()
    with pytest.raises(OffsetError, match="and no snapshot"):
        service_for(broker.bootstrap, tmp_path, *topics).run()


# ---- who may go on


def test_two_learners_over_disjoint_partitions(broker, topic, tmp_path, yeast):
    source, predictions = topic(2), topic(2)
    for partition in (0, 1):
        produce_rows(broker.bootstrap, source, yeast[partition::2], partition)
    services = [
        service_for(
            broker.bootstrap,
            tmp_path,
            source,
            predictions,
            settings={"partitions": [number], "name": f"learner-{number}", "exactly_once": True},
        )
        for number in (0, 1)
    ]
    with Running(services[0]) as zero, Running(services[1]) as one:
        zero.join()
        one.join()
    assert sorted(predicted_places(broker.bootstrap, predictions)) == sorted(
        f"{source}/{partition}@{offset}".encode()
        for partition in (0, 1)
        for offset in range(N_ROWS // 2)
    )
    for number in (0, 1):
        state = SnapshotStore(tmp_path, f"learner-{number}").read_newest().value
        assert state["offsets"] == [[source, number, N_ROWS // 2]]


def test_partitions_that_are_added_are_read(broker, topic, tmp_path, yeast, monkeypatch):
    """Rows of new partitions wait for ever; or a learner is thrown off by them."""
    from stream.kafka import polling

    monkeypatch.setattr(polling, "ASK_SECONDS", 0.2)
    source, predictions = topic(1), topic(1)
    produce_rows(broker.bootstrap, source, yeast[:100])
    service = service_for(
        broker.bootstrap, tmp_path, source, predictions, settings={"until_end": False}
    )
    with Running(service) as running:
        running.taken(100)
        with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
            admin.create_partitions({source: 3})
        wait_for_partitions(broker.bootstrap, source, 3)
        for partition in (0, 1, 2):
            produce_rows(broker.bootstrap, source, yeast[100 + partition :: 3], partition)
        running.taken(N_ROWS)
        service.stop()
        running.join()
    found = read_records(broker.bootstrap, [source])
    model, expected = learn_in_recorded_order(tmp_path / "learner.order", found, predictions)
    assert model_bytes(tmp_path) == model
    assert predicted_places(broker.bootstrap, predictions) == [key for key, _ in expected]


def test_a_second_learner_of_the_same_name_is_refused(broker, topics, tmp_path):
    settings = {"until_end": False}
    first = service_for(broker.bootstrap, tmp_path, *topics, settings=settings)
    with Running(first) as running:
        running.taken(N_ROWS)
        with pytest.raises(FencedError, match="'learner' is running with this folder"):
            service_for(broker.bootstrap, tmp_path, *topics).run()
    service_for(broker.bootstrap, tmp_path, *topics).run()


def test_a_second_learner_of_the_same_name_elsewhere_is_fenced(broker, topics, tmp_path):
    """Two machines: no lock is shared, and only the broker can tell."""
    source, predictions = topics
    name = f"learner-{predictions}"
    settings = {"until_end": False, "exactly_once": True, "name": name}
    first = service_for(broker.bootstrap, tmp_path / "1", source, predictions, settings=settings)
    with Running(first) as running:
        running.until(lambda: len(predicted_places(broker.bootstrap, predictions)) == N_ROWS)
        first_done = predicted_places(broker.bootstrap, predictions)
        # It has no snapshot of what the group committed, and must not begin again.
        with pytest.raises(KafkaError, match="has committed offsets and there is no snapshot"):
            service_for(
                broker.bootstrap, tmp_path / "2", source, predictions, settings=settings
            ).run()
        assert running.error is None
        # With what the first one has written, it takes over.
        copy_in_use(tmp_path / "1", tmp_path / "3")
        produce_rows(broker.bootstrap, source, yeast_messages(10))
        running.until(lambda: len(predicted_places(broker.bootstrap, predictions)) == N_ROWS + 10)
        ended = settings | {"until_end": True}
        service_for(broker.bootstrap, tmp_path / "3", source, predictions, settings=ended).run()
        produce_rows(broker.bootstrap, source, yeast_messages(5))
        with pytest.raises(FencedError, match="Another learner of the same name"):
            running.join()
    service_for(broker.bootstrap, tmp_path / "3", source, predictions, settings=ended).run()
    places = predicted_places(broker.bootstrap, predictions)
    assert places[:N_ROWS] == first_done
    assert len(places) == len(set(places)) == N_ROWS + 15


def test_another_model_does_not_go_on_with_a_snapshot(broker, topics, tmp_path):
    service_for(broker.bootstrap, tmp_path, *topics).run()
    model = MultiLabelHoeffdingTree(seed=1, grace_period=50)
    with pytest.raises(ParameterError, match="grace_period=200, and not 50"):
        service_for(broker.bootstrap, tmp_path, *topics, model=model).run()


# ---- the disk


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_snapshots_that_cannot_be_written(broker, topics, tmp_path, step, error, forever):
    """A learner that goes on from half a snapshot, or loses rows because one failed."""
    # The first snapshot is written before the first message.
    files = FaultyFiles(step, error, at=LATER_WRITE if step == "write" else 1, forever=forever)
    settings = {"batch_messages": 25, "snapshot_seconds": 1e-6}
    service = service_for(broker.bootstrap, tmp_path, *topics, settings=settings, files=files)
    if forever:
        with pytest.raises(SnapshotError):
            service.run()
    else:
        service.run()
        assert service.checkpoints.failures == 1
    service_for(broker.bootstrap, tmp_path, *topics, settings=settings).run()
    found = read_records(broker.bootstrap, [topics[0]])
    model, expected = learn_in_recorded_order(tmp_path / "learner.order", found, topics[1])
    assert model_bytes(tmp_path) == model
    written = [(key, value) for _, key, value in read_all(broker.bootstrap, topics[1])]
    assert set(written) == set(expected)


def test_short_writes(broker, topics, tmp_path):
    files = FaultyFiles(at_once=4_099)
    service_for(broker.bootstrap, tmp_path, *topics, files=files).run()
    found = read_records(broker.bootstrap, [topics[0]])
    model, _ = learn_in_recorded_order(tmp_path / "learner.order", found, topics[1])
    assert model_bytes(tmp_path) == model


# ---- any model


@pytest.mark.parametrize("made", ["river", "pipeline"])
def test_any_river_model(broker, topics, tmp_path, made, caplog):
    """River's own objects go row by row, as 'prequential' takes them, and are kept as a pickle,
    which is said."""
    from river import linear_model, multioutput, preprocessing

    from stream.data import PairSource, open_source
    from stream.evaluate import prequential

    def model():
        chain = multioutput.ClassifierChain(linear_model.LogisticRegression())
        return chain if made == "river" else preprocessing.StandardScaler() | chain

    caplog.set_level("WARNING", "stream")
    settings = {"max_messages": 120, "batch_messages": 60}
    service_for(broker.bootstrap, tmp_path, *topics, model=model(), settings=settings).run()
    service = service_for(broker.bootstrap, tmp_path, *topics, model=model())
    service.run()
    # Of a topic nothing is known before it was read.
    rows = PairSource(lambda: open_source("yeast"))
    local = prequential(rows, model(), limit=N_ROWS)
    assert service.learner.metrics.total.as_dict() == local.metrics
    assert "hold a pickle, which is code" in caplog.text
    said = json.loads(read_all(broker.bootstrap, topics[1])[50][2])
    assert set(said["probabilities"]) == set(open_source("yeast").schema.labels)
