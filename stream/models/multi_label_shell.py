"""The estimator interface of label sets."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any

import numpy as np
from river import base

from stream.engine.arrays import Float64Array
from stream.models.shell import FeatureName, Shell
from stream.rows.batch import Batch
from stream.rows.schema import Task
from stream.rows.truth import Truth, truth_of_row

_NOTHING_KNOWN = Truth((), (), False)


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
