"""Prequential metrics of a service: of all rows, and of the latest window, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stream.evaluate.metrics import MultiLabelMetrics
from stream.rows.batch import Batch, slice_rows
from stream.rows.label_sets import LabelSets
from stream.rows.schema import Task


class LatestMetrics:
    """Metrics of the whole stream and of its last whole window.

    Parameters
    ----------
    task
        Whether rows have sets of labels or classes.
    window
        Rows of a window.

    Attributes
    ----------
    total
        Metrics of all rows.
    latest
        The metrics of the last window that is whole, by name; empty before.
    after
        Called with each piece of rows, within one window, once it was added: the rows, what was
        predicted, and whether a window ended with them. It is not part of the state.
    """

    def __init__(self, task: Task, window: int):
        self.task = task
        self.window = window
        self.total = MultiLabelMetrics(task=task)
        self.latest: dict[str, float] = {}
        self.after: Callable[[Batch, LabelSets, bool], None] | None = None
        self._open = MultiLabelMetrics(task=task)

    def update(self, predicted: LabelSets, batch: Batch, n_labels: int) -> None:
        """Add rows: the labels predicted present, and the truth in the batch."""
        start = 0
        while start < batch.n_rows:
            stop = min(batch.n_rows, start + self.window - self._open.n_rows)
            piece, said = slice_rows(batch, start, stop), predicted.slice(start, stop)
            self.total.update_many(said, piece, n_labels)
            self._open.update_many(said, piece, n_labels)
            whole = self._open.n_rows == self.window
            if whole:
                self.latest = self._open.as_dict()
                self._open = MultiLabelMetrics(task=self.task)
            if self.after is not None:
                self.after(piece, said, whole)
            start = stop

    def get_state(self) -> dict[str, Any]:
        """The counts, to be restored."""
        return {
            "total": self.total,
            "open": self._open,
            "latest": dict(self.latest),
            "window": self.window,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the counts of a state; a window of another length begins anew."""
        self.total, self.latest = state["total"], state["latest"]
        if state["window"] == self.window:
            self._open = state["open"]
