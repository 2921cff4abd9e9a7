"""Features around random centroids; the centroid tells the active blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.data.synthetic.drift import DriftArrays, DriftSchedule, locate
from stream.data.synthetic.feature_rows import FeatureModel, FeatureRows
from stream.data.synthetic.regions import active_of_regions, assign_blocks
from stream.data.synthetic.rng import (
    CHOICE_SALT,
    below,
    gaussian,
    mix,
    row_state,
    stream_key,
    uniform,
    uniforms,
)
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel


@kernel
def _rbf_rows(
    key: Any,
    drift: DriftArrays,
    centroids: Float64Array,
    spread: Float64Array,
    noise: float,
    start: int,
    x_indptr: Int64Array,
    x_indices: Int32Array,
    x_values: Float64Array,
    regions: Int64Array,
) -> None:
    n_regions, n_features = centroids.shape[1], centroids.shape[2]
    at = 0
    for i in range(regions.shape[0]):
        row = row_state(key, start + i)
        before, after, share = locate(drift, start + i, row)
        choice = mix(row ^ CHOICE_SALT)
        region = below(choice, 0, n_regions)
        for feature in range(n_features):
            value = centroids[before, region, feature]
            if share > 0.0:
                value += share * (centroids[after, region, feature] - value)
            value += spread[region] * gaussian(row, 2 * feature)
            if value != 0.0:
                x_indices[at] = feature
                x_values[at] = value
                at += 1
        x_indptr[i + 1] = at
        if uniform(choice, 1) < noise:
            region = below(choice, 2, n_regions)
        regions[i] = region


class RBFFeatures(FeatureModel):
    """Normal clouds around centroids in the unit cube, each with its own standard deviation.

    Parameters
    ----------
    seed
        Seed of the centroids and the rows.
    n_features, n_blocks
        Numbers of features and of label blocks.
    n_regions
        Number of centroids, all equally frequent.
    active
        Mean number of active blocks of a centroid.
    noise
        Probability that the active blocks of a row are those of a centroid drawn anew: its features
        tell nothing.
    drift
        Other concepts have other centroids, with the same blocks.
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
        self.centroids = uniforms(seed, "centroids", drift.n_concepts, n_regions, n_features)
        self.spread = 0.05 + 0.1 * uniforms(seed, "spread of centroids", n_regions)
        self.region_indptr, self.region_blocks = assign_blocks(
            seed, np.full(n_regions, 1 / n_regions), n_blocks, active
        )
        self.noise = noise
        self._drift = drift.arrays()
        self._key = stream_key(seed, "rbf rows")

    def rows(self, start: int, stop: int) -> FeatureRows:
        """Rows ``start`` to ``stop`` (exclusive)."""
        n, n_features = stop - start, self.centroids.shape[2]
        x_indptr = np.zeros(n + 1, np.int64)
        x_indices = np.empty(n * n_features, np.int32)
        x_values = np.empty(n * n_features)
        regions = np.empty(n, np.int64)
        _rbf_rows(
            self._key,
            self._drift,
            self.centroids,
            self.spread,
            self.noise,
            start,
            x_indptr,
            x_indices,
            x_values,
            regions,
        )
        filled = x_indptr[-1]
        active = active_of_regions(regions, self.region_indptr, self.region_blocks)
        return FeatureRows(x_indptr, x_indices[:filled], x_values[:filled], *active)
