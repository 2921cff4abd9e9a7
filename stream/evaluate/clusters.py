"""Clusters of labels in a result: what they were split from, and how the terminal shows it."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

from rich.text import Text
from rich.tree import Tree

from stream.evaluate.counted import counted

MOST_LABELS = 40  # that are named, unless clusters are many
LEAST_NAMED = 3  # of a cluster
MOST_CLUSTERS = 16
DEEPEST = 5  # levels; what is deeper stands on the last one
MOST_ROWS = 8  # where drift was seen
KINDS = {
    "split": "splits",
    "merge": "merges",
    "join": "joins",
    "restructure": "restructures",
    "recall": "recalls",
}


def hierarchy_of(model: Any) -> list[dict[str, Any]] | None:
    """The nodes of a model's ``hierarchy``, parents first; None where it has none.

    Each has ``id``, ``parent`` (None for the root), ``n_labels``, and ``labels`` when it is a
    cluster or ``diameter`` (when it was split) when it is not. A list and not nested dictionaries:
    hierarchies may be deeper than JSON may be nested.
    """
    to_dict = getattr(getattr(model, "hierarchy", None), "to_dict", None)
    if not callable(to_dict):
        return None
    nodes, waiting = [], [(to_dict(), None)]
    while waiting:
        here, parent = waiting.pop()
        nodes.append({"id": here["id"], "parent": parent, "n_labels": here["n_labels"]})
        nodes[-1] |= {name: here[name] for name in ("diameter", "labels") if name in here}
        waiting += [(child, here["id"]) for child in reversed(here.get("children", ()))]
    return nodes


def cluster_tree(nodes: list[dict[str, Any]], write: Callable[[str], str] = str) -> Tree:
    """The hierarchy as a tree: the largest clusters when they are many, the first labels of each
    when those are many.

    Parameters
    ----------
    nodes
        As :func:`hierarchy_of` gives them.
    write
        Puts text into characters that the terminal can write.

    Examples
    --------
    >>> from rich.console import Console
    >>> nodes = [{"id": 0, "parent": None, "n_labels": 3},
    ...          {"id": 1, "parent": 0, "n_labels": 2, "labels": ["sun", "warm"]},
    ...          {"id": 2, "parent": 0, "n_labels": 1, "labels": ["snow"]}]
    >>> Console(width=40).print(cluster_tree(nodes))
    3 labels in 2 clusters
    ├── 1: sun, warm
    └── 2: snow
    """
    leaves = [node for node in nodes if node.get("labels")]
    shown = sorted(leaves, key=lambda node: -node["n_labels"])[:MOST_CLUSTERS]
    n_labels = sum(node["n_labels"] for node in leaves)
    n_named = n_labels
    if n_labels > MOST_LABELS:
        n_named = max(LEAST_NAMED, MOST_LABELS // len(shown))
    root = Tree(Text(write(f"{counted(n_labels, 'label')} in {counted(len(leaves), 'cluster')}")))
    if len(leaves) < 2:
        return root
    n_shown_below = _shown_below(nodes, {node["id"] for node in shown})
    place = {None: (root, 0)}
    for node in nodes:
        branch, depth = place[node["parent"]]
        place[node["id"]] = branch, depth
        below = n_shown_below[node["id"]]
        if node["parent"] is None or not below:
            continue
        if node.get("labels"):
            branch.add(Text(write(f"{node['id']}: {_some(node['labels'], n_named)}")))
        elif below > 1 and depth + 1 < DEEPEST:
            inner = branch.add(Text(write(counted(node["n_labels"], "label"))))
            place[node["id"]] = inner, depth + 1
    hidden = len(leaves) - len(shown)
    if hidden:
        rest = n_labels - sum(node["n_labels"] for node in shown)
        clusters = counted(hidden, "smaller cluster")
        root.add(Text(write(f"and {clusters} of {counted(rest, 'label')}")))
    return root


def changes_line(restructures: list[dict[str, Any]], drifts: Any) -> str:
    """How often the clusters changed, by kind, and where drift was seen.

    Examples
    --------
    >>> changes_line([{"kind": "split"}, {"kind": "join"}, {"kind": "split"}], [900, 4000])
    'clusters: 2 splits, 1 join · drift seen at rows 900, 4000'
    """
    found = collections.Counter(each["kind"] for each in restructures)
    told = [counted(found[kind], kind, many) for kind, many in KINDS.items() if found[kind]]
    line = "clusters: " + (", ".join(told) or "no changes")
    if not isinstance(drifts, list):
        return line
    rows = sorted(set(drifts))
    if not rows:
        return f"{line} · no drift seen"
    named = ", ".join(map(str, rows[:MOST_ROWS]))
    more = f" and {len(rows) - MOST_ROWS:,} more" if len(rows) > MOST_ROWS else ""
    return f"{line} · drift seen at row{'s' * (len(rows) > 1)} {named}{more}"


def _shown_below(nodes: list[dict[str, Any]], shown: set[Any]) -> dict[Any, int]:
    """Children of each node that lead to a cluster that is shown; 1 for such a cluster itself."""
    count: dict[Any, int] = {node["id"]: int(node["id"] in shown) for node in nodes}
    for node in reversed(nodes):
        if count[node["id"]] and node["parent"] is not None:
            count[node["parent"]] += 1
    return count


def _some(labels: list[Any], most: int) -> str:
    named = ", ".join(" ".join(str(label).split()) for label in labels[:most])
    return f"{named} and {len(labels) - most:,} more" if len(labels) > most else named
