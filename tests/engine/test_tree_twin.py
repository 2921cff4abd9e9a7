"""The compiled tree against its slow, obvious twin: same tests at the same rows, same answers."""

import numpy as np
import pytest
from engine_streams import (
    LEAF_MODELS,
    classes_as_labels,
    learner,
    make_batch,
    random_rows,
    rows_of,
    shape_of,
    tree_params,
)
from naive.tree import NaiveTree

from stream.engine import layout as lay

KINDS = {
    "dense": {},
    "sparse": {"density": 0.3, "features": 8},
    "missing": {"missing": 0.1},
    "unknown": {"unknown": 0.2},
    "all": {"density": 0.5, "missing": 0.1, "unknown": 0.1},
}


def compare(params, batch):
    """Run both row by row; returns the compiled tree."""
    from stream.engine.learner import TreeLearner

    model, twin = TreeLearner(params, 500e6), NaiveTree(params)
    answers = model.run(batch, predict=True)
    expected = np.zeros_like(answers)
    for i, (x, present, unknown) in enumerate(rows_of(batch)):
        row = twin.predict(x)
        expected[i, : len(row)] = row
        twin.learn(x, present, unknown)
    registers = model.tree.registers
    assert_same_shape(shape_of(model.tree), twin.root.shape())
    assert registers[lay.N_SPLITS] == len(twin.splits)
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    return model, twin


def assert_same_shape(one, other):
    assert len(one) == len(other)
    if one:
        assert one[0] == other[0]
        assert one[1] == pytest.approx(other[1], rel=1e-12)
        assert_same_shape(one[2], other[2])
        assert_same_shape(one[3], other[3])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("leaf_prediction", LEAF_MODELS)
def test_multi_label_tree_equals_its_twin(leaf_prediction, kind):
    """Any rule of the tree that the kernels get wrong: counts, leaf models, splits, inheritance."""
    x, truth = random_rows(3, **KINDS[kind])
    model, _ = compare(tree_params(leaf_prediction), make_batch(x, truth))
    assert model.tree.registers[lay.N_SPLITS] >= 3  # the comparison is about something


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("leaf_prediction", LEAF_MODELS)
def test_single_label_tree_equals_its_twin(leaf_prediction, kind):
    """The same in the mode of one class per row."""
    x, truth = random_rows(4, **KINDS[kind])
    batch = make_batch(x, classes_as_labels(truth))
    model, _ = compare(tree_params(leaf_prediction, single_label=True), batch)
    assert model.tree.registers[lay.N_SPLITS] >= 3
