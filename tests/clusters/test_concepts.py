"""A memory of concepts: trees that are put aside at a drift, and come back with their concept."""

import numpy as np
import pytest

from stream import DriftHOMER
from stream.clusters.concepts import ConceptMemory
from stream.data.synthetic import create
from stream.engine.growth import new_tree
from stream.engine.learner import GrowingTree
from stream.engine.losses import add_differences, squared_errors
from stream.errors import SnapshotError
from stream.snapshot import dumps, loads

ROWS, CHANGES = 12_000, (3_000, 6_000, 9_000)  # concepts 0, 1, 0, 1
CONCEPTS = "syn-hp-rec"


def learnt(model, sizes, n_rows=ROWS, between=lambda model: model):
    """The model after rows in batches of these sizes, in turns."""
    source = create(CONCEPTS, n_rows=ROWS, seed=1)
    start = turn = 0
    while start < n_rows:
        stop = min(start + sizes[turn % len(sizes)], n_rows)
        model.test_then_train_many(source.rows(start, stop), source.schema)
        model = between(model)
        start, turn = stop, turn + 1
    return model


def recalls_of(model):
    return [event for event in model.events if event.kind == "recall"]


@pytest.fixture(scope="module")
def at_once():
    return learnt(DriftHOMER(seed=1), [500])


def test_the_tree_of_a_concept_that_returns_takes_over(at_once):
    """A tree that is put aside and never asked; one that comes back while its concept is not in
    force; the tree that has just failed, which is taken for the one that returns."""
    first, second = recalls_of(at_once)
    assert CHANGES[1] < first.row <= CHANGES[1] + 500
    assert CHANGES[2] < second.row <= CHANGES[2] + 500
    assert first.quantities["concept"] == 0
    assert second.quantities["concept"] != 0
    for event in (first, second):
        assert event.quantities["gain"] > 0.0
        assert 100 <= event.quantities["rows"] <= 500
    assert [each["kind"] for each in at_once.structure()["restructures"]].count("recall") == 2
    x, _ = next(iter(create(CONCEPTS, n_rows=1, seed=1)))
    assert at_once.explain_one(x)["concept"] == second.quantities["concept"]


def test_any_chunks_recall_the_same_tree_at_the_same_row(at_once):
    """A comparison that depends on where a batch ends, or is lost with a snapshot."""

    def saved_at_times(model):
        return loads(dumps(model)) if model.events and len(model.events) % 2 else model

    in_pieces = learnt(DriftHOMER(seed=1), [77, 1, 423, 250], between=saved_at_times)
    assert recalls_of(in_pieces) == recalls_of(at_once)
    assert dumps(in_pieces) == dumps(at_once)


def test_a_model_without_the_memory_has_no_recall():
    model = learnt(DriftHOMER(seed=1, concepts=0), [500])
    assert not recalls_of(model)
    assert model.explain_one({"0": 1.0})["concept"] is None


def test_trees_put_aside_stay_within_bounds(at_once):
    """A tree for each drift there ever was; a tree that alone is more than the limit."""
    tree = at_once._learner.trees.shared.part.growing
    memory = ConceptMemory(2, 10 * tree.n_bytes)
    for row in range(5):
        memory.drift(tree, row)
        memory.since = -1  # as if nothing had come back
    assert list(memory.trees) == [3, 4]
    assert memory.in_force == 5
    memory = ConceptMemory(5, 2.5 * tree.n_bytes)
    for row in range(4):
        memory.drift(tree, row)
        memory.since = -1
    assert list(memory.trees) == [2, 3]
    assert memory.n_bytes <= memory.max_size
    memory = ConceptMemory(5, 0.5 * tree.n_bytes)
    memory.drift(tree, 1)
    assert not memory.trees
    assert memory.since == -1


def test_a_tree_of_other_parameters_cannot_take_over(at_once):
    own = at_once._learner.trees.shared.part.growing
    memory = ConceptMemory(5, 1e9)
    other = own.params._replace(grace_period=own.params.grace_period + 1)
    memory.trees[0] = GrowingTree(other, 1e9, new_tree(other))
    with pytest.raises(SnapshotError, match="parameters"):
        memory.check_tree(own)
    memory.trees.clear()
    memory.sums[3] = np.zeros(3)
    with pytest.raises(SnapshotError, match="put aside"):
        memory.check_restored()


def test_errors_are_those_of_the_definition():
    """An unknown label that counts as absent, a model that is left out of the mean."""
    rng = np.random.default_rng(0)
    said = rng.random((5, 3, 4))
    truth = rng.integers(0, 3, (5, 4))  # 2: unknown
    entries = {
        value: (
            np.concatenate([[0], np.cumsum((truth == value).sum(axis=1))]),
            np.nonzero(truth == value)[1].astype(np.int32),
        )
        for value in (1, 2)
    }
    errors, room = np.zeros(5), np.zeros(4, np.int8)
    squared_errors(said[1:], entries[1], entries[2], 1, room, errors[1:])
    expected = np.where(truth == 2, 0.0, (said.mean(axis=1) - truth) ** 2).sum(axis=1)
    assert errors[1:] == pytest.approx(expected[1:])
    assert errors[0] == 0.0
    assert not room.any()
    sums, others = np.zeros(3), rng.random(5)
    add_differences(sums, errors[2:], others[2:])
    difference = (errors - others)[2:]
    assert sums == pytest.approx([3, difference.sum(), (difference**2).sum()])
