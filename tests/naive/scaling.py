"""Online standardisation as its definition reads: everything is computed from all past rows."""

import math

import numpy as np

from stream.engine.scaling import BECOMES_COMMON, LARGEST, STOPS_BEING_COMMON


class NaiveScaler:
    """Keeps every value it was shown.

    A row is a dictionary of feature to value; a feature left out is 0, NaN is missing.
    """

    def __init__(self):
        self.n_rows = 0
        self.values = {}  # feature: its values that are not zero
        self.n_missing = {}
        self.common = set()

    def scale(self, x):
        """The row, scaled with the statistics of the rows before it."""
        features = sorted(set(x) | self.common)
        scaled = {j: self._scaled(j, x.get(j, 0.0)) for j in features}
        return {j: z for j, z in scaled.items() if z != 0.0}

    def _scaled(self, j, value):
        if math.isnan(value):
            return 0.0
        values = self.values.get(j, [])
        if not values:
            return math.copysign(1.0, value)
        if j in self.common:
            seen = np.array(values + [0.0] * self._zeros(j))
            deviation = seen.std() if seen.min() < seen.max() else 0.0
            z = (value - seen.mean()) / deviation if deviation > 0.0 else 0.0
        else:
            z = value / math.sqrt(np.mean(np.square(values)))
        return float(np.clip(z, -LARGEST, LARGEST))

    def _known(self, j):
        """Rows in which the feature was not missing."""
        return self.n_rows - self.n_missing.get(j, 0)

    def _zeros(self, j):
        return self._known(j) - len(self.values[j])

    def learn(self, x):
        """Add a row."""
        self.n_rows += 1
        for j, value in x.items():
            if math.isnan(value):
                self.n_missing[j] = self.n_missing.get(j, 0) + 1
                continue
            self.values.setdefault(j, []).append(value)
            if len(self.values[j]) >= BECOMES_COMMON * self._known(j):
                self.common.add(j)
        self.common = {
            j for j in self.common if len(self.values[j]) >= STOPS_BEING_COMMON * self._known(j)
        }
