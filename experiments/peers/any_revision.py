"""Evaluate one model on one stream with whatever revision of the package is installed.

Run by ``benchmark_against.py`` with the interpreter of either side; reads a job as JSON from
standard input, and answers in JSON. It uses only what every release has: ``open_source``,
``prequential`` and ``create_model``.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def evaluate(job: dict[str, Any]) -> dict[str, Any]:
    """The metrics, the speed and the memory of one evaluation."""
    from stream.data import open_source
    from stream.evaluate import prequential
    from stream.models.registry import create_model

    source = open_source(job["stream"], data_dir=job["data_dir"], download=False, **job["options"])
    name = job["model"]
    if name is None:
        name = "driftmoe" if source.schema.task == "single-label" else "drifthomer"
    model = create_model(name, job["params"], seed=job["seed"])
    result = prequential(source, model, limit=job["rows"], delay=job["delay"])
    return {
        "model": name,
        "rows": result.rows,
        "labels": result.labels,
        "rows_per_second": result.rows_per_second,
        "peak_rss_mb": result.peak_rss_mb,
        "compile_seconds": result.compile_seconds,
        "metrics": result.metrics,
        "versions": result.versions,
    }


def main() -> None:
    job = json.load(sys.stdin)
    try:
        answer = evaluate(job)
    except Exception as error:  # the other side reports it as the finding of this stream
        answer = {"error": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
