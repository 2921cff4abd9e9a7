"""What the memory of recent rows keeps, and what it says of an event."""

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
    RecordArray,
    UInt8Array,
    below,
    record,
    up_to,
)
from stream.engine.recent_dense import DenseRecent, DenseScratch

SHARPNESS = 8.0  # a neighbour weighs exp(SHARPNESS * (similarity - best)) * similarity
PRIOR = 0.2  # weight of the base rate among the votes
TREND_ROWS = 24  # rows that the trend of a label looks back
TREND_MEMORY = 5.0

# Registers.
N_KEPT = 0  # rows ever kept; the next one's number
NEXT_ENTRY = 1  # entries ever written
NEXT_LABEL = 2  # labels ever written
N_COUNTED = 3  # rows in the counts of columns
WINDOW = 4  # rows that vote, as far as there is memory for them
N_REGISTERS = 5

LEAST_ROWS = 2048  # rows whose label sets are kept
FIRST_ROWS = 256  # that there is room for at first

# What is known of a label of a kept row; CARRIED: unknown, and present when it was last known.
UNKNOWN, PRESENT, CARRIED = 0, 1, 2

DONE, HINTS_FULL, ENTRIES_FULL, LABELS_FULL, FEATURES_FULL, DENSE_FULL = 0, 1, 2, 3, 4, 5
POSTINGS_FULL, ROWS_FULL = 6, 7


class RecentParams(NamedTuple):
    """What the kernels need to know."""

    window: int  # rows that vote; 0: none does
    dense_window: int  # rows that vote where most features are not zero
    n_nearest: int

    @property
    def most_rows(self) -> int:
        """Rows that are kept at most."""
        return max(self.window, LEAST_ROWS)


ENTRY = record(
    column=np.int32,
    value=np.float32,
)


_ENTRIES_HOLD = {"column": below("features"), "value": WEIGHTS}


class Recent(NamedTuple):
    """The rows that are remembered; rings are indexed by number modulo their length."""

    registers: Annotated[Int64Array, Axes(N_REGISTERS, holds=COUNTS)]
    # rows
    first_entry: Annotated[Int64Array, Axes("rows", holds=COUNTS)]
    n_entries: Annotated[Int32Array, Axes("rows", holds=up_to("entries"))]
    first_label: Annotated[Int64Array, Axes("rows", holds=COUNTS)]
    n_labels: Annotated[Int32Array, Axes("rows", holds=up_to("label_entries"))]
    entries: Annotated[RecordArray, Axes("entries", dtype=ENTRY, holds=_ENTRIES_HOLD)]
    # labels of the rows that are not known to be absent
    label: Annotated[Int32Array, Axes("label_entries", holds=COUNTS)]
    truth: Annotated[
        UInt8Array, Axes("label_entries", holds=below(3))
    ]  # PRESENT, UNKNOWN or CARRIED
    # columns
    n_rows: Annotated[Int64Array, Axes("features", holds=COUNTS)]  # rows that had it
    dense: DenseRecent


class Hints(NamedTuple):
    """What recent rows say of labels, for each event; labels that are not listed have no vote.

    An event that follows another (:func:`stream.engine.events.follows`) has no entries of its own:
    those of the other are its, too.
    """

    start: Annotated[Int64Array, Axes("events1")]
    total: Annotated[Float64Array, Axes("events")]  # weight of all neighbours
    label: Annotated[Int32Array, Axes("hints")]
    vote: Annotated[Float64Array, Axes("hints")]  # weight of the neighbours that have it
    silent: Annotated[Float64Array, Axes("hints")]  # weight of those where it is unknown
    last: Annotated[UInt8Array, Axes("hints")]  # 1: the last row that was known had it
    trend: Annotated[Float64Array, Axes("hints")]  # decayed mean of its truth


class RecentScratch(NamedTuple):
    """Room for one event's work."""

    similarity: Annotated[Float32Array, Axes("rows")]  # 0 before and after
    near: Annotated[Int64Array, Axes("nearest")]  # rows by number, best first
    near_by: Annotated[Float32Array, Axes("nearest")]
    weighted: Annotated[Float32Array, Axes("row_entries")]
    place: Annotated[Int64Array, Axes("labels", fill=-1)]  # in the event's output
    dense: DenseScratch
