"""Limits how often a task runs, so that it costs no more than a share of the processor time."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST_SECONDS = 0.5
# When a process that waits is shown anew: the slower the dearer that is.
IDLE_SECONDS = 10.0
MOST_IDLE_SECONDS = 60.0
IDLE_PAUSES = 10


class Budget:
    """Says when a task may run again so that it takes no more than a share of the processor time.

    Processor time and not that of the clock, so that the share is the same on a machine whose
    processors others use too. A process that waits for messages uses none and loses nothing: there
    the task runs after some seconds (10 to 60) all the same.

    Parameters
    ----------
    share
        Share of the process's processor time.
    least
        Seconds between two runs at least.
    clock, wall
        Processor time of this process, and the time of the clock, in seconds.

    Examples
    --------
    >>> used, now = [0.0], [0.0]
    >>> budget = Budget(0.01, clock=lambda: used[0], wall=lambda: now[0])
    >>> budget.spend(0.02)  # may run again after two seconds of processor time
    >>> now[0] = 5.0
    >>> used[0] = 1.9
    >>> budget.is_due()
    False
    >>> used[0] = 2.1
    >>> budget.is_due()
    True
    """

    def __init__(
        self,
        share: float,
        *,
        least: float = LEAST_SECONDS,
        clock: Callable[[], float] = time.process_time,
        wall: Callable[[], float] = time.monotonic,
    ):
        self.share = share
        self.least = least
        self._clock = clock
        self._wall = wall
        self._paid_at = self._least_at = self._idle_at = 0.0

    def is_due(self) -> bool:
        """Whether the task may run."""
        now = self._wall()
        return now >= self._least_at and (now >= self._idle_at or self._clock() >= self._paid_at)

    def spend(self, cost: float) -> None:
        """Note that a run has just ended that took ``cost`` seconds of processor time."""
        pause, now = cost / self.share, self._wall()
        self._paid_at = self._clock() + pause
        self._least_at = now + self.least
        waited = min(max(IDLE_SECONDS, IDLE_PAUSES * pause), MOST_IDLE_SECONDS)
        self._idle_at = now + waited

    def run(self, task: Callable[[], None]) -> bool:
        """Run the task if it is due; whether it ran."""
        if not self.is_due():
            return False
        began = self._clock()
        task()
        self.spend(self._clock() - began)
        return True
