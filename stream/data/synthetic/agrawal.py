"""Agrawal: whether a person belongs to group A, by one of ten rules about income, age and
possessions."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.data.synthetic.description import StreamDescription
from stream.data.synthetic.rng import below, row_state, stream_key, uniform
from stream.data.synthetic.source import SyntheticSource, single_label_batch
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel
from stream.rows.batch import Batch

FEATURES = (
    "salary",
    "commission",
    "age",
    "education",
    "car",
    "zipcode",
    "house_value",
    "house_years",
    "loan",
)


@kernel
def _between(low: float, value: float, high: float) -> bool:
    return low <= value <= high


@kernel
def in_group_a(function: int, x: Float64Array) -> bool:
    """The rule of a function (1 to 10) for a person, in the order of ``FEATURES``."""
    salary, income, age, education, loan = x[0], x[0] + x[1], x[2], x[3], x[8]
    third = 0 if age < 40 else (1 if age < 60 else 2)
    middling = (
        education <= 1
        if third == 0
        else (_between(1, education, 3) if third == 1 else education >= 2)
    )
    if function == 1:
        return third != 1
    if function in (2, 6):
        amount = salary if function == 2 else income
        low = 50_000.0 if third == 0 else (75_000.0 if third == 1 else 25_000.0)
        return _between(low, amount, low + 50_000)
    if function == 3:
        return middling
    if function == 4:
        if third == 0:
            low = 25_000.0 if middling else 50_000.0
        elif third == 1:
            low = 50_000.0 if middling else 75_000.0
        else:
            low = 50_000.0 if middling else 25_000.0
        return _between(low, salary, low + 50_000)
    if function == 5:
        if third == 0:
            low = 100_000.0 if _between(50_000, salary, 100_000) else 200_000.0
        elif third == 1:
            low = 200_000.0 if _between(75_000, salary, 125_000) else 300_000.0
        else:
            low = 300_000.0 if _between(25_000, salary, 75_000) else 100_000.0
        return _between(low, loan, low + 200_000)
    disposable = 2.0 * income / 3.0
    if function == 7:
        return disposable - loan / 5.0 - 20_000 > 0
    if function == 8:
        return disposable - 5_000 * education - 20_000 > 0
    if function == 9:
        return disposable - 5_000 * education - loan / 5.0 - 10_000 > 0
    equity = 0.1 * x[6] * max(x[7] - 20.0, 0.0)
    return disposable - 5_000 * education + equity / 5.0 - 10_000 > 0


@kernel
def _agrawal(
    key: Any,
    function: int,
    noise: float,
    start: int,
    x: Float64Array,
    x_indptr: Int64Array,
    x_indices: Int32Array,
    x_values: Float64Array,
    classes: Int32Array,
) -> None:
    at = 0
    for i in range(classes.shape[0]):
        state = row_state(key, start + i)
        x[0] = 20_000 + 130_000 * uniform(state, 0)
        x[1] = 0.0 if x[0] >= 75_000 else 10_000 + 65_000 * uniform(state, 1)
        x[2] = 20 + below(state, 2, 61)
        x[3] = below(state, 3, 5)
        x[4] = 1 + below(state, 4, 20)
        x[5] = below(state, 5, 9)
        x[6] = (9 - x[5]) * 100_000 * (0.5 + uniform(state, 6))
        x[7] = 1 + below(state, 7, 30)
        x[8] = 500_000 * uniform(state, 8)
        for feature in range(9):
            if x[feature] != 0.0:
                x_indices[at] = feature
                x_values[at] = x[feature]
                at += 1
        x_indptr[i + 1] = at
        label = 0 if in_group_a(function, x) else 1
        classes[i] = 1 - label if uniform(state, 9) < noise else label


class Agrawal(SyntheticSource):
    """Nine attributes of a person, and group A (class 0) or B (class 1).

    Parameters
    ----------
    description
        ``parameters`` holds ``function`` (1 to 10) and ``noise`` (probability of the other class).

    References
    ----------
    Agrawal, Imielinski and Swami, "Database mining: a performance perspective", IEEE Transactions
    on Knowledge and Data Engineering, 1993, section 5 and appendix.

    Examples
    --------
    >>> from stream.data.synthetic import create
    >>> x, y = next(iter(create("agrawal", n_rows=10)))
    >>> 20_000 <= x["salary"] < 150_000, y in (0, 1)
    (True, True)
    """

    def __init__(self, description: StreamDescription) -> None:
        super().__init__(description)
        self.schema.features = FEATURES
        self.function = int(description.parameters["function"])
        self.noise = float(description.parameters["noise"])
        self._key = stream_key(description.seed, "agrawal rows")

    def _generate(self, start: int, stop: int) -> Batch:
        n = stop - start
        x_indptr = np.zeros(n + 1, np.int64)
        x_indices = np.empty(len(FEATURES) * n, np.int32)
        x_values = np.empty(len(FEATURES) * n)
        classes = np.empty(n, np.int32)
        _agrawal(
            self._key,
            self.function,
            self.noise,
            start,
            np.empty(len(FEATURES)),
            x_indptr,
            x_indices,
            x_values,
            classes,
        )
        return single_label_batch(x_indptr, x_indices, x_values, classes)
