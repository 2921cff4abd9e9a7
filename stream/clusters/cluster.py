"""A cluster of labels, with everything that belongs to it."""

from __future__ import annotations

from typing import Any

from stream.clusters.call import state_bytes
from stream.clusters.checking import check_label_cluster
from stream.engine.arrays import Float64Array, Int32Array, allocate, resize
from stream.engine.by_address import addresses_of, words_of_field
from stream.engine.cells import BUCKETS_A_CELL, FIRST_CELLS, Cells, with_room, without_smallest
from stream.engine.label_cluster_layout import ClusterParams, LabelCluster

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

    def __getstate__(self) -> dict[str, Any]:
        return {"params": self.params, "state": self.state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.params, self.state = state["params"], state["state"]

    @property
    def state(self) -> LabelCluster:
        """What the kernels work on."""
        return self._state

    @state.setter
    def state(self, state: LabelCluster) -> None:
        self._state = state
        self.n_bytes = state_bytes(state)  # of the arrays
        self.addresses = addresses_of(state)
        self._words_of_cells = words_of_field(state, "cells")

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
    def mixer_weights(self) -> Float64Array:
        """[labels, inputs] what each input weighs for a label."""
        return self.state.weight + self.state.own_weight[:, : self.state.n_labels[0]].T

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

    def make_room(self, n_entries: int) -> None:
        """Have cells for a row of so many entries."""
        self._use_cells(with_room(self._state.cells, n_entries))

    def shrink(self, n_cells: int) -> None:
        """Give up the pairs with the smallest weights, so that about ``n_cells`` are left."""
        self._use_cells(without_smallest(self._state.cells, n_cells))

    def _use_cells(self, cells: Cells) -> None:
        """Have other cells; nothing else of the state is looked at, as it stays."""
        if cells is not self._state.cells:
            self.n_bytes += state_bytes(cells) - state_bytes(self._state.cells)
            self._state = self._state._replace(cells=cells)
            self.addresses[self._words_of_cells] = addresses_of(cells)


def _sizes(n_labels: int) -> dict[str, int]:
    return {
        "columns": n_labels,
        "cells": FIRST_CELLS,
        "buckets": BUCKETS_A_CELL * FIRST_CELLS,
    }
