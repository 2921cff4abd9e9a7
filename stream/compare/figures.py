"""Figures of a comparison: average ranks, and the course on each stream."""

from __future__ import annotations

import io

import matplotlib as mpl
from matplotlib.figure import Figure

from stream.compare.comparing import Comparison
from stream.compare.critical_difference import critical_difference_diagram
from stream.compare.style import SETTINGS, drawing, styles
from stream.compare.tables import full_name


def figures_of(found: Comparison) -> dict[str, Figure]:
    """Figures by the names of their files.

    A diagram of ranks for the main metric where there are two models and two streams, and for each
    stream the main metric in windows, a line for each model (that of the first seed).
    """
    metric = found.metrics[0]
    made = {}
    if len(found.streams) > 1 and len(found.models) > 1:
        title = f"Average rank by {full_name(metric)} on {len(found.streams)} streams"
        made[f"ranks_{metric}"] = critical_difference_diagram(
            found.ranks(metric), {found.models[0]}, title
        )
    for number, stream in enumerate(found.streams, 1):
        made[f"course_{number}"] = _course(found, stream, metric)
    return made


def _course(found: Comparison, stream: str, metric: str) -> Figure:
    with drawing(7.5, 3.2) as figure:
        axes = figure.subplots()
        for model, look in styles(found.models).items():
            result = found.of(stream, model)[0]
            windows = result.windows
            axes.plot(
                [window["stop"] for window in windows],
                [window["metrics"][metric] for window in windows],
                label=model,
                markevery=max(1, len(windows) // 8),
                **look,
            )
        axes.set_title(stream, loc="left")
        axes.set_xlabel("rows")
        axes.set_ylabel(f"{full_name(metric)} in windows of {result.window:,}")
        axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def svg_text(figure: Figure) -> str:
    """A figure as the text of an SVG file; the same figure is the same text."""
    text = io.StringIO()
    with mpl.rc_context(SETTINGS):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
