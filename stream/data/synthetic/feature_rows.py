"""What every feature model gives: features, and the active label blocks that they tell."""

from __future__ import annotations

import abc
from typing import NamedTuple

from stream.engine.arrays import Float64Array, Int32Array, Int64Array


class FeatureRows(NamedTuple):
    """Features of consecutive rows, and the label blocks that are active in each."""

    x_indptr: Int64Array  # [rows + 1]
    x_indices: Int32Array  # [non-zeros]
    x_values: Float64Array  # [non-zeros]
    active_indptr: Int64Array  # [rows + 1]
    active: Int32Array  # [active blocks] increasing inside a row


class FeatureModel(abc.ABC):
    """Draws features and active blocks of any row, from the row's number alone."""

    @abc.abstractmethod
    def rows(self, start: int, stop: int) -> FeatureRows:
        """Rows ``start`` to ``stop`` (exclusive)."""
