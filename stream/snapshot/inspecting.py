"""Describe the content of a snapshot in words and numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.errors import SnapshotError
from stream.snapshot import container
from stream.snapshot.codec import value_of
from stream.snapshot.container import MAX_BYTES
from stream.snapshot.saving import read

MAX_TEXT = 200  # characters of a value in the table


def inspect(path: str | Path, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Inspect a snapshot with all the checks of :func:`stream.load`.

    Parameters
    ----------
    path
        The file.
    max_bytes
        Bytes that it may have.

    Returns
    -------
    dict
        ``file``, ``bytes``, ``version`` of the format, ``checks`` that it passed, ``arrays`` (name,
        elements, shape and bytes of each) and ``content``: what a model says of itself; of a
        dictionary, the same by key; of anything else its text.

    Raises
    ------
    SnapshotError
        When the file cannot be used, naming it and why.
    """
    try:
        data = read(path, max_bytes=max_bytes)
        found = container.parse(data, max_bytes=max_bytes)
        content = _described(value_of(found))
    except SnapshotError as error:
        raise SnapshotError(f"the snapshot {path} cannot be used: {error}") from error
    return {
        "file": str(path),
        "bytes": len(data),
        "version": found.version,
        "checks": ["SHA-256 of the file", "shapes of arrays", "structure of models"],
        "content": content,
        "arrays": [
            {
                "name": name,
                "elements": str(array.dtype),
                "shape": list(array.shape),
                "bytes": array.nbytes,
            }
            for name, array in found.arrays.items()
        ],
    }


def _described(value: Any) -> Any:
    """A value as JSON can hold it; models as they describe themselves."""
    if hasattr(value, "describe"):
        return _described(value.describe())
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else repr(key): _described(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_described(each) for each in value]
    plain = value is None or isinstance(value, str | int)
    plain = plain or (isinstance(value, float) and math.isfinite(value))
    return value if plain else repr(value)


def print_inspection(found: dict[str, Any], console: Console, *, arrays: bool = False) -> None:
    """Print what :func:`inspect` found.

    Parameters
    ----------
    found
        What to print.
    console
        Where to.
    arrays
        Whether to list the arrays.
    """
    sizes = f"{found['bytes']:,} bytes, {len(found['arrays'])} arrays"
    console.print(Text(f"{found['file']}: {sizes}, format version {found['version']}", "bold"))
    console.print(Text(f"passed: {', '.join(found['checks'])}"))
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, text in _lines(found["content"]):
        table.add_row(Text(name), Text(text))
    console.print(table)
    if arrays:
        listed = Table("array", "elements", "shape", "bytes", box=None, padding=(0, 2, 0, 0))
        for each in found["arrays"]:
            shape = " × ".join(map(str, each["shape"])) or "1"
            listed.add_row(Text(each["name"]), each["elements"], shape, f"{each['bytes']:,}")
        console.print(listed)


def _lines(content: Any, name: str = "") -> list[tuple[str, str]]:
    """Each value by the path to it, long ones cut."""
    if isinstance(content, dict) and content:
        inner = [(f"{name}.{key}".strip("."), each) for key, each in content.items()]
        return [line for path, each in inner for line in _lines(each, path)]
    text = f"{content:,}" if type(content) is int else str(content)
    if isinstance(content, list):
        text = f"{len(content):,}: {text}"
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT - 1]}…"
    return [(name or "value", text)]
