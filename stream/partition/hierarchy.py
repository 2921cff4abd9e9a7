"""A hierarchy of label clusters to look at, to export, and to compare."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.tree import Tree as RichTree

from stream.partition.drawing import hierarchy_svg
from stream.partition.events import plain_label
from stream.partition.tree import Tree

_MOST_LABELS = 12  # that a picture names


class Hierarchy:
    """The clusters of a moment, and what they were split from.

    Printing it draws a tree, with ``rich.print`` as well; a notebook shows an SVG picture.

    Examples
    --------
    >>> from stream import LabelPartitioner
    >>> model = LabelPartitioner()
    >>> for i in range(2_000):
    ...     model.learn_one({"sun", "warm"} if i % 3 else {"snow", "ice"})
    >>> print(model.hierarchy)
    4 labels, 2 clusters
    ├── 1: ice, snow
    └── 2: sun, warm
    >>> model.hierarchy.adjusted_rand_index([["sun", "warm"], ["ice", "snow"]])
    1.0
    >>> print(model.hierarchy.to_mermaid())
    graph TD
        n0["4 labels"]
        n0 --> n1["ice, snow"]
        n0 --> n2["sun, warm"]
    """

    def __init__(self, tree: Tree, name: Callable[[int], Hashable]):
        self._root = _branch(tree, tree.root, name)

    @property
    def clusters(self) -> list[list[Hashable]]:
        """Labels of every cluster, in the order of the clusters' numbers."""
        leaves: dict[int, list[Hashable]] = {}
        _collect(self._root, leaves)
        return [leaves[i] for i in sorted(leaves) if leaves[i]]

    def to_dict(self) -> dict[str, Any]:
        """The hierarchy as values that JSON knows: ``id``, ``n_labels``, and ``labels`` of a
        cluster or ``children`` and ``diameter`` (when it was split) of a node."""
        return _as_dict(self._root)

    def to_json(self, **options: Any) -> str:
        """:meth:`to_dict` as text; ``options`` are those of :func:`json.dumps`."""
        return json.dumps(self.to_dict(), **options)

    def to_graphviz(self) -> str:
        """The hierarchy in the language of Graphviz (DOT)."""
        lines = ["digraph hierarchy {", "    node [shape=box];"]
        for node, parent in _walk(self._root):
            text = _escaped(_text(node), {"\\": "\\\\", '"': '\\"', "\n": "\\n"})
            lines.append(f'    n{node["id"]} [label="{text}"];')
            if parent is not None:
                lines.append(f"    n{parent['id']} -> n{node['id']};")
        return "\n".join([*lines, "}"])

    def to_mermaid(self) -> str:
        """The hierarchy in the language of Mermaid."""
        lines = ["graph TD"]
        escapes = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "\n": " "}
        for node, parent in _walk(self._root):
            arrow = "" if parent is None else f"n{parent['id']} --> "
            lines.append(f'    {arrow}n{node["id"]}["{_escaped(_text(node), escapes)}"]')
        return "\n".join(lines)

    def nodes(self) -> list[dict[str, Any]]:
        """The nodes in a list, parents first: ``id``, ``parent`` (None for the root), ``n_labels``,
        and ``labels`` of a cluster or ``diameter`` (when it was split) of a node."""
        found = []
        for node, parent in _walk(self._root):
            here = {"id": node["id"], "parent": None if parent is None else parent["id"]}
            here["n_labels"] = node["n_labels"]
            if node["children"]:
                here["diameter"] = node["diameter"]
            else:
                here["labels"] = [plain_label(label) for label in node["labels"]]
            found.append(here)
        return found

    def to_svg(self) -> str:
        """The hierarchy as an SVG picture; a notebook shows it in place of the text."""
        return hierarchy_svg(self.nodes())

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def adjusted_rand_index(self, other: Hierarchy | Iterable[Iterable[Hashable]]) -> float:
        """Agreement with another partition of the labels: 1 when equal, about 0 by chance.

        Labels that only one of the two holds are left out. Source: Hubert and Arabie, "Comparing
        partitions", Journal of Classification 2, 1985.
        """
        others = other.clusters if isinstance(other, Hierarchy) else other
        return adjusted_rand_index(self.clusters, others)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _rich(self._root, self._title())

    def _title(self) -> str:
        n = len(self.clusters)
        n_labels = self._root["n_labels"]
        return f"{n_labels:,} label{'s' * (n_labels != 1)}, {n:,} cluster{'s' * (n != 1)}"

    def __str__(self) -> str:
        text = io.StringIO()
        Console(file=text, width=100, color_system=None, force_terminal=False).print(self)
        return "\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n"))


def adjusted_rand_index(
    first: Iterable[Iterable[Hashable]], second: Iterable[Iterable[Hashable]]
) -> float:
    """Adjusted Rand index of two partitions given as lists of labels, over the labels in both.

    Examples
    --------
    >>> round(adjusted_rand_index([["a", "b"], ["c", "d"]], [["a", "c"], ["b", "d"]]), 6)
    -0.5
    """
    of_first = {label: k for k, labels in enumerate(first) for label in labels}
    of_second = {label: k for k, labels in enumerate(second) for label in labels}
    shared = [label for label in of_first if label in of_second]
    if not shared:
        return 1.0
    a = np.array([of_first[label] for label in shared], np.int64)
    b = np.array([of_second[label] for label in shared], np.int64)

    def n_pairs(groups: np.ndarray) -> float:
        sizes = np.unique(groups, return_counts=True)[1].astype(np.float64)
        return float((sizes * (sizes - 1.0) / 2.0).sum())

    together = n_pairs(a * (b.max() + 1) + b)
    in_a, in_b, total = n_pairs(a), n_pairs(b), len(shared) * (len(shared) - 1) / 2
    expected = in_a * in_b / total if total else 0.0
    most = (in_a + in_b) / 2.0
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _branch(tree: Tree, i: int, name: Callable[[int], Hashable]) -> dict[str, Any]:
    """A node and all below it; without recursion, because hierarchies may be deep."""
    made: dict[int, dict[str, Any]] = {}
    order, open_nodes = [], [i]
    while open_nodes:
        order.append(open_nodes.pop())
        open_nodes += tree.nodes[order[-1]].children
    for at in reversed(order):
        node = tree.nodes[at]
        labels = [name(label) for label in node.labels]
        children = [made[child] for child in node.children]
        made[at] = {
            "id": at,
            "labels": labels,
            "children": children,
            "diameter": node.diameter,
            "n_labels": len(labels) + sum(child["n_labels"] for child in children),
        }
    return made[i]


def _walk(root: dict[str, Any]) -> Iterable[tuple[dict[str, Any], dict[str, Any] | None]]:
    open_nodes: list[tuple[dict[str, Any], dict[str, Any] | None]] = [(root, None)]
    while open_nodes:
        node, parent = open_nodes.pop()
        yield node, parent
        open_nodes += [(child, node) for child in reversed(node["children"])]


def _collect(root: dict[str, Any], leaves: dict[int, list[Hashable]]) -> None:
    for node, _ in _walk(root):
        if not node["children"]:
            leaves[node["id"]] = node["labels"]


def _as_dict(root: dict[str, Any]) -> dict[str, Any]:
    made: dict[int, dict[str, Any]] = {}
    for node, parent in _walk(root):
        here: dict[str, Any] = {"id": node["id"], "n_labels": node["n_labels"]}
        if node["children"]:
            here |= {"diameter": node["diameter"], "children": []}
        else:
            here["labels"] = [plain_label(label) for label in node["labels"]]
        made[node["id"]] = here
        if parent is not None:
            made[parent["id"]]["children"].append(here)
    return made[root["id"]]


def _text(node: dict[str, Any]) -> str:
    if node["children"]:
        return f"{node['n_labels']:,} labels"
    named = ", ".join(str(label) for label in node["labels"][:_MOST_LABELS])
    more = len(node["labels"]) - _MOST_LABELS
    return f"{named} and {more:,} more" if more > 0 else named


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(letter, letter) for letter in text)


def _rich(root: dict[str, Any], title: str) -> RichTree:
    from rich.text import Text

    made: dict[int, RichTree] = {}
    for node, parent in _walk(root):
        if parent is None:
            made[node["id"]] = RichTree(Text(title))
            if not node["children"] and node["labels"]:
                made[node["id"]].add(Text(f"{node['id']}: {_text(node)}"))
        else:
            text = f"{_text(node)}" if node["children"] else f"{node['id']}: {_text(node)}"
            made[node["id"]] = made[parent["id"]].add(Text(text))
    return made[root["id"]]
