from __future__ import annotations

import decimal
import math

import numpy as np
import pytest
from data_helpers import read, refused, same
from river import datasets

from stream.data import PairSource, open_source
from stream.errors import DataError, ParameterError


def test_river_yeast_gives_the_same_rows_as_river():
    source = open_source(datasets.Yeast())
    assert source.n_rows == 2417
    for (x, y), (river_x, river_y) in zip(source, datasets.Yeast().take(50), strict=False):
        assert x == {name: value for name, value in river_x.items() if value != 0}
        assert y == river_y


def test_river_solar_flare_has_texts_and_counts():
    with pytest.raises(DataError, match="a label must be"):
        read(open_source(datasets.SolarFlare()))
    source = open_source(datasets.SolarFlare(), present="positive")
    for (x, y), (river_x, river_y) in zip(source, datasets.SolarFlare(), strict=True):
        texts = {f"{name}={value}" for name, value in river_x.items() if isinstance(value, str)}
        assert {name for name in x if "=" in name} == texts
        assert y == {name: count > 0 for name, count in river_y.items()}


def test_single_label_dataset():
    source = open_source(datasets.Phishing())
    assert source.schema.task == "single-label"
    assert [y for _, y in source] == [y for _, y in datasets.Phishing()]


def test_values_labels_and_missing():
    rows = [
        ({"b": np.float32(0.5), "a": True, 3: decimal.Decimal("2")}, {"q": np.bool_(True), "p": 0}),
        ({"a": None, "b": math.nan, "c": "x"}, {"p": None}),
        ({}, ["r"]),
    ]
    source = PairSource(rows)
    got = list(source)
    assert got[0] == ({3: 2.0, "a": 1.0, "b": 0.5}, {"p": False, "q": True})
    assert all(math.isnan(got[1][0][name]) for name in ("a", "b"))
    assert got[1][1] == {}
    assert got[2] == ({}, {"p": False, "q": False, "r": True})
    assert [source.n_labels_by(row) for row in range(3)] == [2, 2, 3]


def test_the_order_of_keys_means_nothing():
    rows = [
        ({"b": 1, "a": 2, "t": "x"}, {"q": 1, "p": 0}),
        ({"d": 1, "c": 2, "b": 3}, {"s": 1, "r": 1}),
    ]
    turned = [(dict(reversed(x.items())), dict(reversed(y.items()))) for x, y in rows]
    first, second = PairSource(rows), PairSource(turned)
    assert same(read(first), read(second))
    assert first.schema == second.schema


def test_functions_can_be_read_again_and_iterators_cannot():
    rows = [({"a": i}, {"l": i % 2}) for i in range(1, 6)]
    again = PairSource(lambda: iter(rows))
    assert list(again) == list(again) == list(PairSource(rows))
    once = PairSource(iter(rows))
    assert len(list(once)) == 5
    with pytest.raises(DataError, match="read already"):
        list(once)


def test_live_rows_are_handed_over_when_a_chunk_is_full():
    def rows():
        for i in range(3):
            yield {"a": i + 1}, {"l": 1}
        raise AssertionError("read further than asked for")

    batches = PairSource(rows).batches(3)
    assert next(batches).n_rows == 3


def test_scikit_multiflow_streams():
    class Stream:
        feature_names = ("a", "b")
        target_names = ("p", "q")

        def restart(self):
            self.at = 0

        def n_remaining_samples(self):
            return 3 - self.at

        def next_sample(self, batch_size=1):
            self.at += 1
            return np.array([[self.at, 0.0]]), np.array([[1, self.at % 2]])

    source = open_source(Stream())
    expected = [({"a": float(i)}, {"p": True, "q": i % 2 == 1}) for i in (1, 2, 3)]
    assert list(source) == expected
    assert list(source) == expected


@pytest.mark.parametrize(
    ("pair", "column", "word"),
    [
        (({"a": {1}}, {"l": 1}), "a", "must be a number, a truth value, a text"),
        (({"a": math.inf}, {"l": 1}), "a", "finite"),
        (({"a": 1j}, {"l": 1}), "a", "got a complex"),
        (([1, 2], {"l": 1}), None, "features must be a dictionary"),
        (({"a": 1}, {"l": 2}), "l", "a label must be"),
        (({"a": 1}, {"l": "yes"}), "l", "a label must be"),
        (({"a": 1}, np.array([0, 1])), None, "names of the labels are not given"),
        (({"a": 1}, 3), None, "labels must be a dictionary of label to bool, or a set or list"),
        ((1, 2, 3), None, "expected a pair"),
    ],
)
def test_refused(pair, column, word):
    source = PairSource([({"a": 1}, {"l": 1}), pair], name="mine")
    refused(lambda: source, word, line=2, column=column, source="mine")


def test_refused_arguments():
    with pytest.raises(ParameterError, match="task"):
        PairSource([], task="both")
    with pytest.raises(ParameterError, match="present"):
        PairSource([], present="maybe")
    with pytest.raises(ParameterError, match="Got int"):
        open_source(3)
    with pytest.raises(ParameterError, match="other options"):
        open_source([({}, {})], delimiter=",")
    with pytest.raises(ParameterError, match="no options"):
        open_source(PairSource([({}, {})]), labels=["a"])
