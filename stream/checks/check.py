"""Checks as data: a function, what to do when it fails, and the rows that it uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from stream.checks.rows import Row, Rows, copied

Function = Callable[[Any, Rows], None]


class CheckFailedError(AssertionError):
    """An estimator failed a check: which one, why, and what to do.

    Parameters
    ----------
    check
        Name of the check.
    model
        What was checked.
    reason
        What went wrong.
    catches, advice
        The bug that the check catches, and how to mend it.
    """

    def __init__(self, check: str, model: str, reason: str, catches: str, advice: str):
        self.check = check
        super().__init__(
            f"{model} failed {check}: {reason}\nThe check catches {catches}\nWhat to do: {advice}"
        )


@dataclasses.dataclass(frozen=True)
class Check:
    """A check that can be called with a model.

    Parameters
    ----------
    function
        Raises AssertionError for a model that it does not like; it gets a model and rows.
    advice
        What to do about a model that fails.
    strict
        Whether it is about something that River does not ask of an estimator.
    rows
        What to learn and predict.
    """

    function: Function
    advice: str
    strict: bool = False
    rows: tuple[Row, ...] = ()

    @property
    def __name__(self) -> str:  # type: ignore[override]
        return self.function.__name__

    @property
    def catches(self) -> str:
        """The bug that it catches: the first sentence of the docstring."""
        text = " ".join((self.function.__doc__ or "").split())
        return text.removeprefix("Catches ").partition(". ")[0].rstrip(".") + "."

    def __call__(self, model: Any) -> None:
        """Check a model, which stays as it is.

        Raises
        ------
        CheckFailedError
            When the model does not pass.
        """
        try:
            self.function(model, copied(self.rows))
        except Exception as error:
            reason = str(error) if isinstance(error, AssertionError) else _unexpected(error)
            name = " ".join(type(model).__name__.split())
            raise CheckFailedError(
                self.__name__, name, reason, self.catches, self.advice
            ) from error


def _unexpected(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


CHECKS: list[Check] = []


def check(advice: str, *, strict: bool = False) -> Callable[[Function], Function]:
    """Put a function into the list of checks."""

    def register(function: Function) -> Function:
        CHECKS.append(Check(function, advice, strict))
        return function

    return register
