"""Regions of the feature space (leaves, centroids), each with its active label blocks."""

from __future__ import annotations

import math

import numpy as np

from stream.data.synthetic.rng import permutation
from stream.engine.arrays import Float64Array, Int32Array, Int64Array


def assign_blocks(
    seed: int, masses: Float64Array, n_blocks: int, active: float
) -> tuple[Int64Array, Int32Array]:
    """Choose ``active`` blocks for each region on average, every block equally often.

    Parameters
    ----------
    seed
        Seed of the choice.
    masses : [regions]
        How frequent each region is; they sum to 1.
    n_blocks
        Number of blocks.
    active
        Mean number of active blocks of a row.

    Returns
    -------
    indptr : [regions + 1]
    blocks : [entries], increasing inside a region
        The blocks of region ``r`` are ``blocks[indptr[r]:indptr[r + 1]]``.

    Examples
    --------
    >>> indptr, blocks = assign_blocks(7, np.full(8, 1 / 8), n_blocks=4, active=1.5)
    >>> np.bincount(blocks).tolist(), sorted(np.diff(indptr).tolist())
    ([3, 3, 3, 3], [1, 1, 1, 1, 2, 2, 2, 2])
    """
    n_regions = len(masses)
    # Some regions have one block more than others: as many as make up the broken part of the mean.
    order = permutation(seed, "larger regions", n_regions)
    middles = np.cumsum(masses[order]) - masses[order] / 2
    sizes = np.full(n_regions, int(active), np.int64)
    sizes[order[: max(np.searchsorted(middles, active % 1.0), active < 1)]] += 1
    slots = int(sizes.sum())
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
