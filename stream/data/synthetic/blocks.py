"""Blocks of correlated labels, and the labels of a row given its active blocks.

A row has active blocks (latent binary variables, which its features tell). A label of an active
block is present with the probability ``within``; the labels of other blocks are absent, but for one
label drawn at random with probability ``spurious``. Two labels of one block therefore have a
Jaccard similarity of about within / (2 − within), whatever the block's frequency. Block drift deals
the labels to the blocks anew: features, active blocks, and the number of labels keep their
distribution.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from stream.data.synthetic.drift import DriftArrays, DriftSchedule, locate
from stream.data.synthetic.rng import LABEL_SALT, below, mix, permutation, row_state, uniform
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel


class BlockArrays(NamedTuple):
    """Which labels belong to which block, for each concept."""

    indptr: Int64Array  # [blocks + 1] where a block begins in each row of ``members``
    members: Int32Array  # [concepts, labels] labels, block after block, increasing inside a block
    turn: Float64Array  # [labels] in [0, 1): when a label moves during an incremental change


def make_blocks(
    seed: int, n_labels: int, n_blocks: int, drift: DriftSchedule, *, shuffled: bool = True
) -> BlockArrays:
    """Deal the labels to blocks whose sizes differ by at most one, anew for each concept."""
    sizes = np.full(n_blocks, n_labels // n_blocks, np.int64)
    sizes[: n_labels % n_blocks] += 1
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    members = np.empty((drift.n_concepts, n_labels), np.int32)
    block_of = np.repeat(np.arange(n_blocks), sizes)
    for concept in range(drift.n_concepts):
        order = (
            permutation(seed, f"blocks {concept}", n_labels) if shuffled else np.arange(n_labels)
        )
        members[concept] = order[np.lexsort((order, block_of))]
    turn = permutation(seed, "turn of labels", n_labels) / n_labels
    return BlockArrays(indptr, members, turn)


def as_lists(blocks: BlockArrays) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """The blocks as plain numbers: for each concept, for each block, its labels."""
    bounds = blocks.indptr.tolist()
    return tuple(
        tuple(tuple(row[a:b]) for a, b in itertools.pairwise(bounds))
        for row in blocks.members.tolist()
    )


@kernel
def _insert(labels: Int32Array, first: int, last: int, label: int) -> int:
    """Insert a label into the sorted labels first to last (exclusive); returns the new end."""
    at = last
    while at > first and labels[at - 1] > label:
        at -= 1
    if at > first and labels[at - 1] == label:
        return last
    for j in range(last, at, -1):
        labels[j] = labels[j - 1]
    labels[at] = label
    return last + 1


@kernel
def label_rows(
    key: Any,
    drift: DriftArrays,
    blocks: BlockArrays,
    within: float,
    spurious: float,
    start: int,
    active_indptr: Int64Array,
    active: Int32Array,
    y_indptr: Int64Array,
    y_indices: Int32Array,
) -> bool:
    """Write the labels of each row; False when ``y_indices`` is too short for them."""
    n = active_indptr.shape[0] - 1
    n_labels = blocks.members.shape[1]
    at = 0
    for i in range(n):
        row = row_state(key, start + i)
        before, after, share = locate(drift, start + i, row)
        state = mix(row ^ LABEL_SALT)
        draw = 2
        first = at
        for j in range(active_indptr[i], active_indptr[i + 1]):
            block = active[j]
            for k in range(blocks.indptr[block], blocks.indptr[block + 1]):
                if at + 2 >= y_indices.shape[0]:
                    return False
                label = blocks.members[before, k]
                if blocks.turn[label] >= share and uniform(state, draw) < within:
                    at = _insert(y_indices, first, at, label)
                draw += 1
                if share > 0.0:
                    label = blocks.members[after, k]
                    if blocks.turn[label] < share and uniform(state, draw) < within:
                        at = _insert(y_indices, first, at, label)
                    draw += 1
        if at + 1 >= y_indices.shape[0]:
            return False
        if uniform(state, 0) < spurious:
            at = _insert(y_indices, first, at, below(state, 1, n_labels))
        y_indptr[i + 1] = at
    return True
