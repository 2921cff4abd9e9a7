"""What every kind of value means: as a feature, as the truth of a label, as a class, as a name.

:data:`KINDS` is the one table of it. Every encoder looks values up here, ``docs/values.md`` is
printed from it, and the tests send a value of each kind through every door.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import math
import numbers
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from stream.errors import DataError
from stream.rows.cells import shorten
from stream.rows.meanings import (
    CLASS,
    FEATURE,
    LABEL,
    NAME,
    Kind,
    Meaning,
    inner_values,
    iso_text,
    name_of_missing,
    number_of,
    plain_bytes,
    plain_number,
    plain_text,
    refuse,
    seconds,
    truth_of_number,
    type_name,
)

_MISSING_TYPES = frozenset({"NoneType", "NAType", "NaTType", "MaskedConstant"})


# ---- values inside of values


def _tuple_name(value: Any) -> Hashable:
    if not isinstance(value, tuple):
        raise DataError(f"{NAME}, got {type_name(value)}")
    return tuple(name_of(each) for each in value)


def _tuple_class(value: Any) -> Hashable:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return class_of(value[()])
    if not isinstance(value, tuple):
        raise DataError(f"{CLASS}, got {type_name(value)}")
    return _or_class_error(_tuple_name, value)


def _set_name(value: Any) -> Hashable:
    if not isinstance(value, frozenset):
        raise DataError(f"{NAME}, got {type_name(value)}")
    return frozenset(name_of(each) for each in value)


def _or_class_error(of: Callable[[Any], Hashable], value: Any) -> Hashable:
    try:
        return of(value)
    except DataError:
        raise DataError(f"{CLASS}, got {type_name(value)}") from None


# ---- the table

NUMBER = Kind(
    "number",
    "int, float, NumPy scalar, Decimal, Fraction",
    Meaning(
        "its value as a 64-bit float, beyond 2⁵³ the nearest; 0 is the same as left out; infinite "
        "or beyond 1.8·10³⁰⁸: refused",
        number_of,
    ),
    Meaning("1: present, 0: absent; others are refused", truth_of_number),
    Meaning("the number, a whole one as int", plain_number),
    Meaning("the number, a whole one as int", plain_number),
)
TRUTH_VALUE = Kind(
    "truth value",
    "bool, NumPy bool",
    Meaning("1 or 0", float),
    Meaning("present or absent", bool),
    Meaning("True or False", bool),
    Meaning("True or False (the same names as 1 and 0)", bool),
)
TEXT = Kind(
    "text",
    "str, category, also in subclasses such as numpy.str_",
    Meaning(
        "the feature `name=text` is 1; no text means missing, not even “NA” or the empty one",
        plain_text,
    ),
    refuse(LABEL),
    Meaning("the text", plain_text),
    Meaning("the text", plain_text),
)
ENUM = Kind(
    "enum member",
    "Enum, StrEnum, IntEnum",
    Meaning("as its value", lambda member: feature_of(_member_value(member))),
    Meaning("as its value", lambda member: truth_of(_member_value(member))),
    Meaning("as its value", lambda member: class_of(_member_value(member))),
    Meaning("as its value", lambda member: name_of(_member_value(member))),
)
DATE = Kind(
    "date, or date and time",
    "date, datetime, pandas Timestamp, datetime64",
    Meaning("seconds since 1970-01-01 UTC, to the microsecond (without a time zone: UTC)", seconds),
    refuse(LABEL),
    Meaning("its ISO 8601 text", iso_text),
    Meaning("its ISO 8601 text", iso_text),
)
TIME = Kind(
    "time of day",
    "time",
    Meaning("seconds since midnight", seconds),
    refuse(LABEL),
    Meaning("its ISO 8601 text", iso_text),
    Meaning("its ISO 8601 text", iso_text),
)
DURATION = Kind(
    "duration",
    "timedelta, pandas Timedelta, timedelta64",
    Meaning("seconds, to the microsecond", seconds),
    refuse(LABEL),
    Meaning("its seconds", seconds),
    Meaning("its seconds", seconds),
)
BYTES = Kind(
    "bytes",
    "bytes, bytearray, binary column",
    refuse(FEATURE, "decode them to a text first"),
    refuse(LABEL),
    Meaning("the bytes", plain_bytes),
    Meaning("the bytes", plain_bytes),
)
LIST = Kind(
    "list",
    "list, tuple, NumPy array, list column",
    Meaning("each entry is a feature `name.0`, `name.1`, …", inner_values),
    refuse(LABEL),
    Meaning("a tuple of names is a class; others are refused", _tuple_class),
    Meaning("a tuple of names is a name; others are refused", _tuple_name),
)
MAPPING = Kind(
    "nested object",
    "dict, struct column",
    Meaning("each entry is a feature `name.key`", inner_values),
    refuse(LABEL),
    refuse(CLASS),
    refuse(NAME),
)
SET = Kind(
    "set",
    "set, frozenset",
    refuse(FEATURE, "give a dictionary of 0 and 1"),
    refuse(LABEL),
    Meaning(
        "a frozenset of names is a class; others are refused",
        lambda value: _or_class_error(_set_name, value),
    ),
    Meaning("a frozenset of names is a name; others are refused", _set_name),
)
MISSING = Kind(
    "missing",
    "None, null, NaN, pandas.NA, NaT, masked",
    Meaning("missing: the feature `name` is NaN", lambda _: math.nan),
    Meaning("unknown, as if left out", lambda _: None),
    Meaning("unknown", lambda _: None),
    Meaning("None is a name; others are refused", name_of_missing),
)
OTHER = Kind(
    "anything else",
    "complex, UUID, Period, objects",
    refuse(FEATURE),
    refuse(LABEL),
    refuse(CLASS, "give its text"),
    refuse(NAME, "give its text"),
)
KINDS = (
    NUMBER,
    TRUTH_VALUE,
    TEXT,
    ENUM,
    DATE,
    TIME,
    DURATION,
    BYTES,
    LIST,
    MAPPING,
    SET,
    MISSING,
    OTHER,
)


def _look_up(kind: type) -> Kind:
    if kind.__name__ in _MISSING_TYPES and kind.__module__.split(".")[0] in (
        "builtins",
        "pandas",
        "numpy",
    ):
        return MISSING
    for types, found in (
        (enum.Enum, ENUM),
        ((bool, np.bool_), TRUTH_VALUE),
        (str, TEXT),
        ((bytes, bytearray, memoryview), BYTES),
        ((datetime.date, np.datetime64), DATE),
        (datetime.time, TIME),
        ((datetime.timedelta, np.timedelta64), DURATION),
        (np.complexfloating, OTHER),
        ((numbers.Real, decimal.Decimal, np.number), NUMBER),
        (Mapping, MAPPING),
        (Set, SET),
        ((Sequence, np.ndarray), LIST),
    ):
        if issubclass(kind, types):  # type: ignore[arg-type]
            return found
    scalar = hasattr(kind, "__float__") and not hasattr(kind, "__len__")
    return NUMBER if scalar else OTHER


_kind_of_type: Callable[[type], Kind] = functools.lru_cache(maxsize=4096)(_look_up)
_MAY_BE_MISSING = frozenset({NUMBER.name, DATE.name, DURATION.name})


def kind_of(value: Any) -> Kind:
    """The line of the table that tells what a value means.

    Examples
    --------
    >>> kind_of(1.5).name, kind_of("red").name, kind_of(None).name, kind_of([1, 2]).name
    ('number', 'text', 'missing', 'list')
    """
    kind = _kind_of_type(type(value))
    return MISSING if kind.name in _MAY_BE_MISSING and _is_nan(value) else kind


def _is_nan(value: Any) -> bool:
    """Whether a number is NaN, or a date NaT: these are not equal to themselves."""
    try:
        return bool(value != value)  # noqa: PLR0124
    except ArithmeticError:  # a signalling NaN
        return True


def _member_value(member: Any) -> Any:
    value = member.value
    if isinstance(value, enum.Enum) or kind_of(value) is OTHER:
        raise DataError(
            "an enum member must have a number, a text or another plain value, got "
            f"{shorten(repr(member))}"
        )
    return value


def feature_of(value: Any) -> Any:
    """What a value means as a feature; see :class:`Kind`.

    Raises
    ------
    DataError
        When it is refused.
    """
    return _kind_of_type(type(value)).feature.of(value)


def truth_of(value: Any) -> bool | None:
    """What a value says of a label: present, absent, or None, unknown.

    Raises
    ------
    DataError
        When it is refused.
    """
    if value is True or value is False:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return kind_of(value).label.of(value)


def class_of(value: Any) -> Hashable:
    """The class that a value names; None: unknown.

    Raises
    ------
    DataError
        When it is refused.
    """
    return kind_of(value).category.of(value)


_PLAIN = frozenset({str, int, bool, bytes})  # names as they are


def name_of(value: Any) -> Hashable:
    """The plain name that a value stands for, which a snapshot can hold.

    Raises
    ------
    DataError
        When it is refused.

    Examples
    --------
    >>> name_of(np.str_("a")), name_of(np.int64(3)), name_of((np.float32(0.5), "b"))
    ('a', 3, (0.5, 'b'))
    """
    if type(value) in _PLAIN:
        return value
    return kind_of(value).as_name.of(value)


def plain_name(name: Any) -> Hashable:
    """The name that a value stands for, or its text where it stands for none."""
    try:
        return name_of(name)
    except DataError:
        return str(name)
