"""The course of an evaluation in bounded memory, whatever the length of the stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stream.evaluate.protocol import ROUTING, STRUCTURE

MOST_POINTS = 2_000


class History:
    """Windows as points of a chart; neighbours are joined when there are too many.

    As long as there are at most ``most`` windows each is a point with the window's own values. When
    one more comes, two points become one: its metrics are the mean of theirs, weighted by rows. A
    window that comes always is a point of its own at once; it joins the others later.

    Parameters
    ----------
    most
        Points kept at most, an even number.

    Examples
    --------
    >>> history = History(most=4)
    >>> for i in range(6):
    ...     history.add({"start": 10 * i, "stop": 10 * i + 10, "metrics": {"f1": float(i)},
    ...                  "rows_per_second": 5.0})
    >>> history.columns()["stop"], history.columns()["metrics"]["f1"]
    ([20, 40, 50, 60], [0.5, 2.5, 4.0, 5.0])
    """

    def __init__(self, most: int = MOST_POINTS):
        self.most = most
        self.joined = 1  # windows in each of the older points
        self.n_windows = 0
        self._points: list[dict[str, Any]] = []
        self._n_old = 0  # points at the front that hold ``joined`` windows

    def add(self, window: dict[str, Any]) -> None:
        """Add the newest window, as the result has it."""
        if len(self._points) == self.most:
            self._shrink()
        self._points.append(
            {
                "start": window["start"],
                "stop": window["stop"],
                "metrics": dict(window["metrics"]),
                "rows_per_second": window["rows_per_second"],
                **{name: window[name] for name in STRUCTURE if isinstance(window.get(name), int)},
                **{name: window[name] for name in ROUTING if name in window},
            }
        )
        self.n_windows += 1
        if self.joined > 1 and len(self._points) - self._n_old == self.joined + 1:
            # The windows that have become old make one point; the newest one stays alone.
            newest = self._points.pop()
            self._points[self._n_old :] = [_join(self._points[self._n_old :]), newest]
            self._n_old += 1

    def _shrink(self) -> None:
        points = self._points
        self._points = [_join(points[i : i + 2]) for i in range(0, len(points), 2)]
        self.joined *= 2
        self._n_old = len(self._points)

    def copy(self) -> History:
        """The history of this moment; windows that come later do not appear in it."""
        found = History(self.most)
        found.joined, found.n_windows, found._n_old = self.joined, self.n_windows, self._n_old
        found._points = list(self._points)
        return found

    def columns(self) -> dict[str, Any]:
        """The points by column: ``stop``, ``metrics`` by name, ``rows_per_second``, and how the
        model was built; ``joined`` says how many windows an older point stands for."""
        points = list(self._points)
        names = list(points[0]["metrics"]) if points else []
        return {
            "joined": self.joined,
            "stop": [point["stop"] for point in points],
            "rows_per_second": [point["rows_per_second"] for point in points],
            "metrics": {name: [point["metrics"].get(name) for point in points] for name in names},
            **{
                name: [point.get(name) for point in points]
                for name in (*STRUCTURE, *ROUTING)
                if points and name in points[-1]
            },
        }


def history_of(windows: Iterable[dict[str, Any]], most: int = MOST_POINTS) -> History:
    """The history of windows that are known already."""
    history = History(most)
    for window in windows:
        history.add(window)
    return history


def _join(points: list[dict[str, Any]]) -> dict[str, Any]:
    """One point for neighbours: means weighted by rows, and the state at the end."""
    if len(points) == 1:
        return points[0]
    rows = [point["stop"] - point["start"] for point in points]
    total = sum(rows) or 1

    def mean(values: list[float | None]) -> float | None:
        if any(value is None for value in values):
            return None
        weighted = (value * n for value, n in zip(values, rows, strict=True) if value is not None)
        return sum(weighted) / total

    # Time adds up, so that the speed of a joined point is rows by seconds and no mean of speeds.
    seconds = sum(
        n / point["rows_per_second"]
        for n, point in zip(rows, points, strict=True)
        if point["rows_per_second"]
    )
    return {
        **points[-1],
        **{
            name: mean([each.get(name) for each in points])
            for name in ROUTING
            if name in points[-1]
        },
        "start": points[0]["start"],
        "metrics": {
            name: mean([point["metrics"].get(name) for point in points])
            for name in points[-1]["metrics"]
        },
        "rows_per_second": total / seconds if seconds else 0.0,
    }
