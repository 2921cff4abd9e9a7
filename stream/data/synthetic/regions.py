"""Regions of the feature space (leaves, centroids), each with its active label blocks."""

from __future__ import annotations

import math

import numpy as np

from stream.data.synthetic.rng import permutation
from stream.engine.batch import Int32Array, Int64Array


def assign_blocks(
    seed: int, n_regions: int, n_blocks: int, active: float
) -> tuple[Int64Array, Int32Array]:
    """Choose ``active`` blocks for each region on average, every block equally often.

    Returns
    -------
    indptr : [regions + 1]
    blocks : [entries], increasing inside a region
        The blocks of region ``r`` are ``blocks[indptr[r]:indptr[r + 1]]``.

    Examples
    --------
    >>> indptr, blocks = assign_blocks(7, n_regions=8, n_blocks=4, active=1.5)
    >>> np.bincount(blocks).tolist(), sorted(np.diff(indptr).tolist())
    ([3, 3, 3, 3], [1, 1, 1, 1, 2, 2, 2, 2])
    """
    slots = max(round(n_regions * active), 1)
    sizes = np.full(n_regions, slots // n_regions, np.int64)
    sizes[permutation(seed, "larger regions", n_regions)[: slots % n_regions]] += 1
    decks = math.ceil(slots / n_blocks)
    queue = np.concatenate(
        [permutation(seed, f"blocks of regions {deck}", n_blocks) for deck in range(decks)]
    )[:slots].tolist()
    chosen: list[int] = []
    for size in sizes.tolist():
        own: list[int] = []
        while len(own) < size:
            # The next block that this region does not have yet; a deck holds each block once, so it
            # is near.
            at = next((i for i, block in enumerate(queue) if block not in own), None)
            if at is None:
                queue.append(next(block for block in range(n_blocks) if block not in own))
                continue
            own.append(queue.pop(at))
        chosen += sorted(own)
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return indptr, np.array(chosen, np.int32)


def active_of_regions(
    regions: Int64Array, indptr: Int64Array, blocks: Int32Array
) -> tuple[Int64Array, Int32Array]:
    """The active blocks of rows that lie in the given regions, as (indptr, blocks)."""
    lengths = indptr[regions + 1] - indptr[regions]
    row_indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    offsets = np.repeat(indptr[regions] - row_indptr[:-1], lengths)
    return row_indptr, blocks[offsets + np.arange(row_indptr[-1])]
