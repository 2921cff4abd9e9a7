"""The memory of recent rows, with the room that it needs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stream.clusters.call import CallRows, Scratch, Segment, roomier, state_bytes
from stream.clusters.checking import check_recent
from stream.engine import recent_layout as rc
from stream.engine.arrays import allocate, resize
from stream.engine.growth import column_capacity, power_of_two
from stream.engine.postings import Postings, index_bytes, places_needed, postings_of
from stream.engine.recent import recall
from stream.engine.recent_keeping import with_room_for_entries, with_room_for_labels
from stream.engine.recent_layout import Hints, Recent, RecentParams, RecentScratch

LEAST_WINDOW = 16  # rows that vote whatever the memory


class Neighbor(NamedTuple):
    """A recent row that votes."""

    number: int  # among the rows learnt, from 0
    similarity: float
    share: float  # of all votes
    labels: list[int]  # that are known to be present


class RecentRows:
    """Recent rows, which vote for labels and say what persists.

    Parameters
    ----------
    params
        What the kernels need to know.
    """

    def __init__(self, params: RecentParams):
        self.params = params
        sizes = {"rows": rc.FIRST_ROWS, "features": 4, "dense_rows": 0}
        self.state = allocate(Recent, sizes | {"entries": 16, "label_entries": 16})
        self.state.registers[rc.WINDOW] = params.window
        self._begin()

    def _begin(self) -> None:
        """What follows from the rows, or is only kept from call to call."""
        self._postings: Postings | None = None  # made when it is needed
        self._scratch = Scratch(RecentScratch)

    def __getstate__(self) -> dict[str, Any]:
        return {"params": self.params, "state": self.state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def check_restored(self) -> None:
        """Raise SnapshotError unless the kernels can work with the arrays."""
        check_recent(self.state, self.params)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays; those of the index as the rows need it."""
        return state_bytes(self.state) + index_bytes(self.state)

    def recall(self, segment: Segment, rows: CallRows, n_labels: int) -> Hints:
        """What recent rows say of each event; rows that are learnt are kept.

        Parameters
        ----------
        n_labels
            Labels that there are when the last row is learnt.
        """
        return self._recall(segment, rows, n_labels)[0]

    def nearest(self, segment: Segment, rows: CallRows, n_labels: int) -> list[Neighbor]:
        """The rows that vote in the one event of a segment, the nearest first."""
        scratch = self._recall(segment, rows, n_labels)[1]
        near = scratch.near[scratch.near >= 0]
        similarity = scratch.near_by[: len(near)].astype(np.float64)
        weights = np.exp(rc.SHARPNESS * (similarity - similarity.max(initial=0.0))) * similarity
        shares = weights / weights.sum()
        found = zip(near.tolist(), similarity.tolist(), shares.tolist(), strict=True)
        return [
            Neighbor(number, near_by, share, self._labels_of(number))
            for number, near_by, share in found
        ]

    def _labels_of(self, number: int) -> list[int]:
        """Labels that are known to be present in a row that is kept."""
        state, slot = self.state, number % len(self.state.first_entry)
        at = (state.first_label[slot] + np.arange(state.n_labels[slot])) % len(state.label)
        labels: list[int] = state.label[at[state.truth[at] == rc.PRESENT]].tolist()
        return labels

    def _recall(
        self, segment: Segment, rows: CallRows, n_labels: int
    ) -> tuple[Hints, RecentScratch]:
        """As :meth:`recall`, with the room that held the work of the last event."""
        n, event = segment.n_events, 0
        hints = allocate(Hints, {"events": n, "events1": n + 1, "hints": 64 * n + 1_000})
        while True:
            if self._postings is None:
                self._postings = postings_of(self.state)
            scratch = self._scratch.of(self._scratch_sizes(rows, n_labels))
            scratch.near[:] = -1
            code, event = recall(
                self.state, self._postings, self.params, segment.events, event, rows.x, rows.raw,
                rows.y, rows.u, hints, scratch,
            )  # fmt: skip
            if code == rc.DONE:
                return hints, scratch
            if code == rc.HINTS_FULL:
                hints = roomier(hints, ("label", "vote", "silent", "last", "trend"))
            else:
                self._make_room(code, rows, int(segment.events.row[event]))

    def _make_room(self, code: int, rows: CallRows, row: int) -> None:
        """Have room for a row that is learnt."""
        if code == rc.FEATURES_FULL:
            first, last = rows.x[0][row], rows.x[0][row + 1]
            needed = int(rows.x[1][first:last].max()) + 1
            sizes = self._sizes | {"features": column_capacity(needed)}
            self.state = resize(self.state, sizes)
            self._postings = None
        elif code == rc.DENSE_FULL:
            sizes = self._sizes | {"dense_rows": self.params.dense_window}
            self.state = resize(self.state, sizes)
        elif code == rc.ENTRIES_FULL:
            self.state = with_room_for_entries(self.state, rows.n_entries(row))
        elif code == rc.POSTINGS_FULL:
            n_more = places_needed(self._postings, rows.x, row)
            self._postings = postings_of(self.state, n_more)
        elif code == rc.ROWS_FULL:
            n_rows = min(2 * len(self.state.first_entry), self.params.most_rows)
            self.state = resize(self.state, self._sizes | {"rows": n_rows})
            self._postings = None
        else:
            self.state = with_room_for_labels(self.state, rows.n_present(row) + rows.n_unknown(row))

    def shrink(self, share: float) -> None:
        """Let only the newest rows vote from now on, a share of those that do."""
        registers = self.state.registers
        n_voting = min(int(registers[rc.WINDOW]), int(registers[rc.N_KEPT]))
        least = min(LEAST_WINDOW, self.params.window)
        registers[rc.WINDOW] = max(int(share * n_voting), least)
        self.state = with_room_for_entries(self.state, 0)
        self._postings = None

    def _scratch_sizes(self, rows: CallRows, n_labels: int) -> dict[str, int]:
        features, dense_rows = self.state.dense.value.shape
        entries = power_of_two(rows.most_entries)
        return {
            "rows": len(self.state.first_entry),
            "nearest": self.params.n_nearest,
            "row_entries": entries,
            "features": features,
            "dense_rows": dense_rows,
            "features_and_entries": features + entries,
            "labels": n_labels,
        }

    @property
    def _sizes(self) -> dict[str, int]:
        state = self.state
        return {
            "rows": len(state.first_entry),
            "entries": len(state.entries),
            "label_entries": len(state.label),
            "features": len(state.n_rows),
            "dense_rows": state.dense.value.shape[1],
        }
