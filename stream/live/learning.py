"""The page of a learner between Kafka topics."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from stream.evaluate.protocol import StructureCourse
from stream.evaluate.tally import ratio
from stream.live.server import LOOPBACK
from stream.live.watching import LivePage
from stream.rows.batch import Batch
from stream.rows.label_sets import LabelSets

if TYPE_CHECKING:
    from stream.kafka.service import Service
    from stream.kafka.topic_learner import TopicLearner
    from stream.rows.schema import Schema

COUNT_SECONDS = 2.0  # between two looks at how many messages came, whether labels come or not


class _Topic:
    """The name and schema of a learner's topic, as a page asks a source for them."""

    def __init__(self, learner: TopicLearner, name: str):
        self.name = name
        self._learner = learner

    @property
    def schema(self) -> Schema:
        """Columns known by now."""
        return self._learner.encoder.schema


class LearnerPage(LivePage):
    """A page that shows a learner between topics while it runs.

    The numbers are those of the rows whose labels came; the course begins where the process did, or
    where it went back to a snapshot.

    Parameters
    ----------
    port
        TCP port; 0: any that is free.
    host
        Address to listen on. Everyone who can reach it sees labels and predictions.

    Attributes
    ----------
    url
        Where the page is.
    """

    def __init__(self, port: int = 0, host: str = LOOPBACK):
        super().__init__(port, host)
        self._service: Service | None = None
        self._learner: TopicLearner | None = None
        self._closing = threading.Event()
        self._counting = threading.Thread(target=self._count, name="page", daemon=True)

    def watch(self, service: Service) -> None:
        """Follow the learners that a service makes from now on."""
        self._service = service
        service.watch = self._begin
        service.rest = self._rest.look
        self._counting.start()

    def _begin(self, learner: TopicLearner) -> None:
        assert self._service is not None
        self._start_over()
        self._learner, model = learner, learner.driver.model
        topic: Any = _Topic(learner, self._service.settings.topic)
        self._course = StructureCourse(model)
        self._last = time.perf_counter(), learner.metrics.total.n_rows
        self._first_row = self._last[1]
        self.begin(topic, model, type(model).__name__, learner.metrics.window, None)
        # A prediction is explained before the model learns on, which only an evaluation can see to.
        self._explains = False
        learner.metrics.after = self._after

    def _look_after_rest(self) -> None:
        """The service looks, between two polls, so that the page needs no thread for it."""

    def _after(self, piece: Batch, predicted: LabelSets, whole: bool) -> None:
        assert self._learner is not None
        metrics = self._learner.metrics.total
        if whole:
            now, (then, before) = time.perf_counter(), self._last
            self._last = now, metrics.n_rows
            self._course.end_window()
            window = {
                "start": metrics.n_rows - self._window,
                "stop": metrics.n_rows,
                "metrics": dict(self._learner.metrics.latest),
                "rows_per_second": ratio(metrics.n_rows - before, now - then),
                **self._course.windows.pop(),
            }
            self._add_window(window)
        self._follow(piece, predicted, metrics, whole)
        self._rest.begin()

    def _read_windows(self, metrics: Any) -> None:
        """Windows are added as they end: a learner keeps none."""

    def _brief(self, metrics: Any) -> dict[str, Any]:
        state = super()._brief(metrics)
        # Rows of this process, not those that its snapshot brought along.
        state["rows_per_second"] = ratio(metrics.n_rows - self._first_row, state["seconds"])
        return state

    def _count(self) -> None:
        """Publish message counts from a thread of its own, because labels may never come."""
        while not self._closing.wait(COUNT_SECONDS):
            learner, service = self._learner, self._service
            if learner is None or service is None:
                continue
            counts = learner.counts
            self._state["counts"] = {
                "messages": counts.messages,
                "instances predicted": counts.events,
                "instances learnt": counts.learnt,
                "rows that wait for labels": 0 if learner.room is None else len(learner.room),
                "dead letters": counts.dead,
                "messages to be read": sum(service.lag.copy().values()),
            }
            self._server.publish(self._state)

    def close(self) -> None:
        """Stop serving."""
        self._closing.set()
        if self._counting.is_alive():
            self._counting.join()
        super().close()
