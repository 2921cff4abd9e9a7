"""A cluster of labels, with everything that belongs to it."""

from __future__ import annotations

from stream.clusters.call import roomier, state_bytes
from stream.clusters.checking import check_label_cluster
from stream.engine.arrays import Int32Array, allocate, resize
from stream.engine.cells import BUCKETS_A_CELL, FIRST_CELLS, with_room, without_smallest
from stream.engine.events import Events
from stream.engine.label_cluster import (
    CELLS_FULL,
    DONE,
    ClusterOutput,
    ClusterParams,
    ClusterRows,
    ClusterScratch,
    LabelCluster,
    advance_cluster,
)
from stream.engine.recent_layout import Hints
from stream.engine.unit_rows import UnitRows

# Of the conditional models, the marginal ones, the votes and the mean of both, in a new mixer.
FIRST_WEIGHTS = (0.0, 1.0, 0.0)


class Cluster:
    """Labels that learn together: models, mixer and base rates, in columns of its own.

    Parameters
    ----------
    params
        What the kernels need to know.
    capacity
        Labels that there is room for at first.
    """

    def __init__(self, params: ClusterParams, capacity: int):
        self.params = params
        self.state = allocate(LabelCluster, _sizes(capacity))
        self.state.weight[: len(FIRST_WEIGHTS)] = FIRST_WEIGHTS

    def check_restored(self) -> None:
        """Raise SnapshotError unless the kernels can work with the arrays."""
        check_label_cluster(self.state)

    @property
    def labels(self) -> Int32Array:
        """Numbers of its labels in the whole label space, in the order in which they came."""
        return self.state.label[: self.state.n_labels[0]]

    @property
    def n_cells(self) -> int:
        """Pairs of features and this cluster that have weights."""
        return int(self.state.cells.used[0])

    @property
    def capacity(self) -> int:
        """Labels that there is room for."""
        return len(self.state.label)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return state_bytes(self.state)

    def add_label(self, label: int, now: int) -> None:
        """Take in a label that comes with the row learnt after ``now`` others."""
        column = int(self.state.n_labels[0])
        if column == self.capacity:
            state = self.state
            sizes = _sizes(2 * column)
            sizes |= {"cells": len(state.cells.key), "buckets": len(state.cells.bucket)}
            self.state = resize(state, sizes)
        self.state.label[column] = label
        self.state.born[column] = now
        self.state.n_labels[0] = column + 1

    def advance(
        self,
        events: Events,
        x: UnitRows,
        rows: ClusterRows,
        first: int,
        last: int,
        hints: Hints,
        output: ClusterOutput,
        at: int,
        scratch: ClusterScratch,
    ) -> tuple[int, ClusterOutput]:
        """Answer and learn the pairs ``first`` to ``last``; where the output ends, and the output,
        with more room where that was needed."""
        while True:
            code, first, at = advance_cluster(
                self.state, self.params, events, x, rows, first, last, hints, at, output, scratch
            )
            if code == DONE:
                return at, output
            if code == CELLS_FULL:
                row = events.row[rows.event[first]]
                size = int(x[0][row + 1] - x[0][row])
                self.state = self.state._replace(cells=with_room(self.state.cells, size))
            else:
                output = roomier(output, ("label", "probability"), self.capacity)

    def shrink(self, n_cells: int) -> None:
        """Give up the pairs with the smallest weights, so that about ``n_cells`` are left."""
        self.state = self.state._replace(cells=without_smallest(self.state.cells, n_cells))


def _sizes(n_labels: int) -> dict[str, int]:
    return {
        "columns": n_labels,
        "cells": FIRST_CELLS,
        "buckets": BUCKETS_A_CELL * FIRST_CELLS,
    }
