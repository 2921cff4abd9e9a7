"""What every kind of value means: as a feature, as the truth of a label, as a class, as a name.

:data:`KINDS` is the one table of it. Every encoder looks values up here, ``docs/values.md`` is
printed from it, and the tests send a value of each kind through every door.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import math
import numbers
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from stream.errors import DataError
from stream.rows.cells import shorten

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_MICROSECONDS = 1e6
_MISSING_TYPES = frozenset({"NoneType", "NAType", "NaTType", "MaskedConstant"})


class Meaning(NamedTuple):
    """What a kind of value means in one role."""

    says: str  # for the documentation
    of: Callable[[Any], Any]


class Kind(NamedTuple):
    """A kind of value.

    As a feature a value means a number (NaN: missing), or a text (the feature ``name=text`` is 1),
    or a list or mapping of further values. As the truth of a label it means True, False or None
    (unknown); as a class a name, or None (unknown); as a name a plain Python value.
    """

    name: str
    examples: str
    feature: Meaning
    label: Meaning
    category: Meaning  # as the class of a row
    as_name: Meaning


def type_name(value: Any) -> str:
    """The type of a value for an error message, with its article.

    Examples
    --------
    >>> type_name([1]), type_name(1)
    ('a list', 'an int')
    """
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


# ---- what values mean


def _refuse(must: str, hint: str = "") -> Meaning:
    def of(value: Any) -> Any:
        got = (
            shorten(repr(_text(value)))
            if must is _LABEL and isinstance(value, str)
            else type_name(value)
        )
        raise DataError(f"{must}, got {got}{hint and '; ' + hint}")

    return Meaning("refused", of)


_FEATURE = (
    "a feature must be a number, a truth value, a text, a date or time, missing, or a list or "
    "dictionary of these"
)
_LABEL = "a label must be True, False, 1 or 0, or missing (unknown)"
_CLASS = "a class must be hashable: a text, a number, a truth value, bytes, or a tuple of these"
_NAME = (
    "a name must be a text, a number, a truth value, bytes, None, or a tuple or frozenset of these"
)


def _number(value: Any) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise DataError("a feature must be finite or NaN (missing), got a larger number") from None
    except (TypeError, ValueError):
        raise DataError(f"{_FEATURE}, got {type_name(value)}") from None
    if math.isinf(number):
        raise DataError(f"a feature must be finite or NaN (missing), got {number}")
    return number


def _truth(value: Any) -> bool | None:
    if value in (0, 1):
        return bool(value)
    raise DataError(f"{_LABEL}, got {shorten(repr(_plain_number(value)))}")


def _plain_number(value: Any) -> Hashable:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, fractions.Fraction | decimal.Decimal) and value % 1 == 0:
        return int(value)
    number = float(value)
    # 1.0 and 1 are one name, whichever of them comes first.
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def microseconds(value: Any) -> int | None:
    """Microseconds since 1970-01-01 UTC of a date or of a date and time (without a time zone: UTC),
    since midnight of a time of day, or of a duration; None for one that is missing."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        if np.isnat(value):
            return None
        unit = "M8[us]" if isinstance(value, np.datetime64) else "m8[us]"
        try:
            return int(value.astype(unit).astype(np.int64))
        except TypeError:
            raise DataError(f"a duration must have a fixed length, got {value!r}") from None
    if isinstance(value, datetime.timedelta):
        return (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.UTC)
    clock = 0
    if isinstance(value, datetime.datetime | datetime.time):
        clock = (value.hour * 60 + value.minute) * 60 + value.second
        clock = clock * 1_000_000 + value.microsecond
    if isinstance(value, datetime.date):
        clock += (value.toordinal() - _EPOCH_DAY) * 86_400_000_000
    return clock


def _seconds(value: Any) -> float:
    found = microseconds(value)
    return math.nan if found is None else float(found) / _MICROSECONDS


def _iso(value: Any) -> str:
    return str(value) if isinstance(value, np.datetime64) else str.__str__(value.isoformat())


def _text(value: Any) -> str:
    return str.__str__(value)  # also of subclasses, whatever they print as


def _bytes(value: Any) -> bytes:
    return bytes(value)


def _inner(value: Any) -> Any:
    """A list or mapping as it is; an array without dimensions is its value."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value[()]
    return value


def _tuple_name(value: Any) -> Hashable:
    if not isinstance(value, tuple):
        raise DataError(f"{_NAME}, got {type_name(value)}")
    return tuple(name_of(each) for each in value)


def _tuple_class(value: Any) -> Hashable:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return class_of(value[()])
    if not isinstance(value, tuple):
        raise DataError(f"{_CLASS}, got {type_name(value)}")
    return _or_class_error(_tuple_name, value)


def _set_name(value: Any) -> Hashable:
    if not isinstance(value, frozenset):
        raise DataError(f"{_NAME}, got {type_name(value)}")
    return frozenset(name_of(each) for each in value)


def _or_class_error(of: Callable[[Any], Hashable], value: Any) -> Hashable:
    try:
        return of(value)
    except DataError:
        raise DataError(f"{_CLASS}, got {type_name(value)}") from None


def _missing_name(value: Any) -> None:
    if value is not None:
        raise DataError(f"{_NAME}, got {type_name(value)}")


# ---- the table

NUMBER = Kind(
    "number",
    "int, float, NumPy scalar, Decimal, Fraction",
    Meaning(
        "its value as a 64-bit float, beyond 2⁵³ the nearest; 0 is the same as left out; infinite "
        "or beyond 1.8·10³⁰⁸: refused",
        _number,
    ),
    Meaning("1: present, 0: absent; others are refused", _truth),
    Meaning("the number, a whole one as int", _plain_number),
    Meaning("the number, a whole one as int", _plain_number),
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
        "the feature `name=text` is 1; no text means missing, not even “NA” or the empty one", _text
    ),
    _refuse(_LABEL),
    Meaning("the text", _text),
    Meaning("the text", _text),
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
    Meaning(
        "seconds since 1970-01-01 UTC, to the microsecond (without a time zone: UTC)", _seconds
    ),
    _refuse(_LABEL),
    Meaning("its ISO 8601 text", _iso),
    Meaning("its ISO 8601 text", _iso),
)
TIME = Kind(
    "time of day",
    "time",
    Meaning("seconds since midnight", _seconds),
    _refuse(_LABEL),
    Meaning("its ISO 8601 text", _iso),
    Meaning("its ISO 8601 text", _iso),
)
DURATION = Kind(
    "duration",
    "timedelta, pandas Timedelta, timedelta64",
    Meaning("seconds, to the microsecond", _seconds),
    _refuse(_LABEL),
    Meaning("its seconds", _seconds),
    Meaning("its seconds", _seconds),
)
BYTES = Kind(
    "bytes",
    "bytes, bytearray, binary column",
    _refuse(_FEATURE, "decode them to a text first"),
    _refuse(_LABEL),
    Meaning("the bytes", _bytes),
    Meaning("the bytes", _bytes),
)
LIST = Kind(
    "list",
    "list, tuple, NumPy array, list column",
    Meaning("each entry is a feature `name.0`, `name.1`, …", _inner),
    _refuse(_LABEL),
    Meaning("a tuple of names is a class; others are refused", _tuple_class),
    Meaning("a tuple of names is a name; others are refused", _tuple_name),
)
MAPPING = Kind(
    "nested object",
    "dict, struct column",
    Meaning("each entry is a feature `name.key`", _inner),
    _refuse(_LABEL),
    _refuse(_CLASS),
    _refuse(_NAME),
)
SET = Kind(
    "set",
    "set, frozenset",
    _refuse(_FEATURE, "give a dictionary of 0 and 1"),
    _refuse(_LABEL),
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
    Meaning("None is a name; others are refused", _missing_name),
)
OTHER = Kind(
    "anything else",
    "complex, UUID, Period, objects",
    _refuse(_FEATURE),
    _refuse(_LABEL),
    _refuse(_CLASS, "give its text"),
    _refuse(_NAME, "give its text"),
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
