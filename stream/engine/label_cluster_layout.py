"""What a cluster of labels (:mod:`stream.engine.label_cluster`) consists of: its parameters, the
arrays that change, what it is asked and taught, what it answers, and the room that it works in."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np

from stream.engine.arrays import (
    COUNTS,
    POSITIVE,
    WEIGHTS,
    Axes,
    Float32Array,
    Float64Array,
    Int32Array,
    Int64Array,
    UInt8Array,
    below,
    up_to,
)
from stream.engine.cells import Cells
from stream.engine.events import Events
from stream.engine.label_mixer import FIRST_SQUARE
from stream.engine.recent_layout import Hints
from stream.engine.unit_rows import UnitRows

# Inputs of the mixer.
MODEL, MEAN, VOTES, PERSISTENCE, TREND, GATE, BASE_RATE, BIAS = range(8)
N_INPUTS = 8
FIRST_BIAS = np.float32(-3.0)

# What :func:`stream.engine.label_cluster.advance_clusters` returns.
DONE, CELLS_FULL, OUTPUT_FULL = 0, 1, 2

TRUE, UNKNOWN_TRUTH = 1, 2  # of a label in ``ClusterScratch.truth``; 0: absent


class ClusterParams(NamedTuple):
    """What the kernels need to know."""

    rate: float  # AdaGrad's step of the models
    group_rate: float  # of the weights that the labels share
    label_rate: float  # of a label's own
    use_votes: bool
    use_past: bool
    mix: bool  # False: the weights stay as they began


class LabelCluster(NamedTuple):
    """All of a cluster that changes while it learns."""

    n_labels: Annotated[Int64Array, Axes(1, holds=up_to("columns"))]
    label: Annotated[
        Int32Array, Axes("columns", holds=COUNTS)
    ]  # its number in the whole label space
    born: Annotated[Int64Array, Axes("columns", holds=COUNTS)]  # rows learnt before it came
    cells: Cells  # of the models
    bias: Annotated[Float32Array, Axes("columns", fill=FIRST_BIAS, holds=WEIGHTS)]
    bias_square: Annotated[Float32Array, Axes("columns", holds=COUNTS)]
    weight: Annotated[Float64Array, Axes(N_INPUTS, holds=WEIGHTS)]
    square: Annotated[Float64Array, Axes(N_INPUTS, fill=FIRST_SQUARE, holds=POSITIVE)]
    own_weight: Annotated[Float64Array, Axes(N_INPUTS, "columns", holds=WEIGHTS)]
    own_square: Annotated[
        Float64Array, Axes(N_INPUTS, "columns", fill=FIRST_SQUARE, holds=POSITIVE)
    ]
    n_present: Annotated[Float64Array, Axes("columns", holds=COUNTS)]
    n_unknown: Annotated[Float64Array, Axes("columns", holds=COUNTS)]
    after_present: Annotated[
        Float64Array, Axes("columns", 2, holds=COUNTS)
    ]  # decayed: truths after presence
    after_absent: Annotated[Float64Array, Axes("columns", 2, holds=COUNTS)]
    touched: Annotated[
        Int64Array, Axes("columns", holds=COUNTS)
    ]  # 1 + number of the last row that had it, or did not know it
    had: Annotated[UInt8Array, Axes("columns", holds=below(2))]  # 1: that row had it


class ClusterRows(NamedTuple):
    """What a cluster is asked and taught, sorted by clusters and within one by events."""

    event: Annotated[Int32Array, Axes("asked")]
    probability: Annotated[Float64Array, Axes("asked")]
    asked: Annotated[UInt8Array, Axes("asked")]
    weight: Annotated[Float64Array, Axes("asked")]  # with which the models learn the row
    hint: Annotated[Int64Array, Axes("asked1")]  # first entry of the hints of each
    hint_column: Annotated[Int32Array, Axes("hints")]
    hint_place: Annotated[Int64Array, Axes("hints")]  # in the hints of the event
    truth: Annotated[Int64Array, Axes("asked1")]
    truth_column: Annotated[Int32Array, Axes("truths")]
    truth_value: Annotated[UInt8Array, Axes("truths")]  # PRESENT or UNKNOWN


class ClusterWork(NamedTuple):
    """All that clusters read of a segment; they change none of it."""

    events: Events
    x: UnitRows
    rows: ClusterRows
    start: Int64Array  # [clusters + 1] first pair of each
    hints: Hints


class ClusterOutput(NamedTuple):
    """What clusters answer to the events that they are asked about."""

    log_absent: Annotated[Float64Array, Axes("asked")]  # log probability that no label is present
    base_rates: Annotated[Float64Array, Axes("asked")]  # sum over its labels
    log_base_absent: Annotated[Float64Array, Axes("asked")]
    first: Annotated[Int64Array, Axes("asked")]  # first entry of each
    n: Annotated[Int32Array, Axes("asked")]
    label: Annotated[Int32Array, Axes("listed")]
    probability: Annotated[Float64Array, Axes("listed")]


class ClusterScratch(NamedTuple):
    """Room for one event's work."""

    found: Annotated[Int64Array, Axes("entries")]
    scores: Annotated[Float32Array, Axes("columns")]
    inputs: Annotated[Float64Array, Axes(N_INPUTS, "columns")]
    rate: Annotated[Float64Array, Axes("columns")]
    base: Annotated[Float64Array, Axes("columns")]  # log odds of the rate
    product: Annotated[Float64Array, Axes("columns")]  # probability by the gate and the models
    share: Annotated[Float64Array, Axes("columns")]  # of the votes
    mixed: Annotated[Float64Array, Axes("columns")]
    error: Annotated[Float64Array, Axes("columns")]
    truth: Annotated[UInt8Array, Axes("columns")]
    # What recent rows say of a label; 0 where they say nothing.
    vote: Annotated[Float64Array, Axes("columns")]
    silent: Annotated[Float64Array, Axes("columns")]
    trend: Annotated[Float64Array, Axes("columns")]
    last: Annotated[UInt8Array, Axes("columns")]
