"""iHOMER: clusters that come and go, and trees that keep what they learnt."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from model_streams import Scripted
from river import checks, datasets

from stream import IHOMER, MultiLabelHoeffdingTree
from stream.checks import check_multilabel_estimator
from stream.clusters.coordinator import Coordinator
from stream.clusters.tree_clusters import TreeClusters, TreeClustersParams
from stream.data import open_source
from stream.data.source import rows_as_dicts
from stream.data.synthetic import create
from stream.errors import ParameterError
from stream.models.hoeffding_tree import tree_params
from stream.rows.batch import slice_rows

BLOCKS = "syn-blocks-sud:labels=12,blocks=3,positions=3000"


def all_rows(source, n_rows):
    """The first rows of a source as one batch."""
    return next(iter(source.batches(n_rows)))


def predictions(model, source, rows, sizes, delay=0):
    """Probabilities of a model that is given the rows in pieces of certain sizes."""
    parts, start, pending = [], 0, 0
    for size in itertools.cycle(sizes):
        stop = min(rows.n_rows, start + size)
        piece = slice_rows(rows, start - pending, stop)
        parts.append(model.test_then_train_many(piece, source.schema, pending=pending, delay=delay))
        pending = min(delay, pending + stop - start)
        start = stop
        if start == rows.n_rows:
            return np.concatenate([part.probabilities for part in parts])


def scripted(script):
    """A learner of trees over a scripted partition."""
    params = tree_params(MultiLabelHoeffdingTree(grace_period=50, delta=0.1), "multi-label")
    trees = TreeClustersParams((params,), 1e9, scales=True, watches=False, drift_delta=0.002)
    return Coordinator(None, TreeClusters(trees, Scripted(script)))


def in_engine_columns(source, n_rows):
    """Rows whose labels are numbered as a model would number them."""
    model = MultiLabelHoeffdingTree()
    return model._names.rows_to_learn(all_rows(source, n_rows), source.schema)


def test_one_cluster_is_the_tree():
    """The learner of clusters does something to rows that the tree does not."""
    source = open_source("yeast")
    rows = all_rows(source, 2_000)
    ours = predictions(IHOMER(partition="single"), source, rows, [700])
    assert np.array_equal(ours, predictions(MultiLabelHoeffdingTree(), source, rows, [700]))


def test_children_of_a_split_begin_as_their_parent():
    """A split loses or changes what the parent had learnt: its first answers differ."""
    source = create("syn-tree:labels=10", n_rows=4_000, seed=3)
    rows = in_engine_columns(source, 4_000)
    split = {2_500: [[0, 2, 4, 6, 8], [1, 3], [5, 7, 9]]}
    whole = scripted({}).run(rows, predict=True)
    parts = scripted(split).run(rows, predict=True)
    assert np.array_equal(whole[:2_501], parts[:2_501])
    assert np.abs(whole - parts).max() > 0  # the children go their own ways afterwards


def test_parts_of_a_merged_cluster_go_on():
    """A merge begins with an empty tree: its answers differ from those of the parts."""
    source = create("syn-tree:labels=8", n_rows=3_000, seed=4)
    rows = in_engine_columns(source, 3_000)
    halves = [[0, 1, 2, 3], [4, 5, 6, 7]]
    apart = scripted({200: halves})
    merged = scripted({200: halves, 1_500: [list(range(8))]})
    answers = apart.run(rows, predict=True), merged.run(rows, predict=True)
    assert np.array_equal(answers[0][:1_801], answers[1][:1_801])  # too few rows to compare
    assert len(merged.clusters) == 1


def test_a_better_joint_tree_replaces_the_parts():
    """A joint tree is grown but never takes over, or takes over without being better."""
    source = create("syn-tree:labels=8", n_rows=20_000, seed=5)
    rows = in_engine_columns(source, 20_000)
    script = {200: [[0, 1, 2, 3], [4, 5, 6, 7]], 400: [list(range(8))]}
    learner = scripted(script)
    learner.run(rows, predict=True)
    (cluster,) = learner.trees.clusters
    (expert,) = cluster.experts
    n = max(expert.n_compared, 1)
    if expert.joint is None:
        assert learner.trees.n_joined == 1
        assert len(expert.parts) == 1
    else:
        assert expert.loss_joint / n > expert.loss_parts / n


@pytest.mark.parametrize("sizes", [[1], [7, 300], [1_000]])
@pytest.mark.parametrize("delay", [0, 3])
def test_chunks_do_not_matter_across_restructures(sizes, delay):
    """A change of the partition depends on where a chunk ends."""
    source = create(BLOCKS, n_rows=5_000, seed=1)
    rows = all_rows(source, 1_500 if sizes == [1] else 5_000)
    one, other = IHOMER(), IHOMER()
    told = []
    other.add_listener(told.append)
    whole = predictions(one, source, rows, [rows.n_rows], delay)
    pieces = predictions(other, source, rows, sizes, delay)
    assert np.array_equal(whole, pieces)
    assert told == other.events
    assert [event.as_dict() for event in one.events] == [e.as_dict() for e in other.events]
    assert any(event.kind == "split" for event in one.events)


def test_one_row_at_a_time_equals_one_chunk():
    """Dictionaries and arrays end in different clusters."""
    source = create(BLOCKS, n_rows=1_000, seed=2)
    rows = all_rows(source, 1_000)
    one, many = IHOMER(), IHOMER()
    whole = predictions(many, source, rows, [1_000])
    for row, (x, y) in enumerate(rows_as_dicts(rows, source.schema)):
        answer = one.predict_proba_one(x)
        known = [answer.get(label, {True: 0.0})[True] for label in source.schema.labels]
        assert np.array_equal(whole[row], known)
        one.learn_one(x, y)
    assert one.clusters == many.clusters


@pytest.mark.parametrize("partition", ["jaccard", "random", "singletons"])
def test_every_label_is_in_one_cluster(partition):
    """A label is lost, or learnt twice, when clusters change or labels are new."""
    source = create("syn-text:labels=30,blocks=6", n_rows=3_000, seed=1)
    model = IHOMER(partition=partition, seed=1)
    for batch in source.batches(173):
        model.test_then_train_many(batch, source.schema)
        listed = [label for cluster in model.clusters for label in cluster]
        assert len(listed) == len(set(listed)) == model._learner.n_labels
        for cluster in model._learner.trees.clusters:
            known = np.concatenate([part.labels for part in cluster.experts[0].parts])
            assert sorted(known.tolist()) == cluster.labels.tolist()


def test_new_label_was_absent_before():
    """A label that comes late begins with a frequency of one half, or of one."""
    model = IHOMER(partition="singletons", leaf_prediction="mc")
    for _ in range(99):
        model.learn_one({"a": 1.0}, {"early": True})
    model.learn_one({"a": 1.0}, {"early": True, "late": True})
    assert model.predict_proba_one({"a": 1.0})["late"][True] == pytest.approx(1.5 / 101)


def test_given_partition():
    """Clusters given by name end up with other labels."""
    model = IHOMER(partition=[["Class1", "Class2"], ["Class3"]])
    model.warm_up()  # knows no names
    source = open_source("yeast")
    model.test_then_train_many(all_rows(source, 500), source.schema)
    clusters = {frozenset(cluster) for cluster in model.clusters}
    assert frozenset({"Class1", "Class2"}) in clusters
    assert frozenset({"Class3"}) in clusters
    assert len(clusters) == 3


@pytest.mark.parametrize("partition", ["jacard", [["a"], ["a"]], ["ab"], [[["a"]]], 3])
def test_wrong_partition_is_refused(partition):
    """A misspelt partition is taken for another one."""
    with pytest.raises(ParameterError, match="'partition' parameter of IHOMER"):
        IHOMER(partition=partition)


def test_restored_model_goes_on_as_it_would_have():
    """A pickle lacks part of the partition or of the trees."""
    source = create(BLOCKS, n_rows=5_000, seed=1)
    rows = all_rows(source, 5_000)
    model = IHOMER()
    predictions(model, source, slice_rows(rows, 0, 3_550), [1_000])
    restored = pickle.loads(pickle.dumps(model))
    rest = slice_rows(rows, 3_550, 5_000)
    assert np.array_equal(
        predictions(model, source, rest, [500]), predictions(restored, source, rest, [500])
    )
    assert pickle.dumps(model) == pickle.dumps(restored)


@pytest.mark.slow
def test_no_cold_start_after_a_restructure():
    """After a restructure the model forgets: it is worse than one that never restructures."""
    source = create("syn-blocks-sud:labels=20,blocks=4,positions=6000", n_rows=12_000, seed=1)
    rows = all_rows(source, 12_000)
    truth = np.zeros((12_000, 20), bool)
    for row in range(12_000):
        truth[row, rows.y_indices[rows.y_indptr[row] : rows.y_indptr[row + 1]]] = True
    model, still = IHOMER(), IHOMER(partition="single")
    with_it = predictions(model, source, rows, [1_000]) > 0.5
    without = predictions(still, source, rows, [1_000]) > 0.5

    def micro_f1(answers, start, stop):
        hits = (answers & truth)[start:stop].sum()
        return 2 * hits / (answers[start:stop].sum() + truth[start:stop].sum())

    changes = [e.row for e in model.events if e.kind in ("split", "merge", "restructure")]
    changes = [row for row in changes if 1_000 <= row <= 11_000]
    assert changes
    for row in changes:
        lost = micro_f1(with_it, row - 1_000, row) - micro_f1(with_it, row, row + 1_000)
        lost_anyway = micro_f1(without, row - 1_000, row) - micro_f1(without, row, row + 1_000)
        assert lost <= max(lost_anyway, 0.0) + 0.005


def test_hierarchy_is_shown():
    """The hierarchy has numbers instead of names, or lacks clusters."""
    source = create(BLOCKS, n_rows=3_000, seed=1)
    model = IHOMER()
    model.test_then_train_many(all_rows(source, 2_900), source.schema)
    blocks = source.description.blocks_at(2_900)
    assert model.hierarchy.adjusted_rand_index(blocks) >= 0.95
    assert sorted(map(sorted, model.hierarchy.clusters)) == sorted(map(sorted, model.clusters))
    assert IHOMER(partition="single").hierarchy is None


def test_rivers_and_our_checks(monkeypatch):
    """It breaks a convention of River's, or one of those that River does not check."""

    def yeast(model, scale=1):
        yield list(itertools.islice(datasets.Yeast(), 50 * scale))

    monkeypatch.setattr(checks, "_yield_datasets", yeast)
    checks.check_estimator(IHOMER(partition_period=20))
    check_multilabel_estimator(IHOMER(partition_period=20), strict=True)


@pytest.mark.parametrize("absent", [1, 20])
def test_a_label_that_comes_late_is_learnt_alike_one_by_one(absent):
    """A tree that begins late and is made as wide as the rows of its first call: common features
    that are zero there are lost, though they are not zero after scaling."""
    rng = np.random.default_rng(absent)
    rows = []
    for i in range(absent + 60):
        x = {f"f{j:02d}": float(rng.normal()) for j in range(10)}
        if i == absent or (i > absent and rng.random() < 0.9):
            x.pop("f09")
        rows.append((x, {"l": bool(i >= absent and (i == absent or x["f00"] > 0))}))
    single, many = IHOMER(), IHOMER()
    for x, y in rows:
        single.learn_one(x, y)
    names = sorted(rows[0][0])
    frame = pd.DataFrame([{name: x.get(name, 0.0) for name in names} for x, _ in rows])
    many.learn_many(frame, pd.DataFrame([y for _, y in rows]).astype(float))
    assert pickle.dumps(single) == pickle.dumps(many)
