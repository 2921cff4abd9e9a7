"""How far a run is, a line for each cell, with an estimate of the time left."""

from __future__ import annotations

import sys
import time
from typing import Any

from harness.definition import Cell

LENGTH_UNKNOWN = 10_000  # rows that a stream of unknown length counts as


class Progress:
    """Tells on standard error what is finished and how long the rest may take.

    Parameters
    ----------
    name
        The experiment.
    workers
        Cells side by side.
    waiting
        Cells to run, with their rows.
    n_cells
        All cells of the experiment.
    """

    def __init__(
        self, name: str, workers: int, waiting: list[tuple[Cell, int | None]], n_cells: int
    ):
        self.name = name
        self.workers = workers
        self.left = list(waiting)
        self.n_cells = n_cells
        self.n_to_run = len(waiting)
        self.spent: dict[str, tuple[float, int]] = {}  # seconds and rows by model
        done_before = n_cells - len(waiting)
        self.say(f"{n_cells} cells, {done_before} of them need not run")

    def done(self, cell: Cell, n_rows: int | None, record: dict[str, Any]) -> None:
        """A cell has its record."""
        self.left.remove((cell, n_rows))
        seconds, rows = self.spent.get(cell.model.title, (0.0, 0))
        spent = record.get("seconds") or 0.0
        learning = spent - (record.get("compile_seconds") or 0.0)
        self.spent[cell.model.title] = seconds + learning, rows + (n_rows or LENGTH_UNKNOWN)
        n_done = self.n_to_run - len(self.left)
        told = f"{spent:.1f} s" if record["status"] == "ok" else f"FAILED: {record['error']}"
        left = f", {duration(self.estimate())} left" if self.left else ""
        self.say(f"{n_done}/{self.n_to_run} {cell.title}: {told}{left}")

    def estimate(self) -> float:
        """Seconds that the cells left may take: rows by what a row of the same model took, or of
        any where that is not known."""
        total_seconds = sum(seconds for seconds, _ in self.spent.values())
        total_rows = sum(rows for _, rows in self.spent.values())
        seconds = 0.0
        for cell, n_rows in self.left:
            spent, rows = self.spent.get(cell.model.title, (total_seconds, total_rows))
            seconds += (n_rows or LENGTH_UNKNOWN) * spent / max(rows, 1)
        return seconds / self.workers

    def say(self, text: str) -> None:
        """A line with the time."""
        clock = time.strftime("%H:%M:%S")
        print(f"{clock} {self.name}: {text}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as people say them.

    Examples
    --------
    >>> duration(8.2), duration(200), duration(9000)
    ('8 s', '3 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
