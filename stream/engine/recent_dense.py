"""The memory of recent rows where most features are not zero: the similarity of every kept row.

Rows are standardised (:mod:`stream.engine.scaling`) and brought to length one as they are kept, and
stored by column, so that the similarities of all of them are added up side by side.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np

from stream.engine.arrays import (
    COUNTS,
    WEIGHTS,
    Axes,
    Float32Array,
    Float64Array,
    Int32Array,
    Int64Array,
)
from stream.engine.best_first import list_best_of_ring
from stream.engine.jit import inlined
from stream.engine.scaling import MOST_FEATURES, Moments, Scaler, scale_row, update_scaler
from stream.engine.unit_rows import inverse_length

# Registers.
MODE = 0
N_SEEN = 1  # rows until the mode was decided
N_NONZERO = 2  # values in them
N_FEATURES = 3  # columns in them
BEGAN = 4  # number of the first row that is kept here
N_REGISTERS = 5

UNDECIDED, SPARSE, DENSE = 0, 1, 2  # modes
DECIDED_AFTER = 50  # rows
LEAST_SHARE = 0.25  # of the columns that are not zero in a row, for DENSE


class DenseRecent(NamedTuple):
    """Standardised rows by column; rows are a ring, indexed by number modulo its length."""

    registers: Annotated[Int64Array, Axes(N_REGISTERS, holds=COUNTS)]
    scaler: Scaler
    value: Annotated[Float32Array, Axes("features", "dense_rows", holds=WEIGHTS)]


class DenseScratch(NamedTuple):
    """Room for one event's work."""

    indices: Annotated[Int32Array, Axes("features_and_entries")]
    values: Annotated[Float64Array, Axes("features_and_entries")]
    query: Annotated[Float32Array, Axes("features")]
    similarity: Annotated[Float32Array, Axes("dense_rows")]
    moments: Moments


@inlined
def standardise(dense, x, row, scratch):
    """Fill ``scratch.query`` with a row."""
    first, last = x[0][row], x[0][row + 1]
    n = scale_row(
        dense.scaler, x[1], x[2], first, last, scratch.indices, scratch.values, 0, scratch.moments
    )
    query, total = scratch.query, 0.0
    for feature in range(len(query)):
        query[feature] = np.float32(0.0)
    for i in range(n):
        feature = scratch.indices[i]
        if feature < len(query) and dense.scaler.n[feature] > 0:
            query[feature] = scratch.values[i]
            total += scratch.values[i] * scratch.values[i]
    scale = inverse_length(total)
    for feature in range(len(query)):
        query[feature] *= scale


@inlined
def nearest_dense(dense, n_kept, as_of, n_nearest, scratch, near, near_by):
    """List the rows before ``as_of`` that are nearest to the query, newer ones first among equals.
    The similarity is the cosine, the product of rows of length one."""
    value, query, similarity = dense.value, scratch.query, scratch.similarity
    n_rows = value.shape[1]
    oldest = max(n_kept - n_rows, dense.registers[BEGAN])
    used = min(n_kept, n_rows)
    for slot in range(used):
        similarity[slot] = np.float32(0.0)
    for feature in range(0, len(query) - 3, 4):  # four at once: their sum stays in a register
        a, b, c, d = query[feature], query[feature + 1], query[feature + 2], query[feature + 3]
        first, second = value[feature], value[feature + 1]
        third, fourth = value[feature + 2], value[feature + 3]
        for slot in range(used):
            total = similarity[slot] + a * first[slot]
            total += b * second[slot]
            total += c * third[slot]
            similarity[slot] = total + d * fourth[slot]
    for feature in range(len(query) - len(query) % 4, len(query)):
        a, first = query[feature], value[feature]
        for slot in range(used):
            similarity[slot] += a * first[slot]
    return list_best_of_ring(similarity, oldest, as_of, n_nearest, near, near_by)


@inlined
def keep_dense(dense, x, row, number, scratch):
    """Keep a row that is learnt; ``scratch.query`` holds it."""
    slot = number % dense.value.shape[1]
    for feature in range(len(scratch.query)):
        dense.value[feature, slot] = scratch.query[feature]
    update_scaler(dense.scaler, x[1], x[2], x[0][row], x[0][row + 1])


@inlined
def decide_mode(dense, x, row, number):
    """Count a row's values, and decide whether rows are dense when enough were seen."""
    registers = dense.registers
    update_scaler(dense.scaler, x[1], x[2], x[0][row], x[0][row + 1])
    registers[N_SEEN] += 1
    for entry in range(x[0][row], x[0][row + 1]):
        registers[N_NONZERO] += 1
        registers[N_FEATURES] = max(registers[N_FEATURES], np.int64(x[1][entry]) + 1)
    if registers[N_SEEN] == DECIDED_AFTER:
        cells = registers[N_SEEN] * registers[N_FEATURES]
        few = registers[N_FEATURES] <= MOST_FEATURES
        if few and registers[N_NONZERO] >= LEAST_SHARE * cells:
            registers[MODE] = DENSE
            registers[BEGAN] = number + 1
        else:
            registers[MODE] = SPARSE
