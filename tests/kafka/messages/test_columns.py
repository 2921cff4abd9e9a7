"""Messages that are read at once are the rows that they are one by one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka_helpers import learner_without_kafka

from stream import MultiLabelHoeffdingTree
from stream.kafka.answers import Answers
from stream.kafka.clients.interface import Record, TopicPartition
from stream.kafka.errors import BadMessageError
from stream.kafka.messages.decoding import FieldDecoder, Row
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.instances import Instances
from stream.kafka.messages.predictions import PredictionWriter
from stream.kafka.model_drivers import model_state
from stream.snapshot import dumps

ROWS = TopicPartition("rows", 0)
NAMES = st.sampled_from(["a", "b", "c", "d=e", "a.b"])
NUMBERS = st.one_of(st.floats(-9, 9), st.integers(-3, 3), st.sampled_from([-0.0, 10**40, 0]))
VALUES = st.one_of(NUMBERS, NUMBERS, st.none(), st.booleans(), st.sampled_from(["on", "off", ""]))
LABELS = st.sampled_from(["sun", "rain", "fog", "wind"])
TRUTHS = st.one_of(
    st.lists(LABELS, max_size=4),  # may name one twice
    st.dictionaries(LABELS, st.sampled_from([True, False, None, 0, 1])),
    st.none(),
    LABELS,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"x": st.one_of(st.dictionaries(NAMES, NUMBERS), st.dictionaries(NAMES, VALUES))},
        optional={"y": TRUTHS, "id": st.integers(0, 9)},
    ),
    max_size=30,
)
MAPPINGS = [
    {},
    {"key": "id"},
    {"labels": "x.y"},
    {"features": "", "ignore": ("id",)},
    {"target": "id"},
    {"ignore": ("x.a",)},
]


def records(messages):
    return [Record(at, b"k", json.dumps(each).encode(), 5) for at, each in enumerate(messages)]


@given(MESSAGES, st.sampled_from(MAPPINGS))
def test_columns_are_the_rows(messages, mapping):
    """A value that is checked in one way and not in the other."""
    decoder = FieldDecoder(FieldMapping(**mapping))
    found = decoder.columns(records(messages))
    try:
        expected = [decoder.rows(each) for each in records(messages)]
    except BadMessageError:
        assert found is None
        return
    assert found is not None
    rows = [list(each) for each in zip(*found, strict=True)]
    assert repr(rows) == repr([list(row) for (row,) in expected])


@pytest.mark.parametrize(
    "rest",
    [b',"z":"\xff"', b',"\xff":1', b',"z":1e999', b',"z":[1,2', b',"x":{"b":1},"y":["s","s"]', b""],
)
def test_fields_that_nobody_asks_for_are_looked_at(rest):
    """A message that is a bad one where it comes alone, and not where it comes with others."""
    given_records = [
        Record(0, b"k", b'{"x":{"a":1.5}}', 5),
        Record(1, b"k", b'{"x":{"a":-0.0,"c":3},"y":["s","t"]%b}' % rest, 5),
    ]
    decoder = FieldDecoder(FieldMapping())
    found = decoder.columns(given_records)
    try:
        expected = [row for each in given_records for row in decoder.rows(each)]
    except BadMessageError:
        assert found is None
        return
    assert found is not None
    assert repr(list(zip(*found, strict=True))) == repr(list(map(tuple, expected)))


@settings(deadline=None, max_examples=40)
@given(MESSAGES, st.integers(1, 9), st.sampled_from(MAPPINGS[:1] + MAPPINGS[3:4]))
def test_a_learner_learns_the_same_at_once_and_one_by_one(messages, n_at_once, mapping):
    """Columns, or what a prediction tells, that depend on how messages were grouped."""
    one = learner_without_kafka(
        MultiLabelHoeffdingTree(seed=1), "p", mapping=FieldMapping(**mapping), dead_letters="dead"
    )
    many = learner_without_kafka(
        MultiLabelHoeffdingTree(seed=1), "p", mapping=FieldMapping(**mapping), dead_letters="dead"
    )
    given_records, written = records(messages), []
    one.decoder.columns = lambda records: None
    expected = [each for record in given_records for each in one.take([(ROWS, [record])])]
    for start in range(0, len(given_records), n_at_once):
        written += many.take([(ROWS, given_records[start : start + n_at_once])])
    letters = [[each for each in some if each.headers] for some in (written, expected)]
    assert letters[0] == letters[1]
    predictions = [[each for each in some if not each.headers] for some in (written, expected)]
    assert predictions[0] == predictions[1]
    assert dumps(model_state(many.driver.model)) == dumps(model_state(one.driver.model))
    states = [each.get_state() for each in (one, many)]
    assert states[0]["counts"] == states[1]["counts"]
    assert states[0]["encoder"] == states[1]["encoder"]


def test_names_that_json_cannot_have_as_keys():
    """True as the name of a label, which an object of JSON cannot have as a key."""
    instances = Instances()
    instances.add_message(ROWS, Record(0, b"\xff", b"", 5), [Row(b"\xff", {}, None)])
    names = [True, None, ("a", 1), "sun", 7]
    answers = Answers(
        np.array([0, 5]), np.arange(5, dtype=np.int32), np.ones(5, np.uint8), np.arange(5) / 8
    )
    (message,) = PredictionWriter("p", 1).messages(
        instances, answers, names, known=5, versions=[3], first_event=9
    )
    told = json.loads(message.value)
    assert told["probabilities"] == {
        "true": 0.0, "null": 0.125, "('a', 1)": 0.25, "sun": 0.375, "7": 0.5
    }  # fmt: skip
    assert told["key"] == {"base64": "/w=="}
    assert (told["model_version"], told["event"]) == (3, 9)


@pytest.mark.parametrize("offset", [0, 7])
def test_keys_of_predictions_are_places(offset):
    """Two rows of a message whose predictions have one key."""
    learner = learner_without_kafka(
        MultiLabelHoeffdingTree(seed=1), "p", mapping=FieldMapping(rows="rows")
    )
    value = json.dumps({"rows": [{"x": {"a": 1}}, {"x": {"a": 2}}]}).encode()
    written = learner.take([(ROWS, [Record(offset, b"k", value, 5)])])
    assert [each.key for each in written] == [b"rows/0@%d" % offset, b"rows/0@%d.1" % offset]
