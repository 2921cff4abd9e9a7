"""Rows of length one: the logarithm of one plus each value's size, with its sign, over the row's
Euclidean length.

The length is that of the features which earlier rows had, so that a feature that nobody knows yet
changes nothing; a row of new features alone has their length. New values are cut where they are
many times as long. What is missing counts as zero.
"""

from __future__ import annotations

import math

import numpy as np

from stream.engine.arrays import Float32Array, Int32Array, Int64Array
from stream.engine.elementary import log1p
from stream.engine.jit import inlined, kernel

LARGEST = np.float32(100.0)  # a new value beside features that were nearly zero

LEAST_SQUARE = 1e-60  # of a length

# (indptr, indices, values as they are predicted, values as they are learnt)
UnitRows = tuple[Int64Array, Int32Array, Float32Array, Float32Array]


@inlined
def inverse_length(square):
    """What brings a row to length one, by the square of its length; a row that is shorter than
    single precision can bring there becomes zero."""
    return np.float32(1.0 / math.sqrt(square)) if square > LEAST_SQUARE else np.float32(0.0)


@kernel
def fill_unit_rows(indptr, indices, values, n_known, out):
    """Write the values of rows of length one into ``out``; ``n_known`` [rows] features were known
    at each."""
    for row in range(len(indptr) - 1):
        first, last, known, total = indptr[row], indptr[row + 1], 0.0, 0.0
        for entry in range(first, last):
            size = abs(values[entry])
            size = log1p(size) if size > 0.0 else 0.0  # nothing, where the value is missing
            out[entry] = math.copysign(size, values[entry])
        for entry in range(first, last):
            size = float(out[entry])
            total += size * size
            known += size * size if indices[entry] < n_known[row] else 0.0
        length = math.sqrt(known if known > 0.0 else total)
        if length > 0.0:
            for entry in range(indptr[row], indptr[row + 1]):
                out[entry] = min(max(out[entry] / length, -LARGEST), LARGEST)


def unit_rows(
    x: tuple[Int64Array, Int32Array, np.ndarray], n_predicted: Int64Array, n_learnt: Int64Array
) -> UnitRows:
    """The rows scaled to length one, in the same columns.

    Parameters
    ----------
    x
        The rows ``(indptr, indices, values)``.
    n_predicted, n_learnt
        [rows] features known when each is predicted, and when it is learnt.
    """
    predicted = np.zeros(len(x[1]), np.float32)
    fill_unit_rows(*x, n_predicted, predicted)
    if np.array_equal(n_predicted, n_learnt):
        return x[0], x[1], predicted, predicted
    learnt = np.zeros(len(x[1]), np.float32)
    fill_unit_rows(*x, n_learnt, learnt)
    return x[0], x[1], predicted, learnt
