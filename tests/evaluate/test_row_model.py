"""Models that are not ours get rows as they came."""

from __future__ import annotations

import json

import pytest
from river import (
    base,
    compose,
    feature_extraction,
    linear_model,
    multiclass,
    naive_bayes,
    preprocessing,
)

from stream.data import open_source
from stream.evaluate import prequential

WORDS = [("rain and wind", "bad"), ("sun and calm", "good"), ("wind again", "bad")]


class Watching(base.Classifier):
    """Remembers the rows that it is given."""

    def __init__(self):
        self.rows = []

    def learn_one(self, x, y):
        self.rows.append((x, y))

    def predict_one(self, x):
        return None


def pairs(n_rows=60):
    return [({"text": text, "n": n}, kind) for n in range(n_rows // 3) for text, kind in WORDS]


def bag_of_words():
    return feature_extraction.BagOfWords(on="text") | naive_bayes.MultinomialNB()


def one_hot():
    encoded = compose.Select("text") | preprocessing.OneHotEncoder()
    return encoded | multiclass.OneVsRestClassifier(linear_model.LogisticRegression())


@pytest.mark.parametrize("make", [bag_of_words, one_hot])
@pytest.mark.parametrize("chunk_rows", [None, 1, 7])
def test_texts_reach_the_pipeline(make, chunk_rows):
    """A text is a column of 0 and 1 when the pipeline looks for it, which is a KeyError."""
    result = prequential(open_source(pairs()), make(), chunk_rows=chunk_rows)
    assert result.rows == 60
    assert result.metrics["accuracy"] > 0.75  # always "bad": 0.67


def test_rows_come_whole_and_in_order(tmp_path):
    """Nested objects are flattened, or a row is given with the class of another one."""
    file = tmp_path / "rows.jsonl"
    rows = [
        {"at": {"lat": 1.5, "name": "x"}, "n": 1, "tags": ["a"], "kind": "u"},
        {"at": {"lat": None}, "n": None, "kind": "v"},
        {"color": "red", "kind": "u"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    model = Watching()
    prequential(open_source(str(file), target="kind"), model, delay=1)
    (first, u), (second, v) = model.rows
    assert (u, v) == ("u", "v")
    assert first == {"at": {"lat": 1.5, "name": "x"}, "n": 1, "tags": ["a"]}
    assert second.keys() == {"at", "n"}
    assert second["at"] == {"lat": None}
    assert second["n"] != second["n"]  # NaN


def test_numbers_that_are_left_out_are_zero():
    """A sparse row lacks most of its features, and a scaler takes them for never seen."""
    model = Watching()
    prequential(open_source([({"a": 1.0}, "u"), ({"b": 2}, "v"), ({"c": "x"}, "u")]), model)
    assert [x for x, _ in model.rows] == [
        {"a": 1.0},
        {"a": 0.0, "b": 2},
        {"a": 0.0, "b": 0.0, "c": "x"},
    ]
