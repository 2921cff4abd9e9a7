"""The named benchmark streams: what they are called, their shape, where they come from."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import tomllib
from importlib import resources
from typing import Any

from stream.rows.schema import Task


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stream of the catalogue.

    Attributes
    ----------
    name, aliases
        How it is called; case, blanks, hyphens and underscores do not matter when it is looked up.
    title
        For people.
    task
        ``"multi-label"`` or ``"single-label"``.
    domain
        Where the data come from: text, images, audio, video, biology, sensors, ...
    rows, features, labels
        Shape. Features are the attributes of the file; a nominal one may become several columns.
        Labels are the classes when the task is single-label.
    cardinality
        Labels present in a row, on average.
    source, licence, home
        Where the file was found, under which terms, and the public page to get it from.
    files
        Names of its files, without compression suffix.
    sha256, bytes
        Checksum and size of the uncompressed file; None where nobody has measured it and the shape
        is the published one.
    url
        Direct download of the uncompressed file.
    river
        Name of the dataset that comes with River, where it does.
    target, classes
        The class column of a file that does not say so itself, and its values.
    """

    name: str
    title: str
    task: Task
    domain: str
    rows: int
    features: int
    labels: int
    cardinality: float
    source: str
    licence: str
    home: str
    aliases: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    sha256: str | None = None
    bytes: int | None = None
    url: str | None = None
    river: str | None = None
    target: str | None = None
    classes: tuple[str, ...] = ()


def normalise(name: str) -> str:
    """Name without case, blanks and punctuation.

    Examples
    --------
    >>> normalise("Water_quality"), normalise("water-quality")
    ('waterquality', 'waterquality')
    """
    return re.sub(r"[\W_]+", "", name.lower())


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Every stream of the catalogue.

    Examples
    --------
    >>> from stream.data import entries
    >>> [entry.name for entry in entries() if entry.river]
    ['yeast', 'solar-flare']
    """
    text = resources.files("stream.data").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(Entry(**_tuples(table)) for table in tomllib.loads(text)["stream"])


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def find_entry(name: str) -> Entry | None:
    """The stream of that name or alias, or None.

    Parameters
    ----------
    name
        In any spelling that differs only in case, blanks, hyphens and underscores.

    Examples
    --------
    >>> from stream.data import find_entry
    >>> find_entry("20NG").name, find_entry("20NG").rows
    ('d20ng', 19300)
    """
    return _by_name().get(normalise(name))


@functools.cache
def _by_name() -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries():
        for name in (entry.name, *entry.aliases, *(file.rsplit(".", 1)[0] for file in entry.files)):
            found.setdefault(normalise(name), entry)
    return found


def close_names(name: str, more: tuple[str, ...] = (), n: int = 3) -> list[str]:
    """Names of the catalogue, or of ``more``, that are spelt almost like this one."""
    known = {normalise(other): other for other in more}
    known |= {key: entry.name for key, entry in _by_name().items()}
    matches = difflib.get_close_matches(normalise(name), known, n=3 * n, cutoff=0.6)
    return list(dict.fromkeys(known[match] for match in matches))[:n]
