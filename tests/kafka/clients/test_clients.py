"""Both clients keep the promises of the interface, against a real broker and a mock one."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
import uuid
from pathlib import Path

import pytest
from kafka_helpers import PATIENCE

from stream.errors import NotAvailableError
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import CLIENTS, Message, TopicPartition, load_client
from stream.kafka.errors import BrokerUnavailableError, FencedError, KafkaError, OffsetError


@pytest.fixture(params=sorted(CLIENTS))
def client(request):
    return load_client(request.param)


def read(source, n, seconds=PATIENCE):
    """``n`` records, as (partition, offset, key, value)."""
    found, deadline = [], time.monotonic() + seconds
    while len(found) < n:
        assert time.monotonic() < deadline, f"{len(found)} of {n} records came"
        for where, records in source.poll(0.5, 100):
            found += [(where.number, each.offset, each.key, each.value) for each in records]
    return found


def write(client, connection, topic, values, partition=0):
    sink = client.sink(connection, "group")
    sink.send([Message(topic, partition, b"k", value) for value in values])
    sink.flush()
    sink.close()


def check_round_trip(client, connection, topic, n_partitions):
    """Messages come back as bytes, from the offset that was asked for, however few a poll takes;
    a tombstone and a missing key stay None."""
    sink = client.sink(connection, "group")
    values = [b"\xff\x00", None, b"{}"]
    sink.send([Message(topic, 1, b"k", v, (("h", b"1"),)) for v in values])
    sink.send([Message(topic, 0, None, b"other")])
    sink.flush()
    sink.close()
    source = client.source(connection, "group")
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)
    assert source.partitions(topic) == list(range(n_partitions))
    assert source.offsets([zero, one]) == {zero: (0, 1), one: (0, 3)}
    assert source.committed([zero, one]) == {}
    source.assign({one: 1, zero: 0})
    polled = source.poll(PATIENCE, 1)
    assert sum(len(records) for _, records in polled) == 1
    rest = read(source, 2)
    first = [(w.number, r.offset, r.key, r.value) for w, some in polled for r in some]
    assert sorted(first + rest) == [
        (0, 0, None, b"other"),
        (1, 1, b"k", None),
        (1, 2, b"k", b"{}"),
    ]
    assert [source.position(each) for each in (zero, one)] == [1, 3]
    source.commit({one: 3})
    assert source.committed([zero, one]) == {one: 3}
    source.close()


def test_round_trip_with_a_real_broker(client, broker, topic):
    check_round_trip(client, Connection(broker.bootstrap, deadline=PATIENCE), topic(2), 2)


def test_a_topic_that_is_not_there_has_no_partitions(client, broker):
    """A client that makes topics by itself hides a misspelt name."""
    source = client.source(Connection(broker.bootstrap), "group")
    for _ in range(2):
        assert source.partitions("no-such-topic") == []
    source.close()


def test_round_trip_with_a_mock_broker(client, mock_broker):
    check_round_trip(client, Connection(mock_broker.bootstrap), mock_broker.topic(), 4)


def test_waiting_for_what_was_handed_over_does_not_wait_for_more(client, broker, topic):
    """A snapshot that is written before the predictions it covers loses them in a crash."""
    name, connection = topic(2), Connection(broker.bootstrap, deadline=PATIENCE)
    sink = client.sink(connection, "group")
    ended, errors = threading.Event(), []

    def wait(number):
        try:
            sink.wait_written(number)
        except BaseException as error:  # told below
            errors.append(error)
        ended.set()

    for round_ in range(5):
        sink.send([Message(name, i % 2, b"k", b"v") for i in range(1_000)])
        ended.clear()
        waiting = threading.Thread(target=wait, args=(sink.handed_over(),))
        waiting.start()
        more = 0
        while not ended.is_set() and more < 200:
            sink.send([Message(name, 0, b"k", b"more")])
            more += 1
        waiting.join(PATIENCE)
        assert ended.is_set()
        assert not errors
        source = client.source(connection, "group")
        held = source.offsets([TopicPartition(name, 0), TopicPartition(name, 1)])
        source.close()
        assert held[TopicPartition(name, 1)].end == 500 * (round_ + 1)
        assert held[TopicPartition(name, 0)].end >= 500 * (round_ + 1)
        sink.flush()
    sink.close()


def test_only_committed_transactions_are_seen(client, broker, topic):
    """A reader that sees what was aborted learns rows that never were; the position that stays
    before the marks of transactions never reaches the end."""
    name, connection = topic(), Connection(broker.bootstrap, deadline=PATIENCE)
    group = uuid.uuid4().hex
    where = TopicPartition(name, 0)
    sink = client.sink(connection, group, group)
    sink.fence()
    for text, keep in (("a", True), ("b", False), ("c", True)):
        sink.begin()
        sink.send([Message(name, 0, b"k", text.encode())] * 2)
        if keep:
            sink.commit({where: 1})
        else:
            sink.abort()
    sink.close()
    source = client.source(connection, group)
    source.assign({where: 0})
    assert [value for *_, value in read(source, 4)] == [b"a", b"a", b"c", b"c"]
    assert source.committed([where]) == {where: 1}
    end = source.offsets([where])[where].end
    deadline = time.monotonic() + PATIENCE
    while source.position(where) < end:
        assert time.monotonic() < deadline, "the position never reached the end"
        assert source.poll(0.2, 10) == []
    source.close()


def threads():
    """How many threads of clients there are."""
    found = 0
    for each in Path("/proc/self/task").iterdir():
        # A thread may end between being listed and being read.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += (each / "comm").read_text().startswith(("rdk:", "kafka"))
    return found


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are not told here")
@pytest.mark.parametrize("transactions", [False, True])
def test_nothing_of_a_sink_goes_on_once_it_is_closed(client, broker, topic, transactions):
    """Threads that try to reach a broker, and complain on standard error, until the garbage is
    collected."""
    gc.collect()
    before, name, identity = threads(), topic(), uuid.uuid4().hex
    sink = client.sink(
        Connection(broker.bootstrap, deadline=PATIENCE),
        identity,
        identity if transactions else None,
    )
    if transactions:
        sink.fence()
        sink.begin()
    sink.send([Message(name, 0, b"k", b"v")])
    sink.close()
    deadline = time.monotonic() + PATIENCE
    while threads() > before:
        assert time.monotonic() < deadline, "threads are left"
        time.sleep(0.05)


def test_a_later_sink_of_the_same_name_fences_the_earlier_one(client, broker, topic):
    """Two learners of one name write every prediction twice."""
    name, connection, identity = (
        topic(),
        Connection(broker.bootstrap, deadline=PATIENCE),
        uuid.uuid4().hex,
    )
    message = Message(name, 0, b"k", b"v")
    first = client.sink(connection, identity, identity)
    first.fence()
    first.begin()
    first.send([message])
    second = client.sink(connection, identity, identity)
    second.fence()
    with pytest.raises(FencedError, match="Another learner of the same name"):
        first.commit({TopicPartition(name, 0): 1})
    second.begin()
    second.send([message])
    second.commit({TopicPartition(name, 0): 1})
    source = client.source(connection, identity)
    source.assign({TopicPartition(name, 0): 0})
    assert len(read(source, 1)) == 1
    assert source.poll(0.5, 10) == []
    for each in (first, second, source):
        each.close()


def test_an_offset_that_is_not_there_is_an_error(client, broker, topic):
    """A client that starts elsewhere by itself drops messages without a word."""
    name, connection = topic(), Connection(broker.bootstrap, deadline=PATIENCE)
    write(client, connection, name, [b"v"])
    source = client.source(connection, "group")
    source.assign({TopicPartition(name, 0): 1_000})
    with pytest.raises(OffsetError):
        read(source, 1)
    source.close()


def test_a_broker_that_is_not_there_is_told(client):
    """An unreachable broker hangs the learner or shows a traceback of the client."""
    with pytest.raises(BrokerUnavailableError):
        client.source(Connection("127.0.0.1:9", deadline=2), "group").offsets(
            [TopicPartition("topic", 0)]
        )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("_DESTROY_BROKER", BrokerUnavailableError),  # a connection given up, while asking over it
        ("_WAIT_COORD", BrokerUnavailableError),
        ("COORDINATOR_LOAD_IN_PROGRESS", BrokerUnavailableError),  # a broker that has just started
        ("NOT_COORDINATOR", BrokerUnavailableError),
        ("REQUEST_TIMED_OUT", BrokerUnavailableError),
        ("UNKNOWN_TOPIC_OR_PART", BrokerUnavailableError),
        ("OFFSET_OUT_OF_RANGE", OffsetError),
        ("_FENCED", FencedError),
        ("TOPIC_AUTHORIZATION_FAILED", KafkaError),
        ("MSG_SIZE_TOO_LARGE", KafkaError),
    ],
)
def test_what_passes_is_told_from_what_stays(code, expected, monkeypatch):
    """A broker that restarts ends the learner, or one that will never agree is waited for."""
    library = pytest.importorskip("confluent_kafka")
    source = load_client("confluent").source(Connection("127.0.0.1:9", deadline=2), "group")
    error = library.KafkaError(getattr(library.KafkaError, code))

    class Refusing:
        def get_watermark_offsets(self, *_, **__):
            raise library.KafkaException(error)

    handle = source._handle
    monkeypatch.setattr(source, "_handle", Refusing())
    with pytest.raises(KafkaError) as told:
        source.offsets([TopicPartition("topic", 0)])
    assert type(told.value) is expected
    handle.close()


def test_unknown_clients_are_refused():
    with pytest.raises(NotAvailableError, match=r"one of kafka-python, confluent\. Got 'x'"):
        load_client("x")


@pytest.mark.parametrize("right", [True, False])
def test_passwords_open_the_door_and_stay_out_of_logs(client, broker, topic, caplog, capfd, right):
    """A password in a log file is read by everyone who reads logs."""
    from real_kafka import SASL_PASSWORD, SASL_USER

    from stream.kafka.clients.connection import Secret

    name = topic()
    secret = SASL_PASSWORD if right else "wrong-" + SASL_PASSWORD
    options = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": SASL_USER,
        "sasl.password": Secret(secret),
    }
    connection = Connection(broker.sasl_bootstrap, options, deadline=PATIENCE if right else 5)
    caplog.set_level("DEBUG")
    told = ""
    if right:
        write(client, connection, name, [b"v"])
        source = client.source(connection, "group")
        assert source.offsets([TopicPartition(name, 0)])[TopicPartition(name, 0)].end == 1
        source.close()
    else:
        with pytest.raises(KafkaError) as caught:
            client.source(connection, "group").offsets([TopicPartition(name, 0)])
        told = str(caught.value)
    written = told + repr(connection) + caplog.text + "".join(capfd.readouterr())
    assert secret not in written
