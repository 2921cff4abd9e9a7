"""Explanations against the answers they explain, and the importance of features."""

from __future__ import annotations

import math

import numpy as np
import pytest
from river import naive_bayes, preprocessing

import stream
from stream import (
    ConformalLabelSets,
    DriftHOMER,
    HoeffdingTreeClassifier,
    MultiLabelHoeffdingTree,
    explain_one,
    open_source,
)
from stream.data.source import rows_as_dicts
from stream.errors import ParameterError

EAGER = {"grace_period": 50, "delta": 0.5, "tau": 0.5, "seed": 1}  # splits soon


def rows_of(name, n_rows):
    source = open_source(name)
    batch = next(iter(source.batches(n_rows)))
    return list(rows_as_dicts(batch, source.schema))


def learnt(model, rows):
    for x, y in rows:
        model.learn_one(x, y)
    return model


def total(told):
    return told["bias"] + math.fsum(told["features"].values())


def sigmoid(score):
    return 1.0 / (1.0 + math.exp(-score))


def test_contributions_of_a_tree_add_up_to_its_log_odds():
    """Weights of another leaf, a bias without the frequencies, rows before they are scaled."""
    rows = rows_of("yeast", 900)
    model = learnt(MultiLabelHoeffdingTree(**EAGER, leaf_prediction="lr"), rows)
    assert model.summary.n_leaves > 1
    for x, _ in rows[::150]:
        told, answers = model.explain_one(x, contributions=True), model.predict_proba_one(x)
        assert set(told["labels"]) == set(answers)
        for label, each in told["labels"].items():
            parts = each["contributions"]["logistic 0.1"]
            assert sigmoid(total(parts)) == pytest.approx(answers[label][True], abs=1e-5)
            assert each["probability"] == answers[label][True]
            assert set(parts["features"]) <= set(x)
            strongest = sorted(parts["features"].items(), key=lambda item: item[1])
            assert each["for"][0] == strongest[-1]
            assert each["against"][0] == strongest[0]


def test_the_path_is_that_of_the_row():
    """Tests of another branch, or with the values of another feature."""
    rows = rows_of("yeast", 900)
    model = learnt(MultiLabelHoeffdingTree(**EAGER), rows)
    leaves = {}
    for x, _ in rows:
        path = model.explain_one(x)["path"]
        for test in path:
            assert test["value"] == x.get(test["feature"], 0.0)
            assert test["at_most"] == (test["value"] <= test["threshold"])
        leaves.setdefault(str([(t["feature"], t["threshold"], t["at_most"]) for t in path]), path)
    assert len(leaves) == model.summary.n_leaves > 1
    assert max(map(len, leaves.values())) == model.summary.height
    first = next(iter(leaves.values()))[0]["feature"]
    assert math.isnan(model.explain_one({first: math.nan})["path"][0]["value"])


def test_contributions_to_a_class_go_through_the_softmax():
    rows = rows_of("led", 800)
    model = learnt(HoeffdingTreeClassifier(leaf_prediction="lr", seed=1), rows)
    x, _ = rows[-1]
    told, answers = model.explain_one(x, contributions=True)["labels"], model.predict_proba_one(x)
    scores = {c: total(each["contributions"]["logistic 0.1"]) for c, each in told.items()}
    whole = sum(math.exp(score) for score in scores.values())
    for c, score in scores.items():
        assert math.exp(score) / whole == pytest.approx(answers[c], abs=1e-4)
    answered = [c for c, each in told.items() if each["answered"]]
    assert answered == [model.predict_one(x)]


def test_contributions_of_drifthomer_add_up_to_what_its_models_say():
    """Terms of another label, of another rate, or of a row that was scaled otherwise."""
    rows = rows_of("yeast", 600)
    model = learnt(DriftHOMER(seed=1, grace_period=50), rows)
    for x, _ in rows[::200]:
        told = model.explain_one(x, contributions=True)
        for each in told["labels"].values():
            for rate in model.learning_rate:
                name = f"logistic {rate:g}"
                said = sigmoid(total(each["contributions"][name]))
                assert said == pytest.approx(each["models"][name], abs=1e-5)
            assert each["for"] == sorted(each["for"], key=lambda item: -item[1])
            assert all(value > 0 for _, value in each["for"])
            assert all(value < 0 for _, value in each["against"])
        assert "path" in told
        assert "contributions" not in model.explain_one(x)["labels"]["Class1"]
        assert len(model.explain_one(x, n_features=2)["labels"]["Class1"]["for"]) <= 2


def test_explanations_where_labels_are_many():
    """Terms of another cluster's columns: the gate's probability times the model's is the input."""
    rows = rows_of("syn-text:labels=90,blocks=18", 500)
    model = learnt(DriftHOMER(seed=1), rows)
    n_present = {}
    for _, y in rows:
        for label, value in y.items():
            n_present[label] = n_present.get(label, 0) + value
    told = model.explain_one(rows[-1][0], contributions=True)
    assert "path" not in told
    assert len(told["labels"]) > 5
    for label, each in told["labels"].items():
        rate = (n_present[label] + 0.5) / (len(rows) + 1.0)
        (parts,) = each["contributions"].values()
        product = told["clusters"][each["cluster"]]["probability"] * sigmoid(total(parts))
        evidence = math.log(product / (1 - product)) - math.log(rate / (1 - rate))
        assert max(-10, min(10, evidence)) == pytest.approx(each["models"]["logistic"], abs=1e-4)
    assert any(each["for"] for each in told["labels"].values())


@pytest.mark.parametrize("name", ["yeast", "syn-text:labels=90,blocks=18"])
def test_the_nearest_row_of_a_row_is_itself(name):
    """Numbers of slots of a ring, similarities of another row, labels of the row after it."""
    rows = rows_of(name, 400)
    model = learnt(DriftHOMER(seed=1, window=120), rows)
    for number in (290, 350, 399):
        x, y = rows[number]
        neighbors = model.explain_one(x)["neighbors"]
        assert neighbors[0]["row"] == number
        assert neighbors[0]["similarity"] > 0.8
        assert set(neighbors[0]["labels"]) == {label for label, value in y.items() if value}
        assert math.fsum(each["share"] for each in neighbors) == pytest.approx(1.0)
        assert all(280 <= each["row"] < 400 for each in neighbors)
    assert learnt(DriftHOMER(seed=1, window=0), rows[:60]).explain_one(x)["neighbors"] == []


def test_explanations_through_pipelines_and_wrappers():
    """Features as they were before the pipeline, or a wrapper that hides what it wraps."""
    rows = rows_of("yeast", 200)
    model = learnt(preprocessing.StandardScaler() | DriftHOMER(seed=1), rows)
    x = rows[-1][0]
    expected = model["DriftHOMER"].explain_one(model.transform_one(x))
    assert explain_one(model, x) == expected != model["DriftHOMER"].explain_one(x)
    sets = learnt(ConformalLabelSets(MultiLabelHoeffdingTree(seed=1)), rows)
    assert explain_one(sets, x, n_features=1) == sets.model.explain_one(x, n_features=1)
    with pytest.raises(ParameterError, match="must have the method explain_one"):
        explain_one(preprocessing.StandardScaler() | naive_bayes.GaussianNB(), x)


def vanishing(n_rows, change):
    """Rows in which one word decides the label, and another one after the change."""
    rng = np.random.default_rng(4)
    for row in range(n_rows):
        present = bool(rng.random() < 0.5)
        word = "old" if row < change else "new"
        x = {f"noise{j}": 1.0 for j in rng.integers(0, 12, 3)}
        yield {**x, "always": 1.0, **({word: 1.0} if present else {})}, {"a": present}


def test_importances_are_of_the_recent_past():
    """Weights of features that no recent row has, or sizes without weights."""
    model = DriftHOMER(seed=1, window=100)
    assert model.feature_importances_ == {}
    found = []
    for row, (x, y) in enumerate(vanishing(600, 300), start=1):
        model.learn_one(x, y)
        if row in (300, 600):
            found.append(model.feature_importances_)
    for importances in found:
        assert math.fsum(importances.values()) == pytest.approx(1.0)
    before, after = found
    assert max(before, key=before.get) == "old"
    assert max(after, key=after.get) == "new"
    assert after["old"] == 0.0


def test_importances_are_the_same_however_rows_come(tmp_path):
    """Importances that hold what no snapshot has."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 5))
    y = np.column_stack([x[:, 0] > 0, x[:, 0] + 0.1 * x[:, 1] > 0]).astype(int)
    one, many = DriftHOMER(seed=1), DriftHOMER(seed=1)
    many.learn_many(x, y)
    for start in range(0, 300, 7):
        one.learn_many(x[start : start + 7], y[start : start + 7])
    assert one.feature_importances_ == many.feature_importances_
    assert max(one.feature_importances_, key=one.feature_importances_.get) == 0
    one.save(tmp_path / "model.safetensors")
    assert stream.load(tmp_path / "model.safetensors").feature_importances_ == (
        many.feature_importances_
    )
    alone = DriftHOMER(seed=1, window=0)
    alone.learn_many(x, y)
    assert max(alone.feature_importances_, key=alone.feature_importances_.get) == 0
