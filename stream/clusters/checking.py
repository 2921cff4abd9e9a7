"""Whether the arrays of clusters and their gate that came from outside can be given to kernels.

What the elements of an array may be stands beside its axes; here stands what arrays have to do with
each other. As in :mod:`stream.engine.checking`, what only makes answers wrong is not looked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stream.engine import gate as gt
from stream.engine import placement as pl
from stream.engine import recent_dense as rd
from stream.engine import recent_layout as rc
from stream.engine.cells import BUCKETS_A_CELL, FIRST_CELLS, Cells
from stream.engine.checking import check_scaler, check_units, require
from stream.engine.gate import Gate
from stream.engine.joint_decoder_layout import UNIT
from stream.engine.label_cluster_layout import LabelCluster
from stream.engine.placement import Placement
from stream.engine.recent_layout import Recent, RecentParams
from stream.engine.set_decoder import N_NEW, N_ROWS, SetDecoder

if TYPE_CHECKING:
    from stream.clusters.gated import GatedClusters


def _within(values: Any, start: int, stop: int, what: str) -> None:
    values = np.asarray(values)
    require((values >= start) & (values < stop), f"{what} must be from {start} to {stop - 1}")


def check_cells(cells: Cells) -> None:
    """Raise SnapshotError unless every cell is found by its key, and every search ends."""
    n_cells, used = len(cells.key), int(cells.used[0])
    require(
        n_cells >= FIRST_CELLS and n_cells & (n_cells - 1) == 0,
        "cells are a power of two in number",
    )
    require(len(cells.bucket) == BUCKETS_A_CELL * n_cells, "each cell has its buckets")
    require(
        np.array_equal(np.sort(cells.bucket[cells.bucket >= 0]), np.arange(used)),
        "each cell is in one bucket",
    )


def check_label_cluster(cluster: LabelCluster) -> None:
    """Raise SnapshotError unless the kernels can work with a cluster's arrays."""
    check_cells(cluster.cells)


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
    require(np.diff(begun) >= 0, "clusters began one after the other")


def check_gate(gate: Gate) -> None:
    """Raise SnapshotError unless the kernels can work with a gate's arrays."""
    check_cells(gate.cells)
    require(gate.cells.weight.shape[1] == gt.FAN_OUT, "a node has as many children as columns")


def check_recent(recent: Recent, params: RecentParams) -> None:
    """Raise SnapshotError unless the kernels can work with the memory of recent rows."""
    registers, dense = recent.registers, recent.dense
    n_rows = len(recent.first_entry)
    n_learnt, window = int(registers[rc.N_KEPT]), int(registers[rc.WINDOW])
    _within(n_rows, 1, params.most_rows + 1, "the rows that there is room for")
    require(n_learnt <= n_rows or n_rows == params.most_rows, "there is room for the rows")
    _within(window, min(params.window, 1), params.window + 1, "the rows that vote")
    for capacity in (len(recent.entries), len(recent.label)):
        require(capacity > 0, "there is room for entries")
    kept = np.arange(max(n_learnt - n_rows, 0), n_learnt) % n_rows
    last_label = recent.first_label[kept] + recent.n_labels[kept]
    require(last_label <= registers[rc.NEXT_LABEL], "labels were written")
    voting = kept[-window:] if window else kept[:0]  # others have left their entries behind
    first, n = recent.first_entry[voting], recent.n_entries[voting]
    written = np.append(first, registers[rc.NEXT_ENTRY])
    require(first + n == written[1:], "the entries of rows that vote follow each other")
    require(written[-1] - written[0] <= len(recent.entries), "no entry of them is overwritten")
    check_scaler(dense.scaler)
    _within(dense.registers[rd.MODE], rd.UNDECIDED, rd.DENSE + 1, "the kind of rows")
    require(dense.registers[rd.BEGAN] <= n_learnt, "rows are kept from a row on")
    require(
        dense.value.shape[1] == 0 or dense.registers[rd.MODE] == rd.DENSE, "sparse rows are listed"
    )
    require(window > 0 or dense.value.shape[1] == 0, "rows are kept where they vote")


def check_set_decoder(decoder: SetDecoder, max_sets: int) -> None:
    """Raise SnapshotError unless the kernels can work with a decoder's arrays."""
    require(len(decoder.members) == max_sets, "as many sets are remembered as there may be")
    registers = decoder.registers
    check_units(registers[UNIT], registers[N_ROWS], registers[N_NEW])
    check_units(registers[UNIT], registers[N_ROWS], decoder.times)


def check_clusters(clusters: GatedClusters, n_labels: int, n_learnt: int) -> None:
    """Raise SnapshotError unless all stages know of these labels and rows, and the same
    clusters."""
    n_clusters = len(clusters.clusters)
    check_placement(clusters.placement, n_labels, clusters.clusters)
    gate, recent, decoder = clusters.gate.state, clusters.recent.state, clusters.decoder.state
    require(
        gate.registers[gt.LEVELS] == gt.levels_needed(max(n_clusters, 1)), "each cluster is a leaf"
    )
    require(gate.bias.shape[1] >= gt.children_needed(n_clusters), "each child has a bias")
    require(n_labels <= len(gate.n_present), "the gate counts every label")
    require(recent.registers[rc.N_KEPT] == n_learnt, "each row learnt was kept")
    _within(recent.label, 0, max(n_labels, 1), "the labels of recent rows")
    _within(decoder.members, 0, max(n_labels, 1), "the members of a set")
    require(n_labels <= len(decoder.n_present), "there is room for every label")
    require(decoder.n_present <= n_learnt, "rows that had a label were learnt")
    for cluster in clusters.clusters:
        own = cluster.state
        require(own.touched <= n_learnt, "rows that had a label were learnt")
        require(own.n_present + own.n_unknown <= n_learnt, "labels were in rows learnt")
