"""LED: the digit that a faulty seven-segment display shows, among irrelevant attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.data.synthetic.description import StreamDescription
from stream.data.synthetic.drift import DriftArrays, locate
from stream.data.synthetic.rng import bits, row_state, stream_key, uniform
from stream.data.synthetic.source import SyntheticSource, single_label_batch
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel
from stream.rows.batch import Batch

N_SEGMENTS = 7
N_ATTRIBUTES = 24
# Which of the seven segments (top, upper left, upper right, middle, lower left, lower right,
# bottom) a digit lights.
SEGMENTS = np.array(
    [
        [int(lit) for lit in digit]
        for digit in (
            "1110111",
            "0010010",
            "1011101",
            "1011011",
            "0111010",
            "1101011",
            "1101111",
            "1010010",
            "1111111",
            "1111011",
        )
    ],
    np.int64,
)


@kernel
def _led(
    key: Any,
    drift: DriftArrays,
    swapped: Int64Array,
    segments: Int64Array,
    noise: float,
    start: int,
    x_indptr: Int64Array,
    x_indices: Int32Array,
    classes: Int32Array,
) -> None:
    at = 0
    for i in range(classes.shape[0]):
        state = row_state(key, start + i)
        concept, _, _ = locate(drift, start + i, state)
        digit = int(uniform(state, 0) * 10)
        # Bit a of the word is attribute a.
        word = np.int64(bits(state, 1) >> np.uint64(40))
        for segment in range(7):
            lit = segments[digit, segment]
            if uniform(state, 2 + segment) < noise:
                lit = 1 - lit
            place = segment + 7 if segment < swapped[concept] else segment
            word = (word & ~(1 << place)) | (lit << place)
        for attribute in range(24):
            if (word >> attribute) & 1:
                x_indices[at] = attribute
                at += 1
        x_indptr[i + 1] = at
        classes[i] = digit


class LED(SyntheticSource):
    """Seven segments of a digit, each wrong with probability ``noise``, and 17 random attributes.

    Drift exchanges the first segments with irrelevant attributes: with ``swapped`` 3, the segments
    0, 1 and 2 are attributes 7, 8 and 9. All attributes are 0 or 1.

    Parameters
    ----------
    description
        ``parameters`` holds ``swapped`` (number of exchanged segments in each concept) and
        ``noise`` (probability).

    References
    ----------
    Breiman, Friedman, Olshen and Stone, "Classification and regression trees", 1984, section 2.6.1;
    the exchange of attributes is that of Bifet et al., "MOA: massive online analysis", JMLR 2010.

    Examples
    --------
    >>> from stream.data.synthetic import create
    >>> x, y = next(iter(create("led:noise=0", n_rows=10)))
    >>> set(x.values()), y in range(10)
    ({1.0}, True)
    """

    def __init__(self, description: StreamDescription) -> None:
        super().__init__(description)
        self.swapped = np.array(description.parameters["swapped"], np.int64)
        self.noise = float(description.parameters["noise"])
        self._key = stream_key(description.seed, "led rows")
        self._drift = description.features_drift.arrays()

    def _generate(self, start: int, stop: int) -> Batch:
        n = stop - start
        x_indptr = np.zeros(n + 1, np.int64)
        x_indices = np.empty(N_ATTRIBUTES * n, np.int32)
        classes = np.empty(n, np.int32)
        _led(
            self._key,
            self._drift,
            self.swapped,
            SEGMENTS,
            self.noise,
            start,
            x_indptr,
            x_indices,
            classes,
        )
        values: Float64Array = np.ones(x_indptr[-1])
        return single_label_batch(x_indptr, x_indices, values, classes)
