"""Following an evaluation without slowing it: what the page is told, and how often."""

from __future__ import annotations

import collections
import time
from types import TracebackType
from typing import Any, NamedTuple

from stream.data.source import Source, rows_as_dicts
from stream.evaluate.clusters import hierarchy_of
from stream.evaluate.metrics import MultiLabelMetrics
from stream.evaluate.plotting import main_metrics
from stream.evaluate.protocol import structure_of
from stream.evaluate.result import PrequentialResult, describe, parameters_of, peak_rss_mb
from stream.evaluate.tally import ratio
from stream.live.budget import Budget
from stream.live.explaining import explain, row_labels, shares
from stream.live.history import History
from stream.live.labels import LabelTable
from stream.live.resting import Rest
from stream.live.server import LOOPBACK, PageServer
from stream.live.state import FORMAT, clusters_of, marks_of, state_of
from stream.live.workers import Placement
from stream.rows.batch import Batch, slice_rows
from stream.rows.label_sets import LabelSets

MOST_PREDICTIONS = 20
# What each kind of work for the page takes at most of the process's time, however dear it is.
SHARE = 0.001


class _Moment(NamedTuple):
    """What was known when rows were done; names that come later belong to later rows."""

    piece: Batch
    predicted: LabelSets
    metrics: MultiLabelMetrics
    n_features: int
    n_labels: int


class LivePage:
    """A page that shows an evaluation while it runs; give it to ``prequential(watcher=...)``.

    The page is served from this process to a browser on this machine and asks nothing of any other
    host. What it costs is bounded: about one hundredth of the time, and memory that does
    not grow with the rows.

    Parameters
    ----------
    port
        TCP port; 0: any that is free.
    host
        Address to listen on. Everyone who can reach it sees the labels and predictions, so that
        it is the loopback address unless you say otherwise.

    Attributes
    ----------
    url
        Where the page is.

    Examples
    --------
    >>> from stream import MultiLabelHoeffdingTree, prequential
    >>> with LivePage() as page:
    ...     result = prequential("yeast", MultiLabelHoeffdingTree(), limit=200, watcher=page)
    >>> page.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, port: int = 0, host: str = LOOPBACK):
        self._server = PageServer(host, port)
        self.url = self._server.url
        self._rest = Rest(self._catch_up)
        self._start_over()

    def _start_over(self) -> None:
        """Begin the page of another run."""
        self._history = History()
        self._structures: list[dict[str, Any]] = []  # of the windows that were not read yet
        self._predictions: collections.deque[dict[str, Any]] = collections.deque(
            maxlen=MOST_PREDICTIONS
        )
        self._state: dict[str, Any] = {}
        self._began = time.perf_counter()
        self._window = 0
        self._model_seconds = 0.0
        self._snapshots = Budget(SHARE)
        self._explanations = Budget(SHARE)
        self._briefs = Budget(SHARE, least=0.25)
        self._asked: dict[str, Any] | None = None
        self._marks: list[dict[str, Any]] = []
        self._source: Source
        self._model: Any = None
        self._placement = Placement(None)
        self._explains = False
        self._unshown: _Moment | None = None  # rows that are done and not all shown yet

    def begin(self, source: Source, model: Any, name: str, window: int, total: int | None) -> None:
        """See :class:`~stream.evaluate.protocol.Watcher`."""
        schema = source.schema
        self._source, self._model, self._window = source, model, window
        self._placement = Placement(model)
        self._explains = callable(getattr(model, "explain_one", None))
        self._began = time.perf_counter()
        self._state = {
            "format": FORMAT,
            "status": "waiting",
            "total": total,
            "dataset": source.name,
            "model": name,
            "params": describe(parameters_of(model)),
            "task": schema.task,
            "rows": 0,
            "window": window,
            "features": len(schema.features),
            "labels": len(schema.labels),
            "metrics": {},
            "shown": list(main_metrics(schema.task)),
            "history": self._history.columns(),
            "drifts": [],
            "restructures": [],
            "changes": [],
            "hierarchy": [],
            "n_nodes": 0,
            "predictions": [],
        }
        self._server.publish(self._state)
        self._look_after_rest()

    def _look_after_rest(self) -> None:
        """Show the last rows when no more come for a while."""
        self._rest.stop()
        self._rest = Rest(self._catch_up)
        self._rest.start()

    def before(self, piece: Batch) -> None:
        """Ask the model for an explanation, now and then, before it learns the row."""
        self._rest.end()
        self._asked = None
        if piece.n_rows and self._explains:
            self._explanations.run(lambda: self._ask(piece))

    def _ask(self, piece: Batch) -> None:
        x, _ = next(rows_as_dicts(slice_rows(piece, 0, 1), self._source.schema))
        self._asked = explain(self._model, x)

    def after(
        self,
        piece: Batch,
        predicted: LabelSets,
        metrics: MultiLabelMetrics,
        structure: dict[str, Any],
    ) -> None:
        """See :class:`~stream.evaluate.protocol.Watcher`."""
        if predicted.n_rows:
            self._add_rows(piece, predicted, metrics, structure)
        self._rest.begin()

    def _add_rows(
        self,
        piece: Batch,
        predicted: LabelSets,
        metrics: MultiLabelMetrics,
        structure: dict[str, Any],
    ) -> None:
        done = predicted.n_rows
        if self._asked is not None:
            self._note(piece, predicted, metrics.n_rows - done, 0, self._asked)
        fresh = metrics.n_rows % self._window == 0
        if fresh:
            self._structures.append(structure)
        # Windows that nobody waits for are read when the page is next made up.
        shown = fresh and self._server.is_followed
        if shown:
            self._read_windows(metrics)
        self._follow(piece, predicted, metrics, shown)

    def _read_windows(self, metrics: MultiLabelMetrics) -> None:
        """Add the windows that have ended since the last time to the course."""
        read, self._structures = self._structures, []
        for window, structure in zip(
            metrics.whole_windows(self._history.n_windows), read, strict=True
        ):
            self._add_window(window | structure)

    def _follow(
        self, piece: Batch, predicted: LabelSets, metrics: MultiLabelMetrics, fresh: bool
    ) -> None:
        """Show rows that are done; ``fresh`` says that a window was added to the course."""
        schema = self._source.schema
        moment = _Moment(piece, predicted, metrics, len(schema.features), len(schema.labels))
        if self._snapshots.run(lambda: self._snapshot(moment)):
            return
        self._unshown = moment
        # The newest point is shown at once; what takes longer to gather may be a little older, and
        # metrics of all rows wait a moment where windows follow each other closely.
        if fresh and not self._briefs.run(lambda: self._server.publish(self._brief(metrics))):
            self._state |= {"rows": metrics.n_rows, "history": self._history.copy()}
            self._server.publish(self._state)

    def _add_window(self, window: dict[str, Any]) -> None:
        self._history.add(window)
        counts = {name: window.get(name) for name in ("drifts", "restructures")}
        last = self._marks[-1] if self._marks else {}
        if any(counts[name] != last.get(name, 0) for name in counts):
            # Marks of models that only count; those of others are read from their events.
            self._marks = [*self._marks[-1_000:], {"stop": window["stop"], **counts}]

    def _note(self, piece: Batch, predicted: LabelSets, first: int, i: int, why: Any) -> None:
        names = self._source.schema.labels
        self._predictions.append(
            {"row": first + i, **row_labels(piece, predicted, i, names), **(why or {})}
        )

    def _brief(self, metrics: MultiLabelMetrics) -> dict[str, Any]:
        seconds = time.perf_counter() - self._began
        self._state |= {
            "status": "running",
            "rows": metrics.n_rows,
            "metrics": describe(metrics.as_dict()),
            "seconds": seconds,
            "rows_per_second": ratio(metrics.n_rows, seconds),
            "history": self._history.copy(),
        }
        return self._state

    def _snapshot(self, moment: _Moment) -> None:
        """All that the page shows."""
        began = time.thread_time()
        piece, predicted, metrics = moment.piece, moment.predicted, moment.metrics
        schema = self._source.schema
        self._unshown = None
        self._read_windows(metrics)
        if not self._explains:
            last = predicted.n_rows - 1
            self._note(piece, predicted, metrics.n_rows - 1 - last, last, None)
        structure = describe(structure_of(self._model))
        labels = LabelTable(schema.labels[: moment.n_labels], metrics.label_counts())
        table = labels.columns()
        clusters = clusters_of(describe(hierarchy_of(self._model)) or [], table, self._routing())
        labels.clusters = table["cluster"]
        self._server.labels = labels
        marks = marks_of(structure["drifts"], structure["restructures"], self._marks)
        self._state = self._state | {
            **marks,
            **clusters,
            **self._placement.tell(),
            "features": moment.n_features,
            "labels": metrics.n_labels,
            "cardinality": metrics.cardinality(),
            "peak_rss_mb": peak_rss_mb(),
            "predictions": list(self._predictions),
        }
        self._server.publish(self._brief(metrics))
        self._rest.cost = time.thread_time() - began

    def _catch_up(self) -> None:
        """Show all rows that are done, and send it at once: nothing else is to be done."""
        if self._unshown is not None:
            self._snapshot(self._unshown)
        self._server.hurry()

    def _routing(self) -> dict[str, list[float]]:
        return shares(each.get("experts") for each in self._predictions)

    def summary(self) -> dict[str, Any]:
        """See :class:`~stream.evaluate.protocol.Watcher`."""
        return {
            "predictions": list(self._predictions),
            "routing": self._routing(),
            "placement": self._placement.tell(now=True),
        }

    def end(self, result: PrequentialResult) -> None:
        """Show the result; the page has its numbers and needs the server no more."""
        self._rest.stop()
        self._server.publish(state_of(result.as_dict()), final=True)

    def wait(self, seconds: float) -> None:
        """Wait until the browsers that look at the page have the last state, or so long."""
        self._server.wait(seconds)

    def close(self) -> None:
        """Stop serving."""
        self._rest.stop()
        self._server.close()

    def __enter__(self) -> LivePage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
