"""Metrics at k against scikit-learn and a slow twin; dense and sparse rankings alike."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from evaluation_streams import MemorySource, RowSpy, make_batch, numbered
from hypothesis import given, settings
from hypothesis import strategies as st
from naive.ranking import metrics_at_k, ranked_columns
from sklearn import metrics as sk

from stream import MultiLabelHoeffdingTree, prequential
from stream.errors import ParameterError
from stream.evaluate import MultiLabelMetrics
from stream.evaluate.ranking import RANKING_METRICS, rank_labels
from stream.rows.predictions import Predictions, SparsePredictions
from stream.rows.ranking import Ranking


@st.composite
def ranked_streams(draw, unknown=True):
    """Truth (1, 0, -1 where unknown) and probabilities with ties and zeros, as matrices."""
    n_rows, n_labels = draw(st.integers(1, 30)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    truth = (rng.random((n_rows, n_labels)) < draw(st.sampled_from([0.05, 0.3, 0.8]))).astype(int)
    if unknown:
        truth[rng.random(truth.shape) < draw(st.sampled_from([0.0, 0.2, 0.7]))] = -1
    levels = draw(st.sampled_from([2, 5, 1000]))
    return truth, rng.integers(0, levels, truth.shape) / levels


def evaluated(truth, probabilities, cuts=(), window=None):
    found = MultiLabelMetrics(window=window)
    labels = (probabilities > 0.5).astype(np.uint8)
    for start, stop in itertools.pairwise([0, *sorted(cuts), len(truth)]):
        piece = Predictions(labels[start:stop], probabilities[start:stop])
        found.update_many(piece, make_batch(truth[start:stop]), truth.shape[1])
    return found


def at_k(metrics):
    return {name: metrics[name] for name in RANKING_METRICS}


@settings(deadline=None)
@given(ranked_streams())
def test_equal_to_the_definitions(stream):
    """A wrong place, discount, propensity, or an unknown label that counts as a miss."""
    truth, probabilities = stream
    expected = metrics_at_k(truth, [ranked_columns(row) for row in probabilities])
    assert at_k(evaluated(truth, probabilities).as_dict()) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(ranked_streams(unknown=False))
def test_ndcg_equal_to_sklearn(stream):
    """A discount that is not the field's."""
    truth, _ = stream
    rng = np.random.default_rng(truth.size)
    probabilities = rng.permuted(np.arange(1, truth.size + 1)).reshape(truth.shape) / truth.size
    found = evaluated(truth, probabilities).as_dict()
    if truth.shape[1] > 1:
        for k in (1, 3, 5):
            expected = sk.ndcg_score(truth, probabilities, k=k)
            assert found[f"ndcg_at_{k}"] == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(ranked_streams(), st.integers(1, 12))
def test_lists_of_any_length_give_what_matrices_give(stream, spare):
    """The two forms of a ranking are scored by two rules."""
    truth, probabilities = stream
    depth = truth.shape[1] + spare
    labels = np.full((len(truth), depth), -1, np.int32)
    for i, row in enumerate(probabilities):
        columns = ranked_columns(row)
        labels[i, : len(columns)] = columns
    found = MultiLabelMetrics()
    found.update_many(
        (probabilities > 0.5).astype(np.uint8),
        make_batch(truth),
        truth.shape[1],
        ranking=Ranking(labels, np.zeros(labels.shape)),
    )
    assert at_k(found.as_dict()) == at_k(evaluated(truth, probabilities).as_dict())


@settings(deadline=None)
@given(ranked_streams())
def test_sparse_answers_give_what_matrices_give(stream):
    """Entries of one row that are counted for the next."""
    truth, probabilities = stream
    rankings = [ranked_columns(row) for row in probabilities]
    label = np.array([j for columns in rankings for j in columns], np.int32)
    rows = np.repeat(np.arange(len(truth)), [len(columns) for columns in rankings])
    values = probabilities[rows, label]
    start = np.concatenate([[0], np.cumsum([len(columns) for columns in rankings])])
    answers = SparsePredictions(
        start, label, values, (values > 0.5).astype(np.uint8), truth.shape[1]
    )
    found = MultiLabelMetrics()
    found.update_many(answers, make_batch(truth), truth.shape[1])
    assert found.as_dict() == evaluated(truth, probabilities).as_dict()


@settings(deadline=None)
@given(ranked_streams(), st.lists(st.integers(0, 30)), st.integers(1, 11))
def test_any_chunking_gives_the_same(stream, cuts, window):
    """Propensities that begin anew with a chunk, or see the rows behind."""
    truth, probabilities = stream
    cuts = [min(cut, len(truth)) for cut in cuts]
    whole = evaluated(truth, probabilities, window=window)
    pieces = evaluated(truth, probabilities, cuts, window=window)
    assert pieces.as_dict() == whole.as_dict()
    assert pieces.windows() == whole.windows()
    rankings = [ranked_columns(row) for row in probabilities]
    for each in whole.windows():
        stop = each["stop"]
        expected = metrics_at_k(truth[:stop], rankings[:stop], first=each["start"])
        assert at_k(each["metrics"]) == pytest.approx(expected, abs=1e-12)


def test_the_first_columns_win_ties_and_zeros_are_not_ranked():
    """A model that knows nothing yet gets credit for the order of the columns."""
    probabilities = np.array([[0.5, 0.9, 0.5, 0.0, 0.5, 0.5, 0.5], [0.0] * 7])
    assert rank_labels(probabilities).labels.tolist() == [[1, 0, 2, 4, 5], [-1] * 5]


def test_rows_without_an_answer_count():
    """A model that ranks only when it is sure looks better than one that always does."""
    found = MultiLabelMetrics()
    sure = Ranking(np.array([[0]], np.int32), np.array([[0.9]]))
    truth = make_batch([[1, 0]])
    found.update_many(np.array([[1, 0]], np.uint8), truth, 2, ranking=sure)
    found.update_many(np.zeros((1, 2), np.uint8), truth, 2)
    assert found.as_dict()["precision_at_1"] == 0.5
    assert found.as_dict()["precision_at_5"] == pytest.approx(0.1)


def test_without_a_ranking_there_are_no_metrics_at_k():
    """A model that cannot rank is reported as one that ranks badly."""
    found = MultiLabelMetrics(window=1)
    found.update_many(np.zeros((2, 2), np.uint8), make_batch([[1, 0], [0, 1]]), 2)
    assert not set(RANKING_METRICS) & set(found.as_dict())
    single = MultiLabelMetrics(task="single-label")
    single.update_many(
        Predictions(np.ones((1, 1), np.uint8), np.ones((1, 1))), make_batch([[1]]), 1
    )
    assert not set(RANKING_METRICS) & set(single.as_dict())


def test_a_ranking_must_fit_the_batch():
    with pytest.raises(ParameterError, match="ranking must have a row for each row"):
        MultiLabelMetrics().update_many(
            np.zeros((1, 1), np.uint8),
            make_batch([[1]]),
            1,
            ranking=Ranking(np.zeros((2, 1), np.int32), np.zeros((2, 1))),
        )


class Unranked(RowSpy):
    """A model of River that cannot rank."""

    predict_top_one = None


def test_both_kinds_of_models_are_ranked_in_results():
    """Metrics at k get lost between the runner, the windows and the files."""
    truth = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 0], [0, 1, 0]])
    source = MemorySource(truth, numbered(4))
    found = prequential(source, RowSpy(), window=2)
    assert found.metrics["precision_at_1"] == 0.5  # the second and the fourth row
    assert [each["metrics"]["precision_at_1"] for each in found.windows] == [0.5, 0.5]
    assert found.csv_text().splitlines()[0].count("_at_") == len(RANKING_METRICS)
    ours = prequential(source, MultiLabelHoeffdingTree(), window=2)
    assert set(RANKING_METRICS) <= set(json.loads(ours.json_text())["metrics"])
    unranked = prequential(source, Unranked(), window=2)
    assert "precision_at_1" not in unranked.metrics
