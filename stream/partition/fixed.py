"""Partitions that do not look at the labels' correlations, to measure what looking is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stream.engine.arrays import Int32Array, Int64Array
from stream.engine.random import uniform


class FixedPartition:
    """Clusters that do not change, except for new labels.

    Parameters
    ----------
    cluster_of
        Gives the cluster of a label number; None: all labels are in one cluster.
    """

    grace_period = 0

    def __init__(self, cluster_of: Callable[[int], int] | None = None):
        self._cluster_of = cluster_of
        self._clusters: dict[int, list[int]] = {}
        self._n_labels = 0

    def _cluster(self, label: int) -> int:
        return 0 if self._cluster_of is None else self._cluster_of(label)

    def add_labels(self, n_labels: int) -> None:
        """Labels up to ``n_labels`` (exclusive) exist."""
        for label in range(self._n_labels, n_labels):
            self._clusters.setdefault(self._cluster(label), []).append(label)
        self._n_labels = n_labels

    def count(self, y_indptr: Int64Array, y_indices: Int32Array, start: int, stop: int) -> None:
        """Nothing is counted."""

    def examine(self, row: int) -> Sequence[Any]:
        """Nothing changes."""
        return ()

    def reexamine(self, cluster: int, row: int) -> Sequence[Any]:
        """Nothing changes."""
        return ()

    def clusters(self) -> list[tuple[int, tuple[int, ...]]]:
        """Number and labels of every cluster."""
        return [(number, tuple(labels)) for number, labels in sorted(self._clusters.items())]


class SingletonPartition(FixedPartition):
    """Every label on its own: binary relevance."""

    def _cluster(self, label: int) -> int:
        return label


class ShuffledPartition:
    """Clusters of the same sizes, at the same times, as another partition's, of labels at random.

    Parameters
    ----------
    partition
        The partition whose sizes are taken.
    seed
        Seed of the order of the labels.
    """

    def __init__(self, partition: Any, seed: int):
        self._partition = partition
        self._seed = seed
        self._n_labels = 0
        self._next = 0
        self._clusters: list[tuple[int, tuple[int, ...]]] = []
        self.grace_period = partition.grace_period

    def add_labels(self, n_labels: int) -> None:
        """Labels up to ``n_labels`` (exclusive) exist; new ones go where the sizes grow."""
        self._partition.add_labels(n_labels)
        new = list(range(self._n_labels, n_labels))
        self._n_labels = n_labels
        for place, size in enumerate(self._sizes()):
            if place == len(self._clusters):
                self._clusters.append((self._next, ()))
                self._next += 1
            number, labels = self._clusters[place]
            grown = size - len(labels)
            self._clusters[place] = (number, labels + tuple(new[:grown]))
            new = new[grown:]

    def _sizes(self) -> list[int]:
        return [len(labels) for _, labels in self._partition.clusters()]

    def count(self, y_indptr: Int64Array, y_indices: Int32Array, start: int, stop: int) -> None:
        """Count the present labels of rows ``start`` to ``stop``."""
        self._partition.count(y_indptr, y_indices, start, stop)

    def examine(self, row: int) -> Sequence[Any]:
        """Change the sizes as the other partition does; returns its events."""
        return self._follow(self._partition.examine(row))

    def reexamine(self, cluster: int, row: int) -> Sequence[Any]:
        """The loss of a cluster at random says nothing of the other partition's clusters."""
        return ()

    def _follow(self, events: Sequence[Any]) -> Sequence[Any]:
        sizes = self._sizes()
        if sizes == [len(labels) for _, labels in self._clusters]:
            return events
        order = sorted(range(self._n_labels), key=lambda label: uniform(self._seed, label, 0, 0))
        clusters = []
        for size in sizes:
            labels, order = tuple(sorted(order[:size])), order[size:]
            same = [number for number, others in self._clusters if others == labels]
            clusters.append((same[0] if same else self._next, labels))
            self._next += 0 if same else 1
        self._clusters = clusters
        return events

    def clusters(self) -> list[tuple[int, tuple[int, ...]]]:
        """Number and labels of every cluster."""
        return list(self._clusters)
