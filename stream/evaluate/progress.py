"""A progress bar on the terminal, and nothing where there is no terminal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from stream.rows.schema import Task

WIDE = 100  # columns that all parts of the line need
SHORT_NAMES = {"micro_f1": "micro-F1", "subset_accuracy": "subset acc."}


class TerminalProgress:
    """Rows, rows/s and two metrics on standard error while a stream is evaluated.

    Drawing a line takes a few milliseconds, so at most two are drawn each second.

    Parameters
    ----------
    console
        Where to draw; None: standard error.
    interval
        Seconds between drawings.
    """

    def __init__(self, console: Console | None = None, interval: float = 0.5):
        self.console = console or Console(stderr=True)
        self.interval = interval
        self._bar: Progress | None = None
        self._row: TaskID | None = None
        self._began = 0.0
        self._next = 0.0

    @property
    def visible(self) -> bool:
        """Whether there is a terminal that can redraw a line."""
        return self.console.is_terminal and not self.console.is_dumb_terminal

    @property
    def _narrow(self) -> bool:
        """Whether the terminal has too few columns for everything."""
        return self.console.width < WIDE

    def compiling(self) -> contextlib.AbstractContextManager[None]:
        """Show nothing: the kernels themselves report that they are compiled."""
        return contextlib.nullcontext()

    def start(self, total: int | None, task: Task) -> None:
        """See :class:`~stream.evaluate.protocol.Progress`."""
        self._began = time.perf_counter()
        self._next = self._began
        if not self.visible:
            return
        self._bar = Progress(
            BarColumn(bar_width=8 if self._narrow else 24),
            TextColumn("{task.fields[rows]}"),
            TextColumn("[cyan]{task.fields[speed]}"),
            TextColumn("{task.fields[metrics]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            auto_refresh=False,
        )
        self._row = self._bar.add_task("", total=total, rows="reading", speed="", metrics="")
        self._bar.start()

    def update(self, rows: int, metrics: Callable[[], dict[str, float]]) -> None:
        """See :class:`~stream.evaluate.protocol.Progress`."""
        if self._bar is None or self._row is None:
            return
        now = time.perf_counter()
        if now < self._next:
            return
        self._next = now + self.interval
        total = self._bar.tasks[0].total
        fields: dict[str, Any] = {
            "rows": f"{rows:,}"
            + (f" of {total:,.0f} rows" if total and not self._narrow else " rows"),
            "speed": f"{rows / max(now - self._began, 1e-9):,.0f} rows/s",
            "metrics": "  ".join(
                f"{SHORT_NAMES.get(name, name)} [bold]{value:.3f}[/]"
                for name, value in list(metrics().items())[: 1 if self._narrow else None]
            ),
        }
        self._bar.update(self._row, completed=rows, refresh=True, **fields)

    def stop(self) -> None:
        """See :class:`~stream.evaluate.protocol.Progress`."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def text_for(console: Console, text: str) -> str:
    """The text in characters that the console can write.

    Examples
    --------
    >>> import io
    >>> ascii_only = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    >>> text_for(ascii_only, "2,417 × 103 …")
    '2,417 x 103 ...'
    """
    try:
        text.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        for fancy, plain in (("×", "x"), ("…", "..."), ("·", "-"), ("κ", "kappa"), ("–", "-")):
            text = text.replace(fancy, plain)
        text = text.encode("ascii", "replace").decode("ascii")
    return text
