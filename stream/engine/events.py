"""What is predicted and learnt when: one array of events that every stage walks.

A row is predicted when it comes and learnt when its labels come, ``delay`` rows later. A row that
waited is learnt with what was known when it was predicted: ``as_of`` is the number of rows that had
been learnt then.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Int64Array, UInt8Array
from stream.engine.jit import inlined

PREDICT_ONLY = -1


class Events(NamedTuple):
    """Predictions and learnings of the rows of a call, in their order."""

    row: Int64Array  # [events] row of the call
    learns: UInt8Array  # [events] 1: the row is learnt; 0: it is predicted
    now: Int64Array  # [events] rows learnt before, in the whole stream
    as_of: Int64Array  # [events] rows learnt when the row was predicted
    # [events] number of the answer, which ascends: a row that is learnt as soon as it was predicted
    # has the same answer in both events.
    answer: Int64Array

    def slice(self, start: int, stop: int) -> Events:
        """Events ``start`` to ``stop``."""
        return Events(
            self.row[start:stop],
            self.learns[start:stop],
            self.now[start:stop],
            self.as_of[start:stop],
            self.answer[start:stop],
        )

    @property
    def predicted(self) -> Int64Array:
        """Events in which a row is predicted."""
        return (self.learns == 0).nonzero()[0]

    @property
    def learnt(self) -> Int64Array:
        """Events in which a row is learnt."""
        return self.learns.nonzero()[0]

    @property
    def n_answers(self) -> int:
        """Answers to these events."""
        return int(self.answer[-1] - self.answer[0]) + 1 if len(self.answer) else 0

    @property
    def learnt_rows(self) -> Int64Array:
        """Rows that are learnt, in order."""
        return self.row[self.learns == 1]

    @property
    def n_learnt(self) -> int:
        """How many rows are learnt."""
        return int(self.learns.sum())

    @property
    def now_after(self) -> int:
        """Rows learnt in the whole stream after the last event."""
        return int(self.now[-1] + self.learns[-1])


@inlined
def follows(events, event):
    """Whether a row is learnt as soon as it was predicted, in the event before: with the same
    answer, and the same hints."""
    return event > 0 and events.answer[event] == events.answer[event - 1]


def schedule(
    n_rows: int,
    first_row: int,
    n_learnt: int,
    *,
    predict: bool,
    delay: int,
    waited: Int64Array | None = None,
) -> Events:
    """The events of a call.

    Parameters
    ----------
    n_rows
        Rows of the call.
    first_row
        Rows before it were predicted in an earlier call.
    n_learnt
        Rows learnt so far.
    predict
        False: all rows are learnt, none is predicted.
    delay
        Rows between prediction and truth; ``PREDICT_ONLY``: nothing is learnt.
    waited
        Where nothing is predicted, for each row [rows] how many rows were learnt between its
        prediction in an earlier call and now; None: none.

    Examples
    --------
    >>> events = schedule(3, 0, 10, predict=True, delay=1)
    >>> list(zip(events.row.tolist(), events.learns.tolist(), events.as_of.tolist()))
    [(0, 0, 10), (1, 0, 10), (0, 1, 9), (2, 0, 11), (1, 1, 10)]
    >>> schedule(3, 0, 10, predict=True, delay=0).answer.tolist()
    [0, 0, 1, 1, 2, 2]
    """
    if n_rows == 1 and delay <= 0:
        return _schedule_one(first_row, n_learnt, predict, delay, waited)
    rows = np.arange(n_rows)
    lag: int | Int64Array = 0
    if not predict:
        learns, order = np.ones(n_rows, np.uint8), rows
        lag = 0 if waited is None else waited
    elif delay == PREDICT_ONLY:
        learns, order = np.zeros(n_rows - first_row, np.uint8), rows[first_row:]
    else:
        # A row is predicted at 2 * row and learnt just after row + delay was predicted.
        learnable = rows[: max(n_rows - delay, 0)]
        when = np.concatenate([2 * rows[first_row:], 2 * (learnable + delay) + 1])
        order = np.argsort(when, kind="stable")
        learns = (order >= n_rows - first_row).astype(np.uint8)
        order, lag = np.concatenate([rows[first_row:], learnable])[order], delay
    now = n_learnt + np.cumsum(learns) - learns
    as_of = np.maximum(now - np.where(learns == 1, lag, 0), 0)
    answer = np.arange(len(order))
    answer[1:] -= np.cumsum((order[1:] == order[:-1]) & (learns[1:] == 1))
    return Events(order, learns, now.astype(np.int64), as_of.astype(np.int64), answer)


def _schedule_one(
    first_row: int, n_learnt: int, predict: bool, delay: int, waited: Int64Array | None
) -> Events:
    """The events of a call of one row, which is how streams often come."""
    kinds = [0] * (predict and first_row == 0) + [1] * (not predict or delay != PREDICT_ONLY)
    n, lag = len(kinds), 0 if waited is None else int(waited[0])
    return Events(
        np.zeros(n, np.int64),
        np.array(kinds, np.uint8),
        np.array([n_learnt] * n, np.int64),
        np.array([max(n_learnt - lag, 0)] * n, np.int64),
        np.zeros(n, np.int64),
    )


def predictions_of(rows: Int64Array) -> Events:
    """Events in which rows are predicted once more, whatever has been learnt."""
    nothing = np.zeros(len(rows), np.int64)
    return Events(rows, np.zeros(len(rows), np.uint8), nothing, nothing, np.arange(len(rows)))
