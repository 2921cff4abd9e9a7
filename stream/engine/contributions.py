"""What each feature of a row adds to the log odds of logistic models, and the tests that a row
passes in a tree.

This reads the arrays that the kernels work on, one row at a time, for people who ask why.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stream.engine import layout as lay
from stream.engine.arrays import Float64Array, Int32Array
from stream.engine.cells import Cells
from stream.engine.layout import Tree

Row = tuple[np.ndarray, np.ndarray]  # columns, ascending, and values of one row


class Terms(NamedTuple):
    """Sums that logistic models of some labels make of a row: a model's log odds are its ``bias``
    and the terms of all columns."""

    bias: Float64Array  # [models, labels]
    column: Int32Array  # [entries] features of the row that have a weight
    term: Float64Array  # [entries, models, labels]

    @property
    def log_odds(self) -> Float64Array:
        """[models, labels]"""
        total: Float64Array = self.bias + self.term.sum(axis=0)
        return total


class PathTest(NamedTuple):
    """A test that a row passes on its way to a leaf."""

    column: int
    threshold: float
    value: float  # of the row; NaN: missing
    at_most: bool  # whether the row goes to the branch of values up to the threshold


def path_of(tree: Tree, row: Row) -> tuple[list[PathTest], int]:
    """The tests of a row from the root down, and the leaf that it reaches."""
    nodes, node, path = tree.nodes, int(tree.registers[lay.ROOT]), []
    values = dict(zip(row[0].tolist(), row[1].tolist(), strict=True))
    while nodes[node]["feature"] >= 0:
        column, threshold = int(nodes[node]["feature"]), float(nodes[node]["threshold"])
        left, right = int(nodes[node]["left"]), int(nodes[node]["right"])
        value = float(values.get(column, 0.0))
        at_most = value <= threshold
        if math.isnan(value):  # missing: where most rows go
            at_most = bool(nodes[left]["n_rows"] >= nodes[right]["n_rows"])
        path.append(PathTest(column, threshold, value, at_most))
        node = left if at_most else right
    return path, int(nodes[node]["leaf"])


def leaf_terms(tree: Tree, leaf: int, scaled: Row, *, single_label: bool) -> Terms:
    """Terms of a leaf's logistic models, one for each learning rate; their bias holds the log odds
    of the leaf's frequencies (of classes: the logarithms).

    Parameters
    ----------
    scaled
        The row, standardised.
    """
    n_labels, labels = int(tree.registers[lay.N_LABELS]), tree.labels
    n_rows, n_present = float(tree.leaves[leaf]["n_rows"]), labels.n_present[leaf, :n_labels]
    if single_label:
        share = n_present / n_rows if n_rows > 0.0 else np.full(n_labels, 1.0 / n_labels)
        prior = np.log(np.maximum(share, 0.5 / (n_rows + 1.0)))
    else:
        known = n_rows - labels.n_unknown[leaf, :n_labels]
        frequency = (n_present + 0.5) / (known + 1.0)
        prior = np.log(frequency / (1.0 - frequency))
    bias: Float64Array = labels.bias[leaf, :, :n_labels].astype(np.float64) + prior
    columns, values = scaled
    inside = columns < tree.weight_row.shape[1]
    columns, values = columns[inside], values[inside]
    places = tree.weight_row[leaf, columns]
    kept = places >= 0
    weights = tree.weights.weight[places[kept], :, :n_labels].astype(np.float64)
    return Terms(bias, columns[kept], values[kept][:, None, None] * weights)


def cell_terms(cells: Cells, bias: np.ndarray, row: Row) -> Terms:
    """Terms of the one model that cells with a base key of 0 hold.

    Parameters
    ----------
    bias
        [labels] of the columns in use.
    row
        Of length one.
    """
    used, n_labels = int(cells.used[0]), len(bias)
    held = np.flatnonzero(np.isin(cells.key[:used], row[0]))
    held = held[np.argsort(cells.key[held])]
    columns = cells.key[held].astype(np.int32)
    values = row[1][np.searchsorted(row[0], columns)].astype(np.float64)
    terms = values[:, None] * cells.weight[held, :n_labels].astype(np.float64)
    return Terms(bias[None].astype(np.float64), columns, terms[:, None])
