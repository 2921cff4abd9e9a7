"""One look for all figures, readable in print, in grey and by colour-blind people."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

mpl.use("agg")

# Okabe and Ito, Color universal design, 2008; yellow is too faint for lines.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("*", "o", "s", "^", "D", "v", "P", "X", "<", ">")
LINES = ("-", "--", "-.", ":")
INK, FAINT, GRID = "#222222", "#6b7280", "#d7dae0"
SETTINGS: Any = {
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "savefig.dpi": 160,
    "svg.fonttype": "path",
    "svg.hashsalt": "drifthomer",  # the same figure is the same file
    "text.color": INK,
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of that size, in inches, in this style."""
    with mpl.rc_context(SETTINGS):
        yield Figure(figsize=(width, height))


def save(figure: Figure, path: Path) -> list[Path]:
    """Write ``path`` with the suffix .svg."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(SETTINGS):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    return [path.with_suffix(".svg")]


def styles(names: Iterable[str], *, lines: bool = True) -> dict[str, dict[str, Any]]:
    """Colour, marker and, for ``lines``, line style of each name; no two names have both colour and
    marker alike."""
    pairs = zip(itertools.cycle(COLOURS), itertools.cycle(MARKERS), strict=False)
    looks = zip(pairs, itertools.cycle(LINES), strict=False)
    return {
        name: {"color": colour, "marker": marker} | ({"linestyle": line} if lines else {})
        for name, ((colour, marker), line) in zip(names, looks, strict=False)
    }


def legend_below(figure: Figure, axes: Iterable[Axes], columns: int = 3) -> None:
    """One legend below all axes, each name once."""
    found: dict[str, Any] = {}
    for place in axes:
        for drawn, name in zip(*place.get_legend_handles_labels(), strict=True):
            found.setdefault(name, drawn)
    handles, names = list(found.values()), list(found)
    figure.legend(handles, names, loc="outside lower center", ncols=columns, fontsize=8)
