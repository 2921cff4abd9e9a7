"""RandomRBF: classes around weighted centroids that move at a constant speed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stream.data.synthetic.description import StreamDescription
from stream.data.synthetic.rng import gaussian, row_state, stream_key, uniform, uniforms
from stream.data.synthetic.source import SyntheticSource, single_label_batch
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel
from stream.rows.batch import Batch


@kernel
def _random_rbf(
    key: Any,
    centroids: Float64Array,
    velocity: Float64Array,
    spread: Float64Array,
    cumulated: Float64Array,
    class_of: Int32Array,
    start: int,
    offset: Float64Array,
    x_indptr: Int64Array,
    x_indices: Int32Array,
    x_values: Float64Array,
    classes: Int32Array,
) -> None:
    n_features = centroids.shape[1]
    at = 0
    for i in range(classes.shape[0]):
        state = row_state(key, start + i)
        centroid = 0
        chosen = uniform(state, 0)
        while chosen >= cumulated[centroid]:
            centroid += 1
        squares = 0.0
        for feature in range(n_features):
            offset[feature] = 2.0 * uniform(state, 3 + feature) - 1.0
            squares += offset[feature] * offset[feature]
        length = spread[centroid] * gaussian(state, 1)
        if squares > 0.0:
            length /= math.sqrt(squares)
        for feature in range(n_features):
            # A centroid that bounces between 0 and 1 is where the straight line would be, folded.
            centre = centroids[centroid, feature] + velocity[centroid, feature] * (start + i)
            centre = centre % 2.0
            if centre > 1.0:
                centre = 2.0 - centre
            value = centre + length * offset[feature]
            if value != 0.0:
                x_indices[at] = feature
                x_values[at] = value
                at += 1
        x_indptr[i + 1] = at
        classes[i] = class_of[centroid]


class RandomRBF(SyntheticSource):
    """Random centroids, each with a weight, a standard deviation and a class.

    A row is a centroid, chosen by weight, moved in a random direction by a normal distance. Every
    centroid moves by ``speed`` a row along its own direction and bounces inside the unit cube. Its
    place is a function of the row's number, so a row costs the moves of one centroid, not of all.

    Parameters
    ----------
    description
        ``parameters`` holds ``classes``, ``centroids`` (numbers) and ``speed`` (distance a row).

    References
    ----------
    Bifet, Holmes, Pfahringer, Kirkby and Gavaldà, "New ensemble methods for evolving data streams",
    KDD 2009, section 4.

    Examples
    --------
    >>> from stream.data.synthetic import create
    >>> source = create("rbf-f", n_rows=10)
    >>> len(source.schema.features), len(source.schema.labels)
    (10, 5)
    """

    def __init__(self, description: StreamDescription) -> None:
        super().__init__(description)
        seed, n_centroids = description.seed, description.parameters["centroids"]
        n_features = description.n_features
        self.centroids = uniforms(seed, "rbf centroids", n_centroids, n_features)
        direction = uniforms(seed, "rbf directions", n_centroids, n_features) - 0.5
        length = np.maximum(np.sqrt((direction**2).sum(axis=1, keepdims=True)), 1e-300)
        self.velocity = direction / length * description.parameters["speed"]
        self.spread = uniforms(seed, "rbf spread", n_centroids)
        classes = uniforms(seed, "rbf classes", n_centroids) * description.n_labels
        self.class_of = classes.astype(np.int32)
        weights = uniforms(seed, "rbf weights", n_centroids)
        self._cumulated = np.cumsum(weights) / weights.sum()
        self._cumulated[-1] = 1.0
        self._key = stream_key(seed, "random rbf rows")

    def _generate(self, start: int, stop: int) -> Batch:
        n, n_features = stop - start, self.centroids.shape[1]
        x_indptr = np.zeros(n + 1, np.int64)
        x_indices = np.empty(n_features * n, np.int32)
        x_values = np.empty(n_features * n)
        classes = np.empty(n, np.int32)
        _random_rbf(
            self._key,
            self.centroids,
            self.velocity,
            self.spread,
            self._cumulated,
            self.class_of,
            start,
            np.empty(n_features),
            x_indptr,
            x_indices,
            x_values,
            classes,
        )
        return single_label_batch(x_indptr, x_indices, x_values, classes)
