"""The most probable labels of rows, best first: what metrics at k are about."""

from __future__ import annotations

from typing import NamedTuple

from stream.engine.arrays import Float64Array, Int32Array


class Ranking(NamedTuple):
    """The most probable labels of consecutive rows, in the label columns of the caller.

    Rows may have fewer labels than there is room for; a label is ranked once.
    """

    labels: Int32Array  # [rows, depth] label columns, best first; -1: no more
    probabilities: Float64Array  # [rows, depth] of these labels, from high to low; 0: no more

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.labels)

    def slice(self, start: int, stop: int) -> Ranking:
        """The rows ``start`` to ``stop`` (exclusive), as views."""
        return Ranking(self.labels[start:stop], self.probabilities[start:stop])
