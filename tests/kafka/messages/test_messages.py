"""Messages as rows: every form of a mapping, and everything that is not one."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka_helpers import (
    model_bytes,
    produce_rows,
    read_all,
    service_for,
    yeast_apart,
    yeast_messages,
)

from stream import MultiLabelHoeffdingTree
from stream.data import open_source
from stream.errors import DataError, NotAvailableError, ParameterError
from stream.evaluate import prequential
from stream.kafka.clients.connection import Secret, read_options
from stream.kafka.clients.interface import Record
from stream.kafka.errors import BadMessageError
from stream.kafka.messages.decoding import FieldDecoder, Row
from stream.kafka.messages.field_mapping import FieldMapping, read_mapping
from stream.rows.truth import Truth
from stream.snapshot import SnapshotStore


def rows(value, message_key=b"k", **mapping):
    content = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return FieldDecoder(FieldMapping(**mapping)).rows(Record(0, message_key, content, 0))


def test_the_form_that_produce_writes():
    assert rows({"x": {"a": 1.5, "b": None}, "y": {"sun": True, "rain": False, "fog": None}}) == [
        Row(
            b"k",
            {"a": 1.5, "b": pytest.approx(math.nan, nan_ok=True)},
            Truth(("sun",), ("rain",), False),
        )
    ]


@pytest.mark.parametrize(
    ("value", "mapping", "x", "y"),
    [
        ({"x": [1, 2.5]}, {}, {"0": 1, "1": 2.5}, None),
        ({"x": [1, 2]}, {"feature_names": ("heat", "noise")}, {"heat": 1, "noise": 2}, None),
        ({"x": {"a": {"b": 1}, "c": [2, "on"], "d": True}}, {},
         {"a.b": 1, "c.0": 2, "c.1=on": 1, "d": 1}, None),
        ({"in": {"x": {"a": 1}}, "out": {"y": ["s"]}}, {"features": "in.x", "labels": "out.y"},
         {"a": 1}, Truth(("s",), (), True)),
        ({"a": 1, "meta": {"id": 3, "v": 2}, "tags": []},
         {"features": "", "labels": "tags", "ignore": ("meta.id",)},
         {"a": 1, "meta.v": 2}, Truth((), (), True)),
        ({"x": {}, "y": [0, 1, None]}, {"label_names": ("s", "r", "f")}, {},
         Truth(("r",), ("s",), False)),
        ({"x": {}, "y": None}, {}, {}, None),
        ({"x": {}, "class": "up"}, {"target": "class"}, {}, Truth(("up",), (), True)),
        ({"x": {}, "class": 3}, {"target": "class"}, {}, Truth((3,), (), True)),
        ({"x": {}}, {"target": "class"}, {}, None),
    ],
)  # fmt: skip
def test_forms_of_a_mapping(value, mapping, x, y):
    assert rows(value, **mapping) == [Row(b"k", x, y)]


ENVELOPE = {"payload": {"after": {"amount": 3.5, "fraud": "yes", "id": 7, "at": 1_700}}}
INSIDE = {"features": "payload.after", "target": "payload.after.fraud"}


@pytest.mark.parametrize("as_it_came", [False, True])
@pytest.mark.parametrize(
    ("value", "mapping", "names"),
    [
        (ENVELOPE, INSIDE, {"amount", "id", "at"}),
        (ENVELOPE, INSIDE | {"ignore": ("payload.after.id", "at")}, {"amount"}),
        (ENVELOPE, INSIDE | {"key": "payload.after.id"}, {"amount", "at"}),
        ({"f": {"a": 1.5, "y": {"u": True}}}, {"features": "f", "labels": "f.y"}, {"a"}),
        ({"f": {"a": 1.5, "y": ["u"]}}, {"features": "f", "labels": "f.y"}, {"a"}),
        ({"f": {"a": 1.5, "in": {"y": "u"}}}, {"features": "f", "target": "f.in.y"}, {"a"}),
        ({"a": 1.5, "y": "u", "id": 3}, {"features": "", "target": "y", "key": "id"}, {"a"}),
        ({"a": 1, "m": {"y": ["u"]}}, {"features": "", "labels": "m.y"}, {"a"}),
    ],
)
def test_nothing_that_the_mapping_names_is_a_feature(value, mapping, names, as_it_came):
    """The class lies inside of the features' object, and a model of noise is right 98 times of
    100."""
    content = json.dumps(value).encode()
    decoder = FieldDecoder(FieldMapping(**mapping))
    (row,) = decoder.rows(Record(0, b"k", content, 0), as_it_came=as_it_came)
    found = {name for name, inner in row.x.items() if inner != {}}
    assert found == names
    assert row.y.present


def test_a_row_as_it_came_keeps_texts_and_objects():
    value = {"x": {"text": "sun and rain", "at": {"lat": 1, "y": None}, "n": 2}, "y": ["u"]}
    decoder = FieldDecoder(FieldMapping(ignore=("at.y",)))
    (row,) = decoder.rows(Record(0, b"k", json.dumps(value).encode(), 0), as_it_came=True)
    assert row.x == {"text": "sun and rain", "at": {"lat": 1}, "n": 2}


TEXT = {"text": ("title",)}


def test_words_of_a_text_are_features():
    value = {"x": {"title": "Crème, crème brûlée", "n": 2}}
    assert rows(value, **TEXT)[0].x == {"n": 2, "title:creme": 2, "title:brulee": 1}
    assert rows(value, text=("x.title",))[0].x == {"n": 2, "x.title:creme": 2, "x.title:brulee": 1}
    hashed = rows(value, **TEXT, text_columns=1)[0].x
    assert hashed == {"n": 2, "title#0": 3}
    assert rows({"x": {"n": 2, "title": None}}, **TEXT)[0].x == {"n": 2}
    assert rows({"x": {"n": 2}}, **TEXT)[0].x == {"n": 2}


@pytest.mark.parametrize("x", [{"title": 3}, {"title": ["a"]}, {"title": "ab", "title:ab": 1}])
def test_what_is_no_text(x):
    with pytest.raises(BadMessageError, match="title"):
        rows({"x": x}, **TEXT)


def test_models_that_take_rows_as_they_came_get_texts():
    record = Record(0, b"k", b'{"x": {"title": "a b", "at": 5}, "y": []}', 0)
    decoder = FieldDecoder(FieldMapping(**TEXT, timestamp="x.at"))
    assert decoder.rows(record, as_it_came=True)[0].x == {"title": "a b"}


@pytest.mark.parametrize(
    ("at", "milliseconds"),
    [
        (1_700_000_000_123, 1_700_000_000_123),
        (1_700_000_000_123.9, 1_700_000_000_123),
        ("2023-11-14T22:13:20.123Z", 1_700_000_000_123),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000_000),
        ("2023-11-14 22:13:20", 1_700_000_000_000),
        ("noon", 0), (None, 0), (True, 0), ([1], 0), (-5, 0), ("0001-01-01", 0),
    ],
)  # fmt: skip
def test_the_time_in_a_message(at, milliseconds):
    """Times that cannot be told are 0, which is reported and stops nobody."""
    decoder = FieldDecoder(FieldMapping(timestamp="meta.at"))
    value = json.dumps({"meta": {"at": at}, "x": {"a": 1}}).encode()
    assert decoder.time_of(Record(0, b"k", value, 7)) == milliseconds
    for broken in (None, b"{", b"[]", b"{}"):
        assert decoder.time_of(Record(0, b"k", broken, 7)) == 0


def test_the_time_in_a_message_decides_the_order(broker, topic, tmp_path):
    """Labels that were written after all rows, and are older than most of them, come too late; a
    replay goes by Kafka's times and learns something else."""
    instances, labels = yeast_apart(120)
    names, delay = [topic() for _ in range(3)], 10

    def at(value, time):
        return json.dumps(json.loads(value) | {"at": 1_700_000_000_000 + 10 * time}).encode()

    produce_rows(
        broker.bootstrap,
        names[0],
        [(key, at(value, n)) for n, (key, value) in enumerate(instances)],
    )
    produce_rows(
        broker.bootstrap,
        names[1],
        [(key, at(value, n + delay + 0.5)) for n, (key, value) in enumerate(labels)],
    )
    for limit in (75, None):  # the second goes on in a recorded order
        service = service_for(
            broker.bootstrap,
            tmp_path,
            names[0],
            names[2],
            mapping=FieldMapping(timestamp="at"),
            settings={"labels_topic": names[1], "max_messages": limit, "snapshot_seconds": 1e6},
        )
        service.run()
    expected = prequential(
        open_source("yeast"), MultiLabelHoeffdingTree(seed=1), delay=delay, limit=120
    ).metrics
    found = service.learner.metrics.total.as_dict()
    assert found == {name: expected[name] for name in found}
    assert service.fetch_seconds > 0


def test_several_rows_with_keys_of_their_own():
    message = {"rows": [{"id": 7, "x": {"a": 1}}, {"id": "é", "x": {"a": 2}}]}
    found = rows(message, rows="rows", key="id")
    assert [(row.key, row.x) for row in found] == [(b"7", {"a": 1}), ("é".encode(), {"a": 2})]


POISON = {
    "tombstone": None,
    "not UTF-8": b'{"x": {"a\xff": 1}}',
    "not JSON": b"{",
    "empty": b"",
    "NaN": b'{"x": {"a": NaN}}',
    "infinite": b'{"x": {"a": 1e999}}',
    "a huge integer": b'{"x": {"a": 1' + b"0" * 400 + b"}}",
    "no object": b"[1, 2]",
    "no features": b'{"y": {}}',
    "features of a wrong type": b'{"x": 3}',
    "labels of a wrong type": b'{"x": {}, "y": 3}',
    "a label of a wrong type": b'{"x": {}, "y": {"s": "yes"}}',
    "a label of 2": b'{"x": {}, "y": {"s": 2}}',
    "a nameless label": b'{"x": {}, "y": [1]}',
    "too many labels": json.dumps({"x": {}, "y": [f"l{i}" for i in range(1_000_000)]}).encode(),
    "too many features": json.dumps({"x": {f"f{i}": i for i in range(100_001)}}).encode(),
    "too deep": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "two of one name": b'{"x": {"a": {"b": 1}, "a.b": 2}}',
}


@pytest.mark.parametrize("name", POISON)
def test_what_is_no_row(name):
    with pytest.raises(BadMessageError):
        rows(POISON[name])


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["x", "y", "a", "b.c"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_anything_is_rows_or_a_bad_message(value):
    """A message that makes the learner fall over instead of being refused."""
    try:
        found = rows(value)
    except BadMessageError:
        return
    assert all(math.isfinite(v) or math.isnan(v) for row in found for v in row.x.values())


def test_a_bad_row_takes_its_whole_message_with_it():
    with pytest.raises(BadMessageError, match="must be an object or an array, got a text"):
        rows({"rows": [{"x": {"a": 1}}, {"x": "no"}]}, rows="rows")
    with pytest.raises(BadMessageError, match="may have 1 rows, got 2"):
        rows({"rows": [{"x": {}}, {"x": {}}]}, rows="rows", max_rows=1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("featurs = 'x'", "Got 'featurs' instead"),
        ("label_names = ['a', 'a']", "must not repeat a name"),
        ("label_names = 'a'", "must be a list of names"),
        ("max_rows = 0", "must be an integer of 1 or more"),
        ("labels_in_parts = true", "must list all labels in label_names"),
        ("features = ", "must be a TOML file"),
    ],
)
def test_mappings_that_cannot_be_used(tmp_path, text, reason):
    path = tmp_path / "fields.toml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=reason):
        read_mapping(path)


def test_secrets_come_from_the_environment_or_a_file(tmp_path, monkeypatch):
    """A password that shows in an error, or a reference that is taken for the password."""
    monkeypatch.setenv("KAFKA_PASSWORD", "xyzzy")
    (tmp_path / "key").write_text("plugh\n")
    path = tmp_path / "kafka.toml"
    path.write_text('sasl.password = {env = "KAFKA_PASSWORD"}\nssl.key.password = {file = "key"}\n')
    options = read_options(path)
    assert {name: value.reveal() for name, value in options.items()} == {
        "sasl.password": "xyzzy",
        "ssl.key.password": "plugh",
    }
    assert all(isinstance(value, Secret) for value in options.values())
    assert "xyzzy" not in f"{options} {options['sasl.password']}"
    monkeypatch.delenv("KAFKA_PASSWORD")
    with pytest.raises(NotAvailableError, match="'KAFKA_PASSWORD', which is not set"):
        read_options(path)
    path.write_text('sasl.password = "xyzzy')
    with pytest.raises(ParameterError) as caught:
        read_options(path)
    assert "xyzzy" not in str(caught.value)


N_ROWS = 150


def test_bad_messages_leave_the_model_as_it_would_be_without_them(broker, topic, tmp_path):
    """A message that was refused and yet has changed a name, a count or an array; dead letters
    that are not what came."""
    good = yeast_messages(N_ROWS)
    mixed = list(good)
    for place, value in enumerate(POISON.values()):
        mixed.insert(place * 7, (b"bad%d" % place, value))
    names = {}
    for name, messages in (("clean", good), ("mixed", mixed)):
        source, predictions, dead = topic(), topic(), topic()
        produce_rows(broker.bootstrap, source, messages)
        service_for(
            broker.bootstrap,
            tmp_path / name,
            source,
            predictions,
            dead_letters_topic=dead,
            max_dead_share=0.5,
            settings={"batch_messages": 13},
        ).run()
        names[name] = predictions, dead
    assert model_bytes(tmp_path / "mixed") == model_bytes(tmp_path / "clean")
    letters = read_all(broker.bootstrap, names["mixed"][1])
    assert [value for *_, value in letters] == list(POISON.values())
    assert read_all(broker.bootstrap, names["clean"][1]) == []

    def said(name):
        found = [msgspec.json.decode(v) for *_, v in read_all(broker.bootstrap, names[name][0])]
        return [{k: v for k, v in each.items() if k != "source"} for each in found]

    assert said("mixed") == said("clean")


def test_the_first_bad_message_ends_the_learner_where_it_is(broker, topic, tmp_path):
    """A bad message that is skipped in silence, or that undoes what was learnt before it."""
    good, source, predictions, dead = yeast_messages(60), topic(), topic(), topic()
    produce_rows(broker.bootstrap, source, [*good[:40], (b"k", b"{"), *good[40:]])
    options = {"settings": {"batch_messages": 20}}
    with pytest.raises(BadMessageError, match=rf"{source}/0@40: the message cannot be decoded"):
        service_for(broker.bootstrap, tmp_path, source, predictions, **options).run()
    state = SnapshotStore(tmp_path, "learner").read_newest().value
    assert state["offsets"] == [[source, 0, 40]]
    service = service_for(
        broker.bootstrap, tmp_path, source, predictions, dead_letters_topic=dead, **options
    )
    service.run()
    assert service.learner.counts.learnt == 60
    assert len(read_all(broker.bootstrap, predictions)) == 60


def test_too_many_bad_messages_end_the_learner(broker, topic, tmp_path):
    source, predictions, dead = topic(), topic(), topic()
    produce_rows(broker.bootstrap, source, [*yeast_messages(150), *[(b"k", b"{")] * 3])
    with pytest.raises(DataError, match=r"3 of 153 messages could not be used.* 0.01 at most"):
        service_for(broker.bootstrap, tmp_path, source, predictions, dead_letters_topic=dead).run()
