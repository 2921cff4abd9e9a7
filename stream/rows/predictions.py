"""What a model answers for rows."""

from __future__ import annotations

from typing import NamedTuple

from stream.engine.arrays import Float64Array, UInt8Array


class Predictions(NamedTuple):
    """What a model answers for consecutive rows, in the label columns of the caller.

    In the single-label task the one predicted class is the one label that is 1 (none: no answer
    yet).
    """

    labels: UInt8Array  # [rows, labels] 1: predicted present
    probabilities: Float64Array  # [rows, labels] probability that the label is present
