"""Whether the arrays of clusters and their gate that came from outside can be given to kernels.

As in :mod:`stream.engine.checking`: what only makes answers wrong is not looked for, except numbers
that are not finite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stream.engine import gate as gt
from stream.engine import placement as pl
from stream.engine import recent_dense as rd
from stream.engine import recent_layout as rc
from stream.engine.cells import BUCKETS_A_CELL, FIRST_CELLS, Cells
from stream.engine.checking import check_scaler, require
from stream.engine.decoder import UNIT
from stream.engine.gate import Gate
from stream.engine.label_cluster import LabelCluster
from stream.engine.placement import Placement
from stream.engine.recent_layout import Recent
from stream.engine.set_decoder import SetDecoder

if TYPE_CHECKING:
    from stream.clusters.coordinator import Coordinator


def _within(values: Any, start: int, stop: int, what: str) -> None:
    values = np.asarray(values)
    require((values >= start) & (values < stop), f"{what} must be from {start} to {stop - 1}")


def _check_finite(state: tuple, what: str) -> None:
    for value in state:
        if isinstance(value, tuple):
            _check_finite(value, what)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            require(np.isfinite(value), f"the numbers of {what} are finite")


def check_cells(cells: Cells) -> None:
    """Raise SnapshotError unless every cell is found by its key, and every search ends."""
    n_cells, used = len(cells.key), int(cells.used[0])
    require(
        n_cells >= FIRST_CELLS and n_cells & (n_cells - 1) == 0,
        "cells are a power of two in number",
    )
    require(len(cells.bucket) == BUCKETS_A_CELL * n_cells, "each cell has its buckets")
    _within(used, 0, n_cells + 1, "the number of cells used")
    _within(cells.bucket, -1, max(used, 1), "the cells in buckets")
    require(
        np.array_equal(np.sort(cells.bucket[cells.bucket >= 0]), np.arange(used)),
        "each cell is in one bucket",
    )


def check_label_cluster(cluster: LabelCluster) -> None:
    """Raise SnapshotError unless the kernels can work with a cluster's arrays."""
    check_cells(cluster.cells)
    _check_finite(cluster, "a cluster")
    n_labels = int(cluster.n_labels[0])
    _within(n_labels, 0, len(cluster.label) + 1, "the number of labels in a cluster")
    require(cluster.born >= 0, "labels came after the beginning")
    require(cluster.touched >= 0, "labels were present after the beginning")
    require(cluster.square > 0.0, "sums of squares are positive")
    require(cluster.own_square > 0.0, "sums of squares are positive")
    require(cluster.cells.square >= 0.0, "sums of squares are not negative")
    require(cluster.bias_square >= 0.0, "sums of squares are not negative")
    for counts in (
        cluster.n_present,
        cluster.n_unknown,
        cluster.after_present,
        cluster.after_absent,
    ):
        require(counts >= 0.0, "counts are not negative")


def check_placement(placement: Placement, n_labels: int, clusters: list[Any]) -> None:
    """Raise SnapshotError unless labels and clusters know of each other."""
    registers = placement.registers
    require(registers[pl.N_PLACED] == n_labels, "each label has a cluster")
    require(registers[pl.N_CLUSTERS] == len(clusters), "each cluster was begun")
    _within(n_labels, 0, len(placement.cluster) + 1, "the number of labels")
    _within(len(clusters), 0, len(placement.size) + 1, "the number of clusters")
    _within(registers[pl.OPEN], 0, max(len(clusters), 1), "the open cluster")
    require(placement.cluster[n_labels:] == -1, "labels to come have no cluster")
    labels = np.arange(n_labels)
    of_label = placement.cluster[labels]
    _within(of_label, 0, max(len(clusters), 1), "the cluster of a label")
    found = np.full(n_labels, -1)
    for number, cluster in enumerate(clusters):
        own = cluster.labels
        _within(own, 0, n_labels, "the labels of a cluster")
        require(placement.size[number] == len(own), "a cluster has as many labels as are counted")
        require(of_label[own] == number, "labels and clusters know of each other")
        require(placement.column[own] == np.arange(len(own)), "a label has the column of its place")
        require(placement.born[own] == cluster.state.born[: len(own)], "labels came once")
        require(np.diff(placement.born[own]) >= 0, "labels came one after the other")
        found[own] = number
    require(found == of_label, "each label is in one cluster")
    begun = placement.begun[: len(clusters)]
    require(begun >= 0, "clusters began after the beginning")
    require(np.diff(begun) >= 0, "clusters began one after the other")


def check_gate(gate: Gate) -> None:
    """Raise SnapshotError unless the kernels can work with a gate's arrays."""
    check_cells(gate.cells)
    _check_finite(gate, "the gate")
    require(gate.cells.weight.shape[1] == gt.FAN_OUT, "a node has as many children as columns")
    require(gate.registers >= 0, "counts are not negative")
    require(gate.bias_square >= 0.0, "sums of squares are not negative")
    require(gate.cells.square >= 0.0, "sums of squares are not negative")


def check_recent(recent: Recent, window: int, n_rows: int) -> None:
    """Raise SnapshotError unless the kernels can work with the memory of recent rows."""
    registers, dense = recent.registers, recent.dense
    _check_finite(tuple(each for each in recent if not isinstance(each, tuple)), "recent rows")
    require(len(recent.first_entry) == n_rows, "there is room for as many rows as are kept")
    n_learnt = int(registers[rc.N_KEPT])
    require(registers >= 0, "counts are not negative")
    for capacity in (len(recent.entries), len(recent.label)):
        require(capacity > 0, "there is room for entries")
    kept = np.arange(max(n_learnt - n_rows, 0), n_learnt) % n_rows
    for first, n, written, room in (
        (recent.first_label, recent.n_labels, registers[rc.NEXT_LABEL], len(recent.label)),
        (recent.first_entry, recent.n_entries, registers[rc.NEXT_ENTRY], len(recent.entries)),
    ):
        require((first >= 0) & (n >= 0), "rows have entries")
        require(first[kept] + n[kept] <= written, "entries were written")
        require(n <= room, "rows have entries")
    _within(recent.truth, 0, 3, "what is known of a label")
    _within(recent.newest, -1, len(recent.entries), "the newest entry of a column")
    _within(recent.entries["older"], -1, len(recent.entries), "the entry before")
    _within(recent.entries["column"], 0, len(recent.newest), "the column of an entry")
    require(np.isfinite(recent.entries["value"]), "the values of recent rows are finite")
    require(recent.n_rows >= 0, "counts are not negative")
    check_scaler(dense.scaler)
    _within(dense.registers[rd.MODE], rd.UNDECIDED, rd.DENSE + 1, "the kind of rows")
    require(dense.registers >= 0, "counts are not negative")
    require(dense.registers[rd.BEGAN] <= n_learnt, "rows are kept from a row on")
    require(np.isfinite(dense.value), "the values of recent rows are finite")
    require(
        dense.value.shape[1] == 0 or dense.registers[rd.MODE] == rd.DENSE, "sparse rows are listed"
    )
    require(window > 0 or dense.value.shape[1] == 0, "rows are kept where they vote")


def check_set_decoder(decoder: SetDecoder, max_sets: int) -> None:
    """Raise SnapshotError unless the kernels can work with a decoder's arrays."""
    _check_finite(decoder, "the decoder")
    sets, width = decoder.members.shape
    require(sets == max_sets, "as many sets are remembered as there may be")
    n_sets = int(decoder.n_sets[0])
    _within(n_sets, 0, sets + 1, "the number of sets")
    _within(decoder.size, 0, width + 1, "the size of a set")
    require(decoder.registers >= 0.0, "counts are not negative")
    require(decoder.registers[UNIT] > 0.0, "a row counts something")
    for counts in (decoder.n_present, decoder.achieved, decoder.times):
        require(counts >= 0.0, "counts are not negative")


def check_clusters(clusters: Coordinator) -> None:
    """Raise SnapshotError unless all stages know of the same labels, clusters and rows."""
    n_labels, n_clusters = clusters.n_labels, len(clusters.clusters)
    require(clusters.n_learnt >= 0, "the rows learnt are counted")
    require(clusters.n_features >= 0, "the features learnt are counted")
    check_placement(clusters.placement, n_labels, clusters.clusters)
    gate, recent, decoder = clusters.gate.state, clusters.recent.state, clusters.decoder.state
    require(
        gate.registers[gt.LEVELS] == gt.levels_needed(max(n_clusters, 1)), "each cluster is a leaf"
    )
    require(gate.bias.shape[1] >= gt.children_needed(n_clusters), "each child has a bias")
    require(recent.registers[rc.N_KEPT] == clusters.n_learnt, "each row learnt was kept")
    _within(recent.label, 0, max(n_labels, 1), "the labels of recent rows")
    _within(decoder.members, 0, max(n_labels, 1), "the members of a set")
    require(n_labels <= len(decoder.n_present), "there is room for every label")
