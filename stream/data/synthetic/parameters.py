"""Parameters of generators: what each allows, and how a text such as ``"labels=20"`` is read."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal

from stream.errors import ParameterError

Kind = Literal["int", "float", "ints", "choice"]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter of a generator.

    Parameters
    ----------
    kind
        ``"int"``, ``"float"``, ``"ints"`` (several, written ``1-2-4``) or ``"choice"``.
    default
        Value when the user gives none; None where it follows from the other parameters.
    text
        What it means, with its unit.
    low, high
        Least and greatest value allowed (of every element of ``"ints"``).
    choices
        The words allowed.
    """

    kind: Kind
    default: Any
    text: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    def allowed(self) -> str:
        """The values allowed, in words."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        low = "(-inf" if self.low == -math.inf else f"[{self.low}"
        high = "inf)" if self.high == math.inf else f"{self.high}]"
        noun = {"int": "an int", "float": "a number", "ints": "ints joined by '-',"}[self.kind]
        return f"{noun} in the range {low}, {high}"

    def read(self, owner: str, name: str, value: Any) -> Any:
        """The value that a text (or a value of the right type) stands for.

        Raises
        ------
        ParameterError
            When it is not allowed.
        """
        try:
            result = self._convert(value)
        except (TypeError, ValueError, OverflowError):
            result = None
        if result is None:
            raise ParameterError(
                f"The {name!r} parameter of {owner!r} must be {self.allowed()}. "
                f"Got {value!r} instead."
            )
        return result

    def _convert(self, value: Any) -> Any:
        if self.kind == "choice":
            return value if value in self.choices else None
        if self.kind == "ints":
            parts = value.split("-") if isinstance(value, str) else list(value)
            numbers = tuple(int(part) for part in parts)
            return numbers if numbers and all(map(self._inside, numbers)) else None
        number = int(value) if self.kind == "int" else float(value)
        if not isinstance(value, str) and number != value:
            return None
        return number if self._inside(number) else None

    def _inside(self, number: float) -> bool:
        return math.isfinite(number) and self.low <= number <= self.high


def read_parameters(
    owner: str, allowed: Mapping[str, Parameter], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Every allowed parameter with the value given for it, or its default.

    Raises
    ------
    ParameterError
        On a parameter that does not exist, or a value that is not allowed.
    """
    for name in given:
        if name not in allowed:
            raise ParameterError(
                f"{owner!r} has no parameter {name!r}; it has {', '.join(sorted(allowed))}."
            )
    return {
        name: parameter.read(owner, name, given[name]) if name in given else parameter.default
        for name, parameter in allowed.items()
    }


def split_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Cut ``"name:key=value,key=value"`` into its parts.

    Examples
    --------
    >>> split_spec("syn-rbf-grad:labels=20,blocks=4")
    ('syn-rbf-grad', {'labels': '20', 'blocks': '4'})
    """
    name, colon, rest = spec.strip().partition(":")
    given: dict[str, str] = {}
    for part in rest.split(",") if colon else ():
        key, equals, value = (text.strip() for text in part.partition("="))
        if not (key and equals and value):
            raise ParameterError(
                "The parameters of a generator are written 'name:key=value,key=value'. "
                f"Got {spec!r} instead."
            )
        if key in given:
            raise ParameterError(f"The {key!r} parameter appears twice in {spec!r}; give it once.")
        given[key] = value
    return name.strip(), given
