"""What recent rows say of labels, as the trees' mixer takes it: a share of the votes for every
label, and what was last known of it."""

from __future__ import annotations

from typing import NamedTuple

from stream.engine.arrays import Float64Array
from stream.engine.jit import inlined, kernel
from stream.engine.label_mixer import LAST, TRENDING
from stream.engine.recent_layout import PRIOR


class Recalled(NamedTuple):
    """What recent rows say of rows of a call."""

    votes: Float64Array  # [rows, labels] share of the votes, in which the base rate has a part
    past: Float64Array  # [rows, N_PAST, labels] the last known truth, and its decayed mean


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
def spread_hints(events, hints, y, u, n_present, n_unknown, predicted, learnt):
    """Write down what hints say of every label.

    Parameters
    ----------
    events, hints
        :class:`~stream.engine.events.Events` and :class:`~stream.engine.recent_layout.Hints`.
    y, u
        Present and unknown labels of the rows, each ``(indptr, indices)``.
    n_present, n_unknown
        [labels] rows learnt so far in which a label was; in place.
    predicted, learnt
        :class:`Recalled` of the rows as they are predicted and just before they are learnt, in
        place. One that is not wanted has no rows; labels without a column are passed over.
    """
    n_labels = len(n_present)
    for event in range(len(events.row)):
        row, now, learns = events.row[event], events.now[event], events.learns[event]
        total = hints.total[event]
        known = learnt if learns else predicted
        if row < len(known.votes):
            for label in range(n_labels):
                rate = (n_present[label] + 0.5) / (now - n_unknown[label] + 1.0)
                known.votes[row, label] = vote_share(0.0, 0.0, total, rate)
                known.past[row, LAST, label] = 0.0
                known.past[row, TRENDING, label] = 0.0
            for i in range(hints.start[event], hints.start[event + 1]):
                label = hints.label[i]
                if label >= n_labels:
                    continue
                rate = (n_present[label] + 0.5) / (now - n_unknown[label] + 1.0)
                known.votes[row, label] = vote_share(hints.vote[i], hints.silent[i], total, rate)
                known.past[row, LAST, label] = float(hints.last[i])
                known.past[row, TRENDING, label] = hints.trend[i]
        if learns:
            for i in range(y[0][row], y[0][row + 1]):
                if y[1][i] < n_labels:
                    n_present[y[1][i]] += 1.0
            for i in range(u[0][row], u[0][row + 1]):
                if u[1][i] < n_labels:
                    n_unknown[u[1][i]] += 1.0
