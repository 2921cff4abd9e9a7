"""Several trees in one set of arrays, so that one kernel call can take a row through all of
them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stream.engine import layout as lay
from stream.engine.arrays import Int32Array
from stream.engine.checking import check_tree
from stream.engine.growth import make_room
from stream.engine.jit import kernel
from stream.engine.layout import Tree, TreeParams
from stream.engine.learner import GrowingTree
from stream.engine.structure import missing_pool, take_leaf, take_node


@kernel
def _plant(trees):
    """An empty tree among others: its root, or -1 less the pool that has no room for it."""
    missing = missing_pool(trees, 1, 1, 0)
    if missing != lay.DONE:
        return -1 - missing
    root = take_node(trees, 0, -1)
    take_leaf(trees, root)
    return root


class GrowingForest(GrowingTree):
    """Trees that share their arrays, their parameters and a limit in bytes.

    A kernel that works on one of them sets the register ``ROOT`` to its root first, and notes where
    the root is afterwards.

    Parameters
    ----------
    params
        What the kernels need to know.
    max_size
        Limit in bytes for the arrays; new trees are planted all the same.
    tree, roots
        Trees to go on with; None: there is none yet.
    """

    def __init__(
        self,
        params: TreeParams,
        max_size: float,
        tree: Tree | None = None,
        roots: Int32Array | None = None,
    ):
        super().__init__(params, max_size, tree)
        self.roots = np.zeros(0, np.int32) if roots is None else roots

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"roots": self.roots}

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        check_tree(self.tree, self.params, self.roots)

    def plant(self) -> None:
        """Add an empty tree."""
        root = 0  # new arrays come with a node
        while len(self.roots) and (root := _plant(self.tree)) < 0:
            limit = math.inf if self.full else self.max_size
            self.tree = make_room(self.tree, -1 - root, limit)
        self.roots = np.append(self.roots, np.int32(root))
