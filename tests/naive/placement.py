"""Where labels go at first sight, as the rules read."""

from stream.engine.placement import GIVEN, JACCARD, RANDOM, SINGLE

_64_BITS = 2**64 - 1


def split_mix(value):
    """The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 13)."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _64_BITS
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _64_BITS
    return value ^ (value >> 31)


def uniform(*numbers):
    """A number in [0, 1) from a seed and counters."""
    gamma = 0x9E3779B97F4A7C15
    value, *counters = numbers
    value = split_mix((value + gamma) & _64_BITS)
    for counter in counters:
        value = split_mix((value + gamma * (counter + 1)) & _64_BITS)
    return (value >> 11) / 2**53


class NaivePlacement:
    """Clusters are lists of labels.

    Parameters
    ----------
    capacity
        Labels of a cluster.
    how
        JACCARD, RANDOM, GIVEN or SINGLE.
    given
        Cluster of a label, for GIVEN.
    seed
        For RANDOM.
    """

    def __init__(self, capacity, how, given=None, seed=0):
        self.capacity, self.how, self.given, self.seed = capacity, how, given, seed
        self.clusters = []
        self.begun = []  # rows learnt before each cluster began
        self.born = {}  # label: rows learnt before it came
        self.opened = None  # cluster that takes labels without known company
        self.now = 0

    def learn(self, present, unknown):
        """Place the labels of a row that have no cluster yet: first the present ones."""
        for labels in (sorted(present), sorted(unknown)):
            for label in labels:
                if label not in self.born:
                    self.clusters[self._choose(labels, label)].append(label)
                    self.born[label] = self.now
        self.now += 1

    def _choose(self, labels, label):
        if self.how == GIVEN:
            while len(self.clusters) <= self.given(label):
                self._begin()
            return self.given(label)
        if self.how == RANDOM:
            return self._random(label)
        if self.how == JACCARD:
            company = {
                c: len(set(members) & set(labels))
                for c, members in enumerate(self.clusters)
                if len(members) < self.capacity
            }
            nearest = max(company, key=company.get, default=None)  # the first among equals
            if nearest is not None and company[nearest] > 0:
                return nearest
        # Without known company, the new labels of a row stay together where they can.
        together = min(sum(each not in self.born for each in labels), self.capacity)
        if self.opened is None or (
            self.how != SINGLE and len(self.clusters[self.opened]) + together > self.capacity
        ):
            self.opened = self._begin()
        return self.opened

    def _random(self, label):
        n = len(self.clusters)
        if n and 2 * len(self.born) < n * self.capacity:
            first = int(uniform(self.seed, label, 0, 0) * n)
            for c in [*range(first, n), *range(first)]:
                if len(self.clusters[c]) < self.capacity:
                    return c
        return self._begin()

    def _begin(self):
        self.clusters.append([])
        self.begun.append(self.now)
        return len(self.clusters) - 1
