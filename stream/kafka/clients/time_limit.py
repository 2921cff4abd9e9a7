"""Calls of clients that may wait for ever, with a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from stream.kafka.errors import BrokerUnavailableError

Result = TypeVar("Result")


def within(seconds: float, what: str, call: Callable[[], Result]) -> Result:
    """The result of a call that ends in time.

    The call runs in another thread, which is left behind when it does not come back.

    Raises
    ------
    BrokerUnavailableError
        When it takes longer, naming ``what`` was tried.

    Examples
    --------
    >>> within(5, "adding", lambda: 1 + 1)
    2
    """
    done: list[Any] = []

    def run() -> None:
        try:
            done.append((True, call()))
        except BaseException as error:  # handed to the caller below
            done.append((False, error))

    thread = threading.Thread(target=run, name=f"kafka: {what}", daemon=True)
    thread.start()
    thread.join(seconds)
    if not done:
        raise BrokerUnavailableError(
            f"No broker answered within {seconds:.0f} seconds while {what}; check that it runs."
        )
    returned, result = done[0]
    if not returned:
        raise result
    return result
