"""What a partition of the labels says to those who learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from stream.engine.arrays import Int32Array, Int64Array


class Partition(Protocol):
    """Which labels are learnt together; labels are engine numbers."""

    @property
    def grace_period(self) -> int:
        """Rows between changes; 0: it changes only when labels are new."""
        ...

    def add_labels(self, n_labels: int) -> None:
        """Labels up to ``n_labels`` (exclusive) exist."""
        ...

    def count(self, y_indptr: Int64Array, y_indices: Int32Array, start: int, stop: int) -> None:
        """Count the present labels of rows ``start`` to ``stop``."""
        ...

    def examine(self, row: int) -> Sequence[Any]:
        """Change what the counts ask for; returns the events."""
        ...

    def reexamine(self, cluster: int, row: int) -> Sequence[Any]:
        """Look at a cluster with fresh statistics; returns the events."""
        ...

    def clusters(self) -> list[tuple[int, tuple[int, ...]]]:
        """Number and labels of every cluster, the labels ascending."""
        ...
