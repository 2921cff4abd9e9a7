"""The features of a row given as a dictionary."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from stream.errors import DataError
from stream.rows.cells import shorten
from stream.rows.meanings import type_name
from stream.rows.values import feature_of, name_of

_NAMES = frozenset({str, int})
_NUMBERS = frozenset({float, int, bool, np.float64, np.float32, np.int64, np.bool_})
_FLOAT = {float}
MAX_DEPTH = 100  # lists and dictionaries in each other


Texts = list[tuple[Hashable, str]]


def feature_entries(x: Mapping[Any, Any], texts: Texts | None = None) -> dict[Hashable, float]:
    """Number of each feature of a row by its name, as :data:`stream.rows.values.KINDS` says.

    Zeros are kept, NaN is missing. The result may be ``x`` itself; do not write to it.

    Parameters
    ----------
    x
        Value of each feature by name. Lists and dictionaries may stand in each other.
    texts
        Gets the name and text of each feature that is a text.

    Raises
    ------
    DataError
        For a value or name that cannot be used, and for two features of one name; the column is the
        feature's name.

    Examples
    --------
    >>> feature_entries({"bpm": 72, "key": "minor", "size": {"w": 2.5, "h": None}})
    {'bpm': 72.0, 'key=minor': 1.0, 'size.w': 2.5, 'size.h': nan}
    """
    if not isinstance(x, Mapping):
        raise DataError(f"the features must be a dictionary of name to value, got {type_name(x)}")
    # The common cases, at the speed of C.
    kinds = set(map(type, x.values()))
    if kinds <= _NUMBERS and set(map(type, x)) <= _NAMES:
        if kinds == _FLOAT and type(x) is dict:
            numbers: Any = x.values()
            entries: dict[Hashable, float] = x
        else:
            try:
                numbers = list(map(float, x.values()))
            except OverflowError:
                numbers = [math.inf]
            entries = dict(zip(x, numbers, strict=False))
        if math.inf not in numbers and -math.inf not in numbers:
            return entries
    entries = {}
    for key, value in x.items():
        put_feature(entries, _name(key), value, texts)
    return entries


def _name(key: Any) -> Hashable:
    if type(key) is str:
        return key
    try:
        return name_of(key)
    except DataError as error:
        raise DataError(error.reason, column=shorten(str(key))) from None


def put_feature(
    entries: dict[Hashable, float],
    name: Hashable,
    value: Any,
    texts: Texts | None = None,
    depth: int = 0,
) -> None:
    """Add what a value means as the feature ``name``.

    Raises
    ------
    DataError
        For a value or name that cannot be used, and for a second feature of one name.
    """
    try:
        meaning = feature_of(value)
    except DataError as error:
        raise DataError(error.reason, column=shorten(str(name))) from None
    kind = type(meaning)
    if kind is float:
        key, number = name, meaning
    elif kind is str:
        key, number = f"{name}={meaning}", 1.0
        if texts is not None:
            texts.append((name, meaning))
    elif isinstance(meaning, np.generic):  # what an array without dimensions holds
        put_feature(entries, name, meaning, texts, depth)
        return
    else:
        _put_inner(entries, name, meaning, texts, depth)
        return
    if key in entries:
        raise DataError(
            f"the row has another feature of the name {shorten(str(key))!r}",
            column=shorten(str(name)),
        )
    entries[key] = number


def _put_inner(
    entries: dict[Hashable, float], name: Hashable, inner: Any, texts: Texts | None, depth: int
) -> None:
    if depth == MAX_DEPTH:
        raise DataError(
            f"lists and dictionaries may stand in each other at most {MAX_DEPTH} deep",
            column=shorten(str(name)),
        )
    items: Iterable[tuple[Any, Any]]
    items = inner.items() if isinstance(inner, Mapping) else enumerate(inner)
    for key, value in items:
        inner_name = f"{name}.{key if type(key) is str else _name(key)}"
        put_feature(entries, inner_name, value, texts, depth + 1)
