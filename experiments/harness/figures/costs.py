"""Rows per second against one property of the stream at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from stream.compare.style import drawing, legend_below, styles

Line = Mapping[float, float]  # rows/s by the value of the property


def cost_curves(panels: Mapping[str, Mapping[str, Line]]) -> Figure:
    """Draw a panel for each property, on logarithmic axes; a row twice as expensive is a line that
    falls by half."""
    looks = styles(dict.fromkeys(name for lines in panels.values() for name in lines))
    columns = min(3, len(panels))
    n_lines = -(-len(panels) // columns)
    with drawing(2.7 * columns + 0.4, 2.5 * n_lines + 0.7) as figure:
        axes = figure.subplots(n_lines, columns, squeeze=False)
        for place, (title, lines) in zip(axes.flat, panels.items(), strict=False):
            place.set(xscale="log", yscale="log", title=f"over {title}", xlabel=title)
            for name, line in lines.items():
                xs = sorted(line)
                place.plot(xs, [line[x] for x in xs], label=name, markersize=5, **looks[name])
            _label_axes(place, sorted({x for line in lines.values() for x in line}))
        for place in axes.flat[len(panels) :]:
            place.set_axis_off()
        for place in axes[:, 0]:
            place.set_ylabel("rows per second")
        legend_below(figure, axes.flat)
    return figure


def _label_axes(place: Axes, xs: Sequence[float]) -> None:
    """Name the values that were measured, and 1, 2 and 5 of every power of ten beside them."""
    place.set_xticks(xs, [f"$10^{math.log10(x):.0f}$" if x >= 1_000 else f"{x:,.0f}" for x in xs])
    place.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    place.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    for axis in (place.xaxis, place.yaxis):
        axis.set_minor_locator(NullLocator())
