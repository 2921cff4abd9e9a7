"""What recent rows say, as the trees' mixer takes it, against its definition."""

import numpy as np
import pytest

from stream.engine.arrays import allocate
from stream.engine.events import schedule
from stream.engine.label_mixer import LAST, N_PAST, TRENDING
from stream.engine.recalled import Recalled, spread_hints
from stream.engine.recent_layout import PRIOR, Hints

N_ROWS, N_LABELS = 12, 5


def ragged(rng, share):
    """Labels of rows, ``(indptr, indices)``, and the same as a table of truths."""
    table = rng.random((N_ROWS, N_LABELS)) < share
    indptr = np.concatenate([[0], np.cumsum(table.sum(axis=1))]).astype(np.int64)
    return (indptr, np.nonzero(table)[1].astype(np.int32)), table


def random_hints(rng, n_events):
    """What is said of some labels of each event."""
    chosen = [np.flatnonzero(rng.random(N_LABELS) < 0.5) for _ in range(n_events)]
    n = sum(map(len, chosen))
    hints = allocate(Hints, {"events": n_events, "events1": n_events + 1, "hints": n})
    hints.start[1:] = np.cumsum([len(each) for each in chosen])
    hints.total[:] = np.where(rng.random(n_events) < 0.2, 0.0, 3.0)
    hints.label[:] = np.concatenate(chosen)
    of_event = np.repeat(hints.total, np.diff(hints.start))
    hints.vote[:] = rng.random(n) * of_event / 3
    hints.silent[:] = rng.random(n) * of_event / 3
    hints.last[:], hints.trend[:] = rng.integers(0, 2, n), rng.random(n)
    return hints


@pytest.mark.parametrize("delay", [0, 1, 4])
def test_every_label_has_its_share_of_the_votes(delay):
    """A base rate that looks ahead, a label without votes that is left at 0, an unknown truth that
    counts as absence, or what was said at a prediction that is written over when it is learnt."""
    rng = np.random.default_rng(delay)
    events = schedule(N_ROWS, 0, 7, predict=True, delay=delay)
    (y, present), (u, unknown) = ragged(rng, 0.3), ragged(rng, 0.2)
    hints = random_hints(rng, len(events.row))
    n_present, n_unknown = np.full(N_LABELS, 2.0), np.full(N_LABELS, 1.0)
    first = 2  # answers of events before these
    n_answers = first + events.n_answers
    recalled = Recalled(np.zeros((n_answers, N_LABELS)), np.zeros((n_answers, N_PAST, N_LABELS)))
    spread_hints(events, hints, y, u, n_present.copy(), n_unknown.copy(), first, recalled)
    assert not recalled.votes[:first].any()
    for event in range(len(events.row)):
        row, learns, now = events.row[event], events.learns[event], events.now[event]
        answer = first + events.answer[event]
        own = slice(hints.start[event], hints.start[event + 1])
        heard = {label: place for place, label in enumerate(hints.label[own].tolist())}
        again = delay == 0 and learns  # with the hints of the prediction
        for label in range(0 if again else N_LABELS):
            rate = (n_present[label] + 0.5) / (now - n_unknown[label] + 1)
            vote = silent = last = trend = 0.0
            if label in heard:
                at = own.start + heard[label]
                vote, silent = hints.vote[at], hints.silent[at]
                last, trend = hints.last[at], hints.trend[at]
            share = (vote + PRIOR * rate) / (hints.total[event] - silent + PRIOR)
            assert recalled.votes[answer, label] == pytest.approx(share, rel=1e-12)
            assert recalled.past[answer, LAST, label] == last
            assert recalled.past[answer, TRENDING, label] == trend
        if learns:
            n_present += present[row]
            n_unknown += unknown[row]
