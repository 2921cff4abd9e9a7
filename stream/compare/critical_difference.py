"""Average ranks on a line; bars join methods that Nemenyi's test does not tell apart."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from stream.compare.ranking import Ranks
from stream.compare.significance import friedman, groups
from stream.compare.style import COLOURS, FAINT, INK, drawing

LINE_HEIGHT = 0.22  # inches


def critical_difference_diagram(ranks: Ranks, ours: set[str], title: str) -> Figure:
    """Draw the diagram of Demšar (2006).

    Parameters
    ----------
    ranks
        Methods ranked over streams.
    ours
        Methods that are written in colour and bold.
    title
        Above the line.
    """
    average, test = ranks.average(), friedman(ranks)
    joined = groups(average, test.critical_difference)
    half = (len(average) + 1) // 2
    best, worst = 1, len(average)
    depth = 0.55 * len(joined) + 1.0  # where the names begin, in lines
    height = (depth + half + 3.4) * LINE_HEIGHT
    with drawing(7.5, height) as figure:
        axes = figure.subplots()
        axes.set_axis_off()
        span = worst - best
        axes.set_xlim(best - 0.62 * span, worst + 0.62 * span)
        axes.set_ylim(depth + half, -3.2)
        axes.plot([best, worst], [0, 0], color=INK)
        for tick in range(best, worst + 1):
            axes.plot([tick, tick], [0, -0.25], color=INK)
            axes.text(tick, -0.45, str(tick), ha="center", va="bottom")
        axes.text((best + worst) / 2, -2.9, title, ha="center", va="top", fontweight="bold")
        difference = min(test.critical_difference, span)
        axes.plot([best, best + difference], [-1.45, -1.45], color=FAINT, linewidth=2)
        words = f"critical difference {test.critical_difference:.2f}"
        axes.text(best + difference + 0.02 * span, -1.45, words, va="center", color=FAINT)
        for number, names in enumerate(joined):
            ends = average[names[0]], average[names[-1]]
            y = 0.5 + 0.55 * number
            margin = 0.008 * span
            axes.plot([ends[0] - margin, ends[1] + margin], [y, y], color=INK, linewidth=3)
        for place, (name, value) in enumerate(average.items()):
            left = place < half
            y = depth + (place if left else len(average) - 1 - place)
            end = best - 0.05 * span if left else worst + 0.05 * span
            look: Any = (
                {"color": COLOURS[0], "fontweight": "bold"} if name in ours else {"color": INK}
            )
            axes.plot([value, value, end], [0, y, y], color=look["color"], linewidth=0.9)
            words = f"{name}  {value:.2f}" if left else f"{value:.2f}  {name}"
            at = end + (-0.01 if left else 0.01) * span
            axes.text(at, y, words, ha="right" if left else "left", va="center", **look)
    return figure
