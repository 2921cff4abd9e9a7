"""SEA: two relevant features of three and a threshold on their sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.data.synthetic.description import StreamDescription
from stream.data.synthetic.drift import DriftArrays, locate
from stream.data.synthetic.rng import row_state, stream_key, uniform
from stream.data.synthetic.source import SyntheticSource, single_label_batch
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel
from stream.rows.batch import Batch

# Threshold of each of the four functions (Street and Kim, 2001, section 4.1).
THRESHOLDS = (8.0, 9.0, 7.0, 9.5)


@kernel
def _sea(
    key: Any,
    drift: DriftArrays,
    thresholds: Float64Array,
    noise: float,
    start: int,
    n: int,
    x_indptr: Int64Array,
    x_indices: Int32Array,
    x_values: Float64Array,
    classes: Int32Array,
) -> None:
    at = 0
    for i in range(n):
        state = row_state(key, start + i)
        concept, _, _ = locate(drift, start + i, state)
        total = 0.0
        for feature in range(3):
            value = 10.0 * uniform(state, feature)
            if feature < 2:
                total += value
            if value != 0.0:
                x_indices[at] = feature
                x_values[at] = value
                at += 1
        x_indptr[i + 1] = at
        label = 1 if total > thresholds[concept] else 0
        if uniform(state, 3) < noise:
            label = 1 - label
        classes[i] = label


class SEA(SyntheticSource):
    """The SEA concepts: class 1 when the first two of three features sum to more than a threshold.

    Features are uniform in [0, 10), the third is irrelevant. With probability ``noise`` the class
    is the other one.

    Parameters
    ----------
    description
        ``parameters`` holds ``functions`` (number, from 1, of the function of each concept:
        thresholds 8, 9, 7 and 9.5) and ``noise`` (probability).

    References
    ----------
    Street and Kim, "A streaming ensemble algorithm (SEA) for large-scale classification", KDD 2001.

    Examples
    --------
    >>> from stream.data.synthetic import create
    >>> x, y = next(iter(create("sea:functions=2", n_rows=10)))
    >>> len(x), y in (0, 1)
    (3, True)
    """

    def __init__(self, description: StreamDescription) -> None:
        super().__init__(description)
        functions = description.parameters["functions"]
        self.thresholds = np.array([THRESHOLDS[function - 1] for function in functions])
        self.noise = float(description.parameters["noise"])
        self._key = stream_key(description.seed, "sea rows")
        self._drift = description.features_drift.arrays()

    def _generate(self, start: int, stop: int) -> Batch:
        n = stop - start
        x_indptr = np.zeros(n + 1, np.int64)
        x_indices = np.empty(3 * n, np.int32)
        x_values = np.empty(3 * n)
        classes = np.empty(n, np.int32)
        _sea(
            self._key,
            self._drift,
            self.thresholds,
            self.noise,
            start,
            n,
            x_indptr,
            x_indices,
            x_values,
            classes,
        )
        return single_label_batch(x_indptr, x_indices, x_values, classes)
