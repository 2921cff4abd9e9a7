"""Bags of words: a document has active blocks, each block has its words, and all share a
background."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.data.synthetic.drift import DriftArrays, DriftSchedule, locate
from stream.data.synthetic.feature_rows import FeatureModel, FeatureRows
from stream.data.synthetic.rng import (
    CHOICE_SALT,
    below,
    bits,
    mix,
    row_state,
    stream_key,
    uniform,
)
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.engine.jit import kernel

WORDS_OF_BLOCK = 100
# Draws that may hit words which the document has already, for each word it is to have.
TRIES = 8


@kernel
def _draw_blocks(
    state: Any, draw: int, n_blocks: int, count: int, out: Int32Array, first: int
) -> None:
    """Write ``count`` different blocks to ``out`` from ``first``, increasing."""
    last = first
    while last < first + count:
        block = below(state, draw, n_blocks)
        draw += 1
        at = last
        while at > first and out[at - 1] > block:
            at -= 1
        if at > first and out[at - 1] == block:
            continue
        for j in range(last, at, -1):
            out[j] = out[j - 1]
        out[at] = block
        last += 1


@kernel
def _text_rows(
    key: Any,
    word_key: Any,
    drift: DriftArrays,
    n_features: int,
    n_blocks: int,
    active_mean: float,
    nonzeros: int,
    topic: float,
    noise: float,
    start: int,
    x_indptr: Int64Array,
    x_indices: Int32Array,
    x_values: Float64Array,
    active_indptr: Int64Array,
    active: Int32Array,
    told: Int32Array,
) -> None:
    at = 0
    active_at = 0
    for i in range(x_indptr.shape[0] - 1):
        row = row_state(key, start + i)
        before, after, share = locate(drift, start + i, row)
        choice = mix(row ^ CHOICE_SALT)
        hidden = mix(choice)
        count = int(active_mean)
        if uniform(choice, 0) < active_mean - count:
            count += 1
        _draw_blocks(choice, 4, n_blocks, count, active, active_at)
        # The words of a noisy document come from blocks that are not its own.
        if uniform(choice, 1) < noise:
            _draw_blocks(hidden, 0, n_blocks, count, told, 0)
        else:
            for j in range(count):
                told[j] = active[active_at + j]
        active_at += count
        active_indptr[i + 1] = active_at

        wanted = nonzeros - nonzeros // 2 + below(choice, 2, 2 * (nonzeros // 2) + 1)
        wanted = max(1, min(wanted, n_features))
        first = at
        for token in range(TRIES * wanted):
            if at - first == wanted:
                break
            draw = 4 * token
            rank = uniform(row, draw + 2)
            if count > 0 and uniform(row, draw) < topic:
                block = told[below(row, draw + 1, count)]
                concept = after if share > 0.0 and uniform(row, draw + 3) < share else before
                # A word of a block is a hash of (concept, block, rank): no table, for any number of
                # blocks.
                number = (concept * n_blocks + block) * WORDS_OF_BLOCK
                number += int(rank * rank * WORDS_OF_BLOCK)
                word = np.int64(bits(word_key, number) % np.uint64(n_features))
            else:
                word = np.int64(rank * rank * rank * n_features)
            place = at
            while place > first and x_indices[place - 1] > word:
                place -= 1
            if place > first and x_indices[place - 1] == word:
                x_values[place - 1] += 1.0
                continue
            for j in range(at, place, -1):
                x_indices[j] = x_indices[j - 1]
                x_values[j] = x_values[j - 1]
            x_indices[place] = word
            x_values[place] = 1.0
            at += 1
        x_indptr[i + 1] = at


class TextFeatures(FeatureModel):
    """Word counts; ranks inside a block and in the background follow a power law.

    Parameters
    ----------
    seed
        Seed of the blocks' words and the rows.
    n_features, n_blocks
        Numbers of words and of label blocks.
    active
        Mean number of active blocks of a document.
    nonzeros
        Mean number of different words of a document, which has half of it at least and one and a
        half times it at most.
    topic
        Probability that a word comes from an active block, and not from the background.
    noise
        Probability that the words of a document come from blocks that are not its own.
    drift
        In other concepts the blocks have other words; during an incremental change more and more of
        the new ones.
    """

    def __init__(
        self,
        seed: int,
        *,
        n_features: int,
        n_blocks: int,
        active: float,
        nonzeros: int,
        topic: float,
        noise: float,
        drift: DriftSchedule,
    ) -> None:
        self.n_features = n_features
        self.n_blocks = n_blocks
        self.active = active
        self.nonzeros = nonzeros
        self.topic = topic
        self.noise = noise
        self._drift = drift.arrays()
        self._key = stream_key(seed, "text rows")
        self._word_key = stream_key(seed, "words of blocks")

    def rows(self, start: int, stop: int) -> FeatureRows:
        """Rows ``start`` to ``stop`` (exclusive)."""
        n = stop - start
        most_words = self.nonzeros + self.nonzeros // 2 + 1
        most_blocks = int(self.active) + 1
        x_indptr, active_indptr = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
        x_indices = np.empty(n * most_words, np.int32)
        x_values = np.empty(n * most_words)
        active = np.empty(n * most_blocks, np.int32)
        _text_rows(
            self._key,
            self._word_key,
            self._drift,
            self.n_features,
            self.n_blocks,
            self.active,
            self.nonzeros,
            self.topic,
            self.noise,
            start,
            x_indptr,
            x_indices,
            x_values,
            active_indptr,
            active,
            np.empty(most_blocks, np.int32),
        )
        filled = x_indptr[-1]
        return FeatureRows(
            x_indptr,
            x_indices[:filled].copy(),
            x_values[:filled].copy(),
            active_indptr,
            active[: active_indptr[-1]].copy(),
        )
