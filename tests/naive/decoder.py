"""The joint decoder as its definition reads: label sets are frozensets, counts are dictionaries
that fade row by row, and each of the 2^labels sets is looked at."""

import itertools
import math

import numpy as np

from stream.engine import joint_decoder_layout as dec

ALL = None  # labels of the table of whole label sets


def powerset(labels):
    """Every label set."""
    labels = sorted(labels)
    return [
        frozenset(chosen)
        for size in range(len(labels) + 1)
        for chosen in itertools.combinations(labels, size)
    ]


def independent(labels, present, q):
    """Probability of a label set if labels are independent with probabilities ``q``."""
    return math.prod(q[label] if label in present else 1.0 - q[label] for label in labels)


class Table:
    """Label sets that were seen, with counts."""

    def __init__(self, labels):
        self.labels = labels
        self.times = {}
        self.n_rows = 0.0
        self.n_new = 0.0

    def count(self, present, limit, width):
        self.n_rows += 1.0
        if present in self.times:
            self.times[present] += 1.0
            return
        self.n_new += 1.0
        if len(present) > width:
            return
        if len(self.times) == limit:
            del self.times[min(self.times, key=self.times.get)]
        self.times[present] = 1.0

    def fade(self, kept):
        self.n_rows *= kept
        self.n_new *= kept
        self.times = {present: count * kept for present, count in self.times.items()}

    def project(self, labels, limit):
        """The table of a cluster that is cut from this one; rows without any of its labels always
        have a place."""
        made = Table(labels)
        counts = {frozenset(): 0.0}
        for present, count in self.times.items():
            piece = present & frozenset(labels)
            counts[piece] = counts.get(piece, 0.0) + count
        often = sorted((piece for piece in counts if piece), key=counts.get, reverse=True)
        made.times = {piece: counts[piece] for piece in [frozenset(), *often][:limit]}
        made.n_rows = self.n_rows
        made.n_new = min(self.n_new, len(counts))
        return made

    def probabilities(self, labels, p, rates, beta):
        """Probability of each seen set, and of all others together.

        Of the others, neither count nor base rates are known one by one: the share that independent
        labels leave to them stands for both.
        """
        rows = self.n_rows + 1.0
        unseen = 1.0 - sum(independent(labels, present, p) for present in self.times)
        rest = ((self.n_new + 0.5) / rows) ** beta
        rest *= max(unseen, dec.LEAST_REST) ** (1.0 - beta)
        scores = {}
        for present, count in self.times.items():
            by_chance = independent(labels, present, rates)
            scores[present] = independent(labels, present, p) * (count / rows / by_chance) ** beta
            if count == 0.0:
                scores[present] = 0.0
        total = rest + sum(scores.values())
        return {present: score / total for present, score in scores.items()}, rest / total


class NaiveDecoder:
    """Labels are 0, 1, ...; ``width`` is the size of the largest set that is remembered."""

    def __init__(self, params, width=4):
        self.params = params
        self.width = width
        self.known, self.present = {}, {}  # decayed rows
        self.achieved = {}  # label: decayed true positives, answers, presences
        self.whole = Table(ALL)
        self.tables = []
        self.composed_expected = self.composed_right = 1.0  # decayed rows
        self.n_answered = self.n_right = self.n_present = self.n_counted = 1.0

    @property
    def labels(self):
        return sorted(self.known)

    def add_labels(self, n_labels):
        for label in range(len(self.known), n_labels):
            self.known[label], self.present[label] = self.whole.n_rows, 0.0
            self.achieved[label] = [0.0, 0.0, 0.0]

    def regroup(self, clusters):
        limit = min(self.params.max_sets, dec.MAX_PIECES)
        tables = []
        for labels in map(sorted, clusters):
            sources = [t for t in self.tables if set(t.labels) & set(labels)]
            if len(sources) == 1 and set(sources[0].labels) <= set(labels):
                tables.append(sources[0])
                sources[0].labels = labels  # it only grew
            else:
                source = sources[0] if len(sources) == 1 else self.whole
                tables.append(source.project(labels, limit))
        self.tables = tables

    # ---- answering

    def _scored(self, p):
        """For the whole and each cluster: labels, probabilities of seen sets, and the rest."""
        rates = {k: (self.present[k] + 0.5) / (self.known[k] + 1.0) for k in self.labels}
        tables = [(self.labels, self.whole), *((table.labels, table) for table in self.tables)]
        return [
            (labels, *table.probabilities(labels, p, rates, self.params.beta))
            for labels, table in tables
        ]

    def distribution(self, p):
        """Probability of every label set, given the probability of each label on its own."""
        (_, seen, rest), *clusters = self._scored(p)
        found = {}
        for present in powerset(self.labels):
            composed = rest
            for labels, pieces, others in clusters:
                piece = present & frozenset(labels)
                composed *= pieces.get(piece, 0.0) + others * independent(labels, piece, p)
            found[present] = seen.get(present, 0.0) + composed
        return found

    def marginals(self, p):
        found = self.distribution(p)
        return [sum(found[s] for s in found if label in s) for label in self.labels]

    def composed(self, p):
        """The set of every cluster's best piece, and its probability among sets never seen."""
        (_, _, chance), *clusters = self._scored(p)
        chosen = frozenset()
        for labels, pieces, others in clusters:
            alone = frozenset(label for label in labels if p[label] > 0.5)
            choices = {**pieces, None: others * independent(labels, alone, p)}
            best = max(choices, key=choices.get)
            chosen |= alone if best is None else best
            chance *= choices[best]
        return chosen, chance

    def most_probable(self, p):
        """The most probable sets that were seen, with their probabilities."""
        seen = self._scored(p)[0][1]
        best = sorted(seen, key=seen.get, reverse=True)[: dec.TOP - 1]
        return {present: seen[present] for present in best}

    def candidates(self, p):
        """The sets that are compared, with their probabilities."""
        found = self.most_probable(p)
        chosen, chance = self.composed(p)
        if chosen not in found:
            found[chosen] = min(
                chance * (self.composed_right + 1.0) / (self.composed_expected + 1.0), 1.0
            )
        return found

    def worths(self, p):
        """What each candidate is worth as an answer."""
        found = self.candidates(p)
        if self.params.decode == dec.SUBSET:
            return found
        marginals = self.marginals(p)
        worths = {
            answer: self._worth(answer, marginals, chance) for answer, chance in found.items()
        }
        rest = self._scored(p)[0][2]
        order = sorted(self.labels, key=lambda label: -marginals[label])
        for k in range(len(order) + 1):
            answer = frozenset(order[:k])
            worth = self._worth(answer, marginals, rest * independent(self.labels, answer, p))
            worths[answer] = max(worth, worths.get(answer, worth))
        return worths

    def _worth(self, answer, marginals, chance):
        """What an answer is worth that is the true set with probability ``chance``."""
        params, k, total = self.params, len(answer), sum(marginals)
        inside = sum(marginals[label] for label in answer)
        f1 = 2.0 * inside / (k + total) if k else chance
        both = self.n_answered + self.n_present + 1.0
        micro_f1 = (2.0 * self.n_right + 0.5) / both
        micro = (2.0 * inside - micro_f1 * k) * (self.n_counted + 1.0) / both
        wrong = (k + total - 2.0 * inside) / len(self.labels)
        weights = params.exact_weight, params.f1_weight, params.micro_weight
        return np.dot([*weights, 1.0 - sum(weights)], [chance, f1, micro, -wrong])

    def threshold(self, label):
        if self.params.decode == dec.MARGINAL:
            return 0.5
        common, answered, present = self.achieved[label]
        return (common + 0.5) / (answered + present + 1.0)

    # ---- learning

    def _judge_composed(self, truth, p):
        if self.params.decode not in (dec.SUBSET, dec.BALANCED):
            return
        chosen, chance = self.composed(p)
        if chosen not in self.most_probable(p):
            self.composed_expected += chance
            self.composed_right += chosen == truth

    def learn(self, truth, p, marginals, answer=frozenset()):
        """Learn a row of 0, 1 and NaN (unknown), of whose labels ``p`` and ``marginals`` were told,
        and to which ``answer`` was answered."""
        self.n_counted += 1.0
        if not any(map(math.isnan, truth)):
            self._judge_composed(frozenset(np.flatnonzero(truth).tolist()), p)
        for label, value in enumerate(truth):
            if math.isnan(value):
                continue
            common, answered, present = self.achieved[label]
            half_f1 = (common + 0.5) / (answered + present + 1.0)
            positive = float(marginals[label] > half_f1)
            self.achieved[label] = [common + positive * value, answered + positive, present + value]
            self.known[label] += 1.0
            self.present[label] += value
            self.n_answered += label in answer
            self.n_right += value * (label in answer)
            self.n_present += value
        if not any(map(math.isnan, truth)):
            whole = frozenset(label for label, value in enumerate(truth) if value)
            self.whole.count(whole, self.params.max_sets, self.width)
            for table in self.tables:
                limit = min(self.params.max_sets, dec.MAX_PIECES)
                table.count(whole & frozenset(table.labels), limit, self.width)
        kept = 1.0 - 1.0 / dec.MEMORY
        for table in (self.whole, *self.tables):
            table.fade(kept)
        self.composed_expected *= kept
        self.composed_right *= kept
        for name in ("n_answered", "n_right", "n_present", "n_counted"):
            setattr(self, name, getattr(self, name) * kept)
        for counts in (self.known, self.present):
            counts.update((label, count * kept) for label, count in counts.items())
        for label, counts in self.achieved.items():
            self.achieved[label] = [count * kept for count in counts]
