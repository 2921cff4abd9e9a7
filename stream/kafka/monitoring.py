"""Numbers of a running service for Prometheus, gathered when they are asked for."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stream.evaluate.protocol import structure_counts
from stream.kafka.service import Service

if TYPE_CHECKING:
    from stream.kafka.topic_learner import TopicLearner

PREFIX = "drifthomer"
MOST_LABELS = 20
WAITING = {
    "learnt": "Rows whose labels came in time.",
    "expired": "Rows whose labels did not come in time.",
    "late": "Labels that came after their row had expired.",
    "repeated": "Labels, or rows, of a key that was done with.",
    "orphaned": "Labels whose row never came.",
}


class ServiceCollector(Collector):
    """Tells what a service has done and what is left to do.

    Parameters
    ----------
    service
        The service.
    """

    def __init__(self, service: Service):
        self._service = service
        self._last = time.monotonic(), 0

    def collect(self) -> Iterator[Metric]:
        """The metrics now."""
        service = self._service
        lag = GaugeMetricFamily(
            f"{PREFIX}_lag_messages", "Messages still to be read.", labels=["topic", "partition"]
        )
        for (topic, number), value in service.lag.items():
            lag.add_metric([topic, str(number)], value)
        yield lag
        yield _gauge("broker_up", "Whether a broker answers.", float(service.broker_up))
        yield _gauge("ready", "Whether the learner has caught up.", float(not service.not_ready))
        yield _counter(
            "fetch_seconds", "Time spent with polls that brought messages.", service.fetch_seconds
        )
        yield _counter(
            "learn_seconds", "Time spent with predicting and learning.", service.learn_seconds
        )
        yield _gauge("memory_bytes", "Resident memory of the process.", resident_bytes())
        checkpoints = service.checkpoints
        yield _gauge(
            "snapshot_age_seconds",
            "Age of the newest snapshot that is safe.",
            time.monotonic() - checkpoints.last,
        )
        yield _gauge(
            "snapshot_pause_seconds",
            "How long learning stood still for the latest snapshot.",
            checkpoints.pause,
        )
        yield _counter(
            "snapshot_failures", "Snapshots that could not be written.", checkpoints.failures
        )
        if service.learner is not None:
            yield from self._of_learner(service.learner)

    def _of_learner(self, learner: TopicLearner) -> Iterator[Metric]:
        counts = learner.counts
        yield _counter("messages", "Messages read, of all topics.", counts.messages)
        yield _counter("rows", "Instances predicted.", counts.events)
        yield _counter("rows_learnt", "Instances learnt.", counts.learnt)
        yield _counter(
            "null_values", "Messages without a value that were passed over.", counts.skipped
        )
        yield _gauge(
            "fields_of_two_types",
            "Fields that came as numbers and as texts.",
            learner.encoder.fields_of_two_types(),
        )
        yield _counter("dead_letters", "Messages that could not be used.", counts.dead)
        now, (before, rows) = time.monotonic(), self._last
        self._last = now, counts.events
        speed = max(0.0, (counts.events - rows) / max(now - before, 1e-9))
        yield _gauge("rows_per_second", "Instances a second since this was last asked.", speed)
        for scope, values in (
            ("window", learner.metrics.latest),
            ("all", learner.metrics.total.as_dict()),
        ):
            family = GaugeMetricFamily(
                f"{PREFIX}_metric_{scope}",
                "Prequential metrics of "
                + ("the last whole window." if scope == "window" else "all rows."),
                labels=["metric"],
            )
            for name, value in values.items() if counts.learnt else ():
                family.add_metric([name], value)
            yield family
        yield self._label_f1(learner)
        for name, value in structure_counts(learner.driver.model).items():
            if isinstance(value, int):
                yield _gauge(name, f"Number of {name} of the model.", value)
        if learner.room is not None:
            yield _gauge("waiting_rows", "Rows that wait for labels.", len(learner.room))
            yield _gauge("waiting_labels", "Labels that wait for rows.", learner.room.n_early)
            for name, what in WAITING.items():
                yield _counter(f"waiting_{name}", what, getattr(learner.room.counts, name))

    def _label_f1(self, learner: TopicLearner) -> Metric:
        """F1 of the labels that are present most often."""
        family = GaugeMetricFamily(
            f"{PREFIX}_label_f1", "F1 of each of the most frequent labels.", labels=["label"]
        )
        found = learner.metrics.total.per_label(learner.encoder.schema.labels)
        found.sort(key=lambda each: each["support"], reverse=True)
        for each in found[:MOST_LABELS]:
            if each["support"]:
                right = 2 * each["tp"]
                value = right / (right + each["fp"] + each["fn"])
                family.add_metric([str(each["label"])], value)
        return family


def resident_bytes() -> float:
    """Resident memory of the process; its largest so far where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return float(pages * resource.getpagesize())
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", what, value=value)


def _counter(name: str, what: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}_{name}", what, value=value)
