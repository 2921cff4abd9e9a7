"""A tree at work: scales rows, calls the kernel, and makes room when the kernel asks for it."""

from __future__ import annotations

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
from stream.engine.events import Events, schedule
from stream.engine.growth import (
    column_capacity,
    make_room,
    new_tree,
    tree_sizes,
    widen,
)
from stream.engine.layout import Tree, TreeParams
from stream.engine.leaf import Scratch
from stream.engine.scaling import MOST_FEATURES, Moments, Scaler, scale_rows
from stream.engine.split import SplitScratch
from stream.engine.tree import TreeRows, Turns, advance

if TYPE_CHECKING:
    from stream.rows.batch import Batch

ALL_ROWS = np.zeros(0, np.uint8)
Values = TypeVar("Values", bound=np.ndarray)


class Work(NamedTuple):
    """Rows to be predicted and learnt, as every tree needs them."""

    x: FeatureRows
    scaled: FeatureRows  # [answers] as they are at the events
    events: Events
    n_features: Int64Array  # [rows] feature columns that each row and the rows before it need

    @property
    def learns(self) -> bool:
        """Whether rows are learnt."""
        return bool(self.events.learns.any())


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

    def prepare(self, x: FeatureRows, events: Events, n_features: Int64Array) -> Work:
        """Scale rows as they are at the events.

        Parameters
        ----------
        n_features
            Feature columns that each row and all before it need [rows], those of earlier calls too:
            a tree that begins late needs them, as what is common is not zero after scaling.
        """
        if events.n_learnt:
            self.n_features = int(n_features[events.row[events.learnt[-1]]])
            if self.n_features > len(self.scaler.n):
                self.scaler = resize(self.scaler, {"features": column_capacity(self.n_features)})
        return Work(x, self._scale(x, events), events, n_features)

    def _scale(self, x: FeatureRows, events: Events) -> FeatureRows:
        n_answers = events.n_answers
        if not self.needed or not n_answers:
            return np.zeros(n_answers + 1, np.int64), np.empty(0, np.int32), np.empty(0)
        room = n_answers * (len(x[1]) // (len(x[0]) - 1) + 1 + int(self.scaler.n_common[0]))
        scaled = np.zeros(n_answers + 1, np.int64), np.empty(room, np.int32), np.empty(room)
        cursor = np.zeros(2, np.int64)
        n_features = len(self.scaler.n)
        moments = Moments(*np.empty((2, n_features if n_features <= MOST_FEATURES else 0)))
        while scale_rows(self.scaler, x, events, cursor, scaled, moments):
            scaled = _with_room(scaled)
        return scaled


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
        first: int,
        end: int,
        answers: Float64Array,
        *,
        asked: bool,
        chosen: UInt8Array = ALL_ROWS,
    ) -> Float64Array:
        """Predict and learn the rows of the events ``first`` to ``end``; see
        :func:`stream.engine.tree.advance`.

        Returns
        -------
        ``answers``, with more columns where labels were new.
        """
        y, u, n_labels = truth
        rows = TreeRows(work.x, work.scaled, y, u, work.events)
        cursor, learns, stop = np.array([first]), work.learns, 0
        while True:
            if learns:
                room = max(len(self.tree.shift), work.n_features[-1] if self.full else 0)
                stop = min(
                    int(work.n_features.searchsorted(room, side="right")),
                    int(n_labels.searchsorted(self.n_labels, side="right")),
                )
            reason = advance(
                self.tree, self.params, rows, cursor, Turns(end, stop, asked), chosen, answers,
                self._scratch, self._split_scratch,
            )  # fmt: skip
            if reason == lay.DONE:
                return answers
            if reason == lay.PAUSED:
                row = work.events.row[cursor[0]]
                self.widen(int(work.n_features[row]), int(n_labels[row]))
                answers = wider(answers, self.n_labels)
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
        x, (y, u) = batch.features, batch.truths
        n_learnt = int(self.tree.registers[lay.ROWS_LEARNT])
        events = schedule(batch.n_rows, first_row, n_learnt, predict=predict, delay=delay)
        n_features = np.maximum(columns_needed(*x[:2]), self.rows.n_features)
        work = self.rows.prepare(x, events, n_features)
        truth = LabelsOfRows(y, u, labels_needed(y, u))
        answers = np.zeros((events.n_answers if predict else 0, 1, self.n_labels))
        answers = self.growing.advance(work, truth, 0, len(events.row), answers, asked=False)
        return by_row(events, answers[:, 0], batch.n_rows if predict else 0)


def by_row(events: Events, answers: Float64Array, n_rows: int) -> Float64Array:
    """Answers [answers, labels] to the rows that are predicted, by row [rows, labels]; 0 for rows
    that are not."""
    predicted = events.predicted
    if len(predicted) == n_rows == len(answers):
        return answers  # in the order of rows already
    out = np.zeros((n_rows, answers.shape[1]))
    out[events.row[predicted]] = answers[events.answer[predicted]]
    return out


def some_rows(rows: FeatureRows, numbers: Int64Array) -> FeatureRows:
    """The rows of these numbers, in their order."""
    indptr, indices, values = rows
    lengths = indptr[numbers + 1] - indptr[numbers]
    taken = np.concatenate([[0], np.cumsum(lengths)])
    at = np.repeat(indptr[numbers] - taken[:-1], lengths) + np.arange(taken[-1])
    return taken, indices[at], values[at]


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
