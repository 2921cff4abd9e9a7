"""Uniform features, and one hyperplane for each label block: a block is active on its positive
side."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np

from stream.data.synthetic.drift import DriftArrays, DriftSchedule, locate
from stream.data.synthetic.feature_rows import FeatureModel, FeatureRows
from stream.data.synthetic.rng import CHOICE_SALT, mix, row_state, stream_key, uniform, uniforms
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel


@kernel
def _threshold(from_: Float64Array, to: Float64Array, share: float, quantile: float) -> float:
    """What Σ w (x − 1/2) exceeds as often as a normal number exceeds ``quantile``.

    A uniform number has variance 1/12 and excess kurtosis −1.2; the second term of the
    Cornish-Fisher expansion corrects for the kurtosis of the sum, which matters where blocks are
    rare.
    """
    squares = 0.0
    fourths = 0.0
    for feature in range(from_.shape[0]):
        weight = from_[feature] + share * (to[feature] - from_[feature])
        squares += weight**2
        fourths += weight**4
    if squares == 0.0:
        return 0.0
    kurtosis = -1.2 * fourths / squares**2
    corrected = quantile + kurtosis / 24.0 * (quantile**3 - 3.0 * quantile)
    return corrected * math.sqrt(squares / 12.0)


@kernel
def _hyperplane_rows(
    key: Any,
    drift: DriftArrays,
    weights: Float64Array,
    thresholds: Float64Array,
    quantile: float,
    noise: float,
    start: int,
    x: Float64Array,
    x_indptr: Int64Array,
    x_indices: Int32Array,
    x_values: Float64Array,
    active_indptr: Int64Array,
    active: Int32Array,
) -> None:
    n_blocks, n_features = weights.shape[1], weights.shape[2]
    at = 0
    active_at = 0
    for i in range(x_indptr.shape[0] - 1):
        row = row_state(key, start + i)
        before, after, share = locate(drift, start + i, row)
        hidden = mix(row ^ CHOICE_SALT)
        noisy = uniform(hidden, n_features) < noise
        for feature in range(n_features):
            value = uniform(row, feature)
            if value != 0.0:
                x_indices[at] = feature
                x_values[at] = value
                at += 1
            x[feature] = (uniform(hidden, feature) if noisy else value) - 0.5
        x_indptr[i + 1] = at
        for block in range(n_blocks):
            total = 0.0
            threshold = thresholds[before, block]
            if share > 0.0:
                threshold = _threshold(
                    weights[before, block], weights[after, block], share, quantile
                )
            for feature in range(n_features):
                weight = weights[before, block, feature]
                if share > 0.0:
                    weight += share * (weights[after, block, feature] - weight)
                total += weight * x[feature]
            if total > threshold:
                active[active_at] = block
                active_at += 1
        active_indptr[i + 1] = active_at


class HyperplaneFeatures(FeatureModel):
    """Features uniform in [0, 1); a block is active when a weighted sum of the features is high.

    Parameters
    ----------
    seed
        Seed of the weights and the rows.
    n_features, n_blocks
        Numbers of features and of label blocks; a row costs their product.
    active
        Mean number of active blocks of a row, met nearly, and less well with few features.
    noise
        Probability that the active blocks of a row are those of other, hidden features.
    drift
        Other concepts have other weights; during an incremental change the weights move.
    """

    def __init__(
        self,
        seed: int,
        *,
        n_features: int,
        n_blocks: int,
        active: float,
        noise: float,
        drift: DriftSchedule,
    ) -> None:
        self.weights = 2 * uniforms(seed, "weights", drift.n_concepts, n_blocks, n_features) - 1
        share = min(max(active / n_blocks, 1e-9), 1 - 1e-9)
        self.quantile = statistics.NormalDist().inv_cdf(1 - share)
        self.thresholds = np.array(
            [[_threshold(w, w, 0.0, self.quantile) for w in concept] for concept in self.weights]
        )
        self.noise = noise
        self._drift = drift.arrays()
        self._key = stream_key(seed, "hyperplane rows")

    def rows(self, start: int, stop: int) -> FeatureRows:
        """Rows ``start`` to ``stop`` (exclusive)."""
        n = stop - start
        _, n_blocks, n_features = self.weights.shape
        x_indptr, active_indptr = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
        x_indices = np.empty(n * n_features, np.int32)
        x_values = np.empty(n * n_features)
        active = np.empty(n * n_blocks, np.int32)
        _hyperplane_rows(
            self._key,
            self._drift,
            self.weights,
            self.thresholds,
            self.quantile,
            self.noise,
            start,
            np.empty(n_features),
            x_indptr,
            x_indices,
            x_values,
            active_indptr,
            active,
        )
        filled = x_indptr[-1]
        return FeatureRows(
            x_indptr,
            x_indices[:filled],
            x_values[:filled],
            active_indptr,
            active[: active_indptr[-1]].copy(),
        )
