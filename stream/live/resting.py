"""Showing the last rows of a stream that rests: no further row comes to show them with."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

LEAST_SECONDS = 0.5  # without rows, before a stream counts as resting
LOOK_SECONDS = 0.1  # between two looks at whether it rests
# What is done while it rests takes at most this share of the rest.
SHARE = 0.005


class Rest:
    """Runs a task once whenever a stream has rested for so long that it costs nothing to speak of.

    The task runs between two pieces of a stream, never beside one: a piece that comes meanwhile
    waits until the task is done.

    Parameters
    ----------
    task
        What is to be done. It runs on a thread of its own between :meth:`start` and :meth:`stop`;
        an error in it is logged, and the task is run again at the next rest.
    clock
        The time in seconds.

    Attributes
    ----------
    cost
        Seconds of processor time that the task takes, as far as is known.

    Examples
    --------
    >>> now = [0.0]
    >>> rest = Rest(lambda: print("shown"), clock=lambda: now[0])
    >>> rest.cost = 0.01
    >>> rest.begin()
    >>> now[0] = 1.9
    >>> rest.look()
    >>> now[0] = 2.1
    >>> rest.look()
    shown
    """

    def __init__(self, task: Callable[[], None], clock: Callable[[], float] = time.monotonic):
        self.cost = 0.0
        self._task = task
        self._clock = clock
        self._since: float | None = None  # when the rest began; None: rows are worked on
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look from now on, on a thread."""
        self._thread = threading.Thread(target=self._watch, name="page at rest", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait until it has ended; may be called again."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def begin(self) -> None:
        """The rows that came are done."""
        with self._lock:
            self._since = self._clock()

    def end(self) -> None:
        """Rows have come; waits while the task runs."""
        with self._lock:
            self._since = None

    def look(self) -> None:
        """Run the task if the rest has been long enough for it."""
        with self._lock:
            if self._since is None:
                return
            if self._clock() - self._since < max(LEAST_SECONDS, self.cost / SHARE):
                return
            self._since = None
            try:
                self._task()
            except Exception:
                logger.exception("The page cannot be made up while the stream rests.")

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self.look()
