"""Results as HTML for notebooks, and a progress display."""

from __future__ import annotations

import contextlib
import html
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stream.evaluate.counted import shape_of
from stream.evaluate.marks import rows_of
from stream.evaluate.progress import SHORT_NAMES, TerminalProgress
from stream.evaluate.protocol import Progress
from stream.partition.drawing import hierarchy_svg
from stream.rows.schema import Task

if TYPE_CHECKING:
    from stream.evaluate.result import PrequentialResult

WIDTH, HEIGHT, MARGIN = 640, 120, 4
MOST_POINTS = 640
_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"
_CELL = "text-align:right;padding:2px 10px"


def result_html(result: PrequentialResult) -> str:
    """The result as HTML that needs nothing from elsewhere and has the colours of the page.

    Names that come from data are escaped.
    """
    shape = shape_of(result.rows, result.features, result.labels, result.task)
    title = f"{result.model} on {result.dataset}: {', '.join(shape)}"
    parts = [f"<p><strong>{html.escape(title)}</strong></p>", _metrics(result)]
    name = "accuracy" if result.task == "single-label" else "micro_f1"
    whole = [w for w in result.windows if w["stop"] - w["start"] == result.window]
    if len(whole) > 1:
        values = [window["metrics"][name] for window in whole]
        stops = [window["stop"] for window in whole]
        marks = {
            "drift seen": rows_of(result.drifts, "drifts", result.windows),
            "restructured": rows_of(result.restructures, "restructures", result.windows),
        }
        label = f"{SHORT_NAMES.get(name, name)} in windows of {result.window:,} rows"
        parts.append(course_svg(stops, values, label, marks))
    if result.hierarchy and len(result.hierarchy) > 1:
        parts.append(f"<details><summary>{_clusters(result)}</summary>")
        parts.append(f"{hierarchy_svg(result.hierarchy)}</details>")
    cost = f"{result.rows_per_second:,.0f} rows/s, {result.seconds:.1f} s in all"
    if result.peak_rss_mb is not None:
        cost += f", peak memory {result.peak_rss_mb:,.0f} MB"
    parts.append(f"<p>{cost}</p>")
    if result.interrupted:
        parts.append(f"<p>Interrupted after {result.rows:,} rows.</p>")
    if result.error is not None:
        parts.append(f"<p>Ended by bad data: {html.escape(result.error)}</p>")
    return f"<div>{''.join(parts)}</div>"


def _clusters(result: PrequentialResult) -> str:
    n = sum("labels" in node for node in result.hierarchy or ())
    return f"{n:,} cluster{'s' * (n != 1)} of labels"


def _metrics(result: PrequentialResult) -> str:
    values = {name: f"{value:.4f}" for name, value in result.metrics.items()}
    rows: list[tuple[str, ...]]
    if result.task == "single-label":
        names = ("accuracy", "kappa", "kappa_m", "kappa_t", "macro_f1")
        heads = tuple(name.replace("_", "-").replace("f1", "F1") for name in names)
        rows = [tuple(values[name] for name in names)]
    else:
        heads = ("", "F1", "precision", "recall", "", "")
        beside = {
            "example": ("subset accuracy", values["subset_accuracy"]),
            "micro": ("Hamming loss", values["hamming_loss"]),
            "macro": ("", ""),
        }
        rows = [
            (average, *(values[f"{average}_{part}"] for part in ("f1", "precision", "recall")), *at)
            for average, at in beside.items()
        ]

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(f'<{tag} style="{_CELL}">{cell}</{tag}>' for cell in cells)

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f'<table style="{_TABLE}"><tr>{line(heads, "th")}</tr>{body}</table>'


def course_svg(
    stops: Sequence[int],
    values: Sequence[float],
    label: str,
    marks: dict[str, list[int]] | None = None,
) -> str:
    """A line of values over rows as SVG, with marks; it fits the width of the page.

    Examples
    --------
    >>> svg = course_svg([100, 200, 300], [0.2, 0.5, 0.6], "micro-F1", {"drift seen": [150]})
    >>> svg.count("<polyline"), svg.count('class="mark"'), "0.200" in svg
    (1, 1, True)
    """
    if len(values) > MOST_POINTS:
        step = -(-len(values) // MOST_POINTS)
        groups = range(0, len(values), step)
        stops = [stops[min(i + step, len(stops)) - 1] for i in groups]
        values = [sum(values[i : i + step]) / len(values[i : i + step]) for i in groups]
    low, high, last = min(values), max(values), max(stops)
    span = (high - low) or 1.0

    def x(row: int) -> float:
        return MARGIN + row / last * (WIDTH - 2 * MARGIN)

    points = " ".join(
        f"{x(row):.1f},{HEIGHT - MARGIN - (value - low) / span * (HEIGHT - 2 * MARGIN):.1f}"
        for row, value in zip(stops, values, strict=True)
    )
    looks = {"drift seen": ("#d55e00", "3 3"), "restructured": ("#777777", "none")}
    drawn, told = [], []
    for name, rows in (marks or {}).items():
        colour, dashes = looks.get(name, ("#777777", "none"))
        drawn += [
            f'<line class="mark" x1="{x(row):.1f}" x2="{x(row):.1f}" y1="0" y2="{HEIGHT}" '
            f'stroke="{colour}" stroke-dasharray="{dashes}"><title>{name} at row {row:,}'
            "</title></line>"
            for row in rows
        ]
        if rows:
            told.append(f'<span style="color:{colour}">┃</span> {name}')
    text = f"{label}: {low:.3f}–{high:.3f}, last {values[-1]:.3f}"
    return (
        f"<div>{html.escape(text)} {' '.join(told)}</div>"
        f'<svg role="img" aria-label="{html.escape(text, quote=True)}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" style="width:100%;max-width:{WIDTH}px;height:auto">'
        f'{"".join(drawn)}<polyline points="{points}" fill="none" stroke="#0072b2" '
        'stroke-width="2"/></svg>'
    )


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this code."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


class NotebookProgress:
    """Rows, rows/s and two metrics below the cell of a notebook while a stream is evaluated.

    Parameters
    ----------
    interval
        Seconds between drawings.
    """

    def __init__(self, interval: float = 0.5):
        self.interval = interval
        self._handle: Any = None
        self._total: int | None = None
        self._began = 0.0
        self._next = 0.0

    def compiling(self) -> contextlib.AbstractContextManager[None]:
        """Show that the first run compiles."""
        self._show("<em>Loading the kernels; the first time they are compiled, once …</em>")
        return contextlib.nullcontext()

    def start(self, total: int | None, task: Task) -> None:
        """See :class:`~stream.evaluate.protocol.Progress`."""
        self._total = total
        self._began = self._next = time.perf_counter()

    def update(self, rows: int, metrics: Callable[[], dict[str, float]]) -> None:
        """See :class:`~stream.evaluate.protocol.Progress`."""
        now = time.perf_counter()
        if now < self._next and rows != self._total:
            return
        self._next = now + self.interval
        told = [f"{rows:,}" + (f" of {self._total:,} rows" if self._total else " rows")]
        told.append(f"{rows / max(now - self._began, 1e-9):,.0f} rows/s")
        told += [f"{SHORT_NAMES.get(name, name)} {value:.3f}" for name, value in metrics().items()]
        bar = f'<progress value="{rows}" max="{self._total}"></progress> ' if self._total else ""
        self._show(f"<div>{bar}{' · '.join(told)}</div>")

    def stop(self) -> None:
        """Stop updating; the last line stays visible."""

    def _show(self, text: str) -> None:
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(text), display_id=True)
        else:
            self._handle.update(HTML(text))


def automatic_progress() -> Progress:
    """Progress below the cell of a notebook, else on the terminal."""
    return NotebookProgress() if in_notebook() else TerminalProgress()
