"""What River, and whoever has many rows at once, see of a learner: one class for label sets, one
for classes."""

from __future__ import annotations

import abc
import time
from collections.abc import Collection, Hashable, Mapping
from typing import Any, Protocol

import numpy as np
from river import base

from stream.engine.arrays import Float64Array
from stream.engine.checking import require
from stream.engine.learner import PREDICT_ONLY, Rows
from stream.models.saved import Saved
from stream.rows.batch import Batch
from stream.rows.features import feature_entries
from stream.rows.frames import frame_like, series_like
from stream.rows.matrices import NO_TRUTH, batch_of
from stream.rows.names import UNSEEN, Vocabulary
from stream.rows.predictions import Predictions, SparsePredictions
from stream.rows.schema import Schema, Task
from stream.rows.truth import Truth, truth_of_row
from stream.rows.values import class_of

FeatureName = Hashable


class Learner(Protocol):
    """What a shell needs of the engine."""

    @property
    def n_labels(self) -> int:
        """Label columns that were learnt."""
        ...

    @property
    def accepts_features(self) -> bool:
        """Whether there is memory for new features."""
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

    @abc.abstractmethod
    def _new_learner(self) -> Learner:
        """A learner that has seen nothing, with the estimator's parameters."""

    def _begin(self) -> None:
        self._names = Vocabulary()
        self._learner = self._new_learner()

    def check_restored(self) -> None:
        """Look at what came out of a snapshot."""
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
    def labels(self) -> list[Hashable]:
        """Labels (single-label: classes) known so far, in the order of :meth:`predict_proba_many`'s
        columns."""
        return list(self._names.known_labels)

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
        self.learn_batch(*batch_of(X, y, self._task))

    def learn_batch(self, batch: Batch, schema: Schema) -> None:
        """Learn rows in the columns of ``schema``, with the same result as one at a time."""
        rows = self._names.rows_to_learn(
            batch, schema, more_features=self._learner.accepts_features
        )
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
            Of the rows from ``pending`` on, in the label columns of the schema.
        """
        rows = self._names.rows_to_learn(
            batch, schema, more_features=self._learner.accepts_features, pending=pending
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

    def _row_batch(self, x: Mapping[FeatureName, Any], *, learn: bool) -> Rows:
        entries = feature_entries(x)
        values = np.array([*entries.values()], np.float64)
        kept = values != 0  # NaN is: it means missing
        columns = self._names.features.columns_of(
            entries, kept, number_new=learn and self._learner.accepts_features
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
        return Batch(*self._row_batch(x, learn=False), *_NO_LABELS, *_NO_LABELS)

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
        start = time.perf_counter()
        indptr = np.arange(self._warm_up_rows + 1)
        entries = np.zeros(self._warm_up_rows, np.int32)
        nothing = np.zeros(len(indptr), np.int64), np.zeros(0, np.int32)
        rows = Batch(indptr, entries, np.ones(len(entries)), indptr, entries, *nothing)
        self._new_learner().run(rows, predict=True)
        return time.perf_counter() - start


_NOTHING_KNOWN = Truth((), (), False)
_NO_LABELS = (np.zeros(2, np.int64), np.zeros(0, np.int32))


class MultiLabelShell(Shell, base.MultiLabelClassifier, base.Classifier):
    """A learner of label sets as a River multi-label classifier."""

    _task: Task = "multi-label"

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_one(  # type: ignore[override]
        self, x: dict[FeatureName, Any], y: Mapping[Hashable, Any] | Collection[Hashable] | None
    ) -> None:
        """Learn one row.

        Parameters
        ----------
        x
            Features by name. A feature left out is 0; None or NaN is missing; a text is the feature
            ``name=text``; see :mod:`stream.rows.values` for every other kind of value.
        y
            A dictionary of truth values by label says what it knows: a label that was named before
            and is left out, or missing, is unknown and not absent; before it is first named it
            counts as absent. A set or list of labels is the whole truth: all others are absent.
            None: nothing is known.

        Raises
        ------
        DataError
            When a value cannot be used; nothing is learnt then.
        """
        truth = truth_of_row(y, self._task)
        row = self._row_batch(x, learn=True)
        names = self._names
        numbered, known = names.labels.number, names.known_labels
        unknown: list[Hashable] = []
        present, absent, whole = truth or _NOTHING_KNOWN
        told = {*present, *absent}
        if not whole and not known.keys() <= told:
            unknown = [label for label in known if label not in told]
        new = [label for label in (*present, *unknown) if label not in numbered]
        if new:
            names.labels.add(new)
        if not known.keys() >= told:
            names.mention(told, names.n_rows)
        names.n_rows += 1
        parts: list[np.ndarray] = []
        for group in (present, unknown):
            numbers = np.array(sorted([numbered[label] for label in group]), np.int32)
            parts += [np.array([0, len(group)], np.int64), numbers]
        self._learner.run(Batch(*row, *parts), predict=False)

    def predict_proba_one(  # type: ignore[override]
        self, x: dict[FeatureName, Any], **kwargs: Any
    ) -> dict[Hashable, dict[bool, float]]:
        """Probability of every known label being absent and present."""
        known = self._by_label(self._answer_row(x).probabilities)
        return {label: {False: 1.0 - p, True: p} for label, p in known.items()}

    def predict_one(self, x: dict[FeatureName, Any], **kwargs: Any) -> dict[Hashable, bool]:  # type: ignore[override]
        """Whether each known label is present."""
        answers = self._by_label(self._answer_row(x).labels)
        return {label: answer == 1 for label, answer in answers.items()}

    def _by_label(self, row: np.ndarray) -> dict[Hashable, Any]:
        """A row in the engine's columns as values of the known labels; 0 for those not learnt."""
        number, values = self._names.labels.number, row.tolist()
        numbers = [(label, number.get(label, len(values))) for label in self._names.known_labels]
        return {label: values[n] if n < len(values) else 0 for label, n in numbers}

    def predict_proba_many(self, X: Any) -> Any:
        """Probability of every known label being present.

        Parameters
        ----------
        X
            Features [rows, features]: NumPy array, SciPy sparse matrix, or data frame.

        Returns
        -------
        Probabilities [rows, labels] in the order of :attr:`labels`: a data frame if ``X`` is one,
        else an array.
        """
        return self._shaped_like(X, self._asked(X).probabilities)

    def predict_many(self, X: Any) -> Any:
        """Whether each known label is present: booleans in the shape of
        :meth:`predict_proba_many`."""
        return self._shaped_like(X, self._asked(X).labels.astype(bool))

    def _decide(self, probabilities: Float64Array) -> np.ndarray:
        return (probabilities > 0.5).astype(np.uint8)


class ClassifierShell(Shell, base.MiniBatchClassifier):
    """A learner of one class per row as a River classifier."""

    _task: Task = "single-label"

    @property
    def _multiclass(self) -> bool:
        return True

    @property
    def labels(self) -> list[Hashable]:
        """Classes learnt so far, in the order of :meth:`predict_proba_many`'s columns."""
        return self._names.labels.names[: self._learner.n_labels]

    def learn_one(self, x: dict[FeatureName, Any], y: Hashable) -> None:  # type: ignore[override]
        """Learn one row.

        Parameters
        ----------
        x
            Features by name. A feature left out is 0; None or NaN is missing; a text is the feature
            ``name=text``; see :mod:`stream.rows.values` for every other kind of value.
        y
            The class; None or NaN: unknown, nothing is learnt of classes.

        Raises
        ------
        DataError
            When a value cannot be used; nothing is learnt then.
        """
        known = class_of(y)
        row = self._row_batch(x, learn=True)
        names = self._names
        names.n_rows += 1
        if known is None:
            labels = _NO_LABELS
        else:
            if known not in names.labels.number:
                names.labels.add([known])
            labels = np.array([0, 1], np.int64), np.array([names.labels.number[known]], np.int32)
        self._learner.run(Batch(*row, *labels, *_NO_LABELS), predict=False)

    def predict_proba_one(self, x: dict[FeatureName, Any], **kwargs: Any) -> dict[Any, float]:  # type: ignore[override]
        """Probability of every known class; empty before anything was learnt."""
        return dict(zip(self.labels, self._answer_row(x).probabilities.tolist(), strict=True))

    def predict_one(self, x: dict[FeatureName, Any], **kwargs: Any) -> Any:  # type: ignore[override]
        """The most probable class; None before anything was learnt."""
        out = self._answer_row(x).probabilities
        return self._names.labels.names[int(np.argmax(out))] if len(out) else None

    def predict_proba_many(self, X: Any) -> Any:
        """Probability of every known class [rows, classes] in the order of :attr:`labels`."""
        return self._shaped_like(X, self._asked(X).probabilities)

    def predict_many(self, X: Any) -> Any:
        """The most probable class of each row: a series if ``X`` is a data frame, else an array of
        objects."""
        out = self._asked(X).probabilities
        names = self._names.labels.names
        best = [names[i] for i in out.argmax(axis=1)] if out.shape[1] else [None] * len(out)
        series = series_like(X, best)
        if series is not None:
            return series
        classes = np.empty(len(best), object)
        classes[:] = best
        return classes

    def _decide(self, probabilities: Float64Array) -> np.ndarray:
        labels = np.zeros(probabilities.shape, np.uint8)
        if probabilities.shape[1] == 0:
            return labels
        answered = np.flatnonzero(probabilities.any(axis=1))
        labels[answered, probabilities[answered].argmax(axis=1)] = 1
        return labels
