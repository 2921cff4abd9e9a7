"""Weights of pairs (node, feature), in hashed cells: memory for what was seen together, not for
what might be.

A *cell* is one pair's weights, one for each column of the node (labels of a cluster, children of a
node of the gate). A pair without a cell weighs zero. Steps are those of AdaGrad (Duchi, Hazan and
Singer, JMLR 2011) with one sum of squares for the whole cell, of its largest gradients: steps of
columns keep the proportions of their errors, where a sum for each column would let all first steps
be of one size, however small the error.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np

from stream.engine.arrays import (
    COUNTS,
    KEYS,
    WEIGHTS,
    Axes,
    Float32Array,
    Int32Array,
    Int64Array,
    below,
    up_to,
)
from stream.engine.jit import inlined, kernel
from stream.engine.prefetch import prefetch
from stream.engine.random import mix

FIRST_CELLS = 16
BUCKETS_A_CELL = 4
FLOATS_A_LINE = 16  # of the processor's cache
LEAST_SQUARE = np.float32(1e-6)  # keeps the first step of a weight finite
LEAST_BIAS_SQUARE = np.float32(1e-2)
ALL_BUT_SIGN = np.int32(0x7FFFFFFF)  # bits of a number; those of none are above
SMALLEST_ERROR = np.float32(0.01)  # of a probability: what is this right is not learnt


class Cells(NamedTuple):
    """Weights by key; a key says which node and which feature."""

    used: Annotated[Int64Array, Axes(1, holds=up_to("cells"))]
    bucket: Annotated[
        Int32Array, Axes("buckets", fill=-1, holds=below("cells", low=-1))
    ]  # cell; -1: none
    key: Annotated[Int64Array, Axes("cells", holds=KEYS)]
    weight: Annotated[Float32Array, Axes("cells", "columns", holds=WEIGHTS)]
    square: Annotated[Float32Array, Axes("cells", holds=COUNTS)]


@inlined
def _first_bucket(cells, key):
    return np.int64(mix(key) & np.uint64(len(cells.bucket) - 1))


@inlined
def find_cell(cells, key):
    """The cell of a key, or -1."""
    place = _first_bucket(cells, key)
    while cells.bucket[place] >= 0:
        cell = cells.bucket[place]
        if cells.key[cell] == key:
            return np.int64(cell)
        place = (place + 1) & (len(cells.bucket) - 1)
    return np.int64(-1)


@inlined
def add_cell(cells, key):
    """A new cell of weights zero for a key that has none; there must be room."""
    cell = cells.used[0]
    cells.used[0] += 1
    cells.key[cell] = key
    place = _first_bucket(cells, key)
    while cells.bucket[place] >= 0:
        place = (place + 1) & (len(cells.bucket) - 1)
    cells.bucket[place] = cell
    return cell


@inlined
def cells_left(cells):
    """Cells that can be added without more room."""
    return len(cells.key) - cells.used[0]


@kernel
def _refill_buckets(cells):
    for cell in range(cells.used[0]):
        place = _first_bucket(cells, cells.key[cell])
        while cells.bucket[place] >= 0:
            place = (place + 1) & (len(cells.bucket) - 1)
        cells.bucket[place] = cell


@inlined
def score_row(cells, base_key, x, row, bias, n_columns, found, scores):
    """Fill ``scores`` [columns] with the log odds of a row.

    Parameters
    ----------
    base_key
        Key of the node; features are added to it.
    x
        Rows ``(indptr, indices, values)``.
    bias
        [columns]
    found
        [non-zeros of the row] cell of each entry, or -1; in place.
    """
    first, last = x[0][row], x[0][row + 1]
    # In passes, each of which asks for the memory of the next: cells are seldom in the cache.
    for entry in range(first, last):
        place = _first_bucket(cells, base_key + np.int64(x[1][entry]))
        found[entry - first] = place
        prefetch(cells.bucket, place)
    for entry in range(first, last):
        cell = np.int64(cells.bucket[found[entry - first]])
        found[entry - first] = cell
        if cell >= 0:
            prefetch(cells.key, cell)
            for column in range(0, n_columns, FLOATS_A_LINE):
                prefetch(cells.weight, cell * cells.weight.shape[1] + column)
    for column in range(n_columns):
        scores[column] = bias[column]
    for entry in range(first, last):
        key, cell = base_key + np.int64(x[1][entry]), found[entry - first]
        if cell < 0:
            continue
        if cells.key[cell] != key:
            cell = find_cell(cells, key)
            found[entry - first] = cell
            if cell < 0:
                continue
        value, weight = x[2][entry], cells.weight[cell]
        for column in range(n_columns):
            scores[column] += value * weight[column]


@inlined
def learn_row_of_cells(
    cells, base_key, x, row, bias, bias_square, n_columns, found, errors, rate, may_add
):
    """Move the weights of a row against ``errors`` [columns] (probability less truth).

    Parameters
    ----------
    found
        What :func:`score_row` found.
    may_add
        Whether pairs without a cell get one; there must be room for the whole row.
    """
    largest = np.float32(0.0)
    for column in range(n_columns):
        error = errors[column]
        if abs(error) < SMALLEST_ERROR:
            errors[column] = np.float32(0.0)
        else:
            largest = max(largest, abs(error))
            bias_square[column] += error * error
            bias[column] -= rate * error / math.sqrt(bias_square[column] + LEAST_BIAS_SQUARE)
    if largest == 0.0:
        return
    first, last = x[0][row], x[0][row + 1]
    for entry in range(first, last):
        cell = np.int64(found[entry - first])
        if cell < 0:
            if not may_add:
                continue
            cell = add_cell(cells, base_key + np.int64(x[1][entry]))
        value, weight = x[2][entry], cells.weight[cell]
        gradient = value * largest
        cells.square[cell] += gradient * gradient
        step = rate * value / math.sqrt(cells.square[cell] + LEAST_SQUARE)
        for column in range(n_columns):
            weight[column] -= step * errors[column]


@kernel
def _fill_largest_weights(cells, largest):
    """Fill ``largest`` [used cells] with the largest weight of each, without its sign, as the bits
    of a number: in the order of the numbers, and compared several at a time."""
    for cell in range(len(largest)):
        bits = cells.weight[cell].view(np.int32)
        most = np.int32(0)
        for column in range(len(bits)):
            most = max(most, bits[column] & ALL_BUT_SIGN)
        largest[cell] = most


@kernel
def _keep_largest(cells, largest, least):
    """Move the cells whose largest weight is at least ``least`` to the front; returns how many."""
    kept = 0
    for cell in range(len(largest)):
        if largest[cell] >= least:
            if kept != cell:
                cells.key[kept] = cells.key[cell]
                cells.square[kept] = cells.square[cell]
                for column in range(cells.weight.shape[1]):
                    cells.weight[kept, column] = cells.weight[cell, column]
            kept += 1
    return kept


def with_room(cells: Cells, n_more: int) -> Cells:
    """The same cells with room for so many more; capacity is a power of two."""
    capacity = len(cells.key)
    while capacity < int(cells.used[0]) + n_more:
        capacity *= 2
    return cells if capacity == len(cells.key) else _with_capacity(cells, capacity)


def _with_capacity(cells: Cells, capacity: int) -> Cells:
    used = int(cells.used[0])
    grown = Cells(
        cells.used,
        np.full(BUCKETS_A_CELL * capacity, -1, np.int32),
        np.zeros(capacity, np.int64),
        np.zeros((capacity, cells.weight.shape[1]), np.float32),
        np.zeros(capacity, np.float32),
    )
    for name in ("key", "weight", "square"):
        getattr(grown, name)[:used] = getattr(cells, name)[:used]
    _refill_buckets(grown)
    return grown


def without_smallest(cells: Cells, n_kept: int) -> Cells:
    """The cells with the largest weights, about ``n_kept`` of them; the others weigh zero again."""
    used = int(cells.used[0])
    if used <= n_kept:
        return cells
    largest = np.empty(used, np.int32)
    _fill_largest_weights(cells, largest)
    least = np.partition(largest, used - n_kept)[used - n_kept] if n_kept else ALL_BUT_SIGN
    kept = _keep_largest(cells, largest, least)
    cells.used[0] = kept
    capacity = FIRST_CELLS
    while capacity < kept:
        capacity *= 2
    if capacity < len(cells.key):
        return _with_capacity(cells, capacity)
    cells.key[kept:used] = 0
    cells.weight[kept:used] = 0.0
    cells.square[kept:used] = 0.0
    cells.bucket[:] = -1
    _refill_buckets(cells)
    return cells
