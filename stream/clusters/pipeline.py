"""Stages that work side by side, each on the next piece of a segment as soon as it has done one.

No stage looks back into an earlier one, so that what is answered does not depend on it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from stream.engine.arrays import UInt8Array

MOST_EVENTS = 520  # of a piece: shorter ones mean more calls, longer ones more waiting

Task = Callable[[], None]
Stage = Callable[[int], list[Task]]


def in_one(work: Callable[[int], None]) -> Stage:
    """A stage that does a piece in one task."""
    return lambda piece: [functools.partial(work, piece)]


def run_stages(stages: Sequence[Stage], n_pieces: int, n_threads: int) -> None:
    """Let every stage work on the pieces 0 to ``n_pieces - 1`` in order, each piece after the stage
    before has done it.

    Parameters
    ----------
    stages
        Each is given the number of a piece, and returns the tasks that have to be done before the
        next stage is given it, and the same stage the next one.
    n_threads
        Threads that do the tasks of all stages, this one included.
    """
    course = _Course(stages, n_pieces, n_threads - 1)
    course.work()
    course.end()


@functools.cache
def _threads(n_threads: int) -> ThreadPoolExecutor:
    """Threads that stay, so that no call waits for new ones."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix="stages")


os.register_at_fork(after_in_child=_threads.cache_clear)  # threads do not come along


class _Course:
    """How far the stages are, and what can be done next.

    Parameters
    ----------
    most_helpers
        Threads that are asked for help as soon as there are tasks for them.
    """

    def __init__(self, stages: Sequence[Stage], n_pieces: int, most_helpers: int):
        self._stages, self._n_pieces, self._most_helpers = stages, n_pieces, most_helpers
        self._helpers: list[Future[None]] = []
        self._done = [0] * len(stages)  # pieces of each stage
        self._left = [0] * len(stages)  # tasks that are not done, of the piece that it is at
        self._waiting: list[list[Task]] = [[] for _ in stages]  # of them, those not begun
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def end(self) -> None:
        """Wait for the helpers that have begun; raise what the first task that failed raised."""
        wait([helper for helper in self._helpers if not helper.cancel()])
        if self._error is not None:
            raise self._error

    def work(self) -> None:
        """Do one task after the other until all are done, or one has failed."""
        try:
            while (found := self._next()) is not None:
                stage, task = found
                task()
                self._end_task(stage)
        except BaseException as error:
            with self._changed:
                self._error = self._error or error
                self._changed.notify_all()

    def _next(self) -> tuple[int, Task] | None:
        """A task that can be done now, and its stage; None: all are done, or one has failed."""
        with self._changed:
            while self._error is None and self._done[-1] < self._n_pieces:
                while self._begin_pieces():
                    self._changed.notify_all()
                    self._ask_for_help()
                ready = [stage for stage, tasks in enumerate(self._waiting) if tasks]
                if ready:
                    # What is one long task goes first, and small ones fill up the threads.
                    stage = min(ready, key=lambda stage: self._left[stage])
                    return stage, self._waiting[stage].pop(0)
                self._changed.wait()
            return None

    def _begin_pieces(self) -> bool:
        """Let stages that can take their next piece divide it; whether there was one."""
        begun = False
        for stage, divide in enumerate(self._stages):
            piece = self._done[stage]
            before = self._done[stage - 1] if stage else self._n_pieces
            if self._left[stage] == 0 and piece < before:
                tasks = divide(piece)
                self._waiting[stage], self._left[stage] = list(tasks), len(tasks)
                self._done[stage] += not tasks
                begun = True
        return begun

    def _ask_for_help(self) -> None:
        """Have as many threads as there are tasks, this one included."""
        wanted = min(sum(self._left) - 1, self._most_helpers)
        while len(self._helpers) < wanted:
            self._helpers.append(_threads(self._most_helpers).submit(self.work))

    def _end_task(self, stage: int) -> None:
        with self._changed:
            self._left[stage] -= 1
            if self._left[stage] == 0:
                self._done[stage] += 1
                self._changed.notify_all()


def piece_ends(learns: UInt8Array) -> list[int]:
    """Where pieces of about the same length end, of at most about MOST_EVENTS events. A row that is
    learnt at once stays with its prediction.

    Parameters
    ----------
    learns
        [events] 1: a row is learnt.

    Examples
    --------
    >>> import numpy as np
    >>> piece_ends(np.array([0, 1] * 600, np.uint8))
    [400, 800, 1200]
    """
    n_events = len(learns)
    n_pieces = -(-n_events // MOST_EVENTS)
    ends = []
    for piece in range(1, n_pieces + 1):
        end = n_events * piece // n_pieces
        while end < n_events and learns[end] == 1 and learns[end - 1] == 0:
            end += 1
        ends.append(end)
    return sorted(set(ends))
