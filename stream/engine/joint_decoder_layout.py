"""What the joint decoder (:mod:`stream.engine.joint_decoder`) keeps of the rows: its parameters,
the arrays that change, and the room that it works in."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from stream.engine.arrays import (
    COUNTS,
    DECAYED,
    KEYS,
    Axes,
    Float64Array,
    Int32Array,
    Int64Array,
    UInt8Array,
    below,
    up_to,
)
from stream.engine.best_first import N_BUCKETS
from stream.errors import SnapshotError

MEMORY = 2000.0  # rows that the counts look back
TOP = 24  # most probable label sets that are compared with each other
MAX_PIECES = 64  # sets in the table of a cluster
LEAST_REST = 1e-6  # probability that sets never seen have together
INDEPENDENT = -1  # best piece of a cluster: each label on its own
# What is answered, ``DecoderParams.decode``; INDEPENDENTLY: every label over one half, without
# label sets.
INDEPENDENTLY, SUBSET, MARGINAL, F1, BALANCED = -1, 0, 1, 2, 3

# Places in ``JointDecoder.achieved``.
TRUE_POSITIVE, PREDICTED, PRESENT = 0, 1, 2

# Registers.
UNIT = 0  # what a row counts; it grows, so that what was counted before weighs less
COMPOSED_EXPECTED = 1  # sum of the probabilities, uncorrected, of composed sets
COMPOSED_RIGHT = 2  # times that the composed set was the true one
ANSWERED = 3  # sum of the labels answered,
ANSWERED_RIGHT = 4  # of those that were right,
ANSWERED_PRESENT = 5  # and of those that were present
COUNTED = 6  # rows in these
N_REGISTERS = 7
NO_COMPOSED = -1.0


def refuse_earlier_format(version: int) -> dict[str, Any]:
    """Refuse a decoder that an earlier version wrote: its state is part of DriftHOMER's alone."""
    raise SnapshotError(
        f"a DriftHOMER in snapshot format {version} cannot go on in this version, whose labels are "
        "in clusters behind a gate; use drifthomer 0.1.0 for it, or learn the stream anew"
    )


class DecoderParams(NamedTuple):
    """What the kernels need to know of the decoder's parameters."""

    @staticmethod
    def upgrade_state(state: dict[str, Any], version: int) -> dict[str, Any]:
        """See :func:`refuse_earlier_format`."""
        return refuse_earlier_format(version)

    decode: int  # INDEPENDENTLY, SUBSET, MARGINAL, F1 or BALANCED
    beta: float
    exact_weight: float  # BALANCED: what an answer that is right as a whole is worth,
    f1_weight: float  # what its F1 is worth, and
    micro_weight: float  # what it adds to the micro-F1 of the stream; the rest: Hamming loss
    max_sets: int


class JointDecoder(NamedTuple):
    """All of a decoder that changes while it learns."""

    @staticmethod
    def upgrade_state(state: dict[str, Any], version: int) -> dict[str, Any]:
        """See :func:`refuse_earlier_format`."""
        return refuse_earlier_format(version)

    registers: Annotated[Float64Array, Axes(N_REGISTERS, fill=1.0, holds=DECAYED)]
    n_known: Annotated[Float64Array, Axes("labels", holds=DECAYED)]
    n_present: Annotated[Float64Array, Axes("labels", holds=DECAYED)]
    table: Annotated[Int32Array, Axes("labels", fill=1, holds=COUNTS)]  # of the label's cluster
    n_sets: Annotated[Int64Array, Axes("tables", holds=up_to("sets"))]
    n_rows: Annotated[
        Float64Array, Axes("tables", holds=DECAYED)
    ]  # rows whose truth was known as a whole
    n_new: Annotated[
        Float64Array, Axes("tables", holds=DECAYED)
    ]  # of them, rows with a set never seen
    times: Annotated[Float64Array, Axes("tables", "sets", holds=DECAYED)]
    key: Annotated[Int64Array, Axes("tables", "sets", holds=KEYS)]
    size: Annotated[Int32Array, Axes("tables", "sets", holds=up_to("width"))]
    members: Annotated[
        Int32Array, Axes("tables", "sets", "width", holds=below("labels"))
    ]  # ascending
    achieved: Annotated[
        Float64Array, Axes("labels", 3, holds=DECAYED)
    ]  # decayed rows: TRUE_POSITIVE, PREDICTED (over its threshold), PRESENT


class JointDecoderScratch(NamedTuple):
    """Room for one row's work; nothing in it outlives the row."""

    logit: Annotated[Float64Array, Axes("labels")]
    base_logit: Annotated[Float64Array, Axes("labels")]
    label_absent: Annotated[Float64Array, Axes("labels")]  # log probability of absence
    label_base_absent: Annotated[Float64Array, Axes("labels")]
    absent: Annotated[Float64Array, Axes("tables")]  # log probability that all labels are absent
    base_absent: Annotated[Float64Array, Axes("tables")]
    of_row: Annotated[Float64Array, Axes("sets")]  # log probability of each set of a table
    score: Annotated[Float64Array, Axes("tables", "sets")]  # then probability
    rest: Annotated[Float64Array, Axes("tables")]  # probability of all sets never seen
    best: Annotated[Int64Array, Axes("tables")]  # most probable set, or INDEPENDENT
    piece: Annotated[Float64Array, Axes("labels")]  # marginals inside the clusters
    marginal: Annotated[Float64Array, Axes("labels")]
    mark: Annotated[UInt8Array, Axes("labels")]
    order: Annotated[Int64Array, Axes("labels")]
    buckets: Annotated[Int64Array, Axes(N_BUCKETS)]
    candidate: Annotated[Int32Array, Axes(TOP, "labels")]
    candidate_size: Annotated[Int64Array, Axes(TOP)]
    candidate_p: Annotated[Float64Array, Axes(TOP)]
    composed_p: Annotated[Float64Array, Axes(1, fill=NO_COMPOSED)]  # uncorrected
    composed: Annotated[Int64Array, Axes(1)]  # which candidate it is
    place: Annotated[Int64Array, Axes(TOP)]  # sets of the most probable candidates
    sizes: Annotated[Int64Array, Axes("tables")]  # of the pieces of a row
    pieces: Annotated[Int32Array, Axes("tables", "labels")]
