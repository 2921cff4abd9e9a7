"""Rows and labels of two topics: in any order, late, twice, in parts, never."""

from __future__ import annotations

import dataclasses
import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka_helpers import (
    learn_in_recorded_order,
    learner_without_kafka,
    model_bytes,
    produce_rows,
    read_records,
    service_for,
    yeast_apart,
)

from stream import DriftHOMER, MultiLabelHoeffdingTree
from stream.data import open_source
from stream.evaluate import prequential
from stream.kafka.clients.interface import Record, TopicPartition
from stream.kafka.label_join import WaitingRoom
from stream.kafka.messages.decoding import FieldDecoder
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.predictions import PredictionWriter
from stream.kafka.messages.row_encoder import NumberedRow
from stream.kafka.model_drivers import BatchDriver
from stream.kafka.topic_learner import TopicLearner
from stream.rows.truth import Truth
from stream.snapshot import dumps, loads

ROWS, LABELS = TopicPartition("rows", 0), TopicPartition("labels", 0)
encode = msgspec.json.Encoder().encode


def room(**options):
    return WaitingRoom(**{"ttl": 1_000, "capacity": 100} | options)


def truth(*present, whole=True):
    return Truth(present, (), whole)


def add(where, key, since=0, y=None):
    row = NumberedRow([0], [float(key)], None)
    return [each.x.values[0] for each in where.add_row(key, row, [], y, since, 0)]


def say(where, key, y=None):
    return [each.x.values[0] for each in where.add_labels(key, y or truth("a"))]


class TestWaitingRoom:
    def test_labels_after_and_before_their_row(self):
        where = room()
        assert (add(where, b"1"), say(where, b"1")) == ([], [1.0])
        assert (say(where, b"2"), where.n_early, add(where, b"2")) == ([], 1, [2.0])
        assert (len(where), where.n_early) == (0, 0)

    def test_nothing_is_learnt_twice(self):
        """A message that its producer repeats."""
        where = room()
        add(where, b"1")
        assert [say(where, b"1") for _ in range(3)] == [[1.0], [], []]
        assert add(where, b"1") == []
        assert where.counts == dataclasses.replace(where.counts, learnt=1, repeated=3)

    def test_late_labels_are_counted_and_not_kept(self):
        where = room()
        add(where, b"1")
        assert list(where.tick(1_001)) == []
        assert say(where, b"1") == []
        assert (where.counts.expired, where.counts.late, where.n_early) == (1, 1, 0)

    @pytest.mark.parametrize("policy", ["drop", "unknown"])
    def test_what_becomes_of_rows_that_got_a_part_of_their_labels(self, policy):
        where = room(policy=policy, label_names=("a", "b"))
        for key in (b"1", b"2"):
            add(where, key)
        say(where, b"2", truth("a", whole=False))
        learnt = [each.truth for each in where.tick(1_001)]
        assert learnt == ([] if policy == "drop" else [truth("a", whole=False)])

    def test_labels_one_by_one(self):
        where = room(label_names=("a", "b", "c"))
        assert say(where, b"1", Truth((), ("b",), False)) == []
        assert add(where, b"1", y=truth("a", whole=False)) == []
        (found,) = where.add_labels(b"1", Truth(("c",), (), False))
        assert (set(found.truth.present), found.truth.absent) == ({"a", "c"}, ("b",))

    def test_the_oldest_goes_when_it_is_full(self):
        where = room(capacity=2)
        for key in (b"1", b"2", b"3"):
            add(where, key)
            say(where, b"early" + key)
        assert (len(where), where.n_early) == (2, 2)
        assert (where.counts.expired, where.counts.orphaned) == (1, 1)
        assert (say(where, b"1"), say(where, b"2")) == ([], [2.0])

    def test_an_older_timestamp_does_not_turn_the_clock_back(self):
        where = room()
        list(where.tick(5_000))
        add(where, b"1", since=where.clock)
        list(where.tick(10))
        assert where.clock == 5_000
        assert say(where, b"1") == [1.0]


def learner(**options):
    return TopicLearner(
        BatchDriver(MultiLabelHoeffdingTree(seed=1, grace_period=5)),
        FieldDecoder(FieldMapping(**options.pop("mapping", {}))),
        PredictionWriter("predictions", 1),
        task="multi-label",
        labels_topic="labels",
        room=room(**options),
    )


@st.composite
def events(draw):
    """Messages of both topics with clashing keys, in any order, at times that jump."""
    found, clock, offsets = [], 0, {ROWS: 0, LABELS: 0}
    for _ in range(draw(st.integers(1, 40))):
        clock += draw(st.sampled_from([0, 0, 1, 300, 1_200]))
        where = draw(st.sampled_from([ROWS, LABELS]))
        key = b"%d" % draw(st.integers(0, 12))
        if where is ROWS:
            content = {"x": {"f": draw(st.floats(-2, 2))}}
            if draw(st.integers(0, 5)) == 0:
                content["y"] = {"a": True, "b": False}
        else:
            names = draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True))
            content = {"y": {name: draw(st.booleans()) for name in names}}
        found.append((where, Record(offsets[where], key, encode(content), clock)))
        offsets[where] += 1
    return found


@settings(deadline=None, max_examples=60)
@given(
    events(),
    st.data(),
    st.sampled_from(["drop", "unknown"]),
    st.sampled_from([2, 50]),
    st.booleans(),
)
def test_neither_groups_nor_restarts_change_anything(found, data, policy, capacity, parts):
    """What a batch happens to hold, or a snapshot between two messages, decides what is learnt."""
    options = {"policy": policy, "capacity": capacity}
    if parts:
        options["label_names"] = ("a", "b", "c")
    one = learner(**options)
    expected = [each for where, record in found for each in one.take([(where, [record])])]
    other, written, at = learner(**options), [], 0
    while at < len(found):
        group = found[at : at + data.draw(st.integers(1, 9))]
        at += len(group)
        pieces = [
            (where, [record for _, record in some])
            for where, some in itertools.groupby(group, key=lambda each: each[0])
        ]
        written += other.take(pieces)
        if data.draw(st.booleans()):
            state = loads(dumps(other.get_state()))
            other = learner(**options)
            other.driver.model = state["model"]
            other.set_state(state)
    assert written == expected
    assert dumps(other.driver.model) == dumps(one.driver.model)
    assert dumps(other.get_state()) == dumps(one.get_state())


@pytest.mark.parametrize("as_it_came", [False, True])
def test_a_room_comes_back_as_it_was(as_it_came):
    where = room(label_names=("a", "b"))
    x = {"color": "red"} if as_it_came else None
    list(where.add_row(b"1", NumberedRow([], [], x), [], truth("a", whole=False), 0, 0))
    row = NumberedRow([7, -1], [float("nan"), 0.0], x)
    list(where.add_row(b"2", row, [0, 3], None, 7, 5))
    say(where, b"9")
    say(where, b"8", truth(whole=True))
    add(where, b"8")
    state = where.get_state()
    other = room(label_names=("a", "b"))
    other.set_state(loads(dumps(state)))
    assert dumps(other.get_state()) == dumps(state)
    assert repr(other._rows) == repr(where._rows)
    assert other._early == where._early


def test_rows_that_waited_in_the_first_version_go_on():
    """A snapshot of 0.1.0, which does not say what was learnt before a row, ends the learner with a
    KeyError."""
    where = room()
    add(where, b"1")
    state = where.get_state()
    del state["rows"]["learnt_before"], state["rows"]["pickle"]
    other = room()
    other.set_state(loads(dumps(state)), n_learnt=42)
    (done,) = other.add_labels(b"1", truth("a"))
    assert done.learnt_before == 42


N_ROWS = 300


@pytest.mark.parametrize("delay", [1, 50])
def test_late_rows_are_learnt_as_the_evaluation_learns_them(delay):
    """The default model learns a row with the neighbours that it had when it was predicted; a
    learner that forgot when that was learns something else than 'prequential --delay'."""
    instances, labels = yeast_apart(N_ROWS)
    late = learner_without_kafka(DriftHOMER(seed=1), "predictions", "labels")
    for number in range(N_ROWS + delay):
        if number < N_ROWS:
            late.take([(ROWS, [Record(number, *instances[number], number)])])
        if number >= delay:
            late.take([(LABELS, [Record(number - delay, *labels[number - delay], number)])])
        if number == N_ROWS // 2:  # what waits comes back from a snapshot
            state = loads(dumps(late.get_state()))
            late = learner_without_kafka(state["model"], "predictions", "labels")
            late.set_state(state)
    expected = prequential(
        open_source("yeast"), DriftHOMER(seed=1), delay=delay, limit=N_ROWS
    ).metrics
    found = late.metrics.total.as_dict()
    assert found == {name: expected[name] for name in found}


@pytest.mark.parametrize("order", ["before", "after", "twice"])
def test_labels_in_any_order_with_a_real_broker(broker, topic, tmp_path, order):
    """Each row is learnt once, whichever topic is ahead; what is learnt is what the recorded order
    gives."""
    instances, labels = yeast_apart(N_ROWS)
    rows, truths, predictions = topic(), topic(), topic()
    settings = {"labels_topic": truths}
    first, second = (truths, rows) if order == "before" else (rows, truths)
    content = {rows: instances, truths: labels * (2 if order == "twice" else 1)}
    produce_rows(broker.bootstrap, first, content[first])
    if order == "before":
        service_for(broker.bootstrap, tmp_path, rows, predictions, settings=settings).run()
    produce_rows(broker.bootstrap, second, content[second])
    service = service_for(broker.bootstrap, tmp_path, rows, predictions, settings=settings)
    service.run()
    assert service.learner.counts.learnt == service.learner.counts.events == N_ROWS
    assert service.learner.room.counts.repeated == (N_ROWS if order == "twice" else 0)
    records = read_records(broker.bootstrap, [rows, truths])
    model, _ = learn_in_recorded_order(tmp_path / "learner.order", records, predictions, truths)
    assert model_bytes(tmp_path) == model
    assert service.learner.metrics.total.n_rows == N_ROWS
