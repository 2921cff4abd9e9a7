"""Which message comes next when several partitions have some."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka_helpers import PATIENCE, Running, create_topic, service_for

from stream import MultiLabelHoeffdingTree
from stream.data import open_source
from stream.evaluate import prequential
from stream.kafka import producing
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import CLIENTS, Record, TopicPartition, load_client
from stream.kafka.producing import produce
from stream.kafka.recovery.recorded_order import OrderFile, Run, read_order
from stream.kafka.time_order import SETTLE_SECONDS, IdleWait, TimeOrder

ROWS, LABELS = TopicPartition("rows", 0), TopicPartition("labels", 0)
NOW = 1_700_000_000_000
N_ROWS, DELAY = 600, 50


def records(*times, first=0):
    return [Record(first + n, b"", b"", time) for n, time in enumerate(times)]


def taken(pieces):
    return [(piece.partition.topic[0], each.offset) for piece in pieces for each in piece.records]


def order_of(rows, labels):
    order = TimeOrder([ROWS, LABELS])
    order.add(ROWS, records(*rows), 0.0, NOW)
    order.add(LABELS, records(*labels), 0.0, NOW)
    return order


def test_the_earliest_message_comes_next():
    """A backlog of instances is predicted whole before the first label is looked at."""
    order = order_of([1, 2, 5, 9], [3, 4, 6])
    assert taken(order.take()) == [("r", 0), ("r", 1), ("l", 0), ("l", 1), ("r", 2), ("l", 2)]
    # The next label may be earlier than the row at 9.
    assert order.take() == []
    assert order.n_held == 1
    assert taken(order.take(ended=[LABELS])) == [("r", 3)]


def test_equal_times_take_turns():
    """A millisecond, or a batch whose time the broker gave, has many messages: all of its rows come
    before its first label."""
    order = order_of([7] * 3, [7] * 3)
    got = taken(order.take(ended=[ROWS, LABELS]))
    assert got == [("r", 0), ("l", 0), ("r", 1), ("l", 1), ("r", 2), ("l", 2)]


def test_times_that_go_back_count_as_the_largest_so_far():
    """A message of yesterday after one of today would come before everything."""
    order = order_of([5, 1, 6], [2, 7])
    got = taken(order.take(ended=[ROWS, LABELS]))
    assert got == [("l", 0), ("r", 0), ("r", 1), ("r", 2), ("l", 1)]


@pytest.mark.parametrize("absurd", [0, NOW * 1000, NOW + 7_200_000])
def test_absurd_times_do_not_stop_the_others(absurd):
    """One message with microseconds for milliseconds comes last, and all after it."""
    order = TimeOrder([ROWS, LABELS])
    assert order.add(ROWS, records(1, absurd, 3), 0.0, NOW) == records(1, absurd)[1:]
    assert order.add(LABELS, records(2, 4), 0.0, NOW) == []
    pieces = order.take(ended=[ROWS, LABELS])
    assert taken(pieces) == [("r", 0), ("r", 1), ("l", 0), ("r", 2), ("l", 1)]
    assert [piece.untimed for piece in pieces] == [False, True, False, False, False]
    assert pieces[1].records[0].timestamp == -1


times = st.lists(st.integers(1, 30), max_size=12)


@given(st.lists(times, min_size=1, max_size=4), st.data())
def test_any_order_of_arrival_gives_the_same_order(columns, data):
    """What is taken depends on which partition was fetched first."""
    partitions = [TopicPartition("t", n) for n in range(len(columns))]
    whole = TimeOrder(partitions)
    for each, column in zip(partitions, columns, strict=True):
        whole.add(each, records(*column), 0.0, NOW)
    expected = [
        (piece.partition, each.offset)
        for piece in whole.take(ended=partitions)
        for each in piece.records
    ]
    pieces = [
        (each, number)
        for each, column in zip(partitions, columns, strict=True)
        for number in range(len(column))
    ]
    order, got, next_ = TimeOrder(partitions), [], dict.fromkeys(partitions, 0)
    for each, _ in data.draw(st.permutations(pieces)):
        number = next_[each]
        next_[each] += 1
        order.add(each, records(columns[each.number][number], first=number), 0.0, NOW)
        done = [p for p in partitions if next_[p] == len(columns[p.number])]
        got += order.take(ended=done)
    got += order.take(ended=partitions)
    assert [(piece.partition, each.offset) for piece in got for each in piece.records] == expected


@given(st.lists(st.lists(st.sampled_from([0, *range(1, 9)])), min_size=1, max_size=4))
def test_what_comes_together_is_taken_as_one_message_after_the_other(columns):
    """Messages that are taken at once although another partition has one that comes between."""
    partitions = [TopicPartition("t", n) for n in range(len(columns))]
    order = TimeOrder(partitions)
    for each, column in zip(partitions, columns, strict=True):
        order.add(each, records(*column), 0.0, NOW)
    got = [
        (piece.partition.number, each.offset, piece.untimed)
        for piece in order.take(ended=partitions)
        for each in piece.records
    ]
    at, turns, expected = [0] * len(columns), [0] * len(columns), []
    while any(place < len(column) for place, column in zip(at, columns, strict=True)):
        number = min(
            (n for n, column in enumerate(columns) if at[n] < len(column)),
            key=lambda n: (max(columns[n][: at[n] + 1]) or -1, turns[n], n),
        )
        expected.append((number, at[number], columns[number][at[number]] == 0))
        at[number] += 1
        turns[number] = len(expected)
    assert got == expected
    assert order.n_held == 0


def test_a_partition_that_is_not_at_its_end_is_waited_for_so_long():
    """A partition whose broker is slow is passed over at once, or stops all others for ever."""
    read, ends = {ROWS: 2, LABELS: 0}, {ROWS: 2, LABELS: 5}
    asked = []

    def ask(partitions):
        asked.append(list(partitions))
        return {each: ends[each] for each in partitions}

    wait = IdleWait(3.0, ask, lambda each, end: read[each] >= end)
    order = TimeOrder([ROWS, LABELS])
    order.add(ROWS, records(1, 2), 10.0, NOW)
    assert wait.take(order, 10.0, None) == []
    assert asked == []
    assert wait.take(order, 10.0 + SETTLE_SECONDS, None) == []
    assert asked == [[LABELS]]
    assert wait.take(order, 12.9, None) == []
    assert not wait.gave_up
    assert len(asked) == 1  # the answer is known
    assert taken(wait.take(order, 13.1, None)) == [("r", 0), ("r", 1)]
    assert wait.gave_up == [LABELS]


def test_at_the_ends_whatever_comes_is_taken():
    """A live stream waits for labels that nobody has written yet."""
    wait = IdleWait(3.0, lambda each: dict.fromkeys(each, 0), lambda each, end: end == 0)
    order = TimeOrder([ROWS, LABELS])
    order.add(ROWS, records(1), 10.0, NOW)
    order.add(ROWS, records(2, first=1), 10.1, NOW)
    # The second one came later than the question could have been answered for.
    assert taken(wait.take(order, 10.1 + SETTLE_SECONDS / 2, None)) == [("r", 0)]


def test_refused_times_are_recorded(tmp_path):
    """A replay on another day finds that the same timestamp is possible, and learns otherwise."""
    file = OrderFile(tmp_path / "order")
    runs = [Run(ROWS, 0, 4), Run(ROWS, 4, 5, True), Run(ROWS, 5, 6)]
    file.append(runs)
    file.close()
    assert list(read_order(tmp_path / "order")) == runs


class Written:
    """A sink that returns when what it was given is written."""

    def __init__(self, sink):
        self._sink = sink

    def send(self, messages):
        self._sink.send(messages)
        self._sink.flush()

    def __getattr__(self, name):
        return getattr(self._sink, name)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("first", ["produce", "consume"])
def test_a_backlog_learns_what_a_live_run_learns(
    broker, tmp_path, monkeypatch, client, partitions, first
):
    """Produced before it is consumed: all rows are predicted before one is learnt, micro-F1 0.07
    instead of 0.6."""
    names = [create_topic(broker.bootstrap, partitions) for _ in range(3)]
    connection = Connection(broker.bootstrap, deadline=PATIENCE)

    def write() -> None:
        library = load_client("kafka-python")
        source, sink = library.source(connection, "p"), library.sink(connection, "p")
        if first == "consume":
            # A live learner takes what is there: rows may be there so many messages before labels
            # that belong between them, however slow the machine.
            monkeypatch.setattr(producing, "BURST", 20)
            sink = Written(sink)
        produce(
            open_source("yeast"),
            source,
            sink,
            names[0],
            labels_topic=names[1],
            label_delay=DELAY,
            limit=N_ROWS,
        )
        source.close()
        sink.close()

    if first == "produce":
        write()
    service = service_for(
        broker.bootstrap,
        tmp_path,
        names[0],
        names[2],
        client=client,
        settings={"labels_topic": names[1], "until_end": False, "max_messages": 2 * N_ROWS},
    )
    with Running(service) as running:
        if first == "consume":
            running.until(lambda: service.learner is not None)
            threading.Thread(target=write, daemon=True).start()
        running.join()
    assert service.learner.counts.learnt == N_ROWS
    expected = prequential(
        open_source("yeast"), MultiLabelHoeffdingTree(seed=1), delay=DELAY, limit=N_ROWS
    )
    got = service.learner.metrics.total.as_dict()["micro_f1"]
    assert got == pytest.approx(expected.metrics["micro_f1"], abs=0.02)
