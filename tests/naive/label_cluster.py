"""A cluster of labels as its definition reads: dictionaries, one label at a time, and the past is
walked row by row."""

import math

from naive.arithmetic import clipped, sigmoid
from naive.models import NaiveModels

from stream.engine import label_cluster_layout as lc
from stream.engine.label_cluster import LARGEST_EVIDENCE, LARGEST_MIX
from stream.engine.label_mixer import FIRST_SQUARE, PAST_MEMORY, PRIOR_ROWS
from stream.engine.log_odds import LARGEST_RARE_LOGIT
from stream.engine.recent_layout import PRIOR

INPUTS = (
    lc.MODEL, lc.MEAN, lc.VOTES, lc.PERSISTENCE, lc.TREND, lc.GATE, lc.BASE_RATE, lc.BIAS,
)  # fmt: skip


def logit(p):
    if p < 6.2e-6:
        return -LARGEST_RARE_LOGIT
    return LARGEST_RARE_LOGIT if p > 1.0 - 6.2e-6 else math.log(p / (1.0 - p))


class NaiveCluster:
    """Labels that learn together.

    Parameters
    ----------
    params
        Rates, and which inputs the mixer uses.
    first_weights
        Of the mixer's first inputs.
    """

    def __init__(self, params, first_weights):
        self.params = params
        self.models = NaiveModels(lc.FIRST_BIAS)
        self.weight = dict.fromkeys(INPUTS, 0.0)
        self.weight.update(enumerate(first_weights))
        self.square = dict.fromkeys(INPUTS, FIRST_SQUARE)
        self.own, self.own_square = {}, {}  # (label, input)
        self.known = []  # labels that some row learnt had or did not know
        self.n_present, self.n_unknown = {}, {}
        self.followed = {}  # (label, truth before, truth): decayed rows
        self.last = {}  # truth of the last row; what is unknown counts as absent
        self.now = 0

    def add_label(self, label):
        """Know a label from now on: it was absent in all rows before."""
        self.known.append(label)
        self.n_present[label] = self.n_unknown[label] = 0
        self.last[label] = 0
        for place in INPUTS:
            self.own[label, place], self.own_square[label, place] = 0.0, FIRST_SQUARE
        for before in (0, 1):
            self.followed[label, before, 0] = self.followed[label, before, 1] = 0.0
        for _ in range(self.now):
            self._count_truth(label, 0)

    # ---- asking

    def rate(self, label):
        """Base rate."""
        return (self.n_present[label] + 0.5) / (self.now - self.n_unknown[label] + 1.0)

    def inputs(self, x, p, hints, total, label):
        """What a label's probability is made of, as evidence against its base rate.

        Parameters
        ----------
        p
            Probability of the cluster, by the gate.
        hints, total
            What recent rows say of labels, and the weight of all votes.
        """
        rate, params = self.rate(label), self.params
        base = logit(rate)
        vote, silent, last, trend = hints.get(label, (0.0, 0.0, 0, 0.0))
        product = p * sigmoid(clipped(self.models.score(x, label), 30.0))
        inputs = {lc.MODEL: clipped(logit(product) - base, LARGEST_EVIDENCE), lc.VOTES: 0.0}
        inputs[lc.MEAN] = inputs[lc.MODEL]
        if params.use_votes and total > 0.0:
            share = (vote + PRIOR * rate) / (total - silent + PRIOR)
            inputs[lc.VOTES] = clipped(logit(share) - base, LARGEST_EVIDENCE)
            mean = (share + product) / 2.0
            inputs[lc.MEAN] = clipped(logit(mean) - base, LARGEST_EVIDENCE)
        inputs[lc.PERSISTENCE] = inputs[lc.TREND] = 0.0
        if params.use_past:
            absent, present = (self.followed[label, last, truth] for truth in (0, 1))
            after = (present + PRIOR_ROWS * rate) / (absent + present + PRIOR_ROWS)
            inputs[lc.PERSISTENCE] = logit(after) - base
            inputs[lc.TREND] = 4.0 * (trend - rate)
        inputs[lc.GATE] = 0.1 * math.log(max(p, 1e-4))
        inputs[lc.BASE_RATE] = 0.25 * base
        inputs[lc.BIAS] = 1.0
        return inputs

    def mixed(self, inputs, label):
        """Probability of a label from its inputs."""
        score = logit(self.rate(label))
        for place, value in inputs.items():
            score += (self.weight[place] + self.own[label, place]) * value
        return sigmoid(clipped(score, LARGEST_MIX))

    def answer(self, x, p, hints, total):
        """Probability of every known label."""
        return {
            label: self.mixed(self.inputs(x, p, hints, total, label), label) for label in self.known
        }

    # ---- learning

    def learn(self, x, p, hints, total, present, unknown, *, asked, weight, new=()):
        """Learn a row.

        Parameters
        ----------
        present, unknown
            Labels of this cluster.
        asked
            Whether the cluster was asked about the row.
        weight
            How probable it is that one of its labels is present.
        new
            Labels that come with it.
        """
        if asked and self.params.mix:
            self._learn_weights(x, p, hints, total, present, unknown)
        for label in new:
            self.add_label(label)
        if weight:
            errors = {
                label: weight
                * (sigmoid(clipped(self.models.score(x, label), 30.0)) - (label in present))
                for label in self.known
                if label not in unknown
            }
            self.models.learn(x, errors, self.params.rate, may_add=bool(present))
        self.pass_row(present, unknown)

    def pass_row(self, present=(), unknown=()):
        """Count a row, which need not concern this cluster."""
        for label in self.known:
            self.n_present[label] += label in present
            self.n_unknown[label] += label in unknown
            if label in unknown:
                self.last[label] = 0
            else:
                self._count_truth(label, int(label in present))
        self.now += 1

    def _count_truth(self, label, truth):
        before = self.last[label]
        self.followed[label, before, truth] += 1.0
        for either in (0, 1):
            self.followed[label, before, either] *= 1.0 - 1.0 / PAST_MEMORY
        self.last[label] = truth

    def _learn_weights(self, x, p, hints, total, present, unknown):
        """AdaGrad steps of the weights that all labels share, and of each label's own."""
        gradient = {}
        for label in self.known:
            if label in unknown:
                continue
            inputs = self.inputs(x, p, hints, total, label)
            error = self.mixed(inputs, label) - (label in present)
            for place, value in inputs.items():
                gradient[label, place] = error * value
        for (label, place), g in gradient.items():
            self.own_square[label, place] += g * g
            step = self.params.label_rate / math.sqrt(self.own_square[label, place])
            self.own[label, place] -= step * g
        for place in INPUTS:
            g = sum(value for (_, at), value in gradient.items() if at == place)
            self.square[place] += g * g
            self.weight[place] -= self.params.group_rate * g / math.sqrt(self.square[place])
