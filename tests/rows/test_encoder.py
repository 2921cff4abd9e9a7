"""Rows by name as batches: what is numbered, what is unknown, and what it costs."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from data_helpers import read, same
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import MultiLabelHoeffdingTree
from stream.cli.program import main
from stream.data import CsvSource, JsonLinesSource, PairSource
from stream.errors import DataError
from stream.kafka.producing import _encode
from stream.rows.builder import LabelGrowth
from stream.rows.encoder import RowEncoder
from stream.rows.truth import Truth, truth_of_row
from stream.snapshot import dumps

LABELS = ["p", "q", "r", "s", "t"]
truths = st.dictionaries(st.sampled_from(LABELS), st.booleans() | st.none()) | st.sets(
    st.sampled_from(LABELS)
)
rows_of_pairs = st.lists(
    st.tuples(st.dictionaries(st.sampled_from("abc"), st.floats(-5, 5)), truths | st.none()),
    min_size=1,
    max_size=12,
)


@given(rows_of_pairs, st.integers(1, 13))
@settings(max_examples=80, deadline=None)
def test_what_a_model_notes_does_not_depend_on_the_chunks(pairs, chunk_rows):
    """A label that a later row of the chunk names, counted as known from the first on."""
    expected = MultiLabelHoeffdingTree(seed=1)
    for x, y in pairs:
        expected.learn_one(x, y)
    source = PairSource(pairs, task="multi-label")
    for _ in range(2):  # in the second pass the schema has all labels from the start
        model = MultiLabelHoeffdingTree(seed=1)
        for batch in source.batches(chunk_rows):
            model.learn_batch(batch, source.schema)
        assert dumps(model) == dumps(expected)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=8),
    st.integers(0, 30),
    st.integers(0, 10),
)
def test_labels_known_by_each_row(notes, start, n_rows):
    growth = LabelGrowth(2)
    for row, n_labels in sorted(notes):
        growth.note(row, n_labels)
    expected = [growth.by(row) for row in range(start, start + n_rows)]
    assert growth.by_rows(start, start + n_rows).tolist() == expected


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_missing_text_is_one_entry(tmp_path, kind):
    """A missing cell that was NaN in each of the categories seen so far: quadratic."""
    rng = random.Random(1)
    notes = [None if rng.random() < 0.3 else f"note {i}" for i in range(2_000)]
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        path.write_text("note,l\n" + "".join(f"{note or ''},1\n" for note in notes))
        source = CsvSource(path, labels=["l"])
    else:
        path.write_text("".join(json.dumps({"note": note, "l": ["u"]}) + "\n" for note in notes))
        source = JsonLinesSource(path, labels="l")
    batch = read(source)
    assert np.diff(batch.x_indptr).tolist() == [1] * len(notes)
    assert np.isnan(batch.x_values).sum() == notes.count(None)
    assert len(source.schema.features) == len(notes) - notes.count(None) + 1


def test_indicators_need_the_names_of_the_labels(tmp_path):
    """A vector of 0 and 1 that was taken for the labels "0" and "1"."""
    x = [{"a": float(i)} for i in range(3)]
    for vectors in (np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]]), np.eye(3, dtype=bool)):
        for given_as in (vectors, vectors.tolist(), vectors.astype(float)):
            pairs = list(zip(x, given_as, strict=True))
            with pytest.raises(DataError, match="names of the labels are not given"):
                list(PairSource(pairs))
            with pytest.raises(DataError, match="names of the labels are not given"):
                MultiLabelHoeffdingTree().learn_one(*pairs[0])
            found = [y for _, y in PairSource(pairs, label_names=["p", "q", "r"])]
            assert found == [
                dict(zip("pqr", row, strict=True)) for row in vectors.astype(bool).tolist()
            ]
    path = tmp_path / "a.jsonl"
    path.write_text('{"l": [0, 1, null]}\n{"l": [1, 0, 0]}\n')
    with pytest.raises(DataError, match="names of the labels are not given"):
        list(JsonLinesSource(path, labels="l"))
    source = JsonLinesSource(path, labels="l", label_names=["p", "q", "r"])
    assert [y for _, y in source] == [
        {"p": False, "q": True},
        {"p": True, "q": False, "r": False},
    ]
    path.write_text('{"l": [0, 1]}\n')
    with pytest.raises(DataError, match=r"or 3 values of 0 and 1.*got 2 values"):
        list(JsonLinesSource(path, labels="l", label_names=["p", "q", "r"]))


@pytest.mark.parametrize(
    ("y", "truth"),
    [
        ([3, 17], Truth((3, 17), (), True)),
        ({0, 1}, Truth((0, 1), (), True)),
        (["a", "a"], Truth(("a",), (), True)),
        (np.array(["a", "b"]), Truth(("a", "b"), (), True)),
        ([], Truth((), (), True)),
        ({}, Truth((), (), False)),
        (None, None),
        (math.nan, None),
        ({"a": None}, Truth((), (), False)),
    ],
)
def test_forms_of_labels(y, truth):
    assert truth_of_row(y, "multi-label") == truth


@pytest.mark.parametrize("y", ["a", b"a", 3, 1.5, [["a"]], [None], [math.nan, "a"], np.eye(2)])
def test_what_is_no_set_of_labels(y):
    with pytest.raises(DataError):
        truth_of_row(y, "multi-label")


def test_two_names_that_are_one():
    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            return self is other

    encoder = RowEncoder("mine", "multi-label")
    with pytest.raises(DataError, match="another feature of the name 'a'"):
        encoder.add({"a": 1.0, Name("a"): 2.0}, {})
    with pytest.raises(DataError, match="another label of this name"):
        encoder.add({}, {"a": True, Name("a"): False})
    assert not encoder.schema.features
    assert not encoder.schema.labels


def test_no_more_features_than_there_is_room_for():
    encoder = RowEncoder(None, "multi-label", max_features=2)
    encoder.add({"b": 1.0, "a": 2.0, "c": 3.0}, {"l"})
    encoder.add({"c": 3.0, "a": 4.0}, {"l"})
    batch = encoder.take()
    assert encoder.schema.features == ["a", "b"]
    assert batch.x_indices.tolist() == [0, 1, 0]
    assert batch.x_values.tolist() == [2.0, 1.0, 4.0]


def test_nesting_has_an_end():
    deep: object = 1.0
    for _ in range(150):
        deep = [deep]
    with pytest.raises(DataError, match="at most 100 deep"):
        RowEncoder(None, "multi-label").add({"a": deep}, {})


def test_halves_of_surrogates_are_written_escaped(tmp_path):
    """Hours of evaluation that end in a traceback when the result is written."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"c":"ok","v":1}\n{"c":"cut \\ud83d","v":2}\n' * 20)
    for to in ("out.json", "out.csv"):
        out = tmp_path / to
        command = ["prequential", str(path), "--target", "c", "--model", "hoeffding-tree"]
        assert main([*command, f"--{out.suffix[1:]}", str(out)]) == 0
        assert out.read_bytes() != b""
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [each["label"] for each in found["per_label"]] == ["ok", "cut \ud83d"]
    assert _encode({"y": {"cut \ud83d": True}}) == b'{"y":{"cut \\\\ud83d":true}}'


def test_a_second_pass_is_like_the_first(tmp_path):
    pairs = [({"b": 1.0}, {"q": True}), ({"a": "x"}, ["p"]), ({"a": None}, None)]
    source = PairSource(pairs)
    assert same(read(source), read(source))
