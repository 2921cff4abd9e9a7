"""Peers that need an environment of their own: rows go there in a file, predictions come back.

They are scored here, by the same code as every other model.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from harness.definition import Cell
from harness.environments import python_of
from stream.data import Source
from stream.evaluate import MultiLabelMetrics, PrequentialResult
from stream.rows.batch import Batch, concatenate, slice_rows

SCRIPT = Path(__file__).resolve().parents[1] / "peers" / "elsewhere.py"


def prequential_elsewhere(cell: Cell, source: Source, window: int) -> PrequentialResult:
    """Predict then learn in another interpreter; the result as :func:`stream.prequential` gives it.

    Raises
    ------
    NotAvailableError
        When the environment has not been made.
    RuntimeError
        When the peer fails: its last line.
    """
    assert cell.model.environment is not None
    began = time.perf_counter()
    rows = read_rows(source, cell.limit)
    with tempfile.TemporaryDirectory() as folder:
        sent, received = Path(folder, "rows.npz"), Path(folder, "predictions.npy")
        labels = [str(label) for label in source.schema.labels]
        save_rows(sent, rows, len(source.schema.features), len(labels), source.schema.task)
        asked = {
            "model": cell.model.use,
            "params": dict(cell.model.params),
            "seed": cell.seed,
            "rows": str(sent),
            "predictions": str(received),
        }
        told = _run(python_of(cell.model.environment), asked)
        predicted = np.load(received)
    metrics = MultiLabelMetrics(source.schema.labels, source.schema.task, window=window)
    metrics.update_many(predicted, rows, len(labels), seconds=told["seconds"])
    return PrequentialResult(
        dataset=source.name,
        model=cell.model.use,
        params=dict(cell.model.params),
        seed=cell.seed,
        task=source.schema.task,
        rows=rows.n_rows,
        features=len(source.schema.features),
        labels=len(labels),
        cardinality=metrics.cardinality(),
        metrics=metrics.as_dict(),
        seconds=time.perf_counter() - began,
        compile_seconds=0.0,
        rows_per_second=rows.n_rows / told["seconds"],
        peak_rss_mb=told["peak_rss_mb"],
        windows=metrics.windows(),
        window=window,
        versions=told["versions"],
    )


def read_rows(source: Source, limit: int | None) -> Batch:
    """The rows of a source, the first ``limit`` of them, in one batch."""
    parts, n_rows = [], 0
    for batch in source.batches(1_000):
        parts.append(batch)
        n_rows += batch.n_rows
        if limit is not None and n_rows >= limit:
            break
    rows = concatenate(parts)
    return slice_rows(rows, 0, min(n_rows, limit or n_rows))


def save_rows(path: Path, rows: Batch, n_features: int, n_labels: int, task: str) -> None:
    """Features as compressed sparse rows, labels as a matrix [rows, labels] of 0 and 1."""
    labels = np.zeros((rows.n_rows, n_labels), np.uint8)
    labels[np.repeat(np.arange(rows.n_rows), np.diff(rows.y_indptr)), rows.y_indices] = 1
    np.savez(
        path,
        indptr=rows.x_indptr,
        indices=rows.x_indices,
        values=rows.x_values,
        n_features=n_features,
        labels=labels,
        single_label=task == "single-label",
    )


def _run(python: str, asked: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [python, "-I", str(SCRIPT)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(lines[-1])
    return json.loads(done.stdout.splitlines()[-1])
