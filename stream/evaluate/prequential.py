"""Prequential evaluation: every row is predicted first and learnt afterwards."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from stream.constraints import DELAY, NONE, ROWS, Constraints, Number, check_values
from stream.data.resolving import open_source
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.errors import DataError
from stream.evaluate.calibration import CalibrationTally
from stream.evaluate.clusters import hierarchy_of
from stream.evaluate.metrics import MultiLabelMetrics
from stream.evaluate.notebook import automatic_progress
from stream.evaluate.protocol import Progress, StructureCourse, Watcher, structure_of
from stream.evaluate.ranking import RankTally, rank_labels
from stream.evaluate.result import (
    PartialResultError,
    PrequentialResult,
    describe,
    parameters_of,
    peak_rss_mb,
)
from stream.evaluate.runners import RowRunner, Runner, StopOnInterrupt, runner_for
from stream.evaluate.tally import ratio
from stream.models.conformal import ConformalLabelSets
from stream.rows.batch import Batch, concatenate, slice_rows
from stream.rows.listed import nothing_listed
from stream.rows.schema import Task

# Cells of a chunk's matrix of predictions: its memory stays moderate however many labels.
CHUNK_CELLS = 25_000_000
DEFAULT_WINDOW = 1000
SHORTER_WINDOWS = (10, 20, 50, 100, 200, 500, DEFAULT_WINDOW)
LEAST_WINDOWS = 8

CONSTRAINTS: Constraints = {
    "limit": (Number(1, 2**63 - 1, integer=True), NONE),
    "delay": (DELAY,),
    "window": (ROWS, NONE),
    "chunk_rows": (ROWS, NONE),
}


class NoProgress:
    """Shows nothing."""

    interval = float("inf")

    def compiling(self) -> contextlib.AbstractContextManager[None]:
        """See :class:`~stream.evaluate.protocol.Progress`."""
        return contextlib.nullcontext()

    def start(self, total: int | None, task: Task) -> None:
        """See :class:`~stream.evaluate.protocol.Progress`."""

    def update(self, rows: int, metrics: Callable[[], dict[str, float]]) -> None:
        """See :class:`~stream.evaluate.protocol.Progress`."""

    def stop(self) -> None:
        """See :class:`~stream.evaluate.protocol.Progress`."""


def prequential(
    source: Any,
    model: Any,
    *,
    limit: int | None = None,
    delay: int = 0,
    window: int | None = DEFAULT_WINDOW,
    chunk_rows: int | None = None,
    progress: Progress | bool | None = None,
    model_name: str | None = None,
    watcher: Watcher | None = None,
    **options: Any,
) -> PrequentialResult:
    """Test a model on each row of a stream, then train it on that row.

    Every row counts. Before anything was learnt the prediction is the empty label set, and so is no
    answer (None or an empty dictionary). Ctrl-C ends the evaluation with the results so far.

    Parameters
    ----------
    source
        The stream: a :class:`~stream.data.Source`, or anything that
        :func:`~stream.data.open_source` takes (a name, a file, a frame, a generator, a dataset).
    model
        A :class:`~stream.evaluate.protocol.BatchEstimator`, or any River multi-label classifier,
        classifier (for a single-label stream) or pipeline. It is trained in place.
    limit
        Rows to read at most; None: all.
    delay
        Rows between a prediction and the arrival of its labels: when row ``t`` is predicted, row
        ``t - delay - 1`` is the newest one that was learnt.
    window
        Rows of the windows in which the metrics are reported besides the whole stream; None: 1000,
        or fewer where the stream is short.
    chunk_rows
        Rows to read at a time. It changes the speed, never the result.
    progress
        Where to show how far it is; True: on the terminal or in the notebook; None or False:
        nowhere.
    model_name
        Name of the model in the result; None: that of its class.
    watcher
        Follows the evaluation, as :class:`stream.live.LivePage` does; None: nobody.
    **options
        What :func:`~stream.data.open_source` needs, such as ``labels=["sun", "rain"]``.

    Returns
    -------
    PrequentialResult
        Metrics, windows, speed, memory.

    Raises
    ------
    PartialResultError
        When the stream holds a row that cannot be used (a :class:`~stream.errors.DataError`); its
        ``result`` is that of the rows before.
    ParameterError
        When a parameter is out of range, or the model is not made for the task of the stream.

    Examples
    --------
    >>> from river import linear_model, multioutput, preprocessing
    >>> model = preprocessing.StandardScaler() | multioutput.ClassifierChain(
    ...     linear_model.LogisticRegression()
    ... )
    >>> result = prequential("yeast", model, limit=300, window=100)
    >>> result.rows, len(result.windows)
    (300, 3)
    >>> 0.4 < result.metrics["micro_f1"] < 0.7
    True
    """
    given = {"limit": limit, "delay": delay, "window": window, "chunk_rows": chunk_rows}
    check_values("prequential", given, CONSTRAINTS)
    if options or not callable(getattr(source, "batches", None)):
        source = open_source(source, **options)
    if isinstance(progress, bool) or progress is None:
        progress = automatic_progress() if progress else NoProgress()
    if window is None:
        window = window_for(source.n_rows, limit)
    name = model_name or _name_of(model)
    evaluation = _Evaluation(
        source, model, limit=limit, delay=delay, window=window, progress=progress, watcher=watcher
    )
    if watcher is not None:
        watcher.begin(source, model, name, window, evaluation.total)
    error = evaluation.run(chunk_rows or default_chunk_rows(len(source.schema.labels)))
    result = evaluation.result(name, error)
    if watcher is not None:
        watcher.end(result)
    if error is not None:
        raise PartialResultError(error, result) from error
    return result


def default_chunk_rows(n_labels: int) -> int:
    """Rows to read at a time so that rows × labels stays moderate.

    Examples
    --------
    >>> default_chunk_rows(14), default_chunk_rows(100_000)
    (1000, 250)
    """
    return max(1, min(DEFAULT_CHUNK_ROWS, CHUNK_CELLS // max(1, n_labels)))


def window_for(n_rows: int | None, limit: int | None = None) -> int:
    """Rows of a window so that a short stream still has eight of them, where its length is known.

    Examples
    --------
    >>> window_for(2417), window_for(1_000_000), window_for(None), window_for(None, limit=100)
    (200, 1000, 1000, 10)
    """
    rows = min((number for number in (n_rows, limit) if number is not None), default=None)
    if rows is None:
        return DEFAULT_WINDOW
    fitting = (size for size in SHORTER_WINDOWS if size * LEAST_WINDOWS <= rows)
    return max(fitting, default=SHORTER_WINDOWS[0])


class _Evaluation:
    """One evaluation under way; the parts of :func:`prequential`."""

    def __init__(
        self,
        source: Source,
        model: Any,
        *,
        limit: int | None,
        delay: int,
        window: int,
        progress: Progress,
        watcher: Watcher | None = None,
    ):
        self.source = source
        self.model = model
        self.limit = limit
        self.delay = delay
        self.window = window
        self.progress = progress
        self.watcher = watcher
        self.runner: Runner = runner_for(model, source.schema, delay)
        if isinstance(self.runner, RowRunner):
            source.keep_rows()
        self.metrics = MultiLabelMetrics(task=source.schema.task, delay=delay, window=window)
        self.params = parameters_of(model)  # some models of River change theirs as they learn
        self.course = StructureCourse(model)
        self.began = time.perf_counter()
        self.compile_seconds = 0.0
        self.model_seconds = 0.0
        self.interrupted = False

    @property
    def total(self) -> int | None:
        """Rows that are expected, where that is known."""
        known = [rows for rows in (self.source.n_rows, self.limit) if rows is not None]
        return min(known, default=None)

    def run(self, chunk_rows: int) -> DataError | None:
        """Go through the stream; return what ended it early, if bad data did."""
        if self.limit is not None:
            chunk_rows = min(chunk_rows, self.limit)
        try:
            with StopOnInterrupt() as stop:
                with self.progress.compiling():
                    self.compile_seconds = warm_up(self.model, self.source.schema.task)
                self.progress.start(self.total, self.source.schema.task)
                self.read(chunk_rows, stop)
                self.interrupted = stop.requested
        except KeyboardInterrupt:
            self.interrupted = True
        except DataError as error:
            return error
        finally:
            self.progress.stop()
        return None

    def read(self, chunk_rows: int, stop: StopOnInterrupt) -> None:
        with contextlib.closing(_batches(self.source, chunk_rows)) as batches:
            for batch in batches:
                stop.busy = True
                start = 0
                while start < batch.n_rows:
                    start += self.step(batch, start, stop)
                    if stop.requested or self.metrics.n_rows == self.limit:
                        return
                stop.busy = False

    def step(self, batch: Batch, start: int, stop: StopOnInterrupt) -> int:
        """Test and train on rows of one window; how many were done."""
        seen = self.metrics.n_rows
        end = min(batch.n_rows, start + self.window - seen % self.window)
        if self.limit is not None:
            end = min(end, start + self.limit - seen)
        piece = slice_rows(batch, start, end)
        if self.watcher is not None:
            self.watcher.before(piece)
        answered, seconds = self.runner.run(piece, self.source, seen, stop)
        done = answered.n_rows
        self.model_seconds += seconds
        scored = slice_rows(piece, 0, done)
        for low, high, n_labels in self.stretches(scored, seen):
            answers = answered.slice(low - seen, high - seen)
            self.metrics.update_many(
                answers.labels,
                slice_rows(scored, low - seen, high - seen),
                n_labels,
                ranking=answers.ranking,
                probabilities=answers.probabilities,
                sets=answers.sets,
                seconds=seconds * (high - low) / done,
            )
        if done and self.metrics.n_rows % self.window == 0:
            self.course.end_window()
        if self.watcher is not None:
            told = self.course.windows[-1] if self.course.windows else {}
            self.watcher.after(piece, answered.labels, self.metrics, told)
        self.progress.update(self.metrics.n_rows, self.metrics.brief)
        return done

    def stretches(self, rows: Batch, seen: int) -> Iterator[tuple[int, int, int]]:
        """The rows after the first ``seen``, in stretches with one number of known labels.

        Where the truth of all is complete it makes no difference how many are known.
        """
        stop = seen + rows.n_rows
        if rows.n_rows and not len(rows.u_indices):
            return iter([(seen, stop, self.source.n_labels_by(stop - 1))])
        return _label_stretches(self.source, seen, stop)

    def result(self, model_name: str, error: DataError | None) -> PrequentialResult:
        schema = self.source.schema
        structure = structure_of(self.model)
        windows = self.metrics.windows()
        if callable(getattr(self.model, "structure", None)):
            counts = [*self.course.windows, self.course.now()]
            for each, then in zip(windows, counts, strict=False):
                each.update(then)
        return PrequentialResult(
            dataset=self.source.name,
            model=model_name,
            params=self.params,
            seed=self.params.get("seed"),
            task=schema.task,
            rows=self.metrics.n_rows,
            features=len(schema.features),
            labels=self.metrics.n_labels or len(schema.labels),
            cardinality=self.metrics.cardinality(),
            metrics=self.metrics.as_dict(),
            seconds=time.perf_counter() - self.began,
            compile_seconds=self.compile_seconds,
            rows_per_second=ratio(self.metrics.n_rows, self.model_seconds),
            peak_rss_mb=peak_rss_mb(),
            hierarchy=hierarchy_of(self.model),
            windows=windows,
            sets=_sets_of(self.model),
            per_label=self.metrics.per_label(schema.labels[: self.metrics.n_labels]),
            delay=self.delay,
            window=self.window,
            interrupted=self.interrupted,
            error=None if error is None else str(error),
            watched=None if self.watcher is None else self.watcher.summary(),
            **{name: describe(value) for name, value in structure.items()},
        )


def _sets_of(model: Any) -> dict[str, Any] | None:
    """What a model of prediction sets tells of them; None for any other."""
    return dict(model.summary) if isinstance(model, ConformalLabelSets) else None


def _label_stretches(source: Source, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Rows ``start`` to ``stop`` in stretches of one number of known labels."""
    if start >= stop:
        return
    n_labels = source.n_labels_by(start)
    if n_labels == source.n_labels_by(stop - 1):
        yield start, stop, n_labels
    else:
        middle = (start + stop) // 2
        yield from _label_stretches(source, start, middle)
        yield from _label_stretches(source, middle, stop)


def _batches(source: Source, chunk_rows: int) -> Generator[Batch, None, None]:
    """The batches of a source, as a generator that can be closed."""
    yield from source.batches(chunk_rows)


def warm_up(model: Any, task: Task = "multi-label") -> float:
    """Compile the kernels that a model and its evaluation need; the seconds it took.

    The model stays as it is.
    """
    began = time.perf_counter()
    truth: Any = 0 if task == "single-label" else {0: True}
    MultiLabelMetrics([0], task).update_one(truth, None)
    rows = concatenate([])
    CalibrationTally().add(nothing_listed(0), rows, range(0), 1, task)
    if task == "multi-label":
        RankTally().add(rank_labels(np.zeros((0, 1)), rows), rows, range(0), 1)
    if callable(getattr(model, "warm_up", None)):
        model.warm_up()
    return time.perf_counter() - began


def _name_of(model: Any) -> str:
    """Class of a model; the classes of the steps of a pipeline."""
    steps = getattr(model, "steps", None)
    if isinstance(steps, dict):
        return " | ".join(_name_of(step) for step in steps.values())
    return type(model).__name__
