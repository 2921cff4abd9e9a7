"""Fields inside of what a message holds, by their paths."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

MISSING: Any = object()  # what is at a path where there is nothing


def without(value: Any, path: str, taken: Collection[str]) -> Any:
    """A copy of an object, and of those inside, without what has a path that is ``taken``."""
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, inner in value.items():
        at = f"{path}.{name}" if path else str(name)
        if at not in taken:
            kept[name] = without(inner, at, taken)
    return kept


def find(value: Any, path: str) -> Any:
    """The value at a path through objects: by its whole name, or else name by name."""
    if type(value) is not dict and not isinstance(value, Mapping):
        return MISSING
    if path in value:
        return value[path]
    head, dot, rest = path.partition(".")
    return find(value.get(head), rest) if dot else MISSING


def kind(value: Any) -> str:
    """What a value is called in an error."""
    if value is MISSING:
        return "nothing"
    names = {dict: "an object", list: "an array", str: "a text", bool: "a truth value"}
    return names.get(type(value), "null" if value is None else f"a {type(value).__name__}")
