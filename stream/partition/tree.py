"""The hierarchy as numbers: nodes, and which labels its leaves hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from stream.engine.checking import require
from stream.partition.events import Cluster


@dataclasses.dataclass
class Node:
    """A cluster, or what a cluster was before it was split.

    Parameters
    ----------
    id
        Its number, never given twice.
    parent
        The node it was split from; −1 for the root.
    labels
        Labels of a leaf, in increasing order; nothing for other nodes.
    since
        Rows that had been learnt when its statistics began.
    children
        Those it was split into.
    diameter, epsilon
        Largest dissimilarity and bound when it was split.
    next_test
        Rows of its statistics at which it is tested again.
    """

    id: int
    parent: int
    labels: list[int]
    since: int
    children: list[int] = dataclasses.field(default_factory=list)
    diameter: float = 1.0
    epsilon: float = 0.0
    next_test: int = 0

    def cluster(self) -> Cluster:
        """The node as the world sees it."""
        return Cluster(self.id, tuple(self.labels))


class Tree:
    """Nodes by number; one leaf may be the catch-all, where labels wait until they are known."""

    def __init__(self, first_id: int = 0, since: int = 0):
        self.next_id = first_id + 1
        self.root = first_id
        self.catch_all = first_id  # -1: there is none now
        self.nodes = {first_id: Node(first_id, -1, [], since)}

    def __getstate__(self) -> dict[str, Any]:
        # A table: thousands of nodes by themselves take long to write.
        return {
            "next_id": self.next_id,
            "root": self.root,
            "catch_all": self.catch_all,
            "nodes": _table_of([self.nodes[i] for i in sorted(self.nodes)]),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.nodes = {node.id: node for node in _nodes_of(**state["nodes"])}

    @staticmethod
    def upgrade_state(state: dict[str, Any], version: int) -> dict[str, Any]:
        """What is kept, from a snapshot of version 1, which had the nodes by their numbers."""
        if version > 1:
            return state
        nodes = [state["nodes"][i] for i in sorted(state["nodes"])]
        return state | {"nodes": _table_of(nodes)}

    def check_restored(self) -> None:
        """Validate restored state: every node is reached from the root exactly once."""
        nodes, open_nodes, met = self.nodes, [self.root], set()
        require(self.root in nodes and nodes[self.root].parent == -1, "the root has no parent")
        while open_nodes:
            here = open_nodes.pop()
            require(here in nodes and here not in met, "nodes of the hierarchy form a circle")
            met.add(here)
            node = nodes[here]
            require(node.id == here and 0 <= here < self.next_id, "a node has another number")
            require(not node.children or not node.labels, "an inner node holds labels")
            require(
                all(child in nodes and nodes[child].parent == here for child in node.children),
                "a child has another parent",
            )
            open_nodes += node.children
        require(len(met) == len(nodes), "a node does not hang in the hierarchy")
        waiting = nodes.get(self.catch_all)
        require(
            self.catch_all == -1 or (waiting is not None and not waiting.children),
            "the catch-all is a leaf",
        )

    def leaves(self) -> Iterator[Node]:
        """The clusters, in the order of their numbers."""
        return (self.nodes[i] for i in sorted(self.nodes) if not self.nodes[i].children)

    def new_leaf(self, parent: Node, labels: list[int], since: int) -> Node:
        """Add a child to a node."""
        leaf = Node(self.next_id, parent.id, labels, since)
        self.next_id += 1
        self.nodes[leaf.id] = leaf
        parent.children.append(leaf.id)
        return leaf

    def leaves_below(self, node: Node) -> list[Node]:
        """The leaves of a branch, in the order of their numbers."""
        found, open_nodes = [], [node]
        while open_nodes:
            here = open_nodes.pop()
            if here.children:
                open_nodes += [self.nodes[i] for i in here.children]
            else:
                found.append(here)
        return sorted(found, key=lambda leaf: leaf.id)

    def collapse(self, node: Node) -> Node:
        """Replace a branch by one leaf (with a new number) that holds all of its labels."""
        leaves = self.leaves_below(node)
        labels = sorted(label for leaf in leaves for label in leaf.labels)
        if any(leaf.id == self.catch_all for leaf in leaves):
            self.catch_all = -1
        self._remove_below(node)
        merged = Node(self.next_id, node.parent, labels, node.since)
        self.next_id += 1
        del self.nodes[node.id]
        self.nodes[merged.id] = merged
        if node.parent < 0:
            self.root = merged.id
            self.catch_all = merged.id
        else:
            siblings = self.nodes[node.parent].children
            siblings[siblings.index(node.id)] = merged.id
        return merged

    def _remove_below(self, node: Node) -> None:
        open_nodes = list(node.children)
        while open_nodes:
            open_nodes += self.nodes.pop(open_nodes.pop()).children

    @property
    def waiting_id(self) -> int:
        """Number of the catch-all; −1 when there is none, or it is the only cluster."""
        return -1 if self.catch_all == self.root else self.catch_all

    def waiting_room(self, since: int) -> Node:
        """The catch-all; a new child of the root when there is none."""
        if self.catch_all < 0:
            self.catch_all = self.new_leaf(self.nodes[self.root], [], since).id
        return self.nodes[self.catch_all]

    def drop_empty_catch_all(self) -> None:
        """Remove the catch-all when nothing waits in it."""
        leaf = self.nodes.get(self.catch_all)
        if leaf is not None and not leaf.labels and leaf.parent >= 0:
            self.nodes[leaf.parent].children.remove(leaf.id)
            del self.nodes[leaf.id]
            self.catch_all = -1

    def renumber(self, numbers: dict[int, int], next_id: int) -> None:
        """Give every node another number."""
        nodes = {}
        for old, node in self.nodes.items():
            node.id = numbers[old]
            node.parent = numbers.get(node.parent, -1)
            node.children = [numbers[child] for child in node.children]
            nodes[node.id] = node
        self.nodes, self.next_id = nodes, next_id
        self.root = numbers[self.root]
        self.catch_all = numbers.get(self.catch_all, -1)


_COUNTS = ("id", "parent", "since", "next_test")
_MEASURES = ("diameter", "epsilon")
_LISTS = ("labels", "children")


def _table_of(nodes: list[Node]) -> dict[str, np.ndarray]:
    """The fields of nodes as columns [nodes]; of lists their lengths, and the entries of all."""
    table = {}
    for names, dtype in ((_COUNTS, np.int64), (_MEASURES, np.float64)):
        for name in names:
            table[name] = np.array([getattr(node, name) for node in nodes], dtype)
    for name in _LISTS:
        lists = [getattr(node, name) for node in nodes]
        table[name] = np.array([entry for entries in lists for entry in entries], np.int64)
        table[f"n_{name}"] = np.array([len(entries) for entries in lists], np.int64)
    return table


def _nodes_of(**table: np.ndarray) -> list[Node]:
    """The nodes of a table."""
    columns: dict[str, Any] = {name: table[name].tolist() for name in (*_COUNTS, *_MEASURES)}
    for name in _LISTS:
        entries, lengths = table[name].tolist(), table[f"n_{name}"]
        require((lengths >= 0).all() and lengths.sum() == len(entries), "lists of a node are whole")
        ends = np.cumsum(lengths).tolist()
        columns[name] = [
            entries[end - n : end] for n, end in zip(lengths.tolist(), ends, strict=True)
        ]
    names = list(columns)
    rows = zip(*columns.values(), strict=True)
    return [Node(**dict(zip(names, row, strict=True))) for row in rows]
