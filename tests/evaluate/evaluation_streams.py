"""Small streams in memory, and models that record what is done to them."""

import numpy as np

from stream.data.source import Source
from stream.rows.batch import Batch
from stream.rows.predictions import Predictions
from stream.rows.schema import Schema


def compress(rows):
    """Lists of column numbers as CSR index arrays."""
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    indices = [column for row in rows for column in row]
    return indptr, np.array(indices, np.int32)


def make_batch(truth, x=None):
    """A batch from a matrix of 1 (present), 0 (absent) and -1 (unknown), and one of features."""
    truth = np.asarray(truth)
    x = np.zeros((len(truth), 0)) if x is None else np.asarray(x, float)
    x_indptr, x_indices = compress([np.flatnonzero(row) for row in x])
    y = compress([np.flatnonzero(row == 1) for row in truth])
    u = compress([np.flatnonzero(row == -1) for row in truth])
    return Batch(x_indptr, x_indices, x[x != 0], *y, *u)


class MemorySource(Source):
    """Rows of two matrices; ``fails_at`` raises ``error`` in place of that row."""

    def __init__(self, truth, x=None, task="multi-label", fails_at=None, error=None):
        self.name = "memory"
        self.truth = np.asarray(truth)
        self.x = np.ones((len(self.truth), 1)) if x is None else np.asarray(x, float)
        self.n_rows = len(self.truth)
        labels = [f"label{j}" for j in range(self.truth.shape[1])]
        self.schema = Schema([f"x{j}" for j in range(self.x.shape[1])], labels, task)
        self.fails_at, self.error = fails_at, error

    def batches(self, chunk_rows=1000):
        end = self.n_rows if self.fails_at is None else self.fails_at
        for start in range(0, end, chunk_rows):
            stop = min(end, start + chunk_rows)
            yield make_batch(self.truth[start:stop], self.x[start:stop])
        if self.error is not None:
            raise self.error


class GrowingSource(MemorySource):
    """Columns become known only when a row holds one of them; the schema runs ahead by a chunk."""

    columns_grow = True

    def __init__(self, truth, x=None):
        super().__init__(truth, x)
        self._features, self._labels = list(self.schema.features), list(self.schema.labels)
        self.schema.features, self.schema.labels = [], []

    def batches(self, chunk_rows=1000):
        for start in range(0, self.n_rows, chunk_rows):
            stop = min(self.n_rows, start + chunk_rows)
            if self.n_labels_by(stop - 1) > len(self.schema.labels):
                self.schema.labels = self._labels[: self.n_labels_by(stop - 1)]
            used = np.flatnonzero((self.x[:stop] != 0).any(axis=0))
            if len(used) and used[-1] >= len(self.schema.features):
                self.schema.features = self._features[: used[-1] + 1]
            yield make_batch(self.truth[start:stop], self.x[start:stop])

    def n_labels_by(self, row):
        used = np.flatnonzero((self.truth[: row + 1] == 1).any(axis=0))
        return int(used[-1]) + 1 if len(used) else 0


class BatchSpy:
    """A BatchEstimator that writes down the order of its predictions and lessons.

    The first feature of a row is its number plus one. It predicts the labels of the newest row
    that it learnt.
    """

    def __init__(self, fails_at=None, error=None):
        self.events = []
        self.newest = []
        self.fails_at, self.error = fails_at, error

    def test_then_train_many(self, batch, schema, *, pending=0, delay=0):
        numbers = [int(batch.x_values[at]) - 1 for at in batch.x_indptr[:-1]]
        labels = np.zeros((batch.n_rows - pending, len(schema.labels)), np.uint8)
        for i in range(pending, batch.n_rows):
            if numbers[i] == self.fails_at:
                raise self.error
            self.events.append(("predict", numbers[i]))
            labels[i - pending, self.newest] = 1
            if i - delay >= 0:
                late = slice(batch.y_indptr[i - delay], batch.y_indptr[i - delay + 1])
                self.newest = batch.y_indices[late].tolist()
                self.events.append(("learn", numbers[i - delay]))
        return Predictions(labels, labels.astype(float))


class RowSpy:
    """The same model with River's methods."""

    def __init__(self, fails_at=None, error=None):
        self.events = []
        self.newest = {}
        self.fails_at, self.error = fails_at, error

    def predict_one(self, x):
        number = int(x["x0"]) - 1
        if number == self.fails_at:
            raise self.error
        self.events.append(("predict", number))
        return self.newest

    def predict_top_one(self, x, k):
        return [(label, 1.0) for label, present in self.newest.items() if present][:k]

    def learn_one(self, x, y):
        self.events.append(("learn", int(x["x0"]) - 1))
        self.newest = y


def numbered(n_rows):
    """Features that hold the number of the row, from 1."""
    return np.arange(1, n_rows + 1)[:, None]
