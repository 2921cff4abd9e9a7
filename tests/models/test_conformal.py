"""Sets with a guarantee: the bound holds for any sequence, and sets are what they should be."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import datasets, naive_bayes

import stream
from stream import ConformalLabelSets, MultiLabelHoeffdingTree, open_source
from stream.data.source import rows_as_dicts
from stream.errors import ParameterError, SnapshotError


class Told:
    """Gives the probabilities that stand in the row: whatever an adversary wants."""

    def predict_proba_one(self, x):
        return {label: {True: p, False: 1 - p} for label, p in x["told"].items()}

    def learn_one(self, x, y):
        pass


@st.composite
def adversaries(draw):
    """Probabilities and truths that may follow the threshold, with new labels and empty rows."""
    seed = draw(st.integers(0, 2**32 - 1))
    kind = draw(st.sampled_from(["random", "missed", "held", "blocks"]))
    n_rows = draw(st.integers(1, 400))
    risk = draw(st.sampled_from(["fnr", "miscoverage"]))
    level = draw(st.sampled_from([0.01, 0.1, 0.5, 0.9]))
    step = draw(st.sampled_from([0.001, 0.05, 1.0]))
    decay = draw(st.sampled_from([0.0, 0.6, 0.9]))
    return seed, kind, n_rows, ConformalLabelSets(Told(), risk, level, step, decay)


def attack(seed, kind, n_rows, model):
    """Feed the rows; the risks of the sets that were predicted for rows that count."""
    rng = np.random.default_rng(seed)
    known, risks = set(), []
    for t in range(n_rows):
        labels = range(int(rng.integers(1, 6)) + t // 50)
        extremes = [0.0, 1.0, 0.5, float("nan")]
        told = {
            j: float(rng.choice(extremes)) if rng.random() < 0.2 else rng.random() for j in labels
        }
        x = {"told": told}
        held = model.predict_set_one(x)
        assert held == model.predict_set_one(x)
        if kind == "random":
            present = {j for j in labels if rng.random() < 0.3}
        elif kind == "blocks":
            present = {j for j in labels if (j in held) == (t // 40 % 2 == 0)}
        else:
            present = {j for j in labels if (j in held) == (kind == "held")}
        counted = present & known
        if counted:
            share = len(counted - held) / len(counted)
            risks.append(share if model.risk == "fnr" else float(share > 0))
        model.learn_one(x, {j: j in present for j in labels})
        known |= present
    return risks


@settings(deadline=None, max_examples=1000)
@given(adversaries())
def test_the_guarantee_holds_for_every_sequence(adversary):
    """A threshold that runs away: from rows without labels, new labels, or a full set that is not
    full."""
    *how, model = adversary
    risks = attack(*how, model)
    assert model.n_rows == len(risks)
    if risks:
        assert model.mean_risk == pytest.approx(np.mean(risks), abs=1e-12)
        assert abs(np.mean(risks) - model.level) <= model.bound + 1e-9


@pytest.mark.parametrize("risk", ["fnr", "miscoverage"])
def test_the_risk_of_a_real_stream_is_the_level(risk):
    """Sets that keep the bound by being all labels or none."""
    source = open_source("yeast")
    model = ConformalLabelSets(MultiLabelHoeffdingTree(seed=1), risk, level=0.2)
    sizes = []
    for batch in source.batches(500):
        for x, y in rows_as_dicts(batch, source.schema):
            sizes.append(len(model.predict_set_one(x)))
            model.learn_one(x, y)
    assert abs(model.mean_risk - 0.2) <= model.bound < 0.03
    assert 4 < np.mean(sizes[500:]) < 12
    assert model.mean_size == pytest.approx(np.mean(sizes[1:]), abs=0.2)
    support = {each["label"]: each["support"] for each in model.per_label()}
    assert len(support) == 14
    assert all(0 <= each["miss_rate"] <= 1 for each in model.per_label())


def test_a_stream_of_classes():
    """Classes True and False taken for truths of labels."""
    model = ConformalLabelSets(naive_bayes.GaussianNB(), level=0.1)
    missed = []
    for x, y in datasets.Phishing():
        missed.append(y not in model.predict_set_one(x))
        model.learn_one(x, y)
    assert abs(model.mean_risk - 0.1) <= model.bound
    assert np.mean(missed[10:]) == pytest.approx(0.1, abs=0.05)
    assert {each["label"] for each in model.per_label()} == {True, False}


def test_sets_in_an_evaluation():
    """An evaluation that takes the wrapper for a model of another task, or leaves sets untaught."""
    model = ConformalLabelSets(MultiLabelHoeffdingTree(seed=1), level=0.2)
    found = stream.prequential(open_source("yeast"), model, limit=300)
    assert found.rows == 300
    assert 290 < model.n_rows < 300  # all but the rows whose labels were new
    alone = stream.prequential(open_source("yeast"), MultiLabelHoeffdingTree(seed=1), limit=300)
    assert found.metrics["micro_f1"] == alone.metrics["micro_f1"]
    with pytest.raises(ParameterError, match="must be a Classifier for a single-label stream"):
        stream.prequential(open_source("led"), model, limit=10)


def small_stream():
    rng = np.random.default_rng(3)
    X = np.round(rng.random((300, 4)), 2)
    return X, np.column_stack([X[:, 0] > 0.5, X[:, 1] > 0.7, X[:, 0] + X[:, 2] > 1]).astype(int)


def test_many_rows_give_what_single_rows_give():
    """A threshold that moves once for a batch."""
    X, Y = small_stream()
    frame, truth = pd.DataFrame(X, columns=list("abcd")), pd.DataFrame(Y, columns=list("xyz"))
    many, one = (ConformalLabelSets(MultiLabelHoeffdingTree(seed=1)) for _ in range(2))
    for start in (0, 7, 100):
        stop = {0: 7, 7: 100, 100: 300}[start]
        many.learn_many(frame[start:stop], truth[start:stop])
    for x, y in zip(frame.to_dict("records"), truth.to_dict("records"), strict=True):
        one.learn_one(x, y)
    assert many.threshold == one.threshold != 1.0
    assert many.mean_risk == one.mean_risk
    sets = many.predict_set_many(frame)
    assert sets == [one.predict_set_one(x) for x in frame.to_dict("records")]
    assert len(set(map(frozenset, sets))) > 1


def test_saved_and_gone_on_with_is_gone_on_with(tmp_path):
    """A snapshot without the threshold, or with a model that is not its own."""
    X, Y = small_stream()
    model = ConformalLabelSets(MultiLabelHoeffdingTree(seed=1), "miscoverage", 0.3)
    model.learn_many(X[:200], Y[:200])
    model.save(tmp_path / "sets.safetensors")
    again = stream.load(tmp_path / "sets.safetensors")
    pickled = pickle.loads(pickle.dumps(model))
    for each in (model, again, pickled):
        each.learn_many(X[200:], Y[200:])
        assert each.threshold == model.threshold
        assert each.predict_set_many(X) == model.predict_set_many(X)
        assert each.per_label() == model.per_label()
    with pytest.raises(SnapshotError):
        ConformalLabelSets(naive_bayes.GaussianNB()).save(tmp_path / "river.safetensors")


def test_a_clone_has_learnt_nothing():
    """A clone that shares its model, or its threshold."""
    X, Y = small_stream()
    model = ConformalLabelSets(MultiLabelHoeffdingTree(seed=1), "miscoverage", 0.3, 0.1, 0.6)
    model.learn_many(X, Y)
    clone = model.clone()
    assert clone.model is not model.model
    assert (clone.risk, clone.level, clone.step, clone.decay) == ("miscoverage", 0.3, 0.1, 0.6)
    assert (clone.threshold, clone.n_rows, clone.mean_risk) == (1.0, 0, 0.0)
    assert clone.predict_set_one({0: 1.0}) == set()


@pytest.mark.parametrize(
    "wrong",
    [{"risk": "fdr"}, {"level": 0.0}, {"level": 1}, {"step": 0.0}, {"decay": 1.0}],
)
def test_parameters_are_refused_by_name(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        ConformalLabelSets(Told(), **wrong)
    with pytest.raises(ParameterError, match="predict_proba_one"):
        ConformalLabelSets(object())
