"""What is done in a cell: open the stream, make the model, predict then learn, take down the
numbers."""

from __future__ import annotations

from typing import Any

from harness.definition import Cell
from harness.metric_names import GATE
from harness.separate import prequential_elsewhere
from stream.data import Source, open_source
from stream.errors import ParameterError
from stream.evaluate import PrequentialResult, prequential
from stream.evaluate.prequential import window_for
from stream.models.registry import create_model

STRUCTURE = ("clusters", "restructures", "drifts")


def open_stream(cell: Cell, data_dir: str | None) -> Source:
    """The stream of a cell."""
    options = dict(cell.stream.options)
    if cell.stream.seeded:
        options["seed"] = cell.seed
    return open_source(cell.stream.name, data_dir=data_dir, download=False, **options)


def evaluate(cell: Cell, data_dir: str | None) -> dict[str, Any]:
    """The record of a cell, as JSON knows it.

    Raises
    ------
    Exception
        Whatever the stream or the model raises.
    """
    source = open_stream(cell, data_dir)
    window = _window(cell, source)
    if cell.model.environment is not None:
        return record_of(cell, source, prequential_elsewhere(cell, source, window))
    model = create_model(cell.model.use, cell.model.params, cell.seed)
    result = prequential(source, model, limit=cell.limit, delay=cell.protocol.delay, window=window)
    if result.interrupted:
        raise KeyboardInterrupt
    n_bytes = getattr(model, "n_bytes", None)
    record = record_of(cell, source, result) | {"model_mb": n_bytes and n_bytes / 1e6}
    record["metrics"] = {**record["metrics"], **_gate_metrics(model)}
    return record


def _gate_metrics(model: Any) -> dict[str, float]:
    """What the gate of a model did, over all rows that were learnt."""
    told = getattr(model, "routing_counts", None)
    counts = told() if callable(told) else {}
    if not counts or not counts["rows"] or not counts["present"]:
        return {}
    asked, missed = counts["asked"] / counts["rows"], counts["missed"] / counts["present"]
    return dict(zip(GATE, (1.0 - missed, asked), strict=True))


def _window(cell: Cell, source: Source) -> int:
    tail = cell.protocol.tail
    if tail is None:
        return cell.protocol.window or window_for(source.n_rows, cell.limit)
    rows = min(n for n in (source.n_rows, cell.limit) if n is not None)
    if rows <= 2 * tail:
        raise ParameterError(
            f"A stream must have more than {2 * tail} rows for a tail of {tail}. Got {rows}."
        )
    return rows - tail  # so that the second window is the tail


def record_of(cell: Cell, source: Source, result: PrequentialResult) -> dict[str, Any]:
    """What is kept of a result."""
    told = result.as_dict()
    record = {
        "status": "ok",
        "error": None,
        "rows": result.rows,
        "features": result.features,
        "labels": result.labels,
        "metrics": told["metrics"],
        **{name: _count(told[name]) for name in STRUCTURE},
        "rows_per_second": result.rows_per_second,
        "seconds": result.seconds,
        "compile_seconds": result.compile_seconds,
        "peak_rss_mb": result.peak_rss_mb,
        "versions": result.versions,
    }
    if cell.protocol.tail is not None:
        tail = told["windows"][1]
        record |= {"rows": tail["stop"] - tail["start"], "metrics": tail["metrics"]}
    if cell.protocol.curves:
        record["curves"] = {
            name: told[name] for name in ("window", "windows", *STRUCTURE, "hierarchy")
        }
        description = getattr(source, "description", None)
        record["curves"]["change_points"] = list(getattr(description, "change_points", ()))
        record["curves"]["change_width"] = float(getattr(description, "width", 0.0))
    return record


def _count(told: Any) -> int | None:
    return len(told) if isinstance(told, list | dict) else told
