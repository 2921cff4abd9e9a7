"""Where drift was seen and where a model was rebuilt, as rows of the stream."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any


def rows_of(told: Any, name: str, windows: Sequence[dict[str, Any]]) -> list[int]:
    """Rows at which events happened, in order, each once.

    Parameters
    ----------
    told
        What the model tells of them: rows, events with a ``row``, or only how many there were.
    name
        "drifts" or "restructures", as the windows count them.
    windows
        Those of the result. Where the model tells only a number, an event stands at the end of the
        window in which the number rose.

    Examples
    --------
    >>> rows_of([900, 900, {"row": 400}], "drifts", [])
    [400, 900]
    >>> rows_of(3, "drifts", [{"stop": 100, "drifts": 1}, {"stop": 200, "drifts": 1},
    ...                       {"stop": 300, "drifts": 3}])
    [100, 300]
    """
    if isinstance(told, list):
        rows = (each["row"] if isinstance(each, dict) else each for each in told)
        return sorted({int(row) for row in rows})
    counts = [window.get(name) for window in windows]
    if not isinstance(told, int) or not all(isinstance(count, int) for count in counts):
        return []
    before = itertools.chain([0], counts)
    return [
        window["stop"]
        for window, last, now in zip(windows, before, counts, strict=False)
        if now > last  # type: ignore[operator]
    ]
