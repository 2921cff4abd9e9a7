"""One AdaGrad logistic model per label: what one linear model for everything costs and reaches."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from peers.unit_rows import unit_rows

from stream.rows.batch import Batch
from stream.rows.predictions import Predictions
from stream.rows.schema import Schema

CLOSE = 0.01  # labels predicted within this are left alone


@njit(cache=True)
def predict_then_learn(
    weights, squares, indptr, columns, values, y_indptr, y, pending, delay, step, out
):
    """Fill ``out`` [rows, labels]; ``weights`` and ``squares`` are [columns + 1, labels], of which
    the last row is the bias."""
    n_labels = weights.shape[1]
    bias = weights.shape[0] - 1
    scores = np.empty(n_labels)
    present = np.zeros(n_labels, np.uint8)
    for i in range(pending, len(indptr) - 1):
        for turn in range(2):
            row = i if turn == 0 else i - delay
            if row < 0:
                break
            scores[:] = weights[bias]
            for k in range(indptr[row], indptr[row + 1]):
                for label in range(n_labels):
                    scores[label] += values[k] * weights[columns[k], label]
            if turn == 0:
                for label in range(n_labels):
                    out[i - pending, label] = 1.0 / (1.0 + math.exp(-scores[label]))
                continue
            for k in range(y_indptr[row], y_indptr[row + 1]):
                present[y[k]] = 1
            for label in range(n_labels):
                gradient = 1.0 / (1.0 + math.exp(-scores[label])) - present[label]
                present[label] = 0
                if abs(gradient) < CLOSE:
                    continue
                squares[bias, label] += gradient * gradient
                weights[bias, label] -= step * gradient / math.sqrt(squares[bias, label] + 1e-8)
                for k in range(indptr[row], indptr[row + 1]):
                    g = gradient * values[k]
                    squares[columns[k], label] += g * g
                    size = math.sqrt(squares[columns[k], label] + 1e-8)
                    weights[columns[k], label] -= step * g / size


class AdaGradPerLabel:
    """Logistic models of all labels over rows of length one, all asked and all learning."""

    def __init__(self, step: float = 0.5, threshold: float = 0.3):
        self.step = step
        self.threshold = threshold
        self._weights = np.zeros((1, 0), np.float32)
        self._squares = np.zeros((1, 0), np.float32)

    def _grow(self, n_columns: int, n_labels: int) -> None:
        columns, labels = self._weights.shape
        if n_columns + 1 <= columns and n_labels <= labels:
            return
        size = max(n_columns + 1, columns), max(n_labels, labels)
        for name in ("_weights", "_squares"):
            old, new = getattr(self, name), np.zeros(size, np.float32)
            new[: columns - 1, :labels] = old[:-1]
            new[-1, :labels] = old[-1]  # the bias stays the last
            setattr(self, name, new)

    def test_then_train_many(
        self, batch: Batch, schema: Schema, *, pending: int = 0, delay: int = 0
    ) -> Predictions:
        """See :class:`stream.evaluate.protocol.BatchEstimator`. Unknown labels count as absent."""
        self._grow(len(schema.features), len(schema.labels))
        out = np.zeros((batch.n_rows - pending, self._weights.shape[1]))
        predict_then_learn(
            *(self._weights, self._squares, batch.x_indptr, batch.x_indices, unit_rows(batch)),
            *(batch.y_indptr, batch.y_indices, pending, delay, self.step, out),
        )
        return Predictions((out >= self.threshold).astype(np.uint8), out)
