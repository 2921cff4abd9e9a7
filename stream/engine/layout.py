"""Every array of a Hoeffding tree, and what it means.

A tree is a NamedTuple of NamedTuples of flat arrays. Kernels read and write their elements; they
never allocate. Room is taken from pools (nodes, leaves, statistic rows, weight rows). A kernel that
finds a pool too small returns the number of that pool, Python doubles it
(:mod:`stream.engine.growth`), and the kernel goes on where it stopped.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np

from stream.engine.adwin import Adwins
from stream.engine.arrays import (
    COUNTS,
    SOME_VALUES,
    SUMS,
    TERMS,
    VALUES,
    WEIGHTS,
    Axes,
    Float32Array,
    Float64Array,
    Holds,
    Int32Array,
    Int64Array,
    RecordArray,
    UInt32Array,
    below,
    record,
    up_to,
)

# Leaf models: what a leaf can answer with. From LOGISTIC on there is one for every learning rate.
FREQUENCY, NAIVE_BAYES, LOGISTIC = 0, 1, 2
MAX_RATES = 4

# Places in ``Tree.registers``.
ROOT = 0  # node at the top
N_LABELS = 1  # label columns in use
NODES_USED = 2  # slots of each pool that were ever taken
LEAVES_USED = 3
STATS_USED = 4
WEIGHTS_USED = 5
NODES_FREE = 6  # slots of each pool that were given back: the height of its stack ``free``
LEAVES_FREE = 7
STATS_FREE = 8
WEIGHTS_FREE = 9
ROWS_LEARNT = 10
N_SPLITS = 11
N_DRIFTS = 12  # times the error of a branch rose
N_REPLACED = 13  # alternate branches that took over
N_ALTERNATES = 14  # alternate branches that are growing now
N_PENDING = 15  # entries of ``Tree.pending``
FULL = 16  # 1: the memory limit is reached, pools do not grow any more
N_REGISTERS = 17

# What a kernel reports: it went through, it came to a row that needs more columns, or a pool is too
# small.
DONE, PAUSED, NODES_FULL, LEAVES_FULL, STATS_FULL, WEIGHTS_FULL, UNKNOWN_NEEDED = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
)

N_TERMS = 4  # of naive Bayes, for a feature and a label
MAX_PENDING = 256  # changes of structure that one row can ask for


class TreeParams(NamedTuple):
    """What the kernels need to know of an estimator's parameters."""

    single_label: bool
    use_naive_bayes: bool
    use_logistic: bool
    adaptive: (
        bool  # answer with the leaf model of the smallest recent loss (else: the last one in use)
    )
    drift_detection: bool
    merit_preprune: bool
    grace_period: float  # rows
    max_depth: int
    delta: float
    tau: float
    min_branch_fraction: float
    max_share_to_split: float
    n_split_points: int
    feature_share: float  # share of the features that an attempt to split looks at
    n_rates: int  # logistic models in a leaf
    learning_rates: tuple[float, float, float, float]  # of which ``n_rates`` are in use
    drift_delta: float
    drift_window_threshold: int  # rows
    switch_significance: float
    seed: int


NODE = record(
    feature=np.int32,  # column that is tested; -1: a leaf
    left=np.int32,  # child
    right=np.int32,  # child
    parent=np.int32,  # -1: the root of the tree or of an alternate branch
    depth=np.int32,  # 0 at the root
    alternate=np.int32,  # root of the branch grown beside this node; -1: none
    leaf=np.int32,  # slot in ``Tree.leaves``; -1: not a leaf
    threshold=np.float64,  # value <= threshold goes left
    n_rows=np.float64,  # rows that came through
)

LEAF = record(
    node=np.int32,  # the node it belongs to; -1: slot not in use
    active=np.int32,  # 0: keeps no statistics of features (memory limit)
    n_weights=np.int64,  # rows of ``Weights`` it holds
    n_rows=np.float64,  # rows, with those estimated at the split that made it
    last_attempt=np.float64,  # stat_rows at the last attempt to split
    stat_rows=np.float64,  # rows that the statistics of features have seen
    next_refresh=np.float64,  # stat_rows at which all naive Bayes terms are made anew
    loss_rows=np.float64,  # rows that the losses have seen, inherited ones too
)

# Statistics of one feature in one leaf, over the rows in which it is not zero. Sums are of x -
# ``Tree.shift``, so that large values keep their digits.
STAT = record(
    n=np.float64,  # times not zero
    n_missing=np.float64,  # times missing
    total=np.float64,  # sum
    square=np.float64,  # sum of squares
    low=np.float64,  # smallest value
    high=np.float64,  # largest value
    next_refresh=np.float64,  # n at which the naive Bayes terms are made anew
    center=np.float64,  # naive Bayes terms are of (x - shift - center) * scale
    scale=np.float64,
)


_LINKS = ("left", "right", "parent", "alternate")
_NODES_HOLD = {
    "feature": below("features", low=-1),
    **dict.fromkeys(_LINKS, below("nodes", low=-1)),
    "depth": COUNTS,
    "leaf": below("leaves", low=-1),
    "threshold": VALUES,
    "n_rows": COUNTS,
}
_LEAVES_HOLD = {
    "node": below("nodes", low=-1),
    "active": below(2),
    "n_weights": up_to("weights"),
    **dict.fromkeys(("n_rows", "last_attempt", "stat_rows", "next_refresh", "loss_rows"), COUNTS),
}
_STATS_HOLD = {
    **dict.fromkeys(("n", "n_missing"), COUNTS),
    **dict.fromkeys(("total", "square", "center"), SUMS),
    **dict.fromkeys(("low", "high", "scale"), VALUES),
    "next_refresh": COUNTS,
}


class LeafLabels(NamedTuple):
    """What every leaf knows about each label."""

    n_present: Annotated[
        Float64Array, Axes("leaves", "labels", holds=COUNTS)
    ]  # of the leaf's ``n_rows``
    n_unknown: Annotated[Float64Array, Axes("leaves", "labels", holds=COUNTS)]
    stat_present: Annotated[
        Float64Array, Axes("leaves", "labels", holds=COUNTS)
    ]  # of the leaf's ``stat_rows``
    stat_unknown: Annotated[Float64Array, Axes("leaves", "labels", holds=COUNTS)]
    nb_zero: Annotated[
        Float64Array, Axes("leaves", "labels", holds=TERMS)
    ]  # naive Bayes: terms of all features being zero
    bias: Annotated[
        Float32Array, Axes("leaves", "rates", "labels", holds=WEIGHTS)
    ]  # logistic models
    bias_step: Annotated[
        Float32Array, Axes("leaves", "rates", "labels", holds=COUNTS)
    ]  # sum of the bias's squared gradients
    loss: Annotated[
        Float64Array, Axes("leaves", "models", "labels", holds=COUNTS)
    ]  # recent; single-label: at label 0


class StatLabels(NamedTuple):
    """The counts and sums of ``STAT`` for each label.

    Only present labels are counted: absent is total minus present minus unknown.
    """

    n_present: Annotated[UInt32Array, Axes("stats", "labels", holds=COUNTS)]
    sum_present: Annotated[Float64Array, Axes("stats", "labels", holds=SUMS)]
    square_present: Annotated[Float64Array, Axes("stats", "labels", holds=SUMS)]
    n_unknown: Annotated[
        UInt32Array, Axes("unknown", "labels", holds=COUNTS)
    ]  # the pool "unknown" is empty until a row comes
    sum_unknown: Annotated[
        Float64Array, Axes("unknown", "labels", holds=SUMS)
    ]  # with a label that may be present or not;
    square_unknown: Annotated[
        Float64Array, Axes("unknown", "labels", holds=SUMS)
    ]  # from then on it is as large as "stats"
    nb_terms: Annotated[
        Float32Array, Axes("stats", "terms", "labels", holds=VALUES)
    ]  # naive Bayes: square, linear, constant, and zero's; no terms in a tree that does not use it


class Weights(NamedTuple):
    """Weights of one feature in one leaf's logistic models."""

    weight: Annotated[Float32Array, Axes("weights", "rates", "labels", holds=WEIGHTS)]
    step: Annotated[
        Float32Array, Axes("weights", "rates", "labels", holds=COUNTS)
    ]  # AdaGrad: sum of squared gradients


class Tree(NamedTuple):
    """All of a tree that changes while it learns; ``free_*`` are stacks of slots given back."""

    registers: Annotated[Int64Array, Axes(N_REGISTERS, holds=COUNTS)]
    pending: Annotated[
        Int32Array, Axes(MAX_PENDING, 2, holds=Holds(low=-1))
    ]  # (leaf, node that wants an alternate or -1: a split)
    shift: Annotated[
        Float64Array, Axes("features", fill=float("nan"), holds=SOME_VALUES)
    ]  # first value of a feature; NaN: never seen
    nodes: Annotated[RecordArray, Axes("nodes", dtype=NODE, holds=_NODES_HOLD)]
    free_nodes: Annotated[Int32Array, Axes("nodes", holds=below("nodes"))]
    leaves: Annotated[RecordArray, Axes("leaves", dtype=LEAF, holds=_LEAVES_HOLD)]
    free_leaves: Annotated[Int32Array, Axes("leaves", holds=below("leaves"))]
    labels: LeafLabels
    stat_row: Annotated[
        Int32Array, Axes("leaves", "features", fill=-1, holds=below("stats", low=-1))
    ]  # -1: the feature was always zero
    weight_row: Annotated[
        Int32Array, Axes("leaves", "features", fill=-1, holds=below("weights", low=-1))
    ]  # -1: weight zero
    stats: Annotated[RecordArray, Axes("stats", dtype=STAT, holds=_STATS_HOLD)]
    free_stats: Annotated[Int32Array, Axes("stats", holds=below("stats"))]
    stat_labels: StatLabels
    weights: Weights
    free_weights: Annotated[Int32Array, Axes("weights", holds=below("weights"))]
    adwins: Adwins  # [nodes, or 0 without drift detection] error of the branch below each node
