"""A tree at work: scales rows, calls the kernel, and makes room when the kernel asks for it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from stream.engine import layout as lay
from stream.engine.arrays import (
    FeatureRows,
    Float64Array,
    Int32Array,
    Int64Array,
    LabelRows,
    UInt8Array,
    allocate,
    copied,
    n_bytes,
    resize,
)
from stream.engine.checking import check_scaler, check_tree, require
from stream.engine.events import PREDICT_ONLY
from stream.engine.growth import (
    column_capacity,
    make_room,
    new_tree,
    tree_sizes,
    widen,
)
from stream.engine.layout import Tree, TreeParams
from stream.engine.leaf import Scratch
from stream.engine.scaling import Scaler, scale_rows
from stream.engine.split import SplitScratch
from stream.engine.tree import TreeRows, Turns, advance

if TYPE_CHECKING:
    from stream.rows.batch import Batch

ALL_ROWS = np.zeros(0, np.uint8)
Values = TypeVar("Values", bound=np.ndarray)


@dataclasses.dataclass(frozen=True)
class Work:
    """Rows to be predicted and learnt, as every tree needs them.

    Parameters
    ----------
    x
        The rows.
    predicted, learnt
        The rows scaled, as they are predicted and as they are learnt.
    predict
        False: rows are only learnt.
    delay
        Rows between prediction and truth; ``PREDICT_ONLY``: nothing is learnt.
    n_features
        For each row: how many feature columns it and the rows before it need.
    """

    x: FeatureRows
    predicted: FeatureRows
    learnt: FeatureRows
    predict: bool
    delay: int
    n_features: Int64Array

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.x[0]) - 1

    @property
    def learns(self) -> bool:
        """Whether rows are learnt."""
        return self.delay != PREDICT_ONLY and self.n_rows > 0

    @property
    def learns_at_once(self) -> bool:
        """Whether every row is learnt as soon as it is predicted."""
        return self.predict and self.delay == 0


class LabelsOfRows(NamedTuple):
    """Labels of rows, as a tree learns them."""

    y: LabelRows  # present
    u: LabelRows  # unknown
    n_labels: Int64Array  # for each row: label columns that it and the rows before it need


class RowScaler:
    """Prepares rows for trees that share one online standardisation.

    Parameters
    ----------
    needed
        False: no tree uses scaled rows, and none are made.
    """

    def __init__(self, needed: bool):
        self.needed = needed
        self.scaler = allocate(Scaler, {"features": column_capacity(0)})
        self.n_features = 0

    @staticmethod
    def upgrade_state(state: dict[str, Any], version: int) -> dict[str, Any]:
        """Before version 3, a limit of features that was reached stood here."""
        return {name: value for name, value in state.items() if name != "max_features"}

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        check_scaler(self.scaler)
        require(0 <= self.n_features <= len(self.scaler.n), "there is room for every feature")

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return n_bytes(Scaler, {"features": len(self.scaler.n)})

    def prepare(self, batch: Batch, first_row: int, predict: bool, delay: int) -> Work:
        """Scale the rows of a batch, those before ``first_row`` only for learning."""
        n_features = np.zeros(0, np.int64)
        if delay != PREDICT_ONLY and batch.n_rows:
            # A tree that begins late needs the columns of earlier rows too: those that are common
            # are not zero after scaling. Rows that are not learnt yet count when they are.
            needed = columns_needed(batch.x_indptr, batch.x_indices)
            n_features = np.maximum(needed, self.n_features)
            n_learnt = batch.n_rows - delay if predict else batch.n_rows
            if n_learnt > 0:
                self.n_features = int(n_features[n_learnt - 1])
            if self.n_features > len(self.scaler.n):
                self.scaler = resize(self.scaler, {"features": column_capacity(self.n_features)})
        x = (batch.x_indptr, batch.x_indices, batch.x_values)
        predicted, learnt = self._scale(x, first_row, predict, delay)
        return Work(x, predicted, learnt, predict, delay, n_features)

    def _scale(
        self, x: FeatureRows, first_row: int, predict: bool, delay: int
    ) -> tuple[FeatureRows, FeatureRows]:
        if not self.needed:
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


class GrowingTree:
    """A tree that gets the room it needs, within a limit.

    Parameters
    ----------
    params
        What the kernels need to know.
    max_size
        Limit in bytes for the arrays.
    tree
        A tree to go on with; None: a new one.
    """

    def __init__(self, params: TreeParams, max_size: float, tree: Tree | None = None):
        self.params = params
        self.max_size = max_size
        self.tree = new_tree(params) if tree is None else tree
        sizes = tree_sizes(self.tree)
        self._scratch = allocate(Scratch, sizes)
        self._split_scratch = allocate(SplitScratch, sizes)

    def __getstate__(self) -> dict[str, Any]:
        # Without what the kernels scribble on.
        return {"params": self.params, "max_size": self.max_size, "tree": self.tree}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        check_tree(self.tree, self.params)

    @property
    def n_labels(self) -> int:
        """Label columns that were learnt."""
        return int(self.tree.registers[lay.N_LABELS])

    @property
    def full(self) -> bool:
        """Whether the memory limit is reached."""
        return bool(self.tree.registers[lay.FULL])

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return n_bytes(Tree, tree_sizes(self.tree))

    def copy(self) -> GrowingTree:
        """The same tree, with arrays of its own."""
        return GrowingTree(self.params, self.max_size, copied(self.tree))

    @property
    def scratch(self) -> tuple[Scratch, SplitScratch]:
        """Room for the kernels to work in."""
        return self._scratch, self._split_scratch

    def count_without_labels(self, n_rows: int) -> None:
        """Let a new tree know of rows that had none of its labels."""
        self.tree.leaves["n_rows"][0] = n_rows

    def widen(self, n_features: int, n_labels: int) -> None:
        """Make room for columns, and count the labels as known."""
        before, self.tree = self.tree, widen(self.tree, n_features, n_labels, self.max_size)
        if self.tree is before:
            return
        sizes = tree_sizes(self.tree)
        self._scratch = resize(self._scratch, sizes)
        self._split_scratch = resize(self._split_scratch, sizes)

    def advance(
        self,
        work: Work,
        truth: LabelsOfRows,
        cursor: Int64Array,
        end: int,
        out: Float64Array,
        answers: Float64Array,
        chosen: UInt8Array = ALL_ROWS,
    ) -> tuple[Float64Array, Float64Array]:
        """Predict and learn the rows from ``cursor`` on; see :func:`stream.engine.tree.advance`.

        Returns
        -------
        ``out`` and ``answers``, with more columns where labels were new.
        """
        y, u, n_labels = truth
        rows = TreeRows(work.x, work.predicted, work.learnt, y, u)
        while True:
            stop = end
            if work.learns:
                room = max(len(self.tree.shift), work.n_features[-1] if self.full else 0)
                fits = min(
                    np.searchsorted(work.n_features, room, side="right"),
                    np.searchsorted(n_labels, self.n_labels, side="right"),
                )
                stop = int(max(fits, cursor[1]))  # rows before it were not for this tree
            reason = advance(
                self.tree, self.params, rows, cursor, Turns(end, stop, work.predict, work.delay),
                chosen, out, answers, self._scratch, self._split_scratch,
            )  # fmt: skip
            if reason == lay.DONE:
                return out, answers
            if reason == lay.PAUSED:
                self.widen(int(work.n_features[stop]), int(n_labels[stop]))
                out, answers = wider(out, self.n_labels), wider(answers, self.n_labels)
            else:
                self.tree = make_room(self.tree, reason, self.max_size)


class TreeLearner:
    """One Hoeffding tree and the scaler of its inputs.

    Columns are the engine's own: features and labels are numbered in the order in which they are
    first learnt.

    Parameters
    ----------
    params
        What the kernels need to know.
    max_size
        Limit in bytes for all arrays.
    """

    def __init__(self, params: TreeParams, max_size: float):
        self.rows = RowScaler(needed=params.use_logistic)
        self.growing = GrowingTree(params, max_size)

    @property
    def params(self) -> TreeParams:
        """What the kernels need to know."""
        return self.growing.params

    @property
    def tree(self) -> Tree:
        """The tree's arrays."""
        return self.growing.tree

    @property
    def scaler(self) -> Scaler:
        """The scaler's arrays."""
        return self.rows.scaler

    @property
    def n_labels(self) -> int:
        """Label columns that were learnt."""
        return self.growing.n_labels

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return self.growing.n_bytes + self.rows.n_bytes

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
        work = self.rows.prepare(batch, first_row, predict, delay)
        y, u = batch.truths
        truth = LabelsOfRows(y, u, labels_needed(y, u))
        cursor = np.array([first_row, 0], np.int64)
        out = np.zeros((batch.n_rows if predict else 0, 1, self.n_labels))
        no_answers = np.zeros((0, 1, self.n_labels))
        out, _ = self.growing.advance(work, truth, cursor, batch.n_rows, out, no_answers)
        return out[:, 0]


def _empty_rows(n_indptr: int, room: int) -> FeatureRows:
    return np.zeros(n_indptr, np.int64), np.empty(room, np.int32), np.empty(room)


def _with_room(rows: FeatureRows) -> FeatureRows:
    """The same rows with room for twice as many entries and some."""
    indptr, indices, values = rows
    room = 2 * len(indices) + 1_000
    return indptr, np.resize(indices, room), np.resize(values, room)


def columns_needed(indptr: Int64Array, indices: Int32Array) -> Int64Array:
    """For each row: how many columns it and the rows before it need."""
    n_rows = len(indptr) - 1
    if n_rows == 1:
        return np.array([indices[-1] + 1 if len(indices) else 0], np.int64)
    needed = np.zeros(n_rows, np.int64)
    filled = np.flatnonzero(np.diff(indptr))
    if len(filled):
        needed[filled] = np.maximum.reduceat(indices, indptr[filled]) + 1
    return np.maximum.accumulate(needed) if n_rows else needed


def labels_needed(y: LabelRows, u: LabelRows) -> Int64Array:
    """For each row: how many label columns it and the rows before it need."""
    needed = columns_needed(*y)
    return np.maximum(needed, columns_needed(*u)) if len(u[1]) else needed


def wider(out: Values, n_labels: int) -> Values:
    """Values [..., labels] with at least ``n_labels`` columns; new ones are 0."""
    if out.shape[-1] >= n_labels:
        return out
    wider = np.zeros((*out.shape[:-1], n_labels), out.dtype)
    wider[..., : out.shape[-1]] = out
    return wider  # type: ignore[return-value]
