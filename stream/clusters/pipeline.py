"""Stages that work side by side, each on the next piece of a segment as soon as it has done one.

No stage looks back into an earlier one, so that what is answered does not depend on it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from stream.engine.arrays import UInt8Array

MOST_EVENTS = 700  # of a piece: shorter ones mean more calls, longer ones more waiting

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
        Threads that do the tasks of all stages. 1: each stage is given the next piece when the
        last stage has done the one before.
    """
    if n_threads == 1:
        for piece in range(n_pieces):
            for stage in stages:
                for task in stage(piece):
                    task()
        return
    with ThreadPoolExecutor(n_threads) as pool:
        for step in range(n_pieces + len(stages) - 1):
            at_work = [
                stage(step - late)
                for late, stage in enumerate(stages)
                if 0 <= step - late < n_pieces
            ]
            # What is one long task begins first, and small ones fill up the threads.
            tasks = [task for each in sorted(at_work, key=len) for task in each]
            if len(tasks) == 1:
                tasks[0]()
            else:
                _do(tasks, pool)


def _do(tasks: Sequence[Task], pool: ThreadPoolExecutor) -> None:
    """Do tasks side by side; when all have ended, raise the error of the first that failed."""
    begun = [pool.submit(task) for task in tasks]
    wait(begun)
    for task in begun:
        task.result()


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
    [600, 1200]
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
