"""The estimator interface of classes, one for each row."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from river import base

from stream.engine.arrays import Float64Array
from stream.models.shell import NO_LABELS, FeatureName, Shell
from stream.rows.batch import Batch
from stream.rows.frames import series_like
from stream.rows.schema import Task
from stream.rows.values import class_of


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
            labels = NO_LABELS
        else:
            if known not in names.labels.number:
                names.labels.add([known])
            labels = np.array([0, 1], np.int64), np.array([names.labels.number[known]], np.int32)
        self._learner.run(Batch(*row, *labels, *NO_LABELS), predict=False)

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
