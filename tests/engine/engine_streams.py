"""Small streams, learners to run them through, and looks inside a tree."""

import numpy as np

from stream.engine import layout as lay
from stream.engine.layout import TreeParams
from stream.engine.learner import TreeLearner
from stream.rows.batch import Batch

LEAF_MODELS = {  # naive Bayes, logistic, adaptive
    "mc": (False, False, False),
    "nb": (True, False, False),
    "nba": (True, False, True),
    "lr": (False, True, False),
    "adaptive": (True, True, True),
}


def tree_params(leaf_prediction="adaptive", **changes):
    """Parameters that make small streams split often."""
    naive_bayes, logistic, adaptive = LEAF_MODELS[leaf_prediction]
    params = TreeParams(
        single_label=False,
        use_naive_bayes=naive_bayes,
        use_logistic=logistic,
        adaptive=adaptive,
        drift_detection=False,
        merit_preprune=True,
        grace_period=40.0,
        max_depth=2**31 - 1,
        delta=1e-2,
        tau=0.1,
        min_branch_fraction=0.01,
        max_share_to_split=0.99,
        n_split_points=10,
        feature_share=1.0,
        n_rates=1,
        learning_rates=(0.1, 0.0, 0.0, 0.0),
        drift_delta=0.002,
        drift_window_threshold=50,
        switch_significance=0.05,
        seed=0,
    )
    return params._replace(**changes)


def learner(leaf_prediction="adaptive", max_size=500e6, **changes):
    return TreeLearner(tree_params(leaf_prediction, **changes), max_size)


def compress(rows):
    """Lists of column numbers as CSR index arrays."""
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    indices = [column for row in rows for column in sorted(row)]
    return indptr, np.array(indices, np.int32)


def make_batch(x, truth):
    """A batch from features, and labels of 1 (present), 0 (absent) and -1 (unknown)."""
    truth = np.asarray(truth)
    present = [np.flatnonzero(row == 1) for row in truth]
    unknown = [np.flatnonzero(row == -1) for row in truth]
    x_rows = compress([np.flatnonzero(row) for row in x])
    return Batch(*x_rows, x[x != 0].astype(float), *compress(present), *compress(unknown))


def rows_of(batch):
    """The rows of a batch as ``(x, present, unknown)``: a dictionary and two sets."""

    def labels(indptr, indices, i):
        return set(indices[indptr[i] : indptr[i + 1]].tolist())

    for i in range(batch.n_rows):
        entries = slice(batch.x_indptr[i], batch.x_indptr[i + 1])
        x = dict(
            zip(batch.x_indices[entries].tolist(), batch.x_values[entries].tolist(), strict=True)
        )
        yield (
            x,
            labels(batch.y_indptr, batch.y_indices, i),
            labels(batch.u_indptr, batch.u_indices, i),
        )


def random_rows(seed, n=700, *, features=5, labels=4, density=1.0, missing=0.0, unknown=0.0):
    """Features [n, features] of several kinds, and labels that depend on them by thresholds."""
    rng = np.random.default_rng(seed)
    x = rng.normal(rng.normal(0, 1, features), rng.uniform(0.5, 2, features), (n, features))
    x[:, 1::3] = np.abs(x[:, 1::3]) + 0.1  # never negative
    if features > 2:
        x[:, 2] = rng.random(n) < 0.5  # binary
    x *= rng.random((n, features)) < density
    cuts = rng.normal(0, 0.6, labels)
    which = np.arange(labels) % features
    truth = (x[:, which] > cuts).astype(int)
    truth[:, -1] &= x[:, 0] > 0  # an interaction, so that depth helps
    truth ^= rng.random((n, labels)) < 0.05
    truth[rng.random((n, labels)) < unknown] = -1
    x[rng.random((n, features)) < missing] = np.nan
    return x, truth


def changing_rows(seed, n=500, concepts=3, **options):
    """``concepts`` times ``n`` rows; after each change the rules are others, or their opposite."""
    parts = [random_rows([seed, i // 2], n, **options) for i in range(concepts)]
    truths = [np.where(truth >= 0, truth ^ i % 2, truth) for i, (_, truth) in enumerate(parts)]
    return np.vstack([x for x, _ in parts]), np.vstack(truths)


def classes_as_labels(truth, n_classes=3):
    """One class per row from a matrix of labels."""
    known = np.maximum(truth, 0)
    codes = np.minimum(known[:, 0] + known[:, 1] * 2, n_classes - 1)
    one_hot = np.eye(n_classes, dtype=int)[codes]
    one_hot[(truth == -1).any(axis=1)] = 0  # unknown class
    return one_hot


def shape_of(tree, node=None):
    """The tests below a node as nested tuples ``(feature, threshold, left, right)``."""
    node = int(tree.registers[lay.ROOT]) if node is None else node
    at = tree.nodes[node]
    if at.feature < 0:
        return ()
    return (
        int(at.feature),
        float(at.threshold),
        shape_of(tree, int(at.left)),
        shape_of(tree, int(at.right)),
    )


def check_invariants(tree):
    """Assert that the slots of all pools hang together."""
    registers, nodes, leaves = tree.registers, tree.nodes, tree.leaves
    reached, alternates = [], 0
    todo = [(int(registers[lay.ROOT]), -1, 0)]  # node, parent, smallest depth
    while todo:
        node, parent, depth = todo.pop()
        at = nodes[node]
        reached.append(node)
        assert 0 <= node < registers[lay.NODES_USED]
        assert at.parent == parent
        assert at.depth == depth
        assert at.n_rows >= 0
        if at.alternate >= 0:
            alternates += 1
            todo.append((int(at.alternate), -1, depth))
        if at.feature < 0:
            assert leaves[at.leaf].node == node
            assert at.left == at.right == -1
        else:
            assert at.leaf == -1
            assert np.isfinite(at.threshold)
            todo += [(int(at.left), node, depth + 1), (int(at.right), node, depth + 1)]
    assert registers[lay.N_ALTERNATES] == alternates
    _check_pool(reached, registers[lay.NODES_USED], tree.free_nodes, registers[lay.NODES_FREE])

    held = [int(nodes[node].leaf) for node in reached if nodes[node].feature < 0]
    _check_pool(held, registers[lay.LEAVES_USED], tree.free_leaves, registers[lay.LEAVES_FREE])
    for rows, used, free, stack in (
        (tree.stat_row, lay.STATS_USED, lay.STATS_FREE, tree.free_stats),
        (tree.weight_row, lay.WEIGHTS_USED, lay.WEIGHTS_FREE, tree.free_weights),
    ):
        in_use = rows[held]
        _check_pool(in_use[in_use >= 0].tolist(), registers[used], stack, registers[free])
        others = np.setdiff1d(np.arange(registers[lay.LEAVES_USED]), held)
        assert (rows[others] == -1).all()
    assert registers[lay.N_PENDING] == 0
    _check_counts(tree, held)


def _check_pool(held, used, stack, n_free):
    """Every slot ever taken is held once, or free once."""
    free = stack[:n_free].tolist()
    assert sorted([*held, *free]) == list(range(used))
    assert used <= len(stack)


def _check_counts(tree, held):
    """Counts of the leaves in use are not negative and fit each other."""
    labels, stats = tree.labels, tree.stats
    for k in held:
        leaf = tree.leaves[k]
        rows = leaf.n_rows + 1e-6
        assert leaf.n_weights == (tree.weight_row[k] >= 0).sum()
        assert leaf.stat_rows >= 0
        for counts in (labels.n_present[k], labels.n_unknown[k]):
            assert (counts >= 0).all()
            assert (counts <= rows + 1e-9 * rows).all()
        for counts in (labels.stat_present[k], labels.stat_unknown[k]):
            assert (counts >= 0).all()
            assert (counts <= leaf.stat_rows).all()
        taken = tree.stat_row[k][tree.stat_row[k] >= 0]
        assert (stats["n"][taken] + stats["n_missing"][taken] <= leaf.stat_rows).all()
        present = tree.stat_labels.n_present[taken]
        assert (present <= stats["n"][taken][:, None]).all()
        assert (present <= labels.stat_present[k]).all()
        if not leaf.active:
            assert len(taken) == 0
            assert leaf.stat_rows == 0
