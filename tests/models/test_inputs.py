"""What learn_many and predict_many take, and what they and learn_one refuse."""

import pickle
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse

from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.errors import DataError

RNG = np.random.default_rng(3)
X = np.round(RNG.normal(size=(120, 3)), 2) * (RNG.random((120, 3)) < 0.7)
Y = np.stack([X[:, 0] > 0, X[:, 1] > X[:, 2]], axis=1)
NAMES = ["x", "y", "z"]
LABELS = ["up", "right"]


def frames(kind=pd.DataFrame):
    if kind is pd.DataFrame:
        return pd.DataFrame(X, columns=NAMES), pd.DataFrame(Y, columns=LABELS)
    return (
        pa.table(dict(zip(NAMES, X.T, strict=True))),
        pa.table(dict(zip(LABELS, Y.T, strict=True))),
    )


def tree(**params):
    return MultiLabelHoeffdingTree(grace_period=20, tau=0.5, **params)


def trained():
    model = tree()
    model.learn_many(*frames())
    return model


def test_every_kind_of_table_teaches_the_same():
    kinds = [
        lambda a: a,
        lambda a: a.tolist(),
        np.asfortranarray,
        scipy.sparse.csr_matrix,
        scipy.sparse.csc_array,
        scipy.sparse.coo_array,
        pd.DataFrame,
    ]
    expected = tree()
    for x, y in zip(X, Y, strict=True):
        expected.learn_one(dict(enumerate(x)), dict(enumerate(y)))
    told = expected.predict_proba_many(X)
    for kind in kinds:
        model = tree()
        model.learn_many(kind(X), kind(Y))
        np.testing.assert_array_equal(np.asarray(model.predict_proba_many(kind(X))), told)
        np.testing.assert_array_equal(np.asarray(model.predict_many(kind(X))), told > 0.5)
        assert pickle.dumps(model) == pickle.dumps(expected)


def test_inputs_are_not_written_to():
    for kind in (np.array, scipy.sparse.csr_matrix, scipy.sparse.csc_array):
        x, y = kind(X), kind(Y)
        before = x.copy(), y.copy()
        model = tree()
        model.learn_many(x, y)
        model.predict_many(x)
        for now, then in zip((x, y), before, strict=True):
            difference = now != then
            assert (difference.nnz if scipy.sparse.issparse(difference) else difference.sum()) == 0
    read_only = X.copy()
    read_only.flags.writeable = False
    tree().learn_many(read_only, Y)


def test_duplicates_and_stored_zeros_of_sparse_matrices():
    untidy = scipy.sparse.coo_array(
        ([1.0, 2.0, 0.0, -3.0, 3.0], ([0, 0, 0, 1, 1], [2, 2, 0, 1, 1])), shape=(2, 3)
    )
    tidy = np.array([[0, 0, 3.0], [0, 0, 0]])
    model, other = tree(), tree()
    model.learn_many(untidy, Y[:2])
    other.learn_many(tidy, Y[:2])
    assert pickle.dumps(model) == pickle.dumps(other)


def learnt(model):
    """What a model has learnt; in which order answers have their columns is the tables' alone."""
    copied = pickle.loads(pickle.dumps(model))
    copied._names.column_order.clear()
    return pickle.dumps(copied)


def test_pandas_frame_keeps_its_index_and_names():
    features, truth = frames()
    features.index = [f"row {i}" for i in range(len(features))]
    model = tree()
    model.learn_many(features, truth.set_index(features.index))
    told, sure = model.predict_many(features), model.predict_proba_many(features)
    for frame in (told, sure):
        assert frame.index.equals(features.index)
        assert list(frame.columns) == model.labels == ["up", "right"]
    assert told.dtypes.eq(bool).all()
    x = features.iloc[7].to_dict()
    assert told.iloc[7].to_dict() == model.predict_one(x)
    assert sure.iloc[7].to_dict() == {k: p[True] for k, p in model.predict_proba_one(x).items()}


def test_arrow_table_gives_an_arrow_table():
    features, truth = frames(pa.table)
    model = tree()
    model.learn_many(features, truth)
    told = model.predict_proba_many(features)
    assert isinstance(told, pa.Table)
    expected = trained().predict_proba_many(frames()[0])
    for name in LABELS:
        np.testing.assert_array_equal(told[name].to_numpy(), expected[name])


def test_object_columns_of_truth_values_with_gaps():
    """What pandas makes of dictionaries that do not hold every label."""
    rows = [{"up": True}, {"up": False, "right": True}, {"right": False}, {"up": None}]
    model, other = tree(), tree()
    model.learn_many(X[:4], pd.DataFrame(rows))
    for x, y in zip(X, rows, strict=False):
        other.learn_one(dict(enumerate(x)), {k: v for k, v in y.items() if v is not None})
    assert learnt(model) == learnt(other)


def test_columns_of_frames_go_by_name():
    features, truth = frames()
    model, other = tree(), tree()
    model.learn_many(features, truth)
    other.learn_many(features[["z", "x", "y"]], truth[["right", "up"]])
    assert learnt(model) == learnt(other)
    assert (model.labels, other.labels) == (["up", "right"], ["right", "up"])
    np.testing.assert_array_equal(
        model.predict_proba_many(features[["y", "z", "x"]]),
        other.predict_proba_many(features)[["up", "right"]],
    )


def test_no_rows():
    model = tree()
    before = pickle.dumps(model)
    model.learn_many(np.zeros((0, 3)), np.zeros((0, 2)))
    assert pickle.dumps(model) == before
    assert model.predict_many(X).shape == (120, 0)
    model.learn_many(X, Y)
    assert model.predict_proba_many(np.zeros((0, 3))).shape == (0, 2)


def changed(table, row, column, value):
    table = table.astype(object) if isinstance(value, str) else table.astype(float)
    table[row, column] = value
    return table


SPARSE_INF = scipy.sparse.csr_array(changed(X, 4, 2, np.inf))
REFUSED = {
    "infinite": (changed(X, 4, 2, -np.inf), Y, "column '2'.*finite or NaN.*got -inf in row 5"),
    "infinite, sparse": (SPARSE_INF, Y, "column '2'.*finite or NaN.*got inf in row 5"),
    "infinite, frame": (
        pd.DataFrame(changed(X, 4, 2, np.inf), columns=NAMES),
        Y,
        "column 'z'.*finite or NaN.*got inf in row 5",
    ),
    "label 2": (X, changed(Y, 6, 1, 2), "column '1'.*1 or 0, or missing.*got 2 in row 7"),
    "label 0.5": (X, changed(Y, 0, 0, 0.5), "column '0'.*1 or 0, or missing.*got 0.5 in row 1"),
    "label infinite": (X, changed(Y, 0, 0, np.inf), "column '0'.*1 or 0, or missing.*inf in row 1"),
    "label -1, frame": (
        X,
        pd.DataFrame(changed(Y, 9, 0, -1), columns=LABELS),
        "column 'up'.*1 or 0, or missing.*got -1 in row 10",
    ),
    "rows": (X[:-1], Y, "same number of rows, got 119 and 120"),
    "one dimension": (X[0], Y, "features must have two dimensions.*got 1"),
    "three dimensions": (X[None], Y, "features must have two dimensions.*got 3"),
    "labels of one dimension": (X, Y[:, 0], "labels must have two dimensions.*got 1"),
    "same name twice": (
        pd.DataFrame(X, columns=["x", "y", "x"]),
        Y,
        "column 'x'.*the columns of a data frame must differ in name",
    ),
    "complex": (X + 1j, Y, "column '0'.*number, a truth value.*got a complex"),
    "complex, sparse": (scipy.sparse.csr_array(X + 1j), Y, "features must hold numbers.*complex"),
    "bytes, frame": (
        pd.DataFrame(X, columns=NAMES).assign(raw=b"red"),
        Y,
        "column 'raw'.*got a bytes; decode them.*in row 1",
    ),
    "structured": (np.zeros((3, 2), [("a", "f8")]), Y[:3], "structured array"),
    "no labels": (X, None, "labels must have two dimensions.*got 0"),
    "text label": (X, changed(Y, 3, 1, "yes"), "column '1'.*1 or 0, or missing.*'yes' in row 4"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_row_and_column_and_nothing_learnt(name):
    features, truth, message = REFUSED[name]
    for model in (tree(), trained()):
        before = pickle.dumps(model)
        with pytest.raises(DataError) as caught:
            model.learn_many(features, truth)
        assert re.search(message, str(caught.value))
        assert "\n" not in str(caught.value)
        assert pickle.dumps(model) == before


@pytest.mark.parametrize("name", ["infinite", "infinite, sparse", "one dimension", "bytes, frame"])
def test_refused_in_prediction(name):
    features, _, message = REFUSED[name]
    model = trained()
    before = pickle.dumps(model)
    for method in (model.predict_many, model.predict_proba_many):
        with pytest.raises(DataError) as caught:
            method(features)
        assert re.search(message, str(caught.value))
    assert pickle.dumps(model) == before


ROWS = {
    "infinite": ({"x": 1.0, "y": float("-inf")}, {"up": True}, "'y'.*finite or NaN.*-inf"),
    "set": ({"new": 1.0, "y": {1}}, {"up": True}, "'y'.*number, a truth value, a text.*a set"),
    "bytes": ({"new": 1.0, "y": b"a"}, {"up": True}, "'y'.*got a bytes; decode"),
    "complex": ({"y": 1j}, {"up": True}, "'y'.*got a complex"),
    "list of features": ([1.0], {"up": True}, "dictionary of name to value, got a list"),
    "too large": ({"new": 1.0, "x": 10**400}, {"up": True}, "'x'.*got a larger number"),
    "name": ({"new": 1.0, object: 1.0}, {"up": True}, "a name must be a text.*got a type"),
    "name of a label": ({"new": 1.0}, {object: True}, "a label must be a name.*got a type"),
    "missing name": ({"new": 1.0, float("nan"): 1.0}, {"up": True}, "'nan'.*got a float"),
    "label 2": ({"new": 1.0}, {"new": True, "up": 2}, "'up'.*True, False, 1 or 0.*got 2"),
    "label text": ({"new": 1.0}, {"up": "yes"}, "'up'.*True, False, 1 or 0.*got 'yes'"),
    "labels": ({"new": 1.0}, "up", "dictionary of label to bool, or a set or list.*got a str"),
    "indicators": ({"new": 1.0}, np.array([0, 1]), "names of the labels are not given"),
    "indicators in a list": ({"new": 1.0}, [True, False], "names of the labels are not given"),
    "same name": ({"a": "b", "a=b": 2.0}, {"up": True}, "'a(=b)?'.*another feature"),
}


@pytest.mark.parametrize("name", ROWS)
def test_row_refused_with_column_and_nothing_learnt(name):
    x, y, message = ROWS[name]
    for model in (tree(), trained()):
        before = pickle.dumps(model)
        with pytest.raises(DataError) as caught:
            model.learn_one(x, y)
        assert re.search(message, str(caught.value))
        assert pickle.dumps(model) == before


def test_kinds_of_values_in_rows():
    """Numbers of NumPy, truth values and integers are the numbers that they stand for."""
    rows = [
        {"x": 1.0, "y": 2.0},
        {"x": np.float32(1), "y": np.int8(2)},
        {"x": True, "y": 2},
        {"x": np.True_, "y": np.float64(2)},
    ]
    models = [tree() for _ in rows]
    for model, x in zip(models, rows, strict=True):
        model.learn_one(x, {"up": np.True_, "right": 0})
    assert len({pickle.dumps(model) for model in models}) == 1


def test_texts_are_features():
    model, other = tree(), tree()
    for i in range(100):
        colour, y = ("red", "blue")[i % 2], {"warm": i % 2 == 0}
        model.learn_one({"colour": colour, "n": 1.0}, y)
        other.learn_one({f"colour={colour}": 1.0, "n": 1}, y)
    assert pickle.dumps(model) == pickle.dumps(other)
    assert model.predict_one({"colour": "red"}) == {"warm": True}


# ---- classes


def test_kinds_of_classes():
    classes = np.where(Y[:, 0], "a", "b")
    features = frames()[0]
    expected = HoeffdingTreeClassifier(grace_period=20)
    for x, y in zip(features.to_dict("records"), classes.tolist(), strict=True):
        expected.learn_one(x, y)
    for kind in (list, np.array, pd.Series, lambda v: np.array(v, object), pd.Categorical):
        model = HoeffdingTreeClassifier(grace_period=20)
        model.learn_many(features, kind(classes))
        assert pickle.dumps(model) == pickle.dumps(expected)
    told = expected.predict_many(features)
    assert isinstance(told, pd.Series)
    assert told.index.equals(features.index)
    assert told.tolist() == [expected.predict_one(x) for x in features.to_dict("records")]
    plain = HoeffdingTreeClassifier(grace_period=20)
    plain.learn_many(X, classes)
    assert plain.predict_many(X).tolist() == told.tolist()


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_unknown_class(unknown):
    classes = ["a", "b", unknown] * 40
    model, many = HoeffdingTreeClassifier(), HoeffdingTreeClassifier()
    for x, y in zip(X, classes, strict=True):
        model.learn_one(dict(enumerate(x)), y)
    many.learn_many(X, classes)
    assert model.labels == many.labels == ["a", "b"]
    assert pickle.dumps(model) == pickle.dumps(many)


def test_numpy_class_is_the_class_it_stands_for():
    one, many = HoeffdingTreeClassifier(), HoeffdingTreeClassifier()
    for x, y in zip(X, Y[:, 0], strict=True):
        one.learn_one(dict(enumerate(x)), y)
    many.learn_many(X, Y[:, 0])
    assert pickle.dumps(one) == pickle.dumps(many)
    assert type(one.predict_one({0: 1.0})) is bool


@pytest.mark.parametrize("bad", [["a"], {"a": True}, ([],)])
def test_class_that_is_no_name_is_refused_and_nothing_learnt(bad):
    model = HoeffdingTreeClassifier()
    before = pickle.dumps(model)
    with pytest.raises(DataError, match="a class must be hashable"):
        model.learn_one({"a": 1.0}, bad)
    assert pickle.dumps(model) == before


def test_class_rows_differ():
    model = HoeffdingTreeClassifier()
    with pytest.raises(DataError, match="same number of rows, got 120 and 2"):
        model.learn_many(X, ["a", "b"])


def test_features_whose_first_values_are_missing_leave_answers_probabilities():
    """A value scaled by what another feature left behind in a row of statistics, less a first value
    that never came: NaN."""
    rng = np.random.default_rng(1)
    model = MultiLabelHoeffdingTree(grace_period=20, tau=0.9, delta=0.5, leaf_prediction="nb")
    for i in range(600):
        x = {f"f{j}": rng.normal() for j in range(4)}
        for n in range(i // 10):
            if rng.random() < 0.3:
                x[f"new{n}"] = None if i < 10 * n + 16 else rng.normal()
        for told in model.predict_proba_one(x).values():
            assert 0.0 <= told[True] <= 1.0, i
        model.learn_one(x, {"a": x["f0"] + x["f1"] > 0, "b": x["f0"] > 0.5})
    assert model.summary.n_splits > 5
