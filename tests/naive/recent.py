"""The memory of recent rows as its definition reads: every kept row is compared with the query."""

import math

from naive.arithmetic import single
from naive.scaling import NaiveScaler

from stream.engine import recent_dense, recent_layout


def unit(row):
    """A row of length one, in single precision."""
    length = math.sqrt(sum(value * value for value in row.values()))
    if length == 0.0:
        return row
    return {j: single(single(value) * single(1.0 / length)) for j, value in row.items()}


class KeptRow:
    """A row as it is remembered: ``weighted`` if it came while rows were sparse, else
    ``standardised``."""

    def __init__(self, present, unknown):
        self.present, self.unknown = set(present), set(unknown)
        self.weighted = self.standardised = None

    def similarity(self, query):
        """Cosine with a sparse row; what is added up stands in single precision."""
        total = 0.0
        for j in sorted(query):
            if j in self.weighted:
                total = single(total + single(query[j] * self.weighted[j]))
        return total

    def nearness(self, query):
        """The same for dense rows."""
        total = 0.0
        for j in sorted(query):
            total = single(total + single(query[j] * self.standardised.get(j, 0.0)))
        return total


class NaiveRecent:
    """Rows are dictionaries of features; labels are numbers."""

    def __init__(self, params):
        self.params = params
        self.window = params.window  # sparse rows that vote
        self.kept = []
        self.n_rows_with = {}  # feature: rows that had it
        self.scaler = NaiveScaler()
        self.n_values, self.widest = 0, 0  # of the rows before the mode was decided
        self.dense_from = None  # the first row that is kept as a dense one
        self.decided = False

    # ---- asking

    def nearest(self, x, raw, as_of):
        """Similarities and numbers of the nearest rows, best first, the newer first among
        equals."""
        if not self.params.window:
            return []
        if self.dense_from is not None:
            query = self._standardised(raw)
            oldest = max(len(self.kept) - self.params.dense_window, self.dense_from)
            found = [(self.kept[n].nearness(query), n) for n in range(oldest, as_of)]
        else:
            query = self._weighted(x)
            oldest = max(len(self.kept) - self.window, 0)
            found = [(self.kept[n].similarity(query), n) for n in range(oldest, as_of)]
        near = sorted((s, n) for s, n in found if s > 0.0)
        return near[::-1][: self.params.n_nearest]

    def hints(self, x, raw, as_of):
        """Weight of all votes, and for each label that is mentioned ``[vote, silent, last,
        trend]``."""
        found, total = {}, 0.0
        near = self.nearest(x, raw, as_of)
        for similarity, number in near:
            weight = similarity * math.exp(recent_layout.SHARPNESS * (similarity - near[0][0]))
            total += weight
            for label in self.kept[number].present:
                found.setdefault(label, [0.0, 0.0, 0, 0.0])[0] += weight
            for label in self.kept[number].unknown:
                found.setdefault(label, [0.0, 0.0, 0, 0.0])[1] += weight
        decay = 1.0 - 1.0 / recent_layout.TREND_MEMORY
        for back in range(1, min(recent_layout.TREND_ROWS, as_of) + 1):
            for label in self._last_known(as_of - back):
                hint = found.setdefault(label, [0.0, 0.0, 0, 0.0])
                hint[2] = hint[2] or int(back == 1)
                hint[3] += decay ** (back - 1) / recent_layout.TREND_MEMORY
        return total, found

    def _last_known(self, number):
        """Labels of a row, and unknown ones that were present when they were last known."""
        row = self.kept[number]
        return row.present | {label for label in row.unknown if self._carried(label, number)}

    def _carried(self, label, number):
        for row in reversed(self.kept[:number]):
            if label not in row.unknown:
                return label in row.present
        return False

    def _weighted(self, x):
        return unit({j: value * self._idf(j) for j, value in x.items()})

    def _idf(self, feature):
        """Inverse document frequency; a feature that no row had yet weighs nothing."""
        n = self.n_rows_with.get(feature, 0)
        return math.log(1.0 + len(self.kept) / (n + 1.0)) if n else 0.0

    def _standardised(self, raw):
        known = {j: z for j, z in self.scaler.scale(raw).items() if self.scaler.values.get(j)}
        return unit(known)

    # ---- learning

    def learn(self, x, raw, present, unknown):
        row, number = KeptRow(present, unknown), len(self.kept)
        self.kept.append(row)
        if self.params.window and self.dense_from is None:
            for j, value in x.items():
                self.n_rows_with[j] = self.n_rows_with.get(j, 0) + (value != 0.0)
            row.weighted = self._weighted(x)
        elif self.params.window:
            row.standardised = self._standardised(raw)
            self.scaler.learn(raw)
        if self.params.window and not self.decided:
            self._decide(raw, number)

    def _decide(self, raw, number):
        self.scaler.learn(raw)
        self.n_values += len(raw)
        self.widest = max([self.widest, *(j + 1 for j in raw)])
        if number + 1 == recent_dense.DECIDED_AFTER:
            self.decided = True
            places = recent_dense.DECIDED_AFTER * self.widest
            few = self.widest <= recent_dense.MOST_FEATURES
            if few and self.n_values >= recent_dense.LEAST_SHARE * places:
                self.dense_from = number + 1
