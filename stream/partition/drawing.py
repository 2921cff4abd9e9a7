"""A hierarchy of label clusters as an SVG picture, without any library."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

ROW_HEIGHT, INDENT, CHARACTER_WIDTH = 24, 26, 7.2
MOST_NODES = 200
MOST_CHARACTERS = 88
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:currentColor}"
    "path{stroke:currentColor;stroke-opacity:.45;fill:none}"
    "circle{fill:#0072b2;stroke:none}circle.inner{fill:#999}"
)


def hierarchy_svg(nodes: Sequence[dict[str, Any]]) -> str:
    """A drawing of the nodes, a line of text for each, joined as in a file manager.

    Parameters
    ----------
    nodes
        Parents first; each has ``id``, ``parent`` (None for the root), ``n_labels``, and ``labels``
        when it is a cluster.

    Returns
    -------
    str
        An ``<svg>`` element with no reference to anything outside. It has the colour of the text
        around it, so that it is readable on a dark page too. No more than 200 nodes are drawn; the
        last line says how many are left out.

    Examples
    --------
    >>> svg = hierarchy_svg([{"id": 0, "parent": None, "n_labels": 2, "labels": ["sun", "<b>"]}])
    >>> svg.startswith("<svg"), "sun, &lt;b&gt;" in svg
    (True, True)
    """
    depth: dict[Any, int] = {}
    row_of: dict[Any, int] = {}
    shapes: list[str] = []
    width = 0.0
    for row, node in enumerate(nodes[:MOST_NODES]):
        level = 0 if node["parent"] is None else depth[node["parent"]] + 1
        depth[node["id"]], row_of[node["id"]] = level, row
        x, y = 10 + level * INDENT, row * ROW_HEIGHT + ROW_HEIGHT // 2
        if node["parent"] is not None:
            above = row_of[node["parent"]] * ROW_HEIGHT + ROW_HEIGHT // 2
            shapes.append(f'<path d="M{x - INDENT} {above + 5}V{y}H{x - 5}"/>')
        text = _line(node)
        kind = "" if "labels" in node else ' class="inner"'
        shapes.append(f'<circle{kind} cx="{x}" cy="{y}" r="4"/>')
        shapes.append(f'<text x="{x + 10}" y="{y + 4}">{html.escape(text)}</text>')
        width = max(width, x + 16 + CHARACTER_WIDTH * len(text))
    n_rows = min(len(nodes), MOST_NODES)
    if len(nodes) > MOST_NODES:
        more = f"and {len(nodes) - MOST_NODES:,} more nodes"
        shapes.append(f'<text x="10" y="{n_rows * ROW_HEIGHT + 16}">{more}</text>')
        n_rows += 1
    height = n_rows * ROW_HEIGHT
    n_clusters = sum("labels" in node for node in nodes)
    n_labels = nodes[0]["n_labels"] if nodes else 0
    title = f"Hierarchy of {n_labels:,} labels in {n_clusters:,} clusters"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" style="max-width:100%;height:auto">'
        f"<title>{title}</title><style>{_STYLE}</style>{''.join(shapes)}</svg>"
    )


def _line(node: dict[str, Any]) -> str:
    if "labels" not in node:
        return f"{node['n_labels']:,} labels"
    labels, text = node["labels"], f"{node['id']}:"
    for i, label in enumerate(labels):
        word = " ".join(str(label).split())
        if i and len(text) + len(word) > MOST_CHARACTERS:
            return f"{text} and {len(labels) - i:,} more"
        text += f"{',' if i else ''} {word[:MOST_CHARACTERS]}"
    return text
