"""The partition by name: what it takes, refuses, tells and shows."""

import json
import math
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from label_rows import block_sets

from stream import LabelPartitioner
from stream.errors import DataError, ParameterError
from stream.partition import PartitionEvent

BLOCKS = [["ash", "elm", "oak"], ["cod", "eel", "pike"]]
NAMES = [name for block in BLOCKS for name in block]


def named_sets(seed=0, n_rows=1_500):
    sets = block_sets(seed, n_rows, [[0, 1, 2], [3, 4, 5]])
    sets[0] = set(range(6))  # so that they are numbered in the order of their names
    return [{NAMES[label] for label in labels} for labels in sets]


@pytest.fixture(scope="module")
def learnt():
    model = LabelPartitioner()
    model.learn_many(named_sets())
    return model


@pytest.mark.parametrize("value", [math.inf, 0.5, "yes", b"1", 2])
def test_a_value_that_is_no_truth_is_refused(value):
    """A label counted as present because its value is not empty; a refused row half learnt."""
    model = LabelPartitioner()
    model.learn_one({"ash": True})
    before = pickle.dumps(model)
    with pytest.raises(DataError, match="elm"):
        model.learn_one({"oak": True, "elm": value})
    with pytest.raises(DataError, match="elm"):
        model.learn_many([{"oak": True}, {"elm": value}])
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("labels", ["ash", 3, None])
def test_what_is_no_set_is_refused(labels):
    """A text taken for the set of its letters."""
    with pytest.raises(DataError, match="set"):
        LabelPartitioner().learn_one(labels)


def test_a_new_label_joins_its_cluster(learnt):
    """A label that appears late and stays in the catch-all, or is nowhere."""
    model = pickle.loads(pickle.dumps(learnt))
    model.learn_one({"yew"})
    assert model.clusters == [*BLOCKS, ["yew"]]
    for labels in named_sets(1):
        model.learn_one(labels | {"yew"} if "oak" in labels else labels)
    assert sorted(model.clusters) == [[*BLOCKS[0], "yew"], BLOCKS[1]]
    assert [event.kind for event in model.events] == ["split", "join"]


def test_labels_named_as_absent_are_labels():
    """A label unknown until it is first present."""
    model = LabelPartitioner()
    model.learn_one({"oak": False, "elm": False})
    assert model.clusters == [["elm", "oak"]]


def test_empty_rows_count():
    """Rows without labels skipped: the bound would take the rest for fewer rows."""
    full, empty = LabelPartitioner(), LabelPartitioner()
    for labels in named_sets(n_rows=300):
        full.learn_one(labels)
        empty.learn_one(labels)
        empty.learn_one({})
    assert (full.n_rows, empty.n_rows) == (300, 600)
    assert (full.events, len(empty.events)) == ([], 1)


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array, pd.DataFrame, list])
def test_many_rows_are_the_same_as_one_by_one(kind):
    """Columns numbered otherwise than names, or tests at the ends of calls."""
    table = np.array([[name in labels for name in NAMES] for labels in named_sets()])
    columns = NAMES if kind in (pd.DataFrame, list) else list(range(6))
    dicts = [dict(zip(columns, map(bool, row), strict=True)) for row in table]
    one = LabelPartitioner()
    for row in dicts:
        one.learn_one(row)
    many = LabelPartitioner()
    for start in range(0, len(table), 333):
        part = table[start : start + 333]
        if kind is pd.DataFrame:
            many.learn_many(pd.DataFrame(part, columns=columns))
        else:
            many.learn_many(dicts[start : start + 333] if kind is list else kind(part * 1))
    assert many.clusters == one.clusters
    assert [event.as_dict() for event in many.events] == [e.as_dict() for e in one.events]


def test_unknown_labels_of_a_table_are_not_counted():
    """NaN taken for present, or a label known before anything was said about it."""
    model = LabelPartitioner()
    model.learn_many(np.array([[1.0, np.nan, np.nan], [np.nan, 1.0, np.nan]]))
    assert model.labels == [0, 1]


def test_listeners_hear_every_event(learnt):
    """Events told twice or never, or with numbers instead of names."""
    heard = []
    model = LabelPartitioner()
    model.add_listener(heard.append)
    model.learn_many(named_sets())
    assert heard == model.events == learnt.events
    assert heard[0].after[0].labels == ("ash", "elm", "oak")
    assert json.loads(json.dumps(heard[0].as_dict()))["quantities"]["n"] == heard[0].row


def test_pickles_go_on_as_the_original(learnt):
    """State left out of a pickle; bytes that depend on where the model has been."""
    model = LabelPartitioner()
    for labels in named_sets():
        model.learn_one(labels)
        model = pickle.loads(pickle.dumps(model)) if model.n_rows % 301 == 0 else model
    assert pickle.dumps(model) == pickle.dumps(learnt)


def test_clones_are_new(learnt):
    """A clone that shares what was learnt, or lacks an attribute."""
    clone = learnt.clone()
    assert (clone.n_rows, clone.clusters, clone.events) == (0, [], [])
    assert dir(clone) == dir(learnt)


@pytest.mark.parametrize(
    "wrong",
    [{"delta": 0}, {"delta": 1.5}, {"grace_period": 0}, {"min_cluster_size": "small"},
     {"max_clusters": 0}, {"coherence_drift": 1}],
)  # fmt: skip
def test_wrong_parameters_are_refused(wrong):
    """A value that makes the rules meaningless."""
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        LabelPartitioner(**wrong)


def test_no_more_clusters_than_allowed():
    """A limit that holds only until the next test."""
    model = LabelPartitioner(max_clusters=1)
    model.learn_many(named_sets(n_rows=3_000))
    assert len(model.clusters) == 1


def test_the_hierarchy_can_be_taken_elsewhere(learnt):
    """Labels or branches lost on the way out."""
    hierarchy = learnt.hierarchy
    tree = json.loads(hierarchy.to_json())
    assert tree["n_labels"] == 6
    assert [child["labels"] for child in tree["children"]] == BLOCKS
    assert hierarchy.to_graphviz().count("->") == hierarchy.to_mermaid().count("-->") == 2
    assert "ash, elm, oak" in str(hierarchy)
    assert hierarchy.adjusted_rand_index(BLOCKS) == 1.0
    assert hierarchy.adjusted_rand_index(hierarchy) == 1.0
    assert hierarchy.adjusted_rand_index([NAMES[::2], NAMES[1::2]]) < 0.5


def test_names_cannot_break_the_pictures():
    """A quote or a bracket in a label that ends the text of a node."""
    model = LabelPartitioner()
    model.learn_one({'a "b"\n', "[bold]c\\", ("d", 1)})
    hierarchy = model.hierarchy
    assert '\\"b\\"' in hierarchy.to_graphviz()
    assert "#quot;b#quot;" in hierarchy.to_mermaid()
    assert "[bold]c" in str(hierarchy)
    assert json.loads(hierarchy.to_json())["n_labels"] == 3


def test_an_event_cannot_be_changed():
    """A listener that alters what the others are told."""
    with pytest.raises(AttributeError):
        PartitionEvent(1, "split").row = 2
