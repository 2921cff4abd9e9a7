"""What clusters behind a gate and recent rows say, as the trees' mixer takes it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.clusters.call import CallRows, Segment
from stream.clusters.gated import GatedClusters
from stream.engine.arrays import Float64Array
from stream.engine.events import Events
from stream.engine.label_mixer import N_PAST
from stream.engine.recalled import Recalled, spread_hints
from stream.engine.recent_layout import Hints
from stream.engine.set_decoder import Listed

UNLISTED = 5e-4  # probability of a label that a cluster was asked about and did not list


class Given(NamedTuple):
    """What is known of the rows of a segment that trees do not know."""

    probabilities: Float64Array  # [answers, models, labels] by models that are asked elsewhere
    past: Float64Array  # [answers, N_PAST, labels] see :mod:`stream.engine.label_mixer`


class Collector:
    """Collects what is given of the rows of a segment.

    Parameters
    ----------
    gated
        The clusters behind their gate, which are about to be asked.
    """

    def __init__(self, gated: GatedClusters, segment: Segment, rows: CallRows):
        self.gated = gated
        self.rows = rows
        self.events = segment.events
        n_answers, n_labels = segment.events.n_answers, segment.n_labels
        self.probabilities = np.zeros((n_answers, n_labels))
        votes, past = np.zeros((n_answers, n_labels)), np.zeros((n_answers, N_PAST, n_labels))
        self.recalled = Recalled(votes, past)

    def add(self, events: Events, listed: Listed, hints: Hints) -> None:
        """Take in what is answered to some of the events, which the clusters' decoder has not
        learnt yet."""
        answers = events.answer - self.events.answer[0]
        lengths = np.diff(listed.start)
        self.probabilities[np.repeat(answers, lengths), listed.label] = listed.probability
        counts, n_labels = self.gated.decoder.state, self.probabilities.shape[1]
        spread_hints(
            events, hints, self.rows.y, self.rows.u, counts.n_present[:n_labels].copy(),
            counts.n_unknown[:n_labels].copy(), int(answers[0]), self.recalled,
        )  # fmt: skip

    @property
    def given(self) -> Given:
        """What was collected."""
        votes, past = self.recalled
        asked = self.gated.params.recent.window > 0
        models = [votes, self.probabilities] if asked else [self.probabilities]
        probabilities = np.stack([np.where(each > 0.0, each, UNLISTED) for each in models], axis=1)
        return Given(probabilities, past)
