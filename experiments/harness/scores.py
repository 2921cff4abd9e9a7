"""From the file of results to scores."""

from __future__ import annotations

from collections.abc import Iterable

from harness.metric_names import METRICS
from harness.table import Row
from stream.compare.ranking import Score


def scores_of(rows: Iterable[Row], metrics: Iterable[str] = METRICS) -> list[Score]:
    """The measured scores of the cells that went well."""
    return [
        Score(row.stream, metric, row.model, row.values[metric], "measured")
        for row in rows
        if row.status == "ok"
        for metric in metrics
        if metric in row.values
    ]
