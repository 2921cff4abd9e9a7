"""The set decoder as its definition reads: label sets are frozensets, and counts are dictionaries
that fade row by row."""

import math

from stream.engine import joint_decoder_layout as dec
from stream.engine import set_decoder as sd
from stream.engine.log_odds import LARGEST_LOGIT


def logit(p):
    if p < 1e-4:
        return -LARGEST_LOGIT
    return LARGEST_LOGIT if p > 1.0 - 1e-4 else math.log(p / (1.0 - p))


class Asked:
    """What clusters answered to a row.

    Parameters
    ----------
    listed
        Probability of each label worth mentioning.
    log_absent
        Log probability that none of the labels that were asked is present.
    base_rates, log_base_absent
        Sum of their base rates, and the log probability that none is present by these.
    """

    def __init__(self, listed, log_absent, base_rates, log_base_absent):
        self.listed = listed
        self.log_absent = log_absent
        self.base_rates, self.log_base_absent = base_rates, log_base_absent


class NaiveSetDecoder:
    """Labels are numbers."""

    def __init__(self, params):
        self.params = params
        self.now = 0
        self.present, self.unknown = {}, {}  # label: rows
        self.achieved = {}  # label: decayed [right, over the threshold, present]
        self.times, self.by_chance = {}, {}  # of a label set
        # decayed sums over rows
        self.n_rows = self.n_new = self.sizes = self.n_sizes = 0.0
        self.missed = self.expected_misses = 0.0
        self.composed_expected = self.composed_right = 0.0
        self.n_answered = self.n_right = self.n_present = self.n_counted = 0.0

    # ---- labels that were not asked

    def base_rate(self, label):
        rows = self.now - self.unknown.get(label, 0)
        return (self.present.get(label, 0) + 0.5) / (rows + 1.0)

    @property
    def kappa(self):
        """How often labels that were not asked are present, compared with their base rates."""
        return min((self.missed + 1.0) / (self.expected_misses + 1.0), 1.0)

    def not_asked(self, asked):
        """Base rates of the labels that were not asked, all together."""
        mean_size = self.sizes / self.n_sizes if self.n_sizes else 0.0
        return max(mean_size - asked.base_rates, 0.0)

    def _logit(self, label, asked):
        if label in asked.listed:
            p = asked.listed[label]
            return math.log(p / (1.0 - p))
        return logit(min(self.kappa * self.base_rate(label), 0.5))

    # ---- sets

    def probabilities(self, asked):
        """Probability of each set that was seen, and of all others together."""
        beta, rows = self.params.beta, self.n_rows + 1.0
        absent = asked.log_absent - self.kappa * self.not_asked(asked)
        base_absent = asked.log_base_absent - self.not_asked(asked)
        scores, seen = {}, 0.0
        for members, times in self.times.items():
            log_p = absent + sum(self._logit(label, asked) for label in members)
            log_chance = base_absent + self.by_chance[members]
            seen += math.exp(min(log_p, 0.0))
            scores[members] = math.exp(log_p + beta * (math.log(times / rows) - log_chance))
        rest = ((self.n_new + 0.5) / rows) ** beta
        rest *= max(1.0 - seen, dec.LEAST_REST) ** (1.0 - beta)
        total = rest + sum(scores.values())
        return {members: score / total for members, score in scores.items()}, rest / total

    def seen_candidates(self, asked):
        """The most probable sets that were seen."""
        found, _ = self.probabilities(asked)
        best = sorted(found, key=lambda members: -found[members])[: dec.TOP]
        return {members: found[members] for members in best}

    def ranked_candidates(self, asked):
        """The k most probable labels for every k, and the probability that they are the set."""
        listed = asked.listed
        order = sorted(listed, key=lambda label: -listed[label])[: sd.MAX_RANKED]
        _, rest = self.probabilities(asked)
        found = {}
        for k in range(len(order) + 1):
            log_p = asked.log_absent - self.kappa * self.not_asked(asked)
            log_p += sum(self._logit(label, asked) for label in order[:k])
            found[frozenset(order[:k])] = rest * math.exp(min(log_p, 0.0))
        return found

    def worth(self, members, chance, asked, n_labels):
        """What a set is worth as an answer that is the true set with probability ``chance``."""
        params = self.params
        if params.decode == dec.SUBSET:
            return chance
        k, total = len(members), sum(asked.listed.values())
        inside = sum(asked.listed.get(label, 0.0) for label in members)
        f1 = 2.0 * inside / (k + total) if k else chance
        both = self.n_answered + self.n_present + 1.0
        micro_f1 = (2.0 * self.n_right + 0.5) / both
        micro = (2.0 * inside - micro_f1 * k) * (self.n_counted + 1.0) / both
        wrong = (k + total - 2.0 * inside) / n_labels
        weights = params.exact_weight, params.f1_weight, params.micro_weight
        worth = sum(w * v for w, v in zip(weights, (chance, f1, micro), strict=True))
        return worth - (1.0 - sum(weights)) * wrong

    def worths(self, asked, n_labels):
        """What each candidate is worth."""
        correction = (self.composed_right + 1.0) / (self.composed_expected + 1.0)
        found = {
            members: self.worth(members, min(p * correction, 1.0), asked, n_labels)
            for members, p in self.ranked_candidates(asked).items()
        }
        for members, p in self.seen_candidates(asked).items():
            worth = self.worth(members, p, asked, n_labels)
            found[members] = max(worth, found.get(members, worth))
        return found

    def best_ranked(self, asked, n_labels):
        """The best of the most probable labels, the smaller set first among equals, and the
        probability that they are the set; 0 where that is a set that was seen."""
        correction = (self.composed_right + 1.0) / (self.composed_expected + 1.0)
        ranked = self.ranked_candidates(asked)
        best = max(
            ranked,
            key=lambda each: self.worth(each, min(ranked[each] * correction, 1.0), asked, n_labels),
        )
        return best, 0.0 if best in self.seen_candidates(asked) else ranked[best]

    def threshold(self, label):
        """Of ``decode="f1"``: half the F1 that a label achieves."""
        right, over, present = self.achieved.get(label, (0.0, 0.0, 0.0))
        return (right + 0.5) / (over + present + 1.0)

    # ---- learning

    def learn(self, asked, n_labels, answer, present, unknown, missed):
        """Learn a row to which ``answer`` was answered when ``n_labels`` labels were known."""
        whole = not unknown
        if whole and n_labels and self.params.decode in (dec.SUBSET, dec.BALANCED):
            ranked, chance = self.best_ranked(asked, n_labels)
            self.composed_expected += chance
            self.composed_right += chance > 0.0 and ranked == present
        self.missed += missed
        self.expected_misses += self.not_asked(asked)
        self.n_counted += 1.0
        self.sizes += len(present) + sum(self._expected(label, asked) for label in unknown)
        self.n_sizes += 1.0
        self.n_answered += len(answer - unknown)
        self.n_right += len(answer & present)
        self.n_present += len(present)
        self._count_achieved(asked, present, unknown)
        for label in present:
            self.present[label] = self.present.get(label, 0) + 1
        for label in unknown:
            self.unknown[label] = self.unknown.get(label, 0) + 1
        if whole:
            self._count_set(frozenset(present))
        self.now += 1
        self._fade(1.0 - 1.0 / dec.MEMORY)

    def _expected(self, label, asked):
        """How probable an unknown label is."""
        if label in asked.listed:
            return asked.listed[label]
        return self.kappa * self.base_rate(label)

    def _count_achieved(self, asked, present, unknown):
        over = {label for label, p in asked.listed.items() if p > self.threshold(label)} - unknown
        for label in over | present:
            counts = self.achieved.setdefault(label, [0.0, 0.0, 0.0])
            counts[0] += label in over and label in present
            counts[1] += label in over
            counts[2] += label in present

    def _count_set(self, members):
        self.n_rows += 1.0
        if members not in self.times:
            self.n_new += 1.0
            if len(self.times) == self.params.max_sets:
                rarest = min(self.times, key=self.times.get)
                del self.times[rarest], self.by_chance[rarest]
        self.times[members] = self.times.get(members, 0.0) + 1.0
        self.by_chance[members] = sum(logit(self.base_rate(label)) for label in members)

    def _fade(self, kept):
        for name, value in vars(self).items():
            if isinstance(value, float):
                setattr(self, name, value * kept)
        self.times = {members: times * kept for members, times in self.times.items()}
        for counts in self.achieved.values():
            counts[:] = [count * kept for count in counts]
