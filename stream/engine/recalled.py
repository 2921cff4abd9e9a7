"""What recent rows say of labels, as the trees' mixer takes it: a share of the votes for every
label, and what was last known of it."""

from __future__ import annotations

from typing import NamedTuple

from stream.engine.arrays import Float64Array
from stream.engine.events import follows
from stream.engine.jit import inlined, kernel
from stream.engine.label_mixer import LAST, TRENDING
from stream.engine.recent_layout import PRIOR


class Recalled(NamedTuple):
    """What recent rows say of the rows of a segment."""

    votes: Float64Array  # [answers, labels] share of the votes, in which the base rate has a part
    past: Float64Array  # [answers, N_PAST, labels] the last known truth, and its decayed mean


@inlined
def vote_share(votes, silent, total, rate):
    """Share of the votes that a label has.

    Parameters
    ----------
    votes, silent, total
        Weights of the neighbours that have the label, of those where it is unknown, and of all.
    rate
        Its base rate.
    """
    return (votes + PRIOR * rate) / (total - silent + PRIOR)


@kernel
def spread_hints(events, hints, y, u, n_present, n_unknown, first, recalled):
    """Write down what hints say of every label.

    Parameters
    ----------
    events, hints
        :class:`~stream.engine.events.Events` and :class:`~stream.engine.recent_layout.Hints`.
    y, u
        Present and unknown labels of the rows, each ``(indptr, indices)``.
    n_present, n_unknown
        [labels] rows learnt so far in which a label was; in place.
    first
        Place of the first event's answer.
    recalled
        :class:`Recalled`, in place.
    """
    n_labels = len(n_present)
    for event in range(len(events.row)):
        row, now, total = events.row[event], events.now[event], hints.total[event]
        if not follows(events, event):
            place = first + events.answer[event] - events.answer[0]
            votes, past = recalled.votes[place], recalled.past[place]
            for label in range(n_labels):
                rate = (n_present[label] + 0.5) / (now - n_unknown[label] + 1.0)
                votes[label] = vote_share(0.0, 0.0, total, rate)
                past[LAST, label] = 0.0
                past[TRENDING, label] = 0.0
            for i in range(hints.start[event], hints.start[event + 1]):
                label = hints.label[i]
                rate = (n_present[label] + 0.5) / (now - n_unknown[label] + 1.0)
                votes[label] = vote_share(hints.vote[i], hints.silent[i], total, rate)
                past[LAST, label] = float(hints.last[i])
                past[TRENDING, label] = hints.trend[i]
        if events.learns[event]:
            for i in range(y[0][row], y[0][row + 1]):
                n_present[y[1][i]] += 1.0
            for i in range(u[0][row], u[0][row + 1]):
                n_unknown[u[1][i]] += 1.0
