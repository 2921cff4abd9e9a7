"""What is predicted and learnt when, against a queue of rows that wait for their labels."""

from collections import deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.engine.events import PREDICT_ONLY, follows, predictions_of, schedule


def queued(n_rows, first_row, delay):
    """Events as pairs (row, whether it is learnt), row by row."""
    waiting, events = deque(range(first_row)), []
    for row in range(first_row, n_rows):
        events.append((row, 0))
        waiting.append(row)
        while delay != PREDICT_ONLY and waiting and waiting[0] + delay <= row:
            events.append((waiting.popleft(), 1))
    return events


@st.composite
def calls(draw):
    """Rows of a call, those predicted earlier, and a delay: of one row most often."""
    n_rows = draw(st.sampled_from([0, 1, 1, 1, 2, 3, 7, 20]))
    delay = draw(st.sampled_from([PREDICT_ONLY, 0, 0, 1, 3, 30]))
    pending = draw(st.integers(0, min(max(delay, 0), n_rows)))
    return n_rows, pending, delay


@given(call=calls(), n_learnt=st.integers(0, 50))
def test_events_are_those_of_a_queue(call, n_learnt):
    """A row that is learnt before its labels are there, twice, or with a past that it had not seen
    when it was predicted; one row alone that is another case."""
    n_rows, first_row, delay = call
    events = schedule(n_rows, first_row, n_learnt, predict=True, delay=delay)
    expected = queued(n_rows, first_row, delay)
    assert list(zip(events.row.tolist(), events.learns.tolist(), strict=True)) == expected
    learnt_before = np.cumsum(events.learns) - events.learns
    np.testing.assert_array_equal(events.now, n_learnt + learnt_before)
    when_predicted = {}
    for event, (row, learns) in enumerate(expected):
        if not learns:
            when_predicted[row] = events.now[event]
            assert events.as_of[event] == events.now[event]
        elif row in when_predicted:
            assert events.as_of[event] <= when_predicted[row]
            if row >= delay:  # as many rows had been learnt before it as will always be
                assert events.as_of[event] == when_predicted[row]


@given(call=calls())
def test_a_row_that_is_learnt_at_once_has_one_answer(call):
    """An answer that belongs to two rows, or a second one to the same question."""
    n_rows, first_row, delay = call
    events = schedule(n_rows, first_row, 0, predict=True, delay=delay)
    n_events = len(events.row)
    again = [bool(follows(events, event)) for event in range(n_events)]
    assert again == [
        delay == 0 and bool(learns) and e > 0 for e, learns in enumerate(events.learns)
    ]
    assert events.n_answers == n_events - sum(again)
    numbers = np.cumsum(~np.array(again, bool)) - 1
    np.testing.assert_array_equal(events.answer, numbers)
    for start in range(n_events):
        part = events.slice(start, n_events)
        assert part.n_answers == len(set(part.answer.tolist()))


@given(waited=st.lists(st.integers(0, 9), min_size=1, max_size=4), n_learnt=st.integers(0, 20))
def test_rows_that_waited_elsewhere_are_learnt_as_of_then(waited, n_learnt):
    """Rows without a prediction in this call, whose past is that of now."""
    n = len(waited)
    events = schedule(n, 0, n_learnt, predict=False, delay=0, waited=np.array(waited))
    assert events.row.tolist() == list(range(n))
    assert events.learns.all()
    expected = [max(n_learnt + row - lag, 0) for row, lag in enumerate(waited)]
    assert events.as_of.tolist() == expected


def test_predictions_learn_nothing():
    """Rows that are asked about once more and count as learnt."""
    events = predictions_of(np.array([4, 7, 8]))
    assert events.row.tolist() == [4, 7, 8]
    assert events.n_answers == 3
    assert events.n_learnt == 0
