"""The gate as its definition reads: the probability of a cluster is the product of those of the
nodes above it, and all clusters are looked at."""

from naive.arithmetic import clipped, sigmoid
from naive.models import NaiveModels

from stream.engine.gate import FAN_OUT, FIRST_BIAS, LEAST_WEIGHT, OLD_ROOT_BIAS, UNSEEN


class NaiveGate:
    """Clusters are 0, 1, ... in the order in which they began.

    A node ``(level, number)`` has the clusters, or the nodes of the level below, from
    ``number * FAN_OUT`` on as its children; the clusters' own level is 0.

    Parameters
    ----------
    params
        Threshold, rate, and up to how many labels all clusters are asked.
    """

    def __init__(self, params):
        self.params = params
        self.levels = 1
        self.nodes = {}
        self.times_present = {}  # of a label
        self.n_present = self.n_missed = self.n_asked = self.n_rows = 0

    # ---- asking

    def ask(self, x, hints, cluster_of, n_clusters, n_known):
        """Probability of each cluster that is asked.

        Parameters
        ----------
        hints
            What recent rows say: label: (vote, silent, last, trend).
        cluster_of
            Cluster of each label.
        n_clusters, n_known
            Clusters and labels known.
        """
        few = n_known <= self.params.ask_all_labels
        threshold = 0.0 if few else self.params.threshold
        if not n_clusters:
            return {}
        every = {c: self.probability(x, c) for c in range(n_clusters)}
        asked = {c: p for c, p in every.items() if p >= threshold}
        for label, (vote, _, last, _) in hints.items():
            if vote > threshold or last:
                asked.setdefault(cluster_of[label], threshold)
        return asked

    def probability(self, x, cluster):
        """Probability that a cluster holds a present label."""
        p, below = 1.0, cluster
        for level in range(1, self.levels + 1):
            node = below // FAN_OUT
            p *= self._probability(level, node, x, below)
            below = node
        return p

    def _node(self, level, number):
        return self.nodes.setdefault((level, number), NaiveModels(FIRST_BIAS))

    def _probability(self, level, number, x, child):
        """That a child holds a present label, given that its node does."""
        return sigmoid(clipped(self._node(level, number).score(x, child), 30.0))

    # ---- learning

    def learn(self, x, present, unknown, asked, cluster_of, born, now, n_clusters):
        """Learn a row whose clusters ``asked`` were asked.

        Returns
        -------
        Present labels that were missed, and with which weight the models of each cluster learn.
        """
        self.n_rows += 1
        self.n_asked += len(asked)
        known = [label for label in present if born[label] < now]
        missed = sum(cluster_of[label] not in asked for label in known)
        self.n_present += len(known)
        self.n_missed += missed
        weights = {}
        if n_clusters:
            self._grow(n_clusters)
            truth = Truth(present, unknown, cluster_of, self.times_present)
            self._learn_node(x, truth, self.levels, 0, 1.0, n_clusters, weights)
        for label in present:
            self.times_present[label] = self.times_present.get(label, 0) + 1
        return missed, weights

    def _grow(self, n_clusters):
        while FAN_OUT**self.levels < n_clusters:
            self.levels += 1
            root = self._node(self.levels, 0)
            root.bias[0] = [float(OLD_ROOT_BIAS), 0.0]  # what was the root until now

    def _learn_node(self, x, truth, level, number, weight, n_clusters, weights):
        """A node learns with a weight, and then its children, down to the clusters."""
        first = number * FAN_OUT
        n_below = -(-n_clusters // FAN_OUT ** (level - 1))
        errors, below = {}, {}
        for child in range(first, min(first + FAN_OUT, n_below)):
            p = self._probability(level, number, x, child)
            target = truth.target(level, child, p)
            errors[child] = weight * (p - target)
            below[child] = 1.0 if truth.holds_present(level, child) else weight * target
        may_add = level == self.levels or truth.holds_present(level + 1, number)
        may_add = may_add and bool(truth.present)
        self._node(level, number).learn(x, errors, self.params.rate, may_add=may_add)
        for child, its_weight in below.items():
            if its_weight < LEAST_WEIGHT:
                continue
            if level == 1:
                weights[child] = its_weight
            else:
                self._learn_node(x, truth, level - 1, child, its_weight, n_clusters, weights)


class Truth:
    """What is known of a row's labels.

    Parameters
    ----------
    present, unknown
        Labels.
    cluster_of
        Cluster of each label.
    times_present
        Rows that had a label before.
    """

    def __init__(self, present, unknown, cluster_of, times_present):
        self.present, self.unknown = present, unknown
        self.cluster_of, self.times_present = cluster_of, times_present

    def _is_below(self, label, level, child):
        return self.cluster_of[label] // FAN_OUT ** (level - 1) == child

    def holds_present(self, level, child):
        """Whether a child of a node of ``level`` holds a label that is known to be present."""
        return any(self._is_below(label, level, child) for label in self.present)

    def target(self, level, child, p):
        """The probability that it holds a present label; ``p`` by its features alone."""
        if self.holds_present(level, child):
            return 1.0
        mine = [label for label in self.unknown if self._is_below(label, level, child)]
        if not mine:
            return 0.0
        hidden = sum(self.times_present.get(label, 0) + UNSEEN for label in mine)
        all_times = sum(
            times
            for label, times in self.times_present.items()
            if self._is_below(label, level, child)
        )
        share = min(hidden / max(all_times, UNSEEN), 1.0)
        return p * share / (1.0 - p + p * share)
