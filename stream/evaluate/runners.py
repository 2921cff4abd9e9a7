"""Runners take a model through a piece of a stream: many rows in a call, or one row at a time."""

from __future__ import annotations

import collections
import signal
import threading
import time
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from stream.data.source import Source, rows_as_dicts
from stream.errors import ParameterError
from stream.evaluate.protocol import BatchEstimator
from stream.evaluate.ranking import DEEPEST, nothing_ranked, ranking_of
from stream.evaluate.row_model import Row, RowModel
from stream.models.conformal import ConformalLabelSets
from stream.rows.batch import Batch, concatenate, slice_rows
from stream.rows.label_sets import LabelSets, sets_of, sets_of_rows
from stream.rows.listed import ListedProbabilities, listed_probabilities
from stream.rows.predictions import Predictions, SparsePredictions
from stream.rows.ranking import Ranking
from stream.rows.schema import Schema, Task

ROW_BLOCK_SECONDS = 0.1


class StopOnInterrupt:
    """Ctrl-C asks for a stop between rows instead of breaking off inside a model.

    While ``busy`` the first Ctrl-C only sets ``requested``; a second one, or one while a source is
    being read, raises KeyboardInterrupt. Does nothing outside of the main thread or where the
    program handles the signal itself.
    """

    def __init__(self) -> None:
        self.requested = False
        self.busy = False
        self._installed = False

    def __enter__(self) -> StopOnInterrupt:
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, *args: object) -> None:
        again, self.requested = self.requested, True
        if again or not self.busy:
            raise KeyboardInterrupt


class Answers(NamedTuple):
    """What a model answered for consecutive rows."""

    labels: LabelSets  # those that were predicted
    ranking: Ranking | None = None  # None: it does not rank, or the stream is one of classes
    probabilities: ListedProbabilities | None = None  # None: it gives none with its answers
    sets: LabelSets | None = None  # None: it gives no prediction sets

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.labels.n_rows

    def slice(self, start: int, stop: int) -> Answers:
        """The rows ``start`` to ``stop`` (exclusive)."""
        ranking, listed, sets = self[1:]
        return Answers(
            self.labels.slice(start, stop),
            None if ranking is None else ranking.slice(start, stop),
            None if listed is None else listed.slice(start, stop),
            None if sets is None else sets.slice(start, stop),
        )


class Runner(Protocol):
    """Tests and trains a model on the rows it is given, in order."""

    def run(
        self, piece: Batch, source: Source, first_row: int, stop: StopOnInterrupt
    ) -> tuple[Answers, float]:
        """Predict and learn from the front of ``piece``, which starts at row ``first_row``.

        Returns
        -------
        tuple
            The answers for the rows that were done (all of them, or fewer when it was time
            to report or to stop), and the seconds spent inside the model.
        """
        ...


class BatchRunner:
    """Gives a :class:`BatchEstimator` whole pieces, and again the rows whose labels were late."""

    def __init__(self, model: BatchEstimator, delay: int):
        self.model = model
        self.delay = delay
        self._late: Batch | None = None

    def run(
        self, piece: Batch, source: Source, first_row: int, stop: StopOnInterrupt
    ) -> tuple[Answers, float]:
        """See :class:`Runner`."""
        pending = 0 if self._late is None else self._late.n_rows
        batch = piece if self._late is None else concatenate([self._late, piece])
        began = time.perf_counter()
        predictions = self.model.test_then_train_many(
            batch, source.schema, pending=pending, delay=self.delay
        )
        seconds = time.perf_counter() - began
        if self.delay:
            self._late = slice_rows(batch, max(0, batch.n_rows - self.delay), batch.n_rows)
        return answers_of(predictions, piece, source.schema.task), seconds


class SetRunner:
    """Gives a :class:`~stream.ConformalLabelSets` around a :class:`BatchEstimator` whole pieces,
    where labels are not late."""

    def __init__(self, model: ConformalLabelSets):
        self.model = model

    def run(
        self, piece: Batch, source: Source, first_row: int, stop: StopOnInterrupt
    ) -> tuple[Answers, float]:
        """See :class:`Runner`."""
        began = time.perf_counter()
        predictions, sets = self.model.test_then_train_sets(piece, source.schema)
        seconds = time.perf_counter() - began
        return answers_of(predictions, piece, source.schema.task)._replace(sets=sets), seconds


def answers_of(predictions: Predictions | SparsePredictions, rows: Batch, task: Task) -> Answers:
    """What a model that takes many rows in a call answered for them."""
    ranking = ranking_of(predictions, rows) if task == "multi-label" else None
    return Answers(sets_of(predictions), ranking, listed_probabilities(predictions))


class RowRunner:
    """Gives any River estimator a row at a time, as it came where the source has kept that.

    Where a source has only numbers in columns, a row holds also the features that are 0; where
    columns appear as rows are read, it tells nothing of those that appear later. Labels are ranked
    where the model has ``predict_top_one(x, k)``, which gives the k most probable labels and their
    probabilities, best first: River's estimators would take twice the time.

    Parameters
    ----------
    model
        The estimator or pipeline.
    delay
        Rows between a prediction and the arrival of its labels.
    single_label
        Whether rows have classes.
    """

    def __init__(self, model: Any, delay: int, *, single_label: bool):
        self.model = RowModel(model, single_label=single_label)
        self.delay = delay
        self._late: collections.deque[tuple[Row, Any]] = collections.deque()
        self._columns: dict[Hashable, int] = {}

    def run(
        self, piece: Batch, source: Source, first_row: int, stop: StopOnInterrupt
    ) -> tuple[Answers, float]:
        """See :class:`Runner`."""
        schema = source.schema
        if len(self._columns) != len(schema.labels):
            self._columns = {label: column for column, label in enumerate(schema.labels)}
        ranking = nothing_ranked(piece.n_rows, DEEPEST) if self.model.ranks else None
        predicted: list[list[int]] = []
        sets: list[list[int]] = []
        clock = time.perf_counter
        seconds, done, deadline = 0.0, 0, clock() + ROW_BLOCK_SECONDS
        try:
            for x, y in self._rows(piece, source, first_row):
                began = clock()
                labels = self.model.predict(x)
                held = self.model.predict_set(x) if self.model.gives_sets else ()
                seconds += clock() - began
                predicted.append(sorted(set(map(self._column, labels))))
                sets.append(sorted(map(self._column, held)))
                if ranking is not None:
                    self._rank(x, ranking, done)
                self._late.append((x, y))
                done += 1
                if len(self._late) > self.delay:
                    began = clock()
                    self.model.learn(*self._late.popleft())
                    seconds += clock() - began
                if stop.requested or clock() > deadline:
                    break
        except KeyboardInterrupt:
            stop.requested = True
        found = sets_of_rows(sets[:done]) if self.model.gives_sets else None
        answers = Answers(sets_of_rows(predicted[:done]), ranking)
        return answers.slice(0, done)._replace(sets=found), seconds

    def _rank(self, x: Row, ranking: Ranking, row: int) -> None:
        """Ask for the most probable labels of a row, outside of the time of the model."""
        for place, (label, probability) in enumerate(self.model.rank(x, DEEPEST)):
            ranking.labels[row, place] = self._column(label)
            ranking.probabilities[row, place] = probability

    def _rows(self, piece: Batch, source: Source, first_row: int) -> Iterator[tuple[Row, Any]]:
        """Rows with every numeric feature that is known by then."""
        kept = source.kept_rows
        if not source.columns_grow:
            self.model.know_numbers(source.schema.features)
            for x, y in rows_as_dicts(piece, source.schema):
                yield self.model.whole(x), y
            return
        for i in range(piece.n_rows):
            known = source.n_labels_by(first_row + i)
            for x, y in rows_as_dicts(slice_rows(piece, i, i + 1), source.schema, n_labels=known):
                yield self.model.whole(kept.popleft() if kept is not None else x), y

    def _column(self, label: Hashable) -> int:
        column = self._columns.get(label)
        if column is None:
            raise ParameterError(
                f"The model predicted the label {label!r}, which must be one of the "
                f"labels of the stream: {name_some(self._columns)}."
            )
        return column


def name_some(names: Iterable[object], most: int = 10) -> str:
    """The first names of a list, for a message.

    Examples
    --------
    >>> name_some("abcd", most=3)
    "'a', 'b', 'c' and 1 more"
    """
    listed = [repr(name) for name in names]
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest


def runner_for(model: Any, schema: Schema, delay: int) -> BatchRunner | SetRunner | RowRunner:
    """The runner that suits the model.

    Raises
    ------
    ParameterError
        When the model cannot predict, or is not made for the task of the stream.
    """
    if isinstance(model, BatchEstimator) and not isinstance(model, type):
        _check_task(model, schema)
        return BatchRunner(model, delay)
    if (
        delay == 0
        and isinstance(model, ConformalLabelSets)
        and isinstance(model.model, BatchEstimator)
    ):
        _check_task(model, schema)
        return SetRunner(model)
    if isinstance(model, type) or not (
        callable(getattr(model, "predict_one", None))
        and callable(getattr(model, "learn_one", None))
    ):
        raise ParameterError(
            "The model must have the methods test_then_train_many, or predict_one and learn_one. "
            f"Got {model if isinstance(model, type) else type(model)} instead."
        )
    _check_task(model, schema)
    return RowRunner(model, delay, single_label=schema.task == "single-label")


def task_of(model: Any) -> Task | None:
    """The task that a River estimator or pipeline is made for; None where it does not say."""
    from river import base, compose

    last = model
    while isinstance(last, compose.Pipeline):
        last = list(last.steps.values())[-1]
    if isinstance(last, base.MultiLabelClassifier):  # ours are both, for River's evaluation
        return "multi-label"
    return "single-label" if isinstance(last, base.Classifier) else None


def _check_task(model: Any, schema: Schema) -> None:
    """Refuse a River estimator of another task; one that does not say what it is may try."""
    from river import base, compose

    last = model
    while isinstance(last, compose.Pipeline):
        last = list(last.steps.values())[-1]
    if isinstance(last, ConformalLabelSets):  # made for the task that its model is made for
        _check_task(last.model, schema)
        return
    if not isinstance(last, base.Estimator):
        return
    classes = schema.task == "single-label"
    wanted = base.Classifier if classes else base.MultiLabelClassifier
    # Ours that predict label sets are both, because River's evaluation wants a Classifier.
    if not isinstance(last, wanted) or (classes and isinstance(last, base.MultiLabelClassifier)):
        hint = (
            ", such as HoeffdingTreeClassifier ('hoeffding-tree')"
            if classes
            else ", such as MultiLabelHoeffdingTree; river.multioutput makes one of a classifier"
        )
        raise ParameterError(
            f"The model must be a {wanted.__name__} for a {schema.task} stream{hint}. "
            f"Got {type(last).__name__} instead."
        )
