"""Estimators behind ``partial_fit``: the same answers as without, in the shapes others expect."""

from __future__ import annotations

import numpy as np
import pytest

from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.errors import ParameterError
from stream.models import PartialFit


def rows(n: int = 400, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    return X, (X[:, :3] + 0.2 * rng.normal(size=(n, 3)) > 0.5).astype(int)


def test_label_sets_are_those_of_the_estimator():
    """Columns in another order than those of ``y``, or rows learnt twice."""
    X, Y = rows()
    plain, learner = MultiLabelHoeffdingTree(seed=7), PartialFit(MultiLabelHoeffdingTree(seed=7))
    assert learner.predict(X[:2]).shape == (2, 0)
    for start in range(0, 400, 100):
        piece = slice(start, start + 100)
        plain.learn_many(X[piece], Y[piece])
        assert learner.partial_fit(X[piece], Y[piece]) is learner
    assert (learner.predict(X) == plain.predict_many(X)).all()
    assert (learner.predict(X).shape, learner.predict(X).dtype.kind) == ((400, 3), "i")
    assert learner.predict_proba(X).shape == (400, 3)
    assert ((learner.predict_proba(X) > 0.5) == learner.predict(X)).all()


def test_classes_keep_the_order_they_were_given_in():
    """Probabilities of one class under the name of another."""
    X, Y = rows()
    y = np.where(Y[:, 0] == 1, 7, 3)
    learner = PartialFit(HoeffdingTreeClassifier(seed=7))
    assert learner.predict(X[:2]).tolist() == [0, 0]
    learner.partial_fit(X[:1], y[:1], classes=np.array([9, 7, 3]))
    learner.partial_fit(X[1:], y[1:])
    shares = learner.predict_proba(X)
    assert shares.shape == (400, 3)
    assert (shares[:, 0] == 0).all()
    assert (learner.predict(X) == np.array([9, 7, 3])[shares.argmax(axis=1)]).all()
    assert (learner.predict(X) == y).mean() > 0.8


def test_reset_forgets_and_fit_starts_anew():
    X, Y = rows()
    learner = PartialFit(MultiLabelHoeffdingTree(seed=7)).partial_fit(X, Y)
    before = learner.predict_proba(X)
    assert learner.reset().predict(X[:2]).shape == (2, 0)
    assert (learner.fit(X, Y).predict_proba(X) == before).all()
    assert learner.get_info().startswith("MultiLabelHoeffdingTree (")


def test_weights_are_refused_unless_they_are_ones():
    """Weights that are passed over in silence."""
    X, Y = rows(4)
    learner = PartialFit(MultiLabelHoeffdingTree())
    learner.partial_fit(X, Y, sample_weight=np.ones(4))
    with pytest.raises(ParameterError, match="sample_weight"):
        learner.partial_fit(X, Y, sample_weight=[1, 2, 1, 1])
