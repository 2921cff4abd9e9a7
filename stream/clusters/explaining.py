"""What the parts of a model say of one row, feature by feature."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.clusters.call import CallRows
from stream.clusters.gated import GatedClusters
from stream.engine.arrays import Float64Array
from stream.engine.contributions import PathTest, Terms, cell_terms, leaf_terms, path_of
from stream.engine.layout import Tree
from stream.engine.learner import Work
from stream.engine.recent_dense import BEGAN, DENSE, MODE
from stream.engine.recent_layout import N_KEPT


class LeafExplanation(NamedTuple):
    """What the shared tree says of a row."""

    path: list[PathTest]
    terms: Terms  # of the leaf's logistic models


def explain_tree(tree: Tree, work: Work) -> LeafExplanation:
    """The way of the one row of ``work`` through a tree, and what its leaf makes of it."""
    path, leaf = path_of(tree, work.x[1:])
    end = work.scaled[0][1]
    scaled = work.scaled[1][:end], work.scaled[2][:end]
    return LeafExplanation(path, leaf_terms(tree, leaf, scaled, single_label=False))


def explain_clusters(gated: GatedClusters, row: CallRows, numbers: list[int]) -> dict[int, Terms]:
    """Terms of the models of some clusters for the one row, in the order of
    :attr:`Cluster.labels`: they tell the labels apart given that the row has one of the
    cluster's."""
    found = {}
    for number in numbers:
        cluster = gated.clusters[number]
        state = cluster.state
        found[number] = cell_terms(state.cells, state.bias[: len(cluster.labels)], row.x[1:3])
    return found


def importances(gated: GatedClusters, n_features: int) -> Float64Array:
    """Shares [features] that features have in what the clusters' logistic models say of the rows
    remembered: the mean size of a feature in these rows, times the sizes of its weights, added up
    over labels. Without rows remembered all sizes count as 1."""
    weights = np.zeros(n_features)
    for cluster in gated.clusters:
        cells, n_labels = cluster.state.cells, len(cluster.labels)
        used = int(cells.used[0])
        sizes = np.abs(cells.weight[:used, :n_labels]).sum(axis=1, dtype=np.float64)
        np.add.at(weights, cells.key[:used], sizes)
    totals: Float64Array = weights * _mean_sizes(gated, n_features)
    whole = totals.sum()
    return totals / whole if whole else totals


def _mean_sizes(gated: GatedClusters, n_features: int) -> Float64Array:
    """Mean size [features] in the rows remembered, as these are kept for their votes."""
    state = gated.recent.state
    n_kept, window = int(state.registers[N_KEPT]), gated.recent.params.window
    if not window or not n_kept:
        return np.ones(n_features)
    sizes = np.zeros(n_features)
    if state.dense.registers[MODE] == DENSE:
        value = state.dense.value
        oldest = max(n_kept - value.shape[1], int(state.dense.registers[BEGAN]))
        slots = np.arange(oldest, n_kept) % max(value.shape[1], 1)
        if len(slots):
            known = min(len(value), n_features)
            sizes[:known] = np.abs(value[:known, slots]).mean(axis=1, dtype=np.float64)
            return sizes
    slots = np.arange(max(n_kept - window, 0), n_kept) % len(state.first_entry)
    lengths = state.n_entries[slots]
    first = np.repeat(state.first_entry[slots] - np.cumsum(lengths) + lengths, lengths)
    at = (first + np.arange(int(lengths.sum()))) % len(state.entries)
    kept = state.entries[at]
    np.add.at(sizes, kept["column"], np.abs(kept["value"], dtype=np.float64))
    return sizes / len(slots)
