"""Tables of answers have their columns in the order in which tables of labels had them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from river import preprocessing

from stream import DriftHOMER, MultiLabelHoeffdingTree
from stream.snapshot import dumps, loads

ORDER = ["zebra", "10", "2", "apple"]
rng = np.random.default_rng(3)
X = pd.DataFrame({"b": rng.normal(size=300), "a": rng.normal(size=300)})
Y = pd.DataFrame({"zebra": X.a > 0, "10": X.b > 0, "2": X.a + X.b > 0, "apple": X.b < 0})
WORDS = pd.DataFrame(
    {
        "key": rng.choice(["minor", "major"], 300),
        "size": pd.Categorical(rng.choice(["s", "l"], 300)),
    }
)


def test_labels_come_back_in_the_order_given():
    """Columns come sorted by name, so that positions mean other labels than before."""
    model = MultiLabelHoeffdingTree(seed=1)
    model.learn_many(X, Y)
    assert list(model.predict_many(X).columns) == ORDER
    assert list(model.predict_proba_many(X).columns) == ORDER
    assert model.labels == ORDER
    right = model.predict_many(X[200:]).to_numpy() == Y[200:].to_numpy()
    assert right.mean() > 0.8
    restored = loads(dumps(model))
    assert restored.labels == ORDER
    restored.learn_one({"a": 1.0}, {"newer": True, "new": True})
    assert restored.labels == [*ORDER, "new", "newer"]


def test_the_order_changes_no_answer():
    """Rows of a table are learnt otherwise than one by one, or than in another order of columns."""
    table, rows = DriftHOMER(seed=1), DriftHOMER(seed=1)
    table.learn_many(X, Y)
    for x, y in zip(X.to_dict("records"), Y.to_dict("records"), strict=True):
        rows.learn_one(x, y)
    asked = X[:40]
    told = table.predict_proba_many(asked)
    for i, x in enumerate(asked.to_dict("records")):
        one = rows.predict_proba_one(x)
        assert {label: told.iloc[i][label] for label in ORDER} == {
            k: p[True] for k, p in one.items()
        }


@pytest.mark.parametrize("make", [pl.from_pandas, lambda frame: frame])
def test_texts_and_categories_of_frames_are_those_of_dictionaries(make):
    """A column of categories is read as the numbers of its categories."""
    table, rows = MultiLabelHoeffdingTree(seed=1), MultiLabelHoeffdingTree(seed=1)
    table.learn_many(make(WORDS), make(Y))
    for x, y in zip(WORDS.to_dict("records"), Y.to_dict("records"), strict=True):
        rows.learn_one(x, y)
    told = table.predict_proba_many(make(WORDS[:20]))
    for i, x in enumerate(WORDS[:20].to_dict("records")):
        one = rows.predict_proba_one(x)
        assert {label: told[label][i] for label in ORDER} == {k: p[True] for k, p in one.items()}


def test_one_hot_encoded_frames_are_learnt_in_a_pipeline():
    """The sparse frames of River's OneHotEncoder are refused, or learnt otherwise than its rows."""

    def pipeline():
        return preprocessing.OneHotEncoder() | MultiLabelHoeffdingTree(seed=1)

    words = WORDS.astype(str)
    table, rows = pipeline(), pipeline()
    for start in range(0, 300, 100):
        table.learn_many(words[start : start + 100], Y[start : start + 100])
    for x, y in zip(words.to_dict("records"), Y.to_dict("records"), strict=True):
        rows.learn_one(x, y)
    told = table.predict_many(words[:30])
    assert list(told.columns) == ORDER
    for i, x in enumerate(words[:30].to_dict("records")):
        assert told.iloc[i].to_dict() == rows.predict_one(x)
