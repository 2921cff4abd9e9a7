"""A tree at work: scales rows, calls the kernel, and makes room when the kernel asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.engine import layout as lay
from stream.engine.arrays import (
    Float64Array,
    Int32Array,
    Int64Array,
    allocate,
    n_bytes,
    pack,
    resize,
    unpack,
)
from stream.engine.batch import Batch
from stream.engine.growth import column_capacity, make_room, new_tree, tree_sizes, widen
from stream.engine.layout import Tree, TreeParams
from stream.engine.leaf import Scratch
from stream.engine.scaling import Scaler, scale_rows
from stream.engine.split import SplitScratch
from stream.engine.tree import advance

PREDICT_ONLY = -1
Rows = tuple[Int64Array, Int32Array, Float64Array]


class TreeLearner:
    """One Hoeffding tree and the scaler of its inputs.

    Columns are the engine's own: features and labels are numbered in the order in which they are
    first learnt.

    Parameters
    ----------
    params
        What the kernels need to know.
    max_size
        Limit in bytes for the arrays of the tree.
    """

    def __init__(self, params: TreeParams, max_size: float):
        self.params = params
        self.max_size = max_size
        self.tree = new_tree(drift_detection=params.drift_detection)
        self.scaler = allocate(Scaler, {"features": column_capacity(0)})
        self._n_features = 0
        self._allocate_scratch()

    def __getstate__(self) -> dict[str, Any]:
        # Without what the kernels scribble on.
        return {
            "params": tuple(self.params),
            "max_size": self.max_size,
            "tree": pack(self.tree),
            "scaler": pack(self.scaler),
            "n_features": self._n_features,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.params = TreeParams(*state["params"])
        self.max_size = state["max_size"]
        self.tree = unpack(Tree, state["tree"])
        self.scaler = unpack(Scaler, state["scaler"])
        self._n_features = state["n_features"]
        self._allocate_scratch()

    @property
    def n_labels(self) -> int:
        """Label columns that were learnt."""
        return int(self.tree.registers[lay.N_LABELS])

    @property
    def accepts_features(self) -> bool:
        """Whether a feature that was never seen can still be learnt (the memory limit may forbid
        it)."""
        return not self._full or self._n_features < len(self.tree.shift)

    @property
    def _full(self) -> bool:
        return bool(self.tree.registers[lay.FULL])

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return n_bytes(Tree, tree_sizes(self.tree)) + n_bytes(
            Scaler, {"features": len(self.scaler.n)}
        )

    def run(
        self, batch: Batch, *, first_row: int = 0, predict: bool, delay: int = 0
    ) -> Float64Array:
        """Predict rows from ``first_row`` on and learn each one ``delay`` rows later.

        Parameters
        ----------
        batch
            Rows in the engine's columns. Rows before ``first_row`` were predicted earlier and are
            still to be learnt.
        first_row
            First row to predict.
        predict
            False: all rows are learnt, none is predicted.
        delay
            Rows between prediction and truth; ``PREDICT_ONLY``: nothing is learnt.

        Returns
        -------
        Probabilities [rows, labels known at the end]; rows that were not predicted are zero.
        """
        n_rows = batch.n_rows
        learns = delay != PREDICT_ONLY and n_rows > 0
        if learns:
            n_features = _columns_needed(batch.x_indptr, batch.x_indices)
            n_labels = _columns_needed(batch.y_indptr, batch.y_indices)
            if len(batch.u_indices):
                unknown = _columns_needed(batch.u_indptr, batch.u_indices)
                n_labels = np.maximum(n_labels, unknown)
            self._n_features = max(self._n_features, int(n_features[-1]))
            if self._n_features > len(self.scaler.n):
                self.scaler = resize(self.scaler, {"features": column_capacity(self._n_features)})
        x = (batch.x_indptr, batch.x_indices, batch.x_values)
        z = self._scale(x, first_row, predict, delay)
        y, u = (batch.y_indptr, batch.y_indices), (batch.u_indptr, batch.u_indices)
        cursor = np.array([first_row, 0], np.int64)
        out = np.zeros((n_rows if predict else 0, self.n_labels))
        while True:
            stop = n_rows
            if learns:
                room = max(len(self.tree.shift), n_features[-1] if self._full else 0)
                fits = max(np.searchsorted(n_features, room, side="right"), cursor[1])
                stop = int(min(fits, np.searchsorted(n_labels, self.n_labels, side="right")))
            reason = advance(
                self.tree, self.params, x, *z, y, u, cursor, stop, predict, delay, out,
                self._scratch, self._split_scratch,
            )  # fmt: skip
            if reason == lay.DONE:
                return out
            if reason == lay.PAUSED:
                self.tree = widen(
                    self.tree, int(n_features[stop]), int(n_labels[stop]), self.max_size
                )
                out = _wider(out, self.n_labels)
                self._allocate_scratch()
            else:
                self.tree = make_room(self.tree, reason, self.max_size)

    def _scale(self, x: Rows, first_row: int, predict: bool, delay: int) -> tuple[Rows, Rows]:
        """The rows as they are predicted and as they are learnt, scaled."""
        if not self.params.use_logistic:
            return _empty_rows(len(x[0]), 0), _empty_rows(len(x[0]), 0)
        shared = predict and delay == 0
        room = len(x[1]) + (len(x[0]) - 1) * int(self.scaler.n_common[0])
        predicted = _empty_rows(len(x[0]), room if predict else 0)
        learnt = _empty_rows(len(x[0]), 0 if shared or delay < 0 else room)
        cursor = np.array([first_row, 0, 0, 0], np.int64)
        while full := scale_rows(self.scaler, x, cursor, predict, delay, predicted, learnt):
            if full == 1:
                predicted = _with_room(predicted)
            else:
                learnt = _with_room(learnt)
        return predicted, predicted if shared else learnt

    def _allocate_scratch(self) -> None:
        sizes = {"labels": self.tree.labels.bias.shape[1]}
        self._scratch = allocate(Scratch, sizes)
        self._split_scratch = allocate(SplitScratch, sizes)


def _empty_rows(n_indptr: int, room: int) -> Rows:
    return np.zeros(n_indptr, np.int64), np.empty(room, np.int32), np.empty(room)


def _with_room(rows: Rows) -> Rows:
    """The same rows with room for twice as many entries and some."""
    indptr, indices, values = rows
    room = 2 * len(indices) + 1_000
    return indptr, np.resize(indices, room), np.resize(values, room)


def _columns_needed(indptr: Int64Array, indices: Int32Array) -> Int64Array:
    """For each row: how many columns it and the rows before it need."""
    n_rows = len(indptr) - 1
    if n_rows == 1:
        return np.array([indices[-1] + 1 if len(indices) else 0], np.int64)
    needed = np.zeros(n_rows, np.int64)
    filled = np.flatnonzero(np.diff(indptr))
    if len(filled):
        needed[filled] = np.maximum.reduceat(indices, indptr[filled]) + 1
    return np.maximum.accumulate(needed) if n_rows else needed


def _wider(out: Float64Array, n_labels: int) -> Float64Array:
    if out.shape[1] >= n_labels:
        return out
    wider = np.zeros((out.shape[0], n_labels))
    wider[:, : out.shape[1]] = out
    return wider
