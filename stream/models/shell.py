"""The estimator interface around a learner, for one row or many, whatever the task."""

from __future__ import annotations

import abc
import time
from collections.abc import Hashable, Mapping
from typing import Any, Protocol

import numpy as np
from river import base

from stream.engine.arrays import FeatureRows, Float64Array, Int64Array
from stream.engine.checking import require
from stream.engine.events import PREDICT_ONLY
from stream.engine.growth import most_features
from stream.engine.postings import LEAST_POOL
from stream.models.saved import Saved
from stream.rows.batch import Batch
from stream.rows.features import feature_entries
from stream.rows.frames import frame_like
from stream.rows.matrices import NO_TRUTH, batch_of
from stream.rows.names import UNSEEN, Vocabulary
from stream.rows.predictions import Predictions, SparsePredictions
from stream.rows.schema import Schema, Task

FeatureName = Hashable
WIDE_ROW = LEAST_POOL + 1  # features of a row for which all that features need has to grow
NO_LABELS = (np.zeros(2, np.int64), np.zeros(0, np.int32))  # a row without any


class Learner(Protocol):
    """The interface of the engine that a shell uses."""

    @property
    def n_labels(self) -> int:
        """Label columns that were learnt."""
        ...

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        ...

    def run(
        self, batch: Batch, *, first_row: int = 0, predict: bool, delay: int = 0
    ) -> Float64Array:
        """Predict and learn rows; see :meth:`stream.engine.learner.TreeLearner.run`."""
        ...


class Shell(Saved, base.Estimator):
    """Names in front of a learner's columns.

    Subclasses set ``_learner`` and ``_names`` when they are made.
    """

    _task: Task
    _warm_up_rows = 1  # rows that take a learner through all of its kernels
    _learner: Learner
    _names: Vocabulary
    max_size: float

    @abc.abstractmethod
    def _new_learner(self) -> Learner:
        """A learner that has seen nothing, with the estimator's parameters."""

    def _begin(self) -> None:
        self._names = Vocabulary()
        self._learner = self._new_learner()

    def check_restored(self) -> None:
        """Validate restored state."""
        super().check_restored()
        require(self._learner.n_labels <= len(self._names.labels), "each label learnt has a name")

    def describe(self) -> dict[str, Any]:
        """What ``drifthomer inspect`` tells of the model: class, parameters, rows learnt, features,
        labels, clusters of labels (None: it has none) and bytes of the arrays."""
        return {
            "model": type(self).__name__,
            "parameters": self._get_params(),
            "rows": self._names.n_rows,
            "features": len(self._names.features),
            "labels": self.labels,
            "clusters": getattr(self, "clusters", None),
            "bytes": self.n_bytes,
        }

    @property
    def _most_features(self) -> int:
        """Features that there is memory for."""
        return most_features(self.max_size * 1e6)

    @property
    def labels(self) -> list[Hashable]:
        """Labels (single-label: classes) known so far, in the order of :meth:`predict_proba_many`'s
        columns: as the columns of the tables that were learnt, then by name as they came."""
        return self._names.answered_labels()

    @property
    def n_bytes(self) -> int:
        """Bytes that the model's arrays take."""
        return self._learner.n_bytes

    # ---- many rows

    def learn_many(self, X: Any, y: Any) -> None:
        """Learn rows in order, with the same result as :meth:`learn_one` on each.

        Parameters
        ----------
        X
            Features [rows, features]: NumPy array, SciPy sparse matrix, or data frame. NaN is
            missing.
        y
            Labels [rows, labels] of 0 and 1, NaN where unknown: the same kinds. Single-label:
            classes [rows].

        Raises
        ------
        DataError
            When a value cannot be used; nothing is learnt then.
        """
        batch, schema = batch_of(X, y, self._task)
        self.learn_batch(batch, schema)
        if self._task == "multi-label":
            self._names.keep_order(schema.labels)

    def learn_batch(self, batch: Batch, schema: Schema, waited: Int64Array | None = None) -> None:
        """Learn rows in the columns of ``schema``, with the same result as one at a time.

        Parameters
        ----------
        batch, schema
            The rows, and the names of the columns.
        waited
            For each row [rows] how many rows were learnt between its prediction and now, for models
            that learn it with what was known when it was predicted; None: none.
        """
        rows = self._names.rows_to_learn(batch, schema, most_features=self._most_features)
        self._learn(rows, waited)

    def _learn(self, rows: Batch, waited: Int64Array | None) -> None:
        """Learn rows in the engine's columns."""
        self._learner.run(rows, predict=False)

    def predict_batch(self, batch: Batch, schema: Schema) -> Predictions | SparsePredictions:
        """Predict rows in the columns of ``schema``; labels in the batch are not looked at."""
        rows = self._names.rows_to_predict(batch, schema)
        numbers = self._names.label_numbers(schema)
        return self._run(rows).in_columns(numbers)

    def test_then_train_many(
        self, batch: Batch, schema: Schema, *, pending: int = 0, delay: int = 0
    ) -> Predictions | SparsePredictions:
        """Predict each row, then learn the row ``delay`` before it; the same as one row at a time.

        Parameters
        ----------
        batch
            Rows in order, in the columns of ``schema``; the first ``pending`` were predicted in an
            earlier call.
        schema
            Names of the columns.
        pending
            Rows at the front that need no prediction.
        delay
            Rows between prediction and truth.

        Returns
        -------
        Predictions
            Those of the rows from ``pending`` on, in the label columns of the schema.
        """
        rows = self._names.rows_to_learn(
            batch, schema, most_features=self._most_features, pending=pending
        )
        answers = self._run(rows, first_row=pending, delay=delay)
        numbers = self._names.label_numbers(schema)
        return answers.in_columns(numbers, first_row=pending)

    def _run(
        self, rows: Batch, *, first_row: int = 0, delay: int = PREDICT_ONLY
    ) -> Predictions | SparsePredictions:
        """Predict and learn rows in the engine's columns."""
        out = self._learner.run(rows, first_row=first_row, predict=True, delay=delay)
        return Predictions(self._decide(out), out)

    def _asked(self, X: Any, *, engine_columns: bool = False) -> Predictions | SparsePredictions:
        """What is answered to rows, in the columns of :attr:`labels` or in the engine's."""
        batch, schema = batch_of(X, NO_TRUTH, self._task)
        rows = self._names.rows_to_predict(batch, schema)
        answers = self._run(rows)
        if engine_columns:
            return answers
        return answers.in_columns(self._names.labels.numbers_of(self.labels))

    def _shaped_like(self, X: Any, values: np.ndarray) -> Any:
        """Values [rows, labels] as a data frame if ``X`` is one."""
        frame = frame_like(X, dict(zip(self.labels, values.T, strict=True)))
        return values if frame is None else frame

    @abc.abstractmethod
    def _decide(self, probabilities: Float64Array) -> np.ndarray:
        """Predicted labels [rows, labels] as 0 and 1."""

    # ---- one row

    def _row_batch(self, x: Mapping[FeatureName, Any], *, learn: bool) -> FeatureRows:
        entries = feature_entries(x)
        values = np.array([*entries.values()], np.float64)
        kept = values != 0  # NaN is: it means missing
        columns = self._names.features.columns_of(
            entries, kept, most=self._most_features if learn else 0
        )
        kept &= columns != UNSEEN
        if not kept.all():
            columns, values = columns[kept], values[kept]
        if (columns[1:] < columns[:-1]).any():
            order = np.argsort(columns)
            columns, values = columns[order], values[order]
        return np.array([0, len(columns)], np.int64), columns, values

    def _one_row(self, x: Mapping[FeatureName, Any]) -> Batch:
        """A row to predict, in the engine's columns."""
        return Batch(*self._row_batch(x, learn=False), *NO_LABELS, *NO_LABELS)

    def _answer_row(self, x: Mapping[FeatureName, Any]) -> Predictions:
        """Answers for the learnt labels, in the engine's order."""
        answers = self._run(self._one_row(x))
        return Predictions(answers.labels[0], answers.probabilities[0])

    # ---- around the learner

    def warm_up(self) -> float:
        """Compile what the model needs, or load it from the cache; the model stays as it is.

        Returns
        -------
        Seconds that this took.
        """
        start, n_rows = time.perf_counter(), self._warm_up_rows
        y_indptr, labels = np.arange(n_rows + 1), np.zeros(n_rows, np.int32)
        features = np.concatenate([np.arange(WIDE_ROW, dtype=np.int32), labels[1:]])
        x_indptr = np.append(0, y_indptr[:-1] + WIDE_ROW)
        nothing = np.zeros(n_rows + 1, np.int64), np.zeros(0, np.int32)
        rows = Batch(x_indptr, features, np.ones(len(features)), y_indptr, labels, *nothing)
        self._new_learner().run(rows, predict=True)
        return time.perf_counter() - start
