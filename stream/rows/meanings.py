"""What a value means in one role: the conversions that lines of the table of values name.

:mod:`stream.rows.values` has the table, and what depends on it: values inside of values.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import math
import numbers
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np

from stream.errors import DataError
from stream.rows.cells import shorten

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_MICROSECONDS = 1e6


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


def refuse(must: str, hint: str = "") -> Meaning:
    """The meaning of values that are refused, with an error that says what they must be."""

    def of(value: Any) -> Any:
        got = (
            shorten(repr(plain_text(value)))
            if must is LABEL and isinstance(value, str)
            else type_name(value)
        )
        raise DataError(f"{must}, got {got}{hint and '; ' + hint}")

    return Meaning("refused", of)


FEATURE = (
    "a feature must be a number, a truth value, a text, a date or time, missing, or a list or "
    "dictionary of these"
)
LABEL = "a label must be True, False, 1 or 0, or missing (unknown)"
CLASS = "a class must be hashable: a text, a number, a truth value, bytes, or a tuple of these"
NAME = (
    "a name must be a text, a number, a truth value, bytes, None, or a tuple or frozenset of these"
)


def number_of(value: Any) -> float:
    """A number as a feature."""
    try:
        number = float(value)
    except OverflowError:
        raise DataError("a feature must be finite or NaN (missing), got a larger number") from None
    except (TypeError, ValueError):
        raise DataError(f"{FEATURE}, got {type_name(value)}") from None
    if math.isinf(number):
        raise DataError(f"a feature must be finite or NaN (missing), got {number}")
    return number


def truth_of_number(value: Any) -> bool | None:
    """What 0 or 1 says of a label."""
    if value in (0, 1):
        return bool(value)
    raise DataError(f"{LABEL}, got {shorten(repr(plain_number(value)))}")


def plain_number(value: Any) -> Hashable:
    """A number as a name: a whole one as int."""
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


def seconds(value: Any) -> float:
    """Seconds of what :func:`microseconds` takes; NaN: missing."""
    found = microseconds(value)
    return math.nan if found is None else float(found) / _MICROSECONDS


def iso_text(value: Any) -> str:
    """A date or time as its ISO 8601 text."""
    return str(value) if isinstance(value, np.datetime64) else str.__str__(value.isoformat())


def plain_text(value: Any) -> str:
    """A text as str, also one of a subclass, whatever it prints as."""
    return str.__str__(value)


def plain_bytes(value: Any) -> bytes:
    """Bytes, or what holds some, as bytes."""
    return bytes(value)


def inner_values(value: Any) -> Any:
    """A list or mapping as it is; an array without dimensions is its value."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value[()]
    return value


def name_of_missing(value: Any) -> None:
    """None, the only missing value that is a name."""
    if value is not None:
        raise DataError(f"{NAME}, got {type_name(value)}")
