"""What parameters allow, as data, and the one sentence that says so."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping
from typing import Any

from stream.errors import ParameterError


@dataclasses.dataclass(frozen=True)
class Number:
    """A number between ``low`` and ``high``; open ends are given by ``closed``."""

    low: float = -math.inf
    high: float = math.inf
    integer: bool = False
    closed: str = "both"  # "both", "left", "right" or "neither"

    def allows(self, value: Any) -> bool:
        """Whether a value is allowed."""
        kind = numbers.Integral if self.integer else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        if not self.integer:
            try:
                value = float(value)
            except OverflowError:  # an integer, or a fraction, beyond every float
                return False
            if not math.isfinite(value):
                return False
        above = value >= self.low if self.closed in ("both", "left") else value > self.low
        below = value <= self.high if self.closed in ("both", "right") else value < self.high
        return bool(above and below)

    def __str__(self) -> str:
        left = "[" if self.closed in ("both", "left") and self.low > -math.inf else "("
        right = "]" if self.closed in ("both", "right") and self.high < math.inf else ")"
        if self.integer:
            return f"an int in the range {left}{self.low}, {self.high}{right}"
        return f"a float in the range {left}{self.low:g}, {self.high:g}{right}"


@dataclasses.dataclass(frozen=True)
class OneOf:
    """One of a few values."""

    values: tuple[Any, ...]

    def allows(self, value: Any) -> bool:
        """Whether a value is allowed."""
        return any(type(value) is type(each) and value == each for each in self.values)

    def __str__(self) -> str:
        return "one of " + ", ".join(repr(value) for value in self.values)


@dataclasses.dataclass(frozen=True)
class Several:
    """A tuple or list of at most ``most`` values that are each allowed."""

    each: Number
    most: int

    def allows(self, value: Any) -> bool:
        """Whether a value is allowed."""
        return (
            isinstance(value, tuple | list)
            and 1 <= len(value) <= self.most
            and all(map(self.each.allows, value))
        )

    def __str__(self) -> str:
        return f"a list of 1 to {self.most} values, each {self.each}"


NONE = OneOf((None,))
BOOLEAN = OneOf((True, False))
ROWS = Number(1, 10**9, integer=True)  # a number of rows
DELAY = Number(0, 10**9, integer=True)  # rows that labels are late
COLUMNS = Number(1, 2**31 - 1, integer=True)
AMOUNT = Number(0, 2**63 - 1, integer=True)  # of rows in all, or of bytes

Allowed = tuple[Number | OneOf | Several, ...]
Constraints = dict[str, Allowed]


def check_value(owner: str, name: str, value: Any, allowed: Allowed) -> None:
    """Raise unless a parameter has a value that it allows.

    Raises
    ------
    ParameterError
        Saying what is allowed and what was given.
    """
    if not any(each.allows(value) for each in allowed):
        words = " or ".join("None" if each is NONE else str(each) for each in allowed)
        raise ParameterError(
            f"The {name!r} parameter of {owner} must be {words}. Got {_shown(value)} instead."
        )


def check_values(owner: str, values: Mapping[str, Any], constraints: Constraints) -> None:
    """Raise ParameterError for the first parameter that has a value which it does not allow."""
    for name, allowed in constraints.items():
        check_value(owner, name, values[name], allowed)


def _shown(value: Any) -> str:
    """A value in a message; whole numbers of thousands of digits have no decimal text."""
    try:
        return repr(value)
    except ValueError:
        return f"a number of {value.bit_length()} bits" if isinstance(value, int) else "a value"
