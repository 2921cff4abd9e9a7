from __future__ import annotations

import json
import math

import numpy as np
import pytest
from data_helpers import matrices, read, refused, same, write
from hypothesis import given
from hypothesis import strategies as st

from stream.data import JsonLinesSource
from stream.errors import DataError, ParameterError


@given(matrices(), st.booleans())
def test_round_trip(tmp_path_factory, xy, as_set):
    x, y = xy
    lines = []
    for row, truth in zip(x, y, strict=True):
        a, *rest = (None if math.isnan(v) else v for v in row.tolist())
        labels = (
            [f"l{i}" for i, v in enumerate(truth) if v]
            if as_set
            else {f"l{i}": bool(v) for i, v in enumerate(truth)}
        )
        lines.append(json.dumps({"a": a, "deep": {"r": rest}, "tags": labels}))
    source = JsonLinesSource(
        write(tmp_path_factory.mktemp("json"), "a.jsonl", "\n".join(lines)), labels="tags"
    )
    known: set[str] = set()
    rows = list(source)
    assert len(rows) == len(x)
    for (features, labels), row, truth in zip(rows, x, y, strict=True):
        names = ["a", *(f"deep.r.{i}" for i in range(len(row) - 1))]
        got = [features.get(name, 0.0) for name in names]
        assert got == pytest.approx(row.tolist(), nan_ok=True, rel=0, abs=0)
        present = {f"l{i}" for i, v in enumerate(truth) if v}
        known |= present if as_set else {f"l{i}" for i in range(len(truth))}
        assert {name for name, value in labels.items() if value} == present
        assert set(labels) == known
    assert str(list(source)) == str(rows)


def test_kinds_of_values(tmp_path):
    text = '{"n": 1.5, "t": "x", "b": true, "z": null, '
    text += '"l": {"p": 1, "q": null}, "e": {"f": [2, "y"]}}\n\n'
    text += '{"l": {"q": false}}\n{"t": null, "b": null}\n'
    rows = list(JsonLinesSource(write(tmp_path, "a.jsonl", text), labels="l"))
    x, y = rows[0]
    assert math.isnan(x.pop("z"))
    assert (x, y) == ({"b": 1.0, "e.f.0": 2.0, "e.f.1=y": 1.0, "n": 1.5, "t=x": 1.0}, {"p": True})
    assert rows[1] == ({}, {"q": False})
    assert sorted(rows[2][0]) == ["b", "t"]
    assert rows[2][1] == {}


def test_no_row_tells_of_the_labels_of_a_later_one(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"l": ["b"]}\n{"l": ["a"]}\n{"l": []}\n')
    source = JsonLinesSource(path, labels="l")
    expected = [{"b": True}, {"b": False, "a": True}, {"b": False, "a": False}]
    for _ in range(2):
        assert [y for _, y in source] == expected
    assert same(read(source, 1), read(source, 1000))


def test_a_missing_text_means_the_same_in_every_pass(tmp_path):
    for values, lengths in [
        (["null", '"x"', "null", '"y"'], [1, 1, 1, 1]),
        (['"x"', "null", "3", "null"], [1, 1, 1, 1]),
    ]:
        path = write(tmp_path, "a.jsonl", "".join(f'{{"t": {value}}}\n' for value in values))
        source = JsonLinesSource(path, labels="l")
        first = read(source)
        assert same(read(source), first)
        assert np.diff(first.x_indptr).tolist() == lengths


def test_single_label_and_nested_fields(tmp_path):
    path = write(
        tmp_path,
        "a.jsonl",
        '{"a": 1, "m": {"c": "up", "d": 2}}\n{"a": 2}\n{"a": 3, "m": {"c": 7}}\n',
    )
    source = JsonLinesSource(path, target="m.c")
    assert list(source) == [({"a": 1.0, "m.d": 2.0}, "up"), ({"a": 2.0}, None), ({"a": 3.0}, 7)]


@pytest.mark.parametrize(
    ("row", "column", "word"),
    [
        ("{", 2, "not valid JSON"),
        ('{"a": 1,}', None, "not valid JSON"),
        ("[1]", None, "expected an object"),
        ("3", None, "expected an object"),
        ('{"a": 1, "a": 2}', None, "'a' is given twice"),
        ('{"a.b": 1, "a": {"b": 2}}', None, "another feature of the name 'a.b'"),
        ('{"a": Infinity}', "a", "finite"),
        ('{"a": 1e999}', "a", "finite"),
        ('{"a": 1' + "0" * 400 + "}", "a", "finite or NaN (missing), got a larger number"),
        ('{"l": "happy"}', None, "must be a dictionary of label to bool, or a set or list"),
        ('{"l": [["x"]]}', "['x']", "a label must be a name"),
        ('{"l": [0, 1]}', None, "names of the labels are not given"),
        ('{"l": {"x": 2}}', "x", "a label must be True, False"),
        ('{"a": ' * 100_000, None, ""),
        ('{"t=x": 1, "t": "x"}', "t", "another feature"),
    ],
)
def test_refused(tmp_path, row, column, word):
    path = write(tmp_path, "a.jsonl", '{"a": 1, "l": ["x"]}\n' + row + "\n")
    with pytest.raises(DataError) as caught:
        read(JsonLinesSource(path, labels="l"))
    assert caught.value.line == 2
    assert word in str(caught.value)
    if column is not None:
        assert caught.value.column == column
    assert str(caught.value).startswith(f"{path}, line 2")


def test_refused_arguments(tmp_path):
    path = write(tmp_path, "a.jsonl", "{}\n")
    for options in ({}, {"labels": "a", "target": "b"}, {"labels": []}, {"labels": -2}):
        with pytest.raises(ParameterError, match="--labels tags or labels='tags'"):
            JsonLinesSource(path, **options)
    blank = write(tmp_path, "b.jsonl", "\n \n")
    refused(lambda: JsonLinesSource(blank, labels="l"), "no rows", source=blank)


def test_labels_as_several_fields(tmp_path):
    """Truth values that stand beside the features, as in a table."""
    text = '{"a": 1, "sun": 1, "rain": false}\n{"a": 2, "rain": true}\n'
    source = JsonLinesSource(write(tmp_path, "a.jsonl", text), labels=["sun", "rain"])
    assert list(source) == [
        ({"a": 1.0}, {"sun": True, "rain": False}),
        ({"a": 2.0}, {"rain": True}),
    ]


def test_words_and_ignored_fields(tmp_path):
    """Free text became one feature for each distinct text, and an id one for each row."""
    text = (
        '{"id": "x1", "t": {"body": "Red, red wine", "lang": "en"}, "tags": ["a"]}\n'
        '{"id": "x2", "t": {"body": null}, "tags": []}\n'
    )
    path = write(tmp_path, "a.jsonl", text)
    source = JsonLinesSource(path, labels="tags", text=["t.body"], ignore=["id", "t.lang"])
    assert list(source) == [
        ({"t.body:red": 2.0, "t.body:wine": 1.0}, {"a": True}),
        ({}, {"a": False}),
    ]
    bad = write(tmp_path, "b.jsonl", '{"b": {"c": 1}, "tags": []}\n')
    refused(
        lambda: JsonLinesSource(bad, labels="tags", text=["b"]),
        "must hold a text",
        line=1,
        source=bad,
    )
    clash = write(tmp_path, "c.jsonl", '{"b": "red", "b:red": 1, "tags": []}\n')
    refused(
        lambda: JsonLinesSource(clash, labels="tags", text=["b"]),
        "as a word is",
        line=1,
        source=clash,
    )
