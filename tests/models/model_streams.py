"""Streams in memory, and models taken through them in every way that there is."""

import itertools

import numpy as np

from stream.data import open_source
from stream.data.source import rows_as_dicts
from stream.partition.fixed import FixedPartition
from stream.rows.batch import Batch, concatenate, slice_rows
from stream.rows.schema import Schema


class Stream:
    """A batch with its schema; iterating gives pairs of dictionaries."""

    def __init__(self, batch, schema):
        self.batch, self.schema = batch, schema

    def __len__(self):
        return self.batch.n_rows

    def __iter__(self):
        return rows_as_dicts(self.batch, self.schema)

    def part(self, start, stop):
        return Stream(slice_rows(self.batch, start, stop), self.schema)

    @property
    def features(self):
        """Dense features [rows, features]; 0 where there is none."""
        return dense(self.batch.x_indptr, self.batch.x_indices, self.batch.x_values, self.schema)

    @property
    def truth(self):
        """Labels [rows, labels]: 1, 0, NaN where unknown."""
        truth = np.zeros((len(self), len(self.schema.labels)))
        for indptr, indices, value in (
            (self.batch.y_indptr, self.batch.y_indices, 1.0),
            (self.batch.u_indptr, self.batch.u_indices, np.nan),
        ):
            truth[np.repeat(np.arange(len(self)), np.diff(indptr)), indices] = value
        return truth


def dense(indptr, indices, values, schema):
    matrix = np.zeros((len(indptr) - 1, len(schema.features)))
    matrix[np.repeat(np.arange(len(matrix)), np.diff(indptr)), indices] = values
    return matrix


def opened(name, n_rows, **options):
    """The first rows of a named stream."""
    source = open_source(name, **options)
    batches, rows = [], 0
    for batch in source.batches():
        batches.append(slice_rows(batch, 0, min(batch.n_rows, n_rows - rows)))
        rows += batches[-1].n_rows
        if rows == n_rows:
            break
    return Stream(concatenate(batches), source.schema)


def compress(mask):
    """CSR index arrays of the cells of a matrix that are true."""
    indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return indptr, np.nonzero(mask)[1].astype(np.int32)


def from_arrays(features, truth, task="multi-label"):
    """A stream of features [rows, features] and truth [rows, labels] of 1, 0 and NaN (unknown)."""
    features, truth = np.asarray(features, float), np.asarray(truth, float)
    x = (*compress(features != 0), features[features != 0])
    batch = Batch(*x, *compress(truth == 1), *compress(np.isnan(truth)))
    names = [f"x{j}" for j in range(features.shape[1])]
    return Stream(batch, Schema(names, [f"y{j}" for j in range(truth.shape[1])], task))


def concept_drift(n_rows=3000, seed=1):
    """Two labels that a feature tells, the other way round from the middle on."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, 3))
    sign = np.where(np.arange(n_rows) < n_rows // 2, 1, -1)
    y = np.stack([x[:, 0] * sign > 0, (x[:, 0] + x[:, 1]) * sign > 0, x[:, 2] > 1], axis=1)
    return from_arrays(x, y)


def patchy(n_rows=900, seed=2):
    """Missing values, unknown labels, a label first named late, one unknown at first, and columns
    that are first used late."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, 8)) * (rng.random((n_rows, 8)) < 0.6)
    x[rng.random(x.shape) < 0.05] = np.nan
    x[: n_rows // 2, 5] = 0
    y = (np.nan_to_num(x[:, :5]) + 0.3 * rng.normal(size=(n_rows, 5)) > 0.2).astype(float)
    y[rng.random(y.shape) < 0.15] = np.nan
    y[rng.random(n_rows) < 0.05] = np.nan  # nothing known at all
    y[: n_rows // 3, 3] = 0  # absent for long
    y[:23, 1] = np.nan  # nothing is known of it at first
    y[: n_rows // 2, 4] = np.nan
    return from_arrays(x, y)


# ---- ways through a stream; each gives probabilities [rows, labels of the schema]


def one_at_a_time(model, stream, delay=0):
    """With dictionaries."""
    labels = stream.schema.labels
    rows = list(stream)
    out = np.zeros((len(rows), len(labels)))
    single = stream.schema.task == "single-label"
    for i, (x, _) in enumerate(rows):
        told = model.predict_proba_one(x)
        out[i] = [
            (told[label] if single else told[label][True]) if label in told else 0.0
            for label in labels
        ]
        if i >= delay:
            model.learn_one(*rows[i - delay])
    return out


def in_chunks(model, stream, chunk_rows, delay=0):
    """With whole chunks, tested and trained in one call."""
    parts, pending = [], 0
    for start in range(0, len(stream), chunk_rows):
        stop = min(len(stream), start + chunk_rows)
        part = slice_rows(stream.batch, start - pending, stop)
        parts.append(model.test_then_train_many(part, stream.schema, pending=pending, delay=delay))
        pending = min(delay, part.n_rows)
    return np.concatenate([part.probabilities for part in parts])


def many_at_a_time(model, stream, chunk_rows, kind):
    """With predict_proba_many and learn_many; rows after the first of a chunk are not predicted."""
    features, truth = stream.features, stream.truth
    out = np.full(truth.shape, np.nan)
    for start in range(0, len(stream), chunk_rows):
        rows = slice(start, start + chunk_rows)
        told = model.predict_proba_many(kind(features[start : start + 1]))
        out[start] = 0.0
        out[start, model.labels] = np.asarray(told)[0] if len(model.labels) else 0.0
        model.learn_many(kind(features[rows]), kind(truth[rows]))
    return out


def head(pairs, n):
    """The first pairs."""
    return list(itertools.islice(pairs, n))


class Scripted(FixedPartition):
    """A partition that changes at stated rows to stated clusters."""

    grace_period = 100

    def __init__(self, script):
        super().__init__()
        self.script = script

    def examine(self, row):
        if row not in self.script:
            return ()
        self._clusters = {row + i: labels for i, labels in enumerate(self.script[row])}
        return ("change",)
