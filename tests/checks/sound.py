"""A small multi-label estimator in plain Python that passes every check."""

import math
import numbers
import pickle
import random

import numpy as np
import scipy.sparse
from river import base


class Sound(base.MultiLabelClassifier):
    """Every label by itself: the share of rows in which it was present, among those in which the
    features had the same signs, smoothed; a weight of the votes is drawn from the seed."""

    def __init__(self, smoothing: float = 1.0, seed: int | None = None):
        self.smoothing = smoothing
        self.seed = seed
        self.rng = random.Random(seed)
        self.totals: dict = {}  # label: [rows, present]
        self.counts: dict = {}  # (label, feature, sign): [rows, present]

    # ---- bytes that depend on the content alone

    def __getstate__(self):
        def entries(counts):
            return sorted(pickle.dumps((_plain(key), *value)) for key, value in counts.items())

        return {
            "smoothing": self.smoothing,
            "seed": self.seed,
            "rng": repr(self.rng.getstate()),
            "totals": entries(self.totals),
            "counts": entries(self.counts),
        }

    def __setstate__(self, state):
        self.__init__(state["smoothing"], state["seed"])
        version, numbers_, gauss = eval(state["rng"])
        self.rng.setstate((version, numbers_, gauss))
        for name in ("totals", "counts"):
            entries = [pickle.loads(entry) for entry in state[name]]
            getattr(self, name).update({key: [n, present] for key, n, present in entries})

    # ---- one row

    def read(self, x):
        signs = {}
        for name, value in x.items():
            if value is None:
                continue
            if not isinstance(value, numbers.Real) or math.isinf(value):
                raise ValueError(f"feature {name!r}: expected a finite number, got {value!r}")
            if value != 0 and not math.isnan(value):
                signs[name] = value > 0
        return signs

    def read_truth(self, y):
        for label, value in y.items():
            if not isinstance(value, bool | np.bool_ | numbers.Integral) or value not in (0, 1):
                raise ValueError(f"label {label!r}: expected a truth value, got {value!r}")
        return {label: bool(value) for label, value in y.items()}

    def learn_one(self, x, y):
        signs, truth = self.read(x), self.read_truth(y)
        weight = self.rng.choice((1.0, 2.0))
        for label, present in truth.items():
            count(self.totals, label, present, weight)
            for feature, sign in signs.items():
                count(self.counts, (label, feature, sign), present, weight)

    def probability(self, label, signs):
        n, present = self.totals[label]
        share = (present + 0.1 * self.smoothing) / (n + self.smoothing)
        logits = [math.log(share / (1 - share))]
        for feature, sign in signs.items():
            n, present = self.counts.get((label, feature, sign), (0.0, 0.0))
            likely = (present + self.smoothing * share) / (n + self.smoothing)
            logits.append(math.log(likely / (1 - likely)) - logits[0])
        total = max(-500.0, min(500.0, math.fsum(logits)))
        return 1 / (1 + math.exp(-total))

    def predict_proba_one(self, x, **kwargs):
        signs = self.read(x)
        told = {label: self.probability(label, signs) for label in self.labels}
        return {label: {False: 1 - p, True: p} for label, p in told.items()}

    def predict_one(self, x, **kwargs):
        return {label: p[True] > 0.5 for label, p in self.predict_proba_one(x).items()}

    @property
    def labels(self):
        return list(self.totals)

    # ---- many rows

    def learn_many(self, X, y):
        for x, truth in zip(dictionaries(X), dictionaries(y), strict=True):
            self.learn_one(x, truth)

    def predict_proba_many(self, X):
        told = [self.predict_proba_one(x) for x in dictionaries(X)]
        return self.shaped(X, [[p[True] for p in row.values()] for row in told])

    def predict_many(self, X):
        return self.shaped(X, [list(self.predict_one(x).values()) for x in dictionaries(X)])

    def shaped(self, X, rows):
        if hasattr(X, "columns"):
            return type(X)(rows, index=X.index, columns=self.labels)
        return np.array(rows)


def count(counts, key, present, weight):
    entry = counts.setdefault(key, [0.0, 0.0])
    entry[0] += weight
    entry[1] += weight * present


def dictionaries(table):
    """The rows of a frame, an array or a sparse matrix."""
    if hasattr(table, "columns"):
        return table.to_dict("records")
    rows = table.toarray() if scipy.sparse.issparse(table) else np.asarray(table)
    return [dict(enumerate(row.tolist())) for row in rows]


def _plain(name):
    """The name in objects of its own, so that a pickle cannot tell who else holds them."""
    if type(name) is tuple:
        return tuple(map(_plain, name))
    return name.encode().decode() if type(name) is str else name
