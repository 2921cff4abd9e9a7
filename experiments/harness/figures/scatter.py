"""Speed against accuracy, a panel for each stream."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stream.compare.style import drawing, legend_below, styles

Points = Mapping[str, tuple[float, float]]  # rows/s and metric, by method


def speed_accuracy(panels: Mapping[str, Points], metric: str) -> Figure:
    """Draw rows per second, on a logarithmic axis, against a metric.

    Parameters
    ----------
    panels
        Methods by stream.
    metric
        What is on the vertical axis.
    """
    methods = list(dict.fromkeys(name for points in panels.values() for name in points))
    looks = styles(methods, lines=False)
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    legend_lines = -(-len(methods) // 3)
    with drawing(3.1 * columns + 0.4, 2.7 * lines + 0.2 * legend_lines + 0.3) as figure:
        axes = figure.subplots(lines, columns, squeeze=False)
        for place, (stream, points) in zip(axes.flat, panels.items(), strict=False):
            place.set(xscale="log", xlabel="rows per second")
            place.set_title(stream)
            for name, (speed, value) in points.items():
                size = 110 if looks[name]["marker"] == "*" else 34
                place.scatter(speed, value, s=size, zorder=3, label=name, **looks[name])
            speeds = [speed for speed, _ in points.values()]
            if speeds and max(speeds) < 10 * min(speeds):
                _label_within_a_decade(place)
        for place in axes.flat[len(panels) :]:
            place.set_axis_off()
        for place in axes[:, 0]:
            place.set_ylabel(metric.replace("_", "-"))
        legend_below(figure, axes.flat)
    return figure


def _label_within_a_decade(place: Axes) -> None:
    """Few numbers on an axis that has hardly a power of ten: they would stand on each other."""
    place.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    place.xaxis.set_major_formatter(FuncFormatter(lambda speed, _: f"{speed:,.0f}"))
    place.xaxis.set_minor_formatter(NullFormatter())
