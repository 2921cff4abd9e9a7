"""Making trees, and making room in them, within a memory limit."""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from stream.engine import layout as lay
from stream.engine.arrays import allocate, n_bytes, resize, select
from stream.engine.layout import Tree, TreeParams
from stream.engine.scaling import Scaler

_POOLS = {
    lay.NODES_FULL: "nodes",
    lay.LEAVES_FULL: "leaves",
    lay.STATS_FULL: "stats",
    lay.WEIGHTS_FULL: "weights",
}
_FIRST_COLUMNS = 4
_SHARE_OF_FEATURES = 0.25  # of a model's limit: names of features, and what is kept of every one
_NAME_BYTES = 200  # of a name, its number, and their places in a list and a dictionary
_LADDER = 1.5  # capacity for columns by their number, at most


def new_tree(params: TreeParams) -> Tree:
    """A tree of one empty leaf, with room for a few rows and columns."""
    sizes = {"nodes": 4, "leaves": 2, "stats": 16, "unknown": 0, "weights": 16}
    sizes |= {"features": _FIRST_COLUMNS, "labels": _FIRST_COLUMNS}
    sizes |= {"rates": params.n_rates, "models": lay.LOGISTIC + params.n_rates}
    sizes["terms"] = lay.N_TERMS if params.use_naive_bayes else 0
    sizes["detectors"] = sizes["nodes"] if params.drift_detection else 0
    tree = allocate(Tree, sizes)
    for link in ("feature", "left", "right", "parent", "alternate"):
        tree.nodes[link][0] = -1
    tree.leaves["active"][0] = 1
    tree.leaves["next_refresh"][0] = 1
    tree.registers[[lay.NODES_USED, lay.LEAVES_USED]] = 1
    return tree


def tree_sizes(tree: Tree) -> dict[str, int]:
    """Present capacity of every pool and axis."""
    return {
        "nodes": len(tree.nodes),
        "leaves": len(tree.leaves),
        "stats": len(tree.stats),
        "unknown": len(tree.stat_labels.n_unknown),
        "weights": len(tree.free_weights),
        "features": len(tree.shift),
        "terms": tree.stat_labels.nb_terms.shape[1],
        "rates": tree.labels.bias.shape[1],
        "models": tree.labels.loss.shape[1],
        "labels": tree.labels.bias.shape[2],
        "detectors": len(tree.adwins.detectors),
    }


def column_capacity(n: int) -> int:
    """Capacity for ``n`` columns: a step of a fixed ladder, so that it depends on nothing but
    ``n``."""
    capacity = _FIRST_COLUMNS
    while capacity < n:
        capacity = capacity * 3 // 2
    return capacity


@functools.cache
def power_of_two(n: int, least: int = 1) -> int:
    """The smallest power of two that is at least ``n`` and ``least``.

    Examples
    --------
    >>> power_of_two(5), power_of_two(8), power_of_two(3, least=16)
    (8, 8, 16)
    """
    return 1 << (max(n, least) - 1).bit_length()


def most_features(limit_bytes: float) -> int:
    """Features that a model takes in within a limit; later ones count as never seen.

    Depends on nothing but the limit, so that the last one is the same however rows are grouped.
    """
    each = _NAME_BYTES + _LADDER * n_bytes(Scaler, {"features": 1})
    return max(int(_SHARE_OF_FEATURES * limit_bytes / each), _FIRST_COLUMNS)


@functools.cache
def _left_for_trees(limit_bytes: float) -> float:
    """Bytes of a limit, or of a share of it, that the scaler of all features leaves."""
    if math.isinf(limit_bytes):
        return limit_bytes
    columns = column_capacity(most_features(limit_bytes))
    return limit_bytes - n_bytes(Scaler, {"features": columns})


def make_room(tree: Tree, reason: int, limit_bytes: float) -> Tree:
    """Grow the pool that a kernel reported, or mark the tree as full when that would break the
    limit."""
    sizes = tree_sizes(tree)
    if reason == lay.UNKNOWN_NEEDED:
        sizes["unknown"] = sizes["stats"]
        return resize(tree, sizes)
    sizes[_POOLS[reason]] *= 2
    # pools that go in step with another one
    if sizes["detectors"]:
        sizes["detectors"] = sizes["nodes"]
    if sizes["unknown"]:
        sizes["unknown"] = sizes["stats"]
    if n_bytes(Tree, sizes) > _left_for_trees(limit_bytes):
        tree.registers[lay.FULL] = 1
        return tree
    return resize(tree, sizes)


def widen(tree: Tree, n_features: int, n_labels: int, limit_bytes: float) -> Tree:
    """Make room for columns.

    Features beyond the limit are left out; labels never are.
    """
    tree.registers[lay.N_LABELS] = max(n_labels, tree.registers[lay.N_LABELS])
    if n_features <= len(tree.shift) and n_labels <= tree.labels.bias.shape[2]:
        return tree
    sizes = tree_sizes(tree)
    sizes["labels"] = max(column_capacity(n_labels), sizes["labels"])
    wider = {**sizes, "features": max(column_capacity(n_features), sizes["features"])}
    if wider["features"] > sizes["features"] and not tree.registers[lay.FULL]:
        if n_bytes(Tree, wider) <= _left_for_trees(limit_bytes):
            sizes = wider
        else:
            tree.registers[lay.FULL] = 1
    return resize(tree, sizes)


def project(tree: Tree, labels: npt.NDArray[np.integer]) -> Tree:
    """A copy of a multi-label tree that knows only some of its labels.

    It answers for them exactly as the whole tree does: apart from the choice of splits, a tree
    treats every label on its own.

    Parameters
    ----------
    tree
        The tree.
    labels
        Columns of the labels to keep, ascending.
    """
    sizes = tree_sizes(tree)
    sizes["labels"] = column_capacity(len(labels))
    part = select(tree, "labels", labels, sizes)
    part.registers[lay.N_LABELS] = len(labels)
    return part
