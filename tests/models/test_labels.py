"""Labels whose truth is unknown, that come late, and names of any kind."""

import pickle

import numpy as np
import pytest
from model_streams import concept_drift, in_chunks

from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree

LEAVES = ["mc", "nb", "lr", "adaptive"]


def rows_of_two_labels(n=400, seed=4):
    rng = np.random.default_rng(seed)
    for i in range(n):
        x = {"f": rng.normal(), "g": rng.normal()}
        yield i, x, {"a": x["f"] > 0, "b": x["f"] + x["g"] > 0}


def present(model, x):
    return {label: p[True] for label, p in model.predict_proba_one(x).items()}


@pytest.mark.parametrize("leaf_prediction", ["mc", "nb"])
def test_unknown_rows_are_not_counted_as_absent(leaf_prediction):
    """A label that is unknown in half of the rows is predicted as by a model that never saw those
    rows; as absent, its probabilities would be half of that."""
    params = {"leaf_prediction": leaf_prediction, "max_depth": 0}
    partial, without, absent = (MultiLabelHoeffdingTree(**params) for _ in range(3))
    for i, x, y in rows_of_two_labels():
        if i % 2:
            partial.learn_one(x, y)
            without.learn_one(x, y)
            absent.learn_one(x, y)
        else:
            partial.learn_one(x, {"a": y["a"]})
            absent.learn_one(x, {"a": y["a"], "b": False})
    told = [
        [present(model, x)["b"] for _, x, _ in rows_of_two_labels(60, seed=9)]
        for model in (partial, without, absent)
    ]
    np.testing.assert_allclose(told[0], told[1], atol=0.05)
    assert np.mean(told[2]) < 0.7 * np.mean(told[0])


@pytest.mark.parametrize("leaf_prediction", LEAVES)
def test_unknown_rows_do_not_teach_absence(leaf_prediction):
    """Label b is always present when it is known, and known in every tenth row."""
    model = MultiLabelHoeffdingTree(leaf_prediction=leaf_prediction)
    for i, x, y in rows_of_two_labels(600):
        model.learn_one(x, {"a": y["a"]} | ({"b": True} if i % 10 == 0 else {}))
    assert present(model, {"f": 0.1, "g": 0.1})["b"] > 0.85


@pytest.mark.parametrize("leaf_prediction", LEAVES)
def test_unknown_labels_leave_the_other_labels_alone(leaf_prediction):
    params = {"leaf_prediction": leaf_prediction, "max_depth": 0}
    partial, full = (MultiLabelHoeffdingTree(**params) for _ in range(2))
    for i, x, y in rows_of_two_labels():
        full.learn_one(x, y)
        partial.learn_one(x, y if i % 3 else {"a": y["a"]})
        assert present(partial, x)["a"] == present(full, x)["a"]


@pytest.mark.parametrize("leaf_prediction", ["mc", "nb"])
def test_before_its_first_mention_a_label_counts_as_absent(leaf_prediction):
    params = {"leaf_prediction": leaf_prediction, "max_depth": 0}
    late, named = (MultiLabelHoeffdingTree(**params) for _ in range(2))
    for i, x, y in rows_of_two_labels():
        known = y if i >= 200 else {"a": y["a"]}
        late.learn_one(x, known)
        named.learn_one(x, {"b": False} | known)
        if i >= 200:
            assert present(late, x) == present(named, x)


def test_a_label_is_answered_from_its_first_mention_on():
    model = MultiLabelHoeffdingTree()
    seen = []
    for y in ({"a": True}, {"b": False}, {}, {"a": False, "c": True}):
        model.learn_one({"f": 1.0}, y)
        seen.append(sorted(model.predict_one({"f": 1.0})))
    assert seen == [["a"], ["a", "b"], ["a", "b"], ["a", "b", "c"]]
    assert model.labels == ["a", "b", "c"]
    assert not model.predict_one({})["b"]


def test_rows_without_known_labels_before_any_label():
    model = MultiLabelHoeffdingTree()
    for i in range(20):
        model.learn_one({"f": float(i)}, {})
    assert model.predict_one({"f": 1.0}) == {}
    model.learn_one({"f": 1.0}, {"a": True})
    assert list(model.predict_one({"f": 1.0})) == ["a"]


NAMES = [
    [frozenset({1, 2}), frozenset({3}), frozenset({2, 5}), frozenset({9})],
    [1, "1", (1,), None],
    [("b", 2), ("a", 1), ("a", "x"), (frozenset({1}),)],
    [2.5, True, "z", b"y"],
]


@pytest.mark.parametrize("names", NAMES)
def test_names_of_any_kind_in_any_order(names):
    """Same bytes however the dictionaries are ordered."""
    models = [
        MultiLabelHoeffdingTree(grace_period=20, tau=0.5, max_features=0.5, seed=1)
        for _ in range(3)
    ]
    rng = np.random.default_rng(0)
    for i in range(150):
        values, shown = rng.normal(size=4).tolist(), 1 + i % 4
        for model, order in zip(models, ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]), strict=True):
            x = {names[j]: values[j] for j in order if j < shown}
            y = {names[j]: values[j] > 0 for j in order if j < shown or i > 60}
            model.learn_one(x, y)
    assert {*models[0].labels} == {*names}
    assert len({pickle.dumps(model) for model in models}) == 1
    restored = pickle.loads(pickle.dumps(models[0]))
    assert restored.labels == models[0].labels
    assert restored.predict_proba_one(x) == models[0].predict_proba_one(x)


def test_a_feature_and_a_label_may_have_the_same_name():
    model = MultiLabelHoeffdingTree()
    for i in range(100):
        model.learn_one({"rain": float(i % 2)}, {"rain": i % 2 == 1})
    assert model.predict_one({"rain": 1.0}) == {"rain": True}


@pytest.mark.parametrize("kind", [MultiLabelHoeffdingTree, HoeffdingTreeClassifier])
def test_looking_at_a_model_leaves_it_as_it_is(kind):
    model = kind(grace_period=20, tau=0.5)
    for _, x, y in rows_of_two_labels():
        model.learn_one(x, y if kind is MultiLabelHoeffdingTree else y["a"])
    before = pickle.dumps(model)
    model.labels.append("not a label")
    for look in (
        lambda: model.summary,
        model.structure,
        model.warm_up,
        lambda: model.n_bytes,
        lambda: repr(model),
        lambda: model.predict_one({"never learnt": 1.0}),
        lambda: model.predict_proba_one({"f": float("nan"), "g": None}),
        lambda: model.predict_many(np.ones((3, 2))),
        lambda: model._raw_memory_usage,
    ):
        look()
        assert pickle.dumps(model) == before


def test_structure_tells_the_drifts():
    model = MultiLabelHoeffdingTree(grace_period=25, tau=0.3, drift_window_threshold=50)
    assert model.structure() == {"clusters": None, "restructures": 0, "drifts": 0}
    in_chunks(model, concept_drift(), 1000)
    told, summary = model.structure(), model.summary
    assert told["drifts"] == summary.n_drifts > 0
    assert told["restructures"] == summary.n_replaced > 0
    assert summary.n_rows == 3000
    assert summary.n_nodes == 2 * summary.n_leaves - 1
