"""What a network (:mod:`stream.engine.network`) consists of: parameters, the arrays that change,
and the room that it works in."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from stream.engine.adam import LARGEST_WEIGHT
from stream.engine.arrays import (
    COUNTS,
    VALUES,
    Axes,
    Float32Array,
    Holds,
    Int32Array,
    Int64Array,
)

# Places in ``Network.registers``.
N_FEATURES = 0  # input columns seen in a row that was learnt; those beyond count as zero
N_OUTPUTS = 1  # slots of outputs that were ever taken
N_IN_USE = 2  # outputs that exist now
N_MADE = 3  # outputs ever made: what the weights of the next one are drawn from
BATCH_ROWS = 4  # rows in the sum of gradients
STEPS = 5  # of Adam
ROWS_LEARNT = 6
N_REGISTERS = 7

AWAKE = -1  # in ``Sleep.until``

# What random numbers are for; the second argument of ``uniform``.
FIRST_WEIGHTS, SECOND_WEIGHTS, OUTPUT_WEIGHTS, DROPPED_UNITS = 0, 1, 2, 3


class NetworkParams(NamedTuple):
    """What the kernels need to know."""

    learning_rate: float
    batch_rows: int  # rows of a mini-batch
    dropout: float  # share of the first hidden layer's units that are left out of each row
    seed: int
    most_features: int  # input columns that there is memory for; those beyond count as zero


class Weights(NamedTuple):
    """A number for every weight: the weights, their gradients, or their moments.

    "top" is the layer below the outputs: the second hidden layer, or the first one where there is
    no second; "second" is 0 then.
    """

    first: Annotated[Float32Array, Axes("features", "hidden", holds=VALUES)]
    first_bias: Annotated[Float32Array, Axes("hidden", holds=VALUES)]
    second: Annotated[Float32Array, Axes("hidden", "second", holds=VALUES)]
    second_bias: Annotated[Float32Array, Axes("second", holds=VALUES)]
    output: Annotated[Float32Array, Axes("outputs", "top", holds=VALUES)]
    output_bias: Annotated[Float32Array, Axes("outputs", holds=VALUES)]


class Network(NamedTuple):
    """All of a network that changes while it learns."""

    registers: Annotated[Int64Array, Axes(N_REGISTERS, holds=COUNTS)]
    feature_born: Annotated[
        Int64Array, Axes("features", holds=COUNTS)
    ]  # steps made when it was first seen
    output_born: Annotated[
        Int64Array, Axes("outputs", holds=Holds(low=-1))
    ]  # steps made when it came; -1: slot is free
    weights: Annotated[Weights, Holds(-LARGEST_WEIGHT, LARGEST_WEIGHT)]
    gradients: Annotated[Weights, Holds(-1e37, 1e37)]  # sums over the rows of the mini-batch so far
    means: Annotated[Weights, Holds(-1e16, 1e16)]  # Adam: first moments
    squares: Annotated[Weights, Holds(0.0, 1e31)]  # Adam: second moments


class Sleep(NamedTuple):
    """Which features a step goes over; follows from the network, and is not saved."""

    n_awake: Annotated[Int64Array, Axes(1)]
    awake: Annotated[Int32Array, Axes("features")]
    until: Annotated[Int64Array, Axes("features")]  # step that squares are of; AWAKE: the last one


class NetworkScratch(NamedTuple):
    """Room for one row's work; nothing but ``sleep`` outlives the row."""

    hidden: Annotated[Float32Array, Axes("hidden")]  # values of the units
    second: Annotated[Float32Array, Axes("second")]
    scores: Annotated[Float32Array, Axes("outputs")]
    errors: Annotated[Float32Array, Axes("outputs")]  # gradient of the loss by each score
    hidden_error: Annotated[Float32Array, Axes("hidden")]  # and by each unit's value
    second_error: Annotated[Float32Array, Axes("second")]
    sleep: Sleep
