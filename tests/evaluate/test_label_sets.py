"""Risk and size of prediction sets in an evaluation."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from evaluation_streams import make_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from river import naive_bayes, preprocessing

from stream import (
    ConformalLabelSets,
    DriftHOMER,
    MultiLabelHoeffdingTree,
    open_source,
    prequential,
)
from stream.evaluate import MultiLabelMetrics
from stream.evaluate.label_sets import SET_METRICS
from stream.evaluate.report import print_report
from stream.rows.label_sets import sets_of_rows

# A stream of every kind that the catalogue has: numbers, text, many labels, drift, classes.
STREAMS = {
    "yeast": MultiLabelHoeffdingTree,
    "syn-text-sud:labels=80,blocks=16": DriftHOMER,
    "syn-rbf-rec:rows=900": MultiLabelHoeffdingTree,
}


class OneRowAtATime:
    """Hides that a model takes many rows in a call."""

    def __init__(self, model):
        self.predict_one = model.predict_one
        self.predict_proba_one = model.predict_proba_one
        self.learn_one = model.learn_one


def sets_by_hand(truth, sets, delay):
    """Risks and size over the rows that count, and for each label its rows and misses."""
    shares, sizes = [], []
    labels = {}
    for row, held in enumerate(sets):
        learnt = truth[: max(0, row - delay)]
        known = {j for j in np.flatnonzero(truth[row] == 1) if (learnt[:, j] == 1).any()}
        if known:
            shares.append(len(known - set(held)) / len(known))
            sizes.append(len(held))
            for j in known:
                labels.setdefault(j, []).append(j not in held)
    missed = [share > 0 for share in shares]
    means = [float(np.mean(values)) if values else 0.0 for values in (shares, missed, sizes)]
    return dict(zip(SET_METRICS, means, strict=True)), labels


@settings(deadline=None)
@given(st.data(), st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_equal_to_the_definition_however_rows_are_cut(data, seed, delay):
    """A label that counts before it could be known, sets of rows that do not count, windows that
    hold each other's rows."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((25, 4)) < 0.3).astype(int) - (rng.random((25, 4)) < 0.1)
    sets = [np.flatnonzero(row).tolist() for row in rng.random((25, 4)) < 0.5]
    cuts = data.draw(st.sets(st.integers(1, 24)))
    found = MultiLabelMetrics(delay=delay, window=7)
    for start, stop in itertools.pairwise([0, *sorted(cuts), 25]):
        found.update_many(
            np.zeros((stop - start, 4), np.uint8),
            make_batch(truth[start:stop]),
            4,
            sets=sets_of_rows(sets[start:stop]),
        )
    expected, labels = sets_by_hand(truth, sets, delay)
    metrics = found.as_dict()
    assert {name: metrics[name] for name in SET_METRICS} == pytest.approx(expected)
    for j, each in enumerate(found.per_label()):
        assert each["set_miss_rate"] == pytest.approx(np.mean(labels.get(j, [0])))
    first = found.windows()[0]["metrics"]
    expected, _ = sets_by_hand(truth[:7], sets[:7], delay)
    assert {name: first[name] for name in SET_METRICS} == pytest.approx(expected)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("risk", ["fnr", "miscoverage"])
def test_the_bound_holds_on_every_kind_of_stream(name, risk):
    """Sets of the wrong rows, or scored by another rule than the one that moves the threshold."""
    model = ConformalLabelSets(STREAMS[name](seed=1), risk, level=0.2)
    found = prequential(open_source(name), model, limit=900, window=300)
    told, measured = found.sets, found.metrics[f"set_{risk}"]
    assert measured == told["mean_risk"]
    assert found.metrics["set_size"] == told["mean_size"]
    assert told["rows"] > 600
    assert abs(measured - 0.2) <= told["bound"] < 0.1
    assert all(set(SET_METRICS) <= set(window["metrics"]) for window in found.windows)
    by_label = {each["label"]: each["miss_rate"] for each in model.per_label()}
    for each in found.per_label:
        assert each["set_miss_rate"] == by_label.get(each["label"], 0.0)
    out = io.StringIO()
    print_report(found, Console(file=out, width=100))
    assert f"{measured:.4f} (asked 0.2" in out.getvalue()


@pytest.mark.parametrize("delay", [0, 7])
def test_many_rows_give_what_single_rows_give(delay):
    """A threshold that moves once for a batch, or that sees a row before its set is given."""
    many, one = MultiLabelHoeffdingTree(seed=1), MultiLabelHoeffdingTree(seed=1)
    results = [
        prequential(open_source("yeast"), ConformalLabelSets(model), limit=300, delay=delay)
        for model in (many, OneRowAtATime(one))
    ]
    first, second = results
    assert first.sets == second.sets
    for name in (*SET_METRICS, "micro_f1"):
        assert first.metrics[name] == second.metrics[name]


def test_a_pipeline_around_the_sets_of_classes():
    """Sets that are only found where the model stands alone, or of labels only."""
    model = ConformalLabelSets(preprocessing.StandardScaler() | naive_bayes.GaussianNB())
    found = prequential(open_source("led"), model, limit=400)
    assert found.metrics["set_fnr"] == found.sets["mean_risk"] == model.mean_risk
    assert 1 < found.metrics["set_size"] < 10
