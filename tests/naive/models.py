"""Logistic models side by side, learnt with AdaGrad, as their definition reads: a dictionary of
dictionaries."""

import math

from naive.arithmetic import single

from stream.engine.cells import LEAST_BIAS_SQUARE, LEAST_SQUARE, SMALLEST_ERROR


class NaiveModels:
    """One logistic model for each column, on rows that are dictionaries.

    A feature has weights once it was learnt in a row that may add some; weights stand in single
    precision.

    Parameters
    ----------
    first_bias
        Of a column that nothing was learnt of.
    """

    def __init__(self, first_bias):
        self.first_bias = float(first_bias)
        self.bias = {}  # column: [bias, sum of squares]
        self.weights = {}  # feature: column: weight
        self.squares = {}  # feature: sum of the squares of its largest gradients

    def score(self, x, column):
        """Log odds that a column is present."""
        total = self.bias.get(column, [self.first_bias])[0]
        for feature, value in sorted(x.items()):
            weight = self.weights.get(feature, {}).get(column, 0.0)
            total = single(total + single(value * weight))
        return total

    def learn(self, x, errors, rate, *, may_add):
        """Move weights against errors {column: probability less truth} (Duchi, Hazan and Singer,
        JMLR 2011); errors that are small are left alone."""
        wrong = {c: single(e) for c, e in errors.items() if abs(e) >= SMALLEST_ERROR}
        for column, error in wrong.items():
            bias = self.bias.setdefault(column, [self.first_bias, 0.0])
            step(bias, error, rate, LEAST_BIAS_SQUARE)
        if not wrong:
            return
        for feature, value in x.items():
            if feature not in self.weights and not may_add:
                continue
            largest = single(value * max(map(abs, wrong.values())))
            square = single(self.squares.get(feature, 0.0) + single(largest * largest))
            self.squares[feature] = square
            step_of_feature = rate * value / math.sqrt(square + float(LEAST_SQUARE))
            columns = self.weights.setdefault(feature, {})
            for column, error in wrong.items():
                columns[column] = single(columns.get(column, 0.0) - step_of_feature * error)


def step(weight, gradient, rate, least):
    """One step of a weight ``[value, sum of squares]``."""
    weight[1] = single(weight[1] + single(gradient * gradient))
    weight[0] = single(weight[0] - rate * gradient / math.sqrt(weight[1] + float(least)))
