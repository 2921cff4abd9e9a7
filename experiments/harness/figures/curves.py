"""A metric in windows over a stream, with the true changes and what the models did about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from matplotlib.figure import Figure

from stream.compare.style import FAINT, drawing, legend_below, styles


@dataclasses.dataclass(frozen=True)
class Curve:
    """A model on a stream.

    Attributes
    ----------
    stops, values
        Last row of each window, and the metric in it.
    restructures, drifts
        Rows at which the model changed its clusters, or saw drift.
    """

    stops: Sequence[int]
    values: Sequence[float]
    restructures: Sequence[int] = ()
    drifts: Sequence[int] = ()


@dataclasses.dataclass(frozen=True)
class Panel:
    """The models on one stream, and the rows of its true changes."""

    title: str
    curves: dict[str, Curve]
    change_points: Sequence[int] = ()


def windowed_curves(panels: Sequence[Panel], metric: str) -> Figure:
    """Draw the panels one below the other: dashed lines are true changes, triangles below the
    curves restructures, bars drifts, in the colour of their model."""
    looks = styles(dict.fromkeys(name for panel in panels for name in panel.curves))
    with drawing(7.5, 2.3 * len(panels) + 0.6) as figure:
        axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        for place, panel in zip(axes, panels, strict=True):
            place.set_title(panel.title, loc="left")
            place.set_ylabel(metric.replace("_", "-"))
            for change in panel.change_points:
                place.axvline(change, color=FAINT, linestyle="--", linewidth=0.9)
            low = min(min(curve.values) for curve in panel.curves.values())
            high = max(max(curve.values) for curve in panel.curves.values())
            step = 0.06 * ((high - low) or 1)
            for number, (name, curve) in enumerate(panel.curves.items()):
                look = looks[name]
                line = {"color": look["color"], "linestyle": look["linestyle"]}
                place.plot(curve.stops, curve.values, label=name, **line)
                y = low - step * (number + 1)
                mark = {"color": look["color"], "linestyle": ""}
                for rows, marker, size in ((curve.restructures, "^", 5), (curve.drifts, "|", 7)):
                    place.plot(rows, [y] * len(rows), marker=marker, markersize=size, **mark)
        axes[-1].set_xlabel("rows")
        legend_below(figure, axes)
    return figure
