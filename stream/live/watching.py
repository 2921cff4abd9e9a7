"""Following an evaluation without slowing it: what the page is told, and how often."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from stream.data.source import Source, rows_as_dicts
from stream.evaluate.clusters import hierarchy_of
from stream.evaluate.metrics import MultiLabelMetrics
from stream.evaluate.plotting import main_metrics
from stream.evaluate.protocol import structure_of
from stream.evaluate.result import PrequentialResult, describe, parameters_of, peak_rss_mb
from stream.evaluate.tally import ratio
from stream.live.explaining import explain, row_labels, shares
from stream.live.history import History
from stream.live.labels import LabelTable
from stream.live.server import LOOPBACK, PageServer
from stream.live.state import FORMAT, clusters_of, marks_of, state_of
from stream.rows.batch import Batch, slice_rows

MOST_PREDICTIONS = 20
# What is done for the page takes at most this share of the time, however dear a part of it is.
SHARE = 0.002
LEAST_SECONDS = 0.5


class Budget:
    """Says when a task may run again so that it takes no more than a share of the time.

    Parameters
    ----------
    share
        Of the time that passes.
    least
        Seconds between two runs at least.
    """

    def __init__(
        self,
        share: float = SHARE,
        least: float = LEAST_SECONDS,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.share = share
        self.least = least
        self._clock = clock
        self._next = clock()

    def run(self, task: Callable[[], None]) -> bool:
        """Run the task if its time has come; whether it ran."""
        began = self._clock()
        if began < self._next:
            return False
        task()
        now = self._clock()
        self._next = now + max(self.least, (now - began) / self.share)
        return True


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
        self._history = History()
        self._predictions: collections.deque[dict[str, Any]] = collections.deque(
            maxlen=MOST_PREDICTIONS
        )
        self._state: dict[str, Any] = {}
        self._began = time.perf_counter()
        self._window = 0
        self._model_seconds = 0.0
        self._snapshots = Budget()
        self._explanations = Budget()
        self._briefs = Budget(least=0.25)
        self._asked: dict[str, Any] | None = None
        self._marks: list[dict[str, Any]] = []
        self._source: Source
        self._model: Any = None

    def begin(self, source: Source, model: Any, name: str, window: int, total: int | None) -> None:
        """See :class:`~stream.evaluate.protocol.Watcher`."""
        schema = source.schema
        self._source, self._model, self._window = source, model, window
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

    def before(self, piece: Batch) -> None:
        """Ask the model why it answers as it does, now and then, before it learns the row."""
        self._asked = None
        if piece.n_rows and callable(getattr(self._model, "explain_one", None)):
            self._explanations.run(lambda: self._ask(piece))

    def _ask(self, piece: Batch) -> None:
        x, _ = next(rows_as_dicts(slice_rows(piece, 0, 1), self._source.schema))
        self._asked = explain(self._model, x)

    def after(
        self,
        piece: Batch,
        predicted: Any,
        metrics: MultiLabelMetrics,
        structure: dict[str, Any],
    ) -> None:
        """See :class:`~stream.evaluate.protocol.Watcher`."""
        done = len(predicted)
        if not done:
            return
        if self._asked is not None:
            self._note(piece, predicted, metrics.n_rows - done, 0, self._asked)
        fresh = metrics.n_rows % self._window == 0
        if fresh:
            self._add_window(metrics, structure)
        if self._snapshots.run(lambda: self._snapshot(piece, predicted, metrics)):
            return
        # The newest point is shown at once; what takes longer to gather may be a little older, and
        # metrics of all rows wait a moment where windows follow each other closely.
        if fresh and not self._briefs.run(lambda: self._server.publish(self._brief(metrics))):
            self._state |= {"rows": metrics.n_rows, "history": self._history.copy()}
            self._server.publish(self._state)

    def _add_window(self, metrics: MultiLabelMetrics, counts: dict[str, Any]) -> None:
        window = metrics.last_window()
        if window is None:
            return
        self._history.add(window | counts)
        last = self._marks[-1] if self._marks else {}
        if any(counts[name] != last.get(name, 0) for name in ("drifts", "restructures")):
            # Marks of models that only count; those of others are read from their events.
            self._marks = [*self._marks[-1_000:], {"stop": window["stop"], **counts}]

    def _note(self, piece: Batch, predicted: Any, first: int, i: int, why: Any) -> None:
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

    def _snapshot(self, piece: Batch, predicted: Any, metrics: MultiLabelMetrics) -> None:
        """All that the page shows."""
        if not callable(getattr(self._model, "explain_one", None)):
            self._note(piece, predicted, metrics.n_rows - len(predicted), len(predicted) - 1, None)
        structure = describe(structure_of(self._model))
        labels = LabelTable(self._source.schema.labels, metrics.label_counts())
        table = labels.columns()
        clusters = clusters_of(describe(hierarchy_of(self._model)) or [], table, self._routing())
        labels.clusters = table["cluster"]
        self._server.labels = labels
        marks = marks_of(structure["drifts"], structure["restructures"], self._marks)
        self._state = self._state | {
            **marks,
            **clusters,
            "features": len(self._source.schema.features),
            "labels": metrics.n_labels,
            "cardinality": metrics.cardinality(),
            "peak_rss_mb": peak_rss_mb(),
            "predictions": list(self._predictions),
        }
        self._server.publish(self._brief(metrics))

    def _routing(self) -> dict[str, list[float]]:
        return shares(each.get("experts") for each in self._predictions)

    def summary(self) -> dict[str, Any]:
        """See :class:`~stream.evaluate.protocol.Watcher`."""
        return {"predictions": list(self._predictions), "routing": self._routing()}

    def end(self, result: PrequentialResult) -> None:
        """Show the result; the page has its numbers and needs the server no more."""
        self._server.publish(state_of(result.as_dict()), final=True)

    def wait(self, seconds: float) -> None:
        """Wait until the browsers that look at the page have the last state, or so long."""
        self._server.wait(seconds)

    def close(self) -> None:
        """Stop serving."""
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
