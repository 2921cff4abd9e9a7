"""What is behind an error of a client: clients wrap one error in another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def causes(*errors: Any) -> Iterator[Any]:
    """Yield errors and everything that they wrap, each once.

    An error is wrapped as a cause, as a context, or among the arguments of another one:
    kafka-python does the last where it "cannot perform send because at least one previous request
    has failed".

    Examples
    --------
    >>> list(causes(ValueError("outer", KeyError("inner")), None))
    [ValueError('outer', KeyError('inner')), KeyError('inner')]
    """
    seen: list[Any] = []
    waiting = list(errors)
    while waiting:
        error = waiting.pop(0)
        if error is None or any(error is each for each in seen):
            continue
        seen.append(error)
        yield error
        if isinstance(error, BaseException):
            waiting += [error.__cause__, error.__context__]
        waiting += [each for each in getattr(error, "args", ()) if not _is_plain(each)]


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bytes | int | float | None)
