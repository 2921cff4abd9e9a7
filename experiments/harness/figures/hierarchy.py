"""The hierarchy of clusters that a model ended with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from stream.compare.style import COLOURS, FAINT, drawing

MOST_NAMES = 8  # labels of a cluster that are written out


def hierarchy_figure(nodes: Sequence[dict[str, Any]], title: str) -> Figure:
    """Draw a hierarchy from left to right: clusters with their labels, splits with their diameter.

    Parameters
    ----------
    nodes
        Parents first, as a result holds them: ``id``, ``parent``, ``n_labels``, and ``labels`` of a
        cluster or ``diameter`` of what was split.
    title
        Above it.
    """
    children: dict[Any, list[dict[str, Any]]] = {}
    for node in nodes:
        children.setdefault(node["parent"], []).append(node)
    leaves = [node for node in _in_order(children, None) if not children.get(node["id"])]
    place = {node["id"]: float(number) for number, node in enumerate(leaves)}
    depth: dict[Any, int] = {None: -1}
    for node in nodes:
        depth[node["id"]] = depth[node["parent"]] + 1
    for node in reversed(nodes):
        below = children.get(node["id"])
        if below:
            place[node["id"]] = sum(place[child["id"]] for child in below) / len(below)
    deepest = max(depth.values())
    with drawing(7.5, 0.26 * max(len(leaves), 2) + 0.7) as figure:
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_title(title, loc="left")
        axes.set_xlim(-0.2, deepest + 2.2)
        axes.set_ylim(len(leaves) - 0.4, -0.6)
        for node in nodes:
            x, y = depth[node["id"]], place[node["id"]]
            for child in children.get(node["id"], ()):
                below_y = place[child["id"]]
                axes.plot([x, x, x + 1], [y, below_y, below_y], color=FAINT, linewidth=1)
            if children.get(node["id"]):
                axes.plot(x, y, "o", color=COLOURS[1], markersize=4)
                words = f"{node['n_labels']}"
                axes.text(x + 0.04, y - 0.12, words, va="bottom", fontsize=7, color=FAINT)
            else:
                axes.plot(x, y, "s", color=COLOURS[0], markersize=4)
                axes.text(x + 0.08, y, _names(node), va="center", fontsize=8)
    return figure


def _in_order(children: dict[Any, list[dict[str, Any]]], above: Any) -> list[dict[str, Any]]:
    found, waiting = [], list(reversed(children.get(above, [])))
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += reversed(children.get(node["id"], []))
    return found


def _names(node: dict[str, Any]) -> str:
    labels = [str(label) for label in node.get("labels", ())]
    rest = len(labels) - MOST_NAMES
    return ", ".join(labels[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
