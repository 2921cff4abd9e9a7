"""What parameters allow, as data, and the one sentence that says so."""

from __future__ import annotations

import dataclasses
import math
import numbers
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
            value = float(value)
            if not math.isfinite(value):
                return False
        above = value >= self.low if self.closed in ("both", "left") else value > self.low
        below = value <= self.high if self.closed in ("both", "right") else value < self.high
        return bool(above and below)

    def __str__(self) -> str:
        left = "[" if self.closed in ("both", "left") and self.low > -math.inf else "("
        right = "]" if self.closed in ("both", "right") and self.high < math.inf else ")"
        kind = "an int" if self.integer else "a float"
        return f"{kind} in the range {left}{self.low:g}, {self.high:g}{right}"


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
SEED = (Number(0, 2**63 - 1, integer=True), NONE)

Constraints = dict[str, tuple[Number | OneOf | Several, ...]]


def check_parameters(estimator: Any, constraints: Constraints) -> None:
    """Raise for the first parameter of an estimator that has a value it does not allow.

    Raises
    ------
    ParameterError
        Saying what is allowed and what was given.
    """
    for name, allowed in constraints.items():
        value = getattr(estimator, name)
        if not any(each.allows(value) for each in allowed):
            words = " or ".join("None" if each is NONE else str(each) for each in allowed)
            raise ParameterError(
                f"The {name!r} parameter of {type(estimator).__name__} must be {words}. "
                f"Got {value!r} instead."
            )
