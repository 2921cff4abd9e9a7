"""Uniform features, and a random tree over them whose leaf tells the active blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stream.data.synthetic.drift import DriftArrays, DriftSchedule, locate
from stream.data.synthetic.feature_rows import FeatureModel, FeatureRows
from stream.data.synthetic.regions import active_of_regions, assign_blocks
from stream.data.synthetic.rng import CHOICE_SALT, mix, row_state, stream_key, uniform, uniforms
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel

# A node cuts its cell at a share of its length drawn from this range, so that leaves are of similar
# frequency.
LEAST_SHARE, GREATEST_SHARE = 0.3, 0.7


def make_tree(
    n_features: int, depth: int, features_u: Float64Array, shares_u: Float64Array
) -> tuple[Int64Array, Float64Array, Float64Array]:
    """Features, thresholds and leaf frequencies of a complete tree.

    The children of node i are 2 i + 1 and 2 i + 2.
    """
    n_nodes = 2**depth - 1
    features = (features_u * n_features).astype(np.int64)
    thresholds = np.empty(n_nodes)
    mass = np.ones(2 * n_nodes + 1)
    low, high = np.zeros((n_nodes, n_features)), np.ones((n_nodes, n_features))
    for node in range(n_nodes):
        feature = features[node]
        share = LEAST_SHARE + (GREATEST_SHARE - LEAST_SHARE) * shares_u[node]
        start, stop = low[node, feature], high[node, feature]
        thresholds[node] = start + share * (stop - start)
        for child, part in ((2 * node + 1, share), (2 * node + 2, 1 - share)):
            mass[child] = mass[node] * part
            if child < n_nodes:
                low[child], high[child] = low[node], high[node]
                (high if child % 2 else low)[child, feature] = thresholds[node]
    return features, thresholds, mass[n_nodes:]


@kernel
def _leaf(
    state: Any, features: Int64Array, from_: Float64Array, to: Float64Array, share: float
) -> int:
    """Leaf of the row whose features are the first draws of ``state``."""
    node = 0
    n_nodes = features.shape[0]
    while node < n_nodes:
        threshold = from_[node] + share * (to[node] - from_[node])
        node = 2 * node + (1 if uniform(state, features[node]) <= threshold else 2)
    return node - n_nodes


@kernel
def _tree_rows(
    key: Any,
    drift: DriftArrays,
    features: Int64Array,
    thresholds: Float64Array,
    n_features: int,
    noise: float,
    start: int,
    x_indptr: Int64Array,
    x_indices: Int32Array,
    x_values: Float64Array,
    leaves: Int64Array,
) -> None:
    at = 0
    for i in range(leaves.shape[0]):
        row = row_state(key, start + i)
        before, after, share = locate(drift, start + i, row)
        for feature in range(n_features):
            value = uniform(row, feature)
            if value != 0.0:
                x_indices[at] = feature
                x_values[at] = value
                at += 1
        x_indptr[i + 1] = at
        # The leaf of a noisy row is that of features nobody sees.
        hidden = mix(row ^ CHOICE_SALT)
        told = hidden if uniform(hidden, n_features) < noise else row
        leaves[i] = _leaf(told, features[before], thresholds[before], thresholds[after], share)


class TreeFeatures(FeatureModel):
    """Features uniform in [0, 1); each leaf of a complete random tree has its active blocks.

    Parameters
    ----------
    seed
        Seed of the trees and the rows.
    n_features, n_blocks
        Numbers of features and of label blocks.
    n_regions
        Number of leaves, rounded up to a power of two.
    active
        Mean number of active blocks of a leaf.
    noise
        Probability that the active blocks of a row are those of other, hidden features.
    drift
        Other concepts have other trees; during an incremental change the thresholds move, and all
        trees then ask about the same features in the same order.
    """

    def __init__(
        self,
        seed: int,
        *,
        n_features: int,
        n_blocks: int,
        n_regions: int,
        active: float,
        noise: float,
        drift: DriftSchedule,
    ) -> None:
        depth = max(1, math.ceil(math.log2(n_regions)))
        n_nodes = 2**depth - 1
        trees = []
        for concept in range(drift.n_concepts):
            shape = 0 if drift.kind == "incremental" else concept
            features_u = uniforms(seed, f"tree features {shape}", n_nodes)
            shares_u = uniforms(seed, f"tree thresholds {concept}", n_nodes)
            trees.append(make_tree(n_features, depth, features_u, shares_u))
        self.split_features = np.stack([features for features, _, _ in trees])
        self.thresholds = np.stack([thresholds for _, thresholds, _ in trees])
        masses = np.mean([masses for _, _, masses in trees], axis=0)
        self.region_indptr, self.region_blocks = assign_blocks(seed, masses, n_blocks, active)
        self.n_features = n_features
        self.noise = noise
        self._drift = drift.arrays()
        self._key = stream_key(seed, "tree rows")

    def rows(self, start: int, stop: int) -> FeatureRows:
        """Rows ``start`` to ``stop`` (exclusive)."""
        n = stop - start
        x_indptr = np.zeros(n + 1, np.int64)
        x_indices = np.empty(n * self.n_features, np.int32)
        x_values = np.empty(n * self.n_features)
        leaves = np.empty(n, np.int64)
        _tree_rows(
            self._key,
            self._drift,
            self.split_features,
            self.thresholds,
            self.n_features,
            self.noise,
            start,
            x_indptr,
            x_indices,
            x_values,
            leaves,
        )
        filled = x_indptr[-1]
        active = active_of_regions(leaves, self.region_indptr, self.region_blocks)
        return FeatureRows(x_indptr, x_indices[:filled], x_values[:filled], *active)
