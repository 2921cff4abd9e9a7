"""What predictions tell where there are many labels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka_helpers import learner_without_kafka

from stream import DriftHOMER, MultiLabelHoeffdingTree
from stream.kafka.answers import shortened
from stream.kafka.clients.interface import Record, TopicPartition
from stream.rows.predictions import Predictions, SparsePredictions

ROWS, LABELS = TopicPartition("rows", 0), TopicPartition("labels", 0)


def as_sparse(dense: Predictions) -> SparsePredictions:
    """The same with every label listed."""
    order = np.argsort(-dense.probabilities, axis=1, kind="stable")
    n_rows, n_labels = order.shape
    return SparsePredictions(
        np.arange(n_rows + 1) * n_labels,
        order.ravel().astype(np.int32),
        np.take_along_axis(dense.probabilities, order, axis=1).ravel(),
        np.take_along_axis(dense.labels, order, axis=1).ravel(),
        n_labels,
    )


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(1, 7), st.integers(1, 9))
def test_present_labels_and_the_most_probable(seed, n_rows, n_labels, k):
    """A label that is predicted and is not told, or one that is not and has no business there."""
    rng = np.random.default_rng(seed)
    probabilities = rng.integers(0, 5, (n_rows, n_labels)) / 4
    labels = (rng.random((n_rows, n_labels)) < 0.3).astype(np.uint8)
    dense = Predictions(labels, probabilities)
    names = [f"label {column}" for column in range(n_labels)]
    for said in (dense, as_sparse(dense)):
        answers = shortened(said, k).by_name(names, n_labels)
        assert len(answers.labels) == len(answers.probabilities) == n_rows
        for row in range(n_rows):
            best = sorted(range(n_labels), key=lambda c: (-probabilities[row, c], c))
            told = [c for place, c in enumerate(best) if place < k or labels[row, c]]
            assert list(answers.probabilities[row].items()) == [
                (names[c], probabilities[row, c]) for c in told
            ]
            assert answers.labels[row] == [names[c] for c in best if labels[row, c]]


def test_the_first_row_tells_of_no_label_that_came_with_it():
    """A prediction that knows the name of a label which it could not know."""
    said = Predictions(np.array([[0, 0], [0, 1]], np.uint8), np.array([[0.5, 0.0], [0.5, 0.9]]))
    labels, probabilities = shortened(said).by_name(["a", "b"], 1)
    assert labels == [[], ["b"]]
    assert probabilities == [{"a": 0.5}, {"b": 0.9, "a": 0.5}]


def many_labels(n_rows: int, n_labels: int) -> list[tuple[dict, dict]]:
    """Rows with one of many labels, which a feature gives away."""
    chance = np.random.default_rng(1)
    numbers = chance.integers(0, n_labels, n_rows).tolist()
    numbers[:n_labels] = range(n_labels)
    return [({"x": {f"f{n}": 1, f"g{n % 7}": 1}}, {"y": [f"tag {n}"]}) for n in numbers]


@pytest.mark.parametrize("model", [DriftHOMER, MultiLabelHoeffdingTree])
@pytest.mark.parametrize("apart", [False, True])
def test_many_labels(model, apart):
    """More labels than the default model keeps trees for: it answers with those that it lists, and
    the learner cannot read that; or every prediction tells of all labels."""
    n_labels = 90
    rows = many_labels(300, n_labels)
    learner = learner_without_kafka(model(seed=1), "predictions", "labels" if apart else None)
    values = [json.dumps(x if apart else x | y).encode() for x, y in rows]
    records = [Record(n, b"%d" % n, value, n) for n, value in enumerate(values)]
    written = learner.take([(ROWS, records)])
    if apart:
        truths = [
            Record(n, b"%d" % n, json.dumps(y).encode(), 300) for n, (_, y) in enumerate(rows)
        ]
        learner.take([(LABELS, truths)])
        more = [Record(300 + n, b"more %d" % n, values[n], 900) for n in range(50)]
        written += learner.take([(ROWS, more)])
    assert learner.counts.learnt == 300
    assert len(learner.encoder.schema.labels) == n_labels
    last = json.loads(written[-1].value)
    assert 0 < len(last["probabilities"]) <= 20 + len(last["labels"])
    assert list(last["probabilities"].values()) == sorted(
        last["probabilities"].values(), reverse=True
    )
    assert set(last["labels"]) <= set(last["probabilities"])
    assert learner.metrics.total.n_rows == 300
