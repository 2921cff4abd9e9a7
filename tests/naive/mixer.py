"""The mixer as its definition reads: dictionaries, one number at a time."""

import math

from stream.engine import label_mixer as mix
from stream.engine.log_odds import LARGEST_LOGIT


def logit(p):
    if p < 1e-4:
        return -LARGEST_LOGIT
    return LARGEST_LOGIT if p > 1.0 - 1e-4 else math.log(p / (1.0 - p))


def clipped(value, most):
    return max(-most, min(most, value))


class NaiveMixer:
    """Labels are 0, 1, ...; each belongs to a cluster."""

    def __init__(self, params, n_models):
        self.params = params
        self.n_models = n_models
        self.known, self.present = {}, {}
        self.followed = {}  # (label, truth that was known, truth): decayed rows
        self.own, self.own_square = {}, {}  # (label, place)
        self.clusters = []
        self.shared, self.square = [], []  # for each cluster: one number for each place

    @property
    def places(self):
        return range(self.n_models + mix.N_OWN_INPUTS)

    def add_labels(self, n_labels, n_rows):
        for label in range(len(self.known), n_labels):
            self.known[label], self.present[label] = float(n_rows), 0.0
            for before in (0, 1):
                self.followed[label, before, 0] = self.followed[label, before, 1] = 0.0
            for place in self.places:
                self.own[label, place] = 0.0
                self.own_square[label, place] = mix.FIRST_SQUARE

    def regroup(self, clusters):
        cluster_of = {label: c for c, each in enumerate(self.clusters) for label in each}
        shared, square = [], []
        for labels in clusters:
            used = [cluster_of[label] for label in labels if label in cluster_of]
            if not used:
                models = range(self.n_models)
                shared.append([1.0 / self.n_models if p in models else 0.0 for p in self.places])
                square.append([mix.FIRST_SQUARE for _ in self.places])
                continue
            for old, new in ((self.shared, shared), (self.square, square)):
                new.append([sum(old[c][p] for c in used) / len(used) for p in self.places])
        self.clusters = [list(labels) for labels in clusters]
        self.shared, self.square = shared, square

    def rate(self, label):
        return (self.present[label] + 0.5) / (self.known[label] + 1.0)

    def inputs(self, said, past, label):
        """What a probability is made of: ``said`` [models, labels] and ``past`` [2, labels]."""
        rate = self.rate(label)
        base = logit(rate)
        inputs = [clipped(logit(model[label]) - base, mix.LARGEST_EVIDENCE) for model in said]
        if self.params.use_past:
            absent, present = (self.followed[label, int(past[0][label]), v] for v in (0, 1))
            prior = mix.PRIOR_ROWS
            after = (present + prior * rate) / (absent + present + prior)
            inputs += [logit(after) - base, 4.0 * (past[1][label] - rate)]
        else:
            inputs += [0.0, 0.0]
        return [*inputs, 0.25 * base, 1.0]

    def cluster(self, label):
        return next(c for c, labels in enumerate(self.clusters) if label in labels)

    def mix(self, said, past):
        """Probability of every label."""
        mixed = []
        for label in range(len(self.known)):
            shared, score = self.shared[self.cluster(label)], logit(self.rate(label))
            for place, value in enumerate(self.inputs(said, past, label)):
                score += (shared[place] + self.own[label, place]) * value
            mixed.append(1.0 / (1.0 + math.exp(-clipped(score, mix.LARGEST_MIX))))
        return mixed

    def learn(self, said, past, truth):
        """Learn a row of 0, 1 and NaN (unknown)."""
        if self.params.mix:
            self._learn_weights(said, past, truth)
        for label, value in enumerate(truth):
            if math.isnan(value):
                continue
            before, value = int(past[0][label]), int(value)
            self.known[label] += 1.0
            self.present[label] += value
            self.followed[label, before, value] += 1.0
            for either in (0, 1):
                self.followed[label, before, either] *= 1.0 - 1.0 / mix.PAST_MEMORY

    def _learn_weights(self, said, past, truth):
        mixed = self.mix(said, past)
        total = {(c, place): 0.0 for c in range(len(self.clusters)) for place in self.places}
        for label, value in enumerate(truth):
            if math.isnan(value):
                continue
            for place, given in enumerate(self.inputs(said, past, label)):
                g = (mixed[label] - value) * given
                total[self.cluster(label), place] += g
                self.own_square[label, place] += g * g
                step = self.params.label_rate / math.sqrt(self.own_square[label, place])
                self.own[label, place] -= step * g
        for (c, place), g in total.items():
            self.square[c][place] += g * g
            self.shared[c][place] -= self.params.group_rate * g / math.sqrt(self.square[c][place])
