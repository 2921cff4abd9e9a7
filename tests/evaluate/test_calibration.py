"""Brier score and calibration error against scikit-learn and a slow twin."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from evaluation_streams import MemorySource, RowSpy, make_batch, numbered
from hypothesis import given, settings
from hypothesis import strategies as st
from naive.calibration import calibration
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from stream import DriftHOMER, HoeffdingTreeClassifier, open_source, prequential
from stream.evaluate import MultiLabelMetrics
from stream.evaluate.calibration import CALIBRATION_METRICS
from stream.rows.predictions import Predictions, SparsePredictions


@st.composite
def told_streams(draw):
    """Truth (1, 0, -1: unknown) and probabilities, some of them 0, 1, or on the edge of a bin."""
    n_rows, n_labels = draw(st.integers(1, 30)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = (rng.random((n_rows, n_labels)) < draw(st.sampled_from([0.02, 0.3, 0.8]))).astype(int)
    truth[rng.random(truth.shape) < draw(st.sampled_from([0.0, 0.2, 0.9]))] = -1
    probabilities = rng.random(truth.shape)
    edges = rng.random(truth.shape) < 0.4
    probabilities[edges] = rng.integers(0, 11, int(edges.sum())) / 10
    return truth, probabilities


def listed(probabilities, rng):
    """The same as sparse answers, in any order."""
    start, labels = [0], []
    for row in probabilities:
        labels.append(rng.permutation(np.flatnonzero(row)))
        start.append(start[-1] + len(labels[-1]))
    label = np.concatenate(labels).astype(np.int32)
    rows = np.repeat(np.arange(len(probabilities)), np.diff(start))
    p = probabilities[rows, label]
    present = (p > 0.5).astype(np.uint8)
    return SparsePredictions(np.array(start), label, p, present, probabilities.shape[1])


def evaluated(truth, probabilities, cuts=(), window=None):
    found = MultiLabelMetrics(window=window)
    for start, stop in itertools.pairwise([0, *sorted(cuts), len(truth)]):
        p = probabilities[start:stop]
        answers = Predictions((p > 0.5).astype(np.uint8), p)
        found.update_many(answers, make_batch(truth[start:stop]), truth.shape[1])
    return found


def calibrated(metrics):
    return {name: metrics[name] for name in CALIBRATION_METRICS}


@settings(deadline=None)
@given(told_streams())
def test_equal_to_the_definition(stream):
    """Cells of unknown truth that count, a label in a wrong group, an edge in a wrong bin, cells of
    probability zero that are forgotten."""
    truth, probabilities = stream
    found = calibrated(evaluated(truth, probabilities).as_dict())
    assert found == pytest.approx(calibration(truth, probabilities), abs=1e-12)


def test_equal_to_scikit_learn():
    """Measures that are not the field's."""
    rng = np.random.default_rng(2)
    probabilities = rng.random((2000, 7))
    truth = (rng.random(probabilities.shape) < probabilities**2).astype(int)
    found = evaluated(truth, probabilities).as_dict()
    y, p = truth.ravel(), probabilities.ravel()
    assert found["brier_score"] == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    share, mean = calibration_curve(y, p, n_bins=10)
    cells = np.histogram(p, np.linspace(0, 1, 11))[0]
    error = np.sum(cells / len(p) * np.abs(share - mean))
    assert found["calibration_error"] == pytest.approx(error, abs=1e-12)
    assert found["calibration_error"] > 0.1


@settings(deadline=None)
@given(told_streams(), st.data())
def test_the_form_and_the_cuts_change_no_bit(stream, data):
    """Sparse answers that are scored by another rule, and sums that depend on the batches."""
    truth, probabilities = stream
    cuts = data.draw(st.sets(st.integers(1, max(1, len(truth) - 1))))
    whole = evaluated(truth, probabilities, window=7)
    pieces = evaluated(truth, probabilities, {cut for cut in cuts if cut < len(truth)}, window=7)
    assert pieces.as_dict() == whole.as_dict()
    assert [w["metrics"] for w in pieces.windows()] == [w["metrics"] for w in whole.windows()]
    sparse = MultiLabelMetrics(window=7)
    answers = listed(probabilities, np.random.default_rng(truth.size))
    sparse.update_many(answers, make_batch(truth), truth.shape[1])
    assert calibrated(sparse.as_dict()) == calibrated(whole.as_dict())
    for window in whole.windows():
        at = slice(window["start"], window["stop"])
        expected = calibration(truth[at], probabilities[at])
        assert calibrated(window["metrics"]) == pytest.approx(expected, abs=1e-12)


def test_a_label_that_appears_later_was_absent_before():
    """Rows before a label was known that are left out of its cells."""
    truth = np.array([[1, 0], [1, 0], [0, 1], [1, 1]])
    probabilities = np.array([[0.8, 0.0], [0.6, 0.0], [0.1, 0.3], [0.9, 0.4]])
    found = MultiLabelMetrics()
    for start, n_labels in ((0, 1), (2, 2)):
        p = probabilities[start : start + 2, :n_labels]
        answers = Predictions((p > 0.5).astype(np.uint8), p)
        found.update_many(answers, make_batch(truth[start : start + 2, :n_labels]), n_labels)
    assert calibrated(found.as_dict()) == pytest.approx(calibration(truth, probabilities))
    scores = [each["brier_score"] for each in found.per_label()]
    assert scores == pytest.approx(((probabilities - truth) ** 2).mean(axis=0).tolist())


def test_measured_where_probabilities_come_with_the_answers():
    """Models of few labels, of many, of classes, and one that has none to give."""
    few = prequential(open_source("yeast"), DriftHOMER(seed=1), limit=300, window=100)
    assert 0.1 < few.metrics["brier_score"] < 0.25
    assert 0.0 < few.metrics["calibration_error"] < 0.1
    told = json.loads(few.json_text())
    assert set(CALIBRATION_METRICS) <= set(told["metrics"])
    assert set(CALIBRATION_METRICS) <= set(few.csv_text().splitlines()[0].split(","))
    assert all(set(CALIBRATION_METRICS) <= set(each["metrics"]) for each in told["windows"])
    assert few.labels_frame("pandas")["brier_score"].between(0, 1).all()
    many = open_source("syn-text-sud:labels=80,blocks=16,rows=300")
    rich = prequential(many, DriftHOMER(seed=1)).metrics
    assert 0.0 < rich["brier_score"] < 0.1
    # Silence costs the share of cells with the label present.
    assert rich["brier_score"] < prequential(many, Silent()).metrics["brier_score"]
    classes = prequential(open_source("led"), HoeffdingTreeClassifier(seed=1), limit=500).metrics
    assert 0.0 < classes["brier_score"] < 0.1
    source = MemorySource(np.eye(3, dtype=int), numbered(3))
    assert "brier_score" not in prequential(source, RowSpy()).metrics


class Silent:
    """Lists nothing."""

    def test_then_train_many(self, batch, schema, *, pending=0, delay=0):
        n = batch.n_rows - pending
        nothing = np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.uint8)
        return SparsePredictions(np.zeros(n + 1, np.int64), *nothing, len(schema.labels))


def test_a_stream_without_a_class_can_be_scored(tmp_path):
    """Sums over no label at all."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1.0}\n{"a": 2.0}\n{"a": 3.0}\n')
    result = prequential(open_source(path, target="v"), HoeffdingTreeClassifier(), window=2)
    assert result.rows == 3
    assert result.metrics["brier_score"] == 0.0
