"""A result as one HTML file that opens without a network."""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

from stream.errors import DataError
from stream.evaluate.result import PrequentialResult, write_text
from stream.live.state import state_of

PARTS = ("uPlot.min.css", "page.css", "uPlot.iife.min.js", "page.js")
_NEEDED = ("dataset", "model", "task", "rows", "metrics", "windows", "per_label")


def page_html(state: dict[str, Any] | None) -> str:
    """The page; it holds its scripts, and ``state`` where it is one to keep."""
    files = resources.files("stream.live") / "page"
    page = (files / "page.html").read_text(encoding="utf-8")
    text = json.dumps(state, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # A label named "</script>" must not end the data.
    parts = {"state": text.replace("<", "\\u003c")}
    for name in PARTS:
        parts[name] = (files / name).read_text(encoding="utf-8")
    # Split once, so that nothing that data hold is taken for a place to fill.
    pieces = page.split("@@")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def report_html(result: PrequentialResult | dict[str, Any]) -> str:
    """The page of a result, complete in one text.

    Parameters
    ----------
    result
        A result, or what :meth:`~stream.evaluate.PrequentialResult.as_dict` made of one.

    Examples
    --------
    >>> from stream import MultiLabelHoeffdingTree, prequential
    >>> page = report_html(prequential("yeast", MultiLabelHoeffdingTree(), limit=100))
    >>> page.startswith("<!doctype html>"), "http-equiv" in page
    (True, True)
    """
    found = result if isinstance(result, dict) else result.as_dict()
    return page_html(state_of(found))


def write_report(
    result: str | os.PathLike[str] | PrequentialResult | dict[str, Any],
    path: str | os.PathLike[str],
) -> None:
    """Write the page of a result to a file; it is there complete or not at all.

    Parameters
    ----------
    result
        A result, or the file that ``drifthomer prequential --json`` or
        :meth:`~stream.evaluate.PrequentialResult.to_json` has written.
    path
        File to write.

    Raises
    ------
    DataError
        When the file holds no result.
    """
    if isinstance(result, str | os.PathLike):
        result = read_result(result)
    write_text(path, report_html(result))


def read_result(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file of results.

    Raises
    ------
    DataError
        When it is no file of a result.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", source=str(path)) from error
    except ValueError as error:
        raise DataError(
            f"is no JSON ({error}); give a file that 'drifthomer prequential --json' has written",
            source=str(path),
        ) from error
    missing = [name for name in _NEEDED if not isinstance(found, dict) or name not in found]
    if missing:
        raise DataError(
            f"is no result of an evaluation: it has no {missing[0]!r}; give a file that "
            "'drifthomer prequential --json' has written",
            source=str(path),
        )
    return found
