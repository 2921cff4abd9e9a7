"""Stretches during which clusters stay as they are, against their definition."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.clusters.call import Segment
from stream.clusters.tree_parts import stretches
from stream.engine.events import PREDICT_ONLY, schedule


@st.composite
def segments(draw):
    """Events in which labels appear when they like."""
    n_rows = draw(st.integers(1, 30))
    delay = draw(st.sampled_from([PREDICT_ONLY, 0, 0, 1, 5]))
    events = schedule(n_rows, 0, draw(st.integers(0, 40)), predict=draw(st.booleans()), delay=delay)
    known = [draw(st.integers(0, 3))]
    for learns in events.learns:
        known.append(known[-1] + bool(learns) * draw(st.sampled_from([0, 0, 0, 1, 4])))
    start = draw(st.integers(0, len(events.row) - 1))
    return Segment(events, np.array(known)).slice(start, len(events.row))


@given(segment=segments(), periods=st.lists(st.integers(1, 9), max_size=2))
def test_stretches_are_what_they_say(segment, periods):
    """A row that is learnt after a change it should have been learnt before, an event that is left
    out, or labels that are known too early."""
    found, at, n_answers = list(stretches(segment, periods)), 0, 0
    first = segment.events.answer[0]
    for stretch in found:
        events = stretch.events
        assert stretch.first == at
        assert stretch.first_answer == events.answer[0] - first
        assert stretch.answers.stop - stretch.answers.start == events.n_answers
        assert stretch.n_labels_before == segment.n_known[at]
        learnt = np.flatnonzero(events.learns)
        assert stretch.learns == (len(learnt) > 0)
        assert stretch.learnt.tolist() == events.row[learnt].tolist()
        for event in learnt:  # all labels of the stretch are there with its first row
            assert segment.n_known[at + event + 1] == stretch.n_labels
        for event in learnt[:-1]:
            assert not any((events.now[event] + 1) % period == 0 for period in periods)
        own = events.answer[learnt] - events.answer[0]
        np.testing.assert_array_equal(np.arange(events.n_answers)[stretch.learnt_answers], own)
        at = stretch.end
        n_answers = max(n_answers, stretch.answers.stop)
    assert at == segment.n_events
    assert n_answers == segment.events.n_answers
    for before, after in itertools.pairwise(found):
        ends = before.events
        assert ends.learns[-1]
        due = any((ends.now[-1] + 1) % period == 0 for period in periods)
        assert due or after.n_labels > before.n_labels
