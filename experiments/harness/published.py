"""Values that others published, as scores that are marked "quoted"."""

from __future__ import annotations

import csv
from pathlib import Path

from stream.compare.ranking import Score

FOLDER = Path(__file__).resolve().parents[1] / "published"


def quoted(name: str) -> list[Score]:
    """The scores of a file of ``published/``, which its README describes.

    Parameters
    ----------
    name
        ``"mlhat"`` (whole streams), ``"ihomer"`` (ends of streams) or ``"driftmoe_code"``.
    """
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [
            Score(line["stream"], line["metric"], method, float(value), "quoted")
            for line in csv.DictReader(file)
            for method, value in line.items()
            if method not in ("stream", "metric") and value
        ]
