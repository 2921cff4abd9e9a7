"""The gate over clusters, with the room that it needs."""

from __future__ import annotations

from typing import Any

from stream.clusters.call import CallRows, Scratch, Segment, roomier, state_bytes
from stream.clusters.checking import check_gate
from stream.engine import gate as gt
from stream.engine.arrays import allocate, resize
from stream.engine.cells import BUCKETS_A_CELL, FIRST_CELLS, with_room, without_smallest
from stream.engine.gate import Asked, Gate, GateParams, GateScratch, GateWork, ask_clusters
from stream.engine.growth import column_capacity, power_of_two
from stream.engine.placement import Placement
from stream.engine.recent_layout import Hints

FIRST_LABELS = 4


class ClusterGate:
    """A router over clusters.

    Parameters
    ----------
    params
        What the kernels need to know.
    """

    def __init__(self, params: GateParams):
        self.params = params
        sizes = {"cells": FIRST_CELLS, "buckets": BUCKETS_A_CELL * FIRST_CELLS}
        sizes |= {"children": gt.FAN_OUT, "columns": gt.FAN_OUT, "labels": FIRST_LABELS}
        self.state = allocate(Gate, sizes)
        self.state.registers[gt.LEVELS] = 1
        self._scratch = Scratch(GateScratch)

    def __getstate__(self) -> dict[str, Any]:
        return {"params": self.params, "state": self.state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._scratch = Scratch(GateScratch)

    def check_restored(self) -> None:
        """Raise SnapshotError unless the kernels can work with the arrays."""
        check_gate(self.state)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return state_bytes(self.state)

    @property
    def counts(self) -> dict[str, int]:
        """``rows`` learnt, clusters ``asked`` over all of them, ``present`` labels that were known
        before, and those ``missed`` because their cluster was not asked."""
        registers = self.state.registers
        return {
            "rows": int(registers[gt.N_ROWS]),
            "asked": int(registers[gt.N_ASKED]),
            "present": int(registers[gt.N_PRESENT]),
            "missed": int(registers[gt.N_MISSED]),
        }

    @property
    def summary(self) -> dict[str, float]:
        """Clusters asked a row, and the share of present labels whose cluster was not asked."""
        registers = self.state.registers
        return {
            "asked": float(registers[gt.N_ASKED] / max(registers[gt.N_ROWS], 1)),
            "missed": float(registers[gt.N_MISSED] / max(registers[gt.N_PRESENT], 1)),
        }

    def make_room(self, n_clusters: int, n_labels: int) -> None:
        """Have a place for every cluster and every label."""
        state, children = self.state, gt.children_needed(n_clusters)
        if children > state.bias.shape[1] or n_labels > len(state.n_present):
            sizes = {
                "children": max(column_capacity(children), state.bias.shape[1]),
                "columns": gt.FAN_OUT,
                "labels": max(column_capacity(n_labels), len(state.n_present)),
                "cells": len(state.cells.key),
                "buckets": len(state.cells.bucket),
            }
            self.state = resize(state, sizes)

    def ask(
        self,
        segment: Segment,
        rows: CallRows,
        placement: Placement,
        hints: Hints,
        n_clusters: int,
    ) -> Asked:
        """The clusters that are asked about each event, and those that have to learn it."""
        n, event = segment.n_events, 0
        asked = allocate(Asked, {"events": n, "events1": n + 1, "asked": 16 * n + 4 * n_clusters})
        children = self.state.bias.shape[1]
        scratch = self._scratch.of(
            {
                "entries": power_of_two(rows.most_entries),
                "stack": gt.FAN_OUT * (gt.MAX_LEVELS + 1),
                "clusters": children,
                "children": children,
            }
        )
        work = GateWork(segment.events, rows.x, rows.y, rows.u, hints, segment.n_known)
        while True:
            code, event = ask_clusters(
                self.state, self.params, placement, work, event, asked, scratch
            )
            if code == gt.DONE:
                return asked
            if code == gt.CELLS_FULL:
                row = int(segment.events.row[event])
                n_nodes = 1 + rows.n_present(row) * gt.MAX_LEVELS
                cells = with_room(self.state.cells, rows.n_entries(row) * n_nodes)
                self.state = self.state._replace(cells=cells)
            else:
                names = ("cluster", "probability", "asked", "weight")
                asked = roomier(asked, names, 2 * n_clusters)

    def shrink(self, n_cells: int) -> None:
        """Give up the pairs of nodes and features with the smallest weights, so that about
        ``n_cells`` are left."""
        self.state = self.state._replace(cells=without_smallest(self.state.cells, n_cells))
