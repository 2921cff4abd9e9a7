"""The courses of metrics over streams, beside the file of results: what figures are drawn from."""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.runner import Planned
from harness.store import Store
from stream.evaluate.marks import rows_of
from stream.evaluate.result import write_text

DIGITS = 5
LEVEL_WINDOWS = 5  # whose mean is the level before a change


def courses_of(planned: Iterable[Planned], store: Store, metric: str) -> dict[str, Any]:
    """By stream its ``change_points`` and their ``width`` and, by model, the course of the first
    seed: ``stops`` and ``values`` of the windows, rows of ``restructures`` and ``drifts``, and the
    ``hierarchy``. Where a model tells only how many there were, they stand at the end of the window
    in which the number rose."""
    found: dict[str, Any] = {}
    for each in planned:
        record = store.read(each.key) if each.key else None
        if record is None or "curves" not in record:
            continue
        curves = record["curves"]
        stream = found.setdefault(
            each.cell.stream.title,
            {
                "change_points": curves["change_points"],
                "width": curves["change_width"],
                "models": {},
            },
        )
        # The last window may hold too few rows to say anything.
        whole = [w for w in curves["windows"] if w["stop"] - w["start"] == curves["window"]]
        stream["models"].setdefault(
            each.cell.model.title,
            {
                "stops": [window["stop"] for window in whole],
                "values": [round(window["metrics"][metric], DIGITS) for window in whole],
                "restructures": rows_of(curves["restructures"], "restructures", whole),
                "drifts": rows_of(curves["drifts"], "drifts", whole),
                "hierarchy": curves["hierarchy"],
            },
        )
    return found


def rows_to_recover(
    course: dict[str, Any], change_points: list[int], share: float
) -> list[int | None]:
    """Rows from each change until a window is back at a share of the level before it.

    The level is the mean of the five windows before the change. None: not before the next change,
    or not before the end.

    Examples
    --------
    >>> course = {"stops": [10, 20, 30, 40, 50], "values": [0.8, 0.8, 0.4, 0.6, 0.8]}
    >>> rows_to_recover(course, [20], 0.95)
    [30]
    """
    points = list(zip(course["stops"], course["values"], strict=True))
    found = []
    for change, following in itertools.pairwise([*change_points, math.inf]):
        before = [value for stop, value in points if stop <= change][-LEVEL_WINDOWS:]
        level = statistics.fmean(before) if before else 0.0
        after = (
            stop - int(change)
            for stop, value in points
            if change < stop <= following and value >= share * level
        )
        found.append(next(after, None))
    return found


def write_courses(path: Path, courses: dict[str, Any]) -> None:
    """Write them as JSON; the file is there complete or not at all."""
    write_text(path, json.dumps(courses, ensure_ascii=False) + "\n")


def read_courses(path: Path) -> dict[str, Any]:
    """Read what :func:`write_courses` wrote; nothing where there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
