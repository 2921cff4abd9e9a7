"""The memory of recent rows, with the room that it needs."""

from __future__ import annotations

from stream.clusters.call import CallRows, Segment, roomier, state_bytes
from stream.clusters.checking import check_recent
from stream.engine import recent_layout as rc
from stream.engine.arrays import allocate, resize
from stream.engine.growth import column_capacity
from stream.engine.recent import recall
from stream.engine.recent_keeping import with_more_entries, with_more_labels
from stream.engine.recent_layout import Hints, Recent, RecentParams, RecentScratch

LEAST_ROWS = 2048  # rows whose label sets are kept


class RecentRows:
    """Recent rows, which vote for labels and say what persists.

    Parameters
    ----------
    params
        What the kernels need to know.
    """

    def __init__(self, params: RecentParams):
        self.params = params
        rows = max(params.window, LEAST_ROWS)
        sizes = {"rows": rows, "entries": 16, "label_entries": 16, "features": 4, "dense_rows": 0}
        self.state = allocate(Recent, sizes)

    def check_restored(self) -> None:
        """Raise SnapshotError unless the kernels can work with the arrays."""
        check_recent(self.state, self.params.window, max(self.params.window, LEAST_ROWS))

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return state_bytes(self.state)

    def recall(self, segment: Segment, rows: CallRows, n_labels: int) -> Hints:
        """What recent rows say of each event; rows that are learnt are kept.

        Parameters
        ----------
        n_labels
            Labels that there are when the last row is learnt.
        """
        n, event = segment.n_events, 0
        hints = allocate(Hints, {"events": n, "events1": n + 1, "hints": 64 * n + 1_000})
        scratch = self._scratch(rows, n_labels)
        while True:
            code, event = recall(
                self.state, self.params, segment.events, event, rows.x, rows.raw, rows.y, rows.u,
                hints, scratch,
            )  # fmt: skip
            if code == rc.DONE:
                return hints
            if code == rc.HINTS_FULL:
                hints = roomier(hints, ("label", "vote", "silent", "last", "trend"))
            else:
                self._make_room(code, rows, int(segment.events.row[event]))
                scratch = self._scratch(rows, n_labels)

    def _make_room(self, code: int, rows: CallRows, row: int) -> None:
        """Have room for a row that is learnt."""
        if code == rc.FEATURES_FULL:
            first, last = rows.x[0][row], rows.x[0][row + 1]
            needed = int(rows.x[1][first:last].max()) + 1
            sizes = self._sizes | {"features": column_capacity(needed)}
            self.state = resize(self.state, sizes)
        elif code == rc.DENSE_FULL:
            sizes = self._sizes | {"dense_rows": self.params.dense_window}
            self.state = resize(self.state, sizes)
        elif code == rc.ENTRIES_FULL:
            self.state = with_more_entries(self.state, self.params.window, rows.n_entries(row))
        else:
            self.state = with_more_labels(self.state, rows.n_present(row) + rows.n_unknown(row))

    def _scratch(self, rows: CallRows, n_labels: int) -> RecentScratch:
        features, dense_rows = self.state.dense.value.shape
        return allocate(
            RecentScratch,
            {
                "rows": len(self.state.first_entry),
                "nearest": self.params.n_nearest,
                "row_entries": rows.most_entries,
                "features": features,
                "dense_rows": dense_rows,
                "features_and_entries": features + rows.most_entries,
                "labels": n_labels,
            },
        )

    @property
    def _sizes(self) -> dict[str, int]:
        state = self.state
        return {
            "rows": len(state.first_entry),
            "entries": len(state.entries),
            "label_entries": len(state.label),
            "features": len(state.newest),
            "dense_rows": state.dense.value.shape[1],
        }
