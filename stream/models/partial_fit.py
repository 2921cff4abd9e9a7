"""Our estimators for programs that know ``partial_fit`` and ``predict`` on arrays."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from stream.errors import ParameterError
from stream.models.multi_label_shell import MultiLabelShell


class PartialFit:
    """An estimator with the methods of scikit-multiflow's learners, and of scikit-learn's
    incremental ones.

    Nothing of either is imported: their evaluators ask for methods, not for a class.

    Parameters
    ----------
    model
        An estimator of this package. It is trained in place.

    Examples
    --------
    >>> import numpy as np
    >>> from stream import MultiLabelHoeffdingTree
    >>> learner = PartialFit(MultiLabelHoeffdingTree(seed=7))
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0]] * 200)
    >>> Y = np.array([[1, 0, 0], [1, 1, 0]] * 200)
    >>> learner.partial_fit(X, Y).predict(X[:2])
    array([[1, 0, 0],
           [1, 1, 0]])
    """

    def __init__(self, model: Any):
        self.model = model
        self._n_labels = 0
        self._classes: list[Hashable] = []

    @property
    def _multi_label(self) -> bool:
        return isinstance(self.model, MultiLabelShell)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Sequence[Hashable] | None = None,
        sample_weight: Any = None,
    ) -> PartialFit:
        """Learn rows in order.

        Parameters
        ----------
        X
            Features [rows, features]; NaN is missing.
        y
            Labels [rows, labels] of 0 and 1; single-label: classes [rows].
        classes
            Classes that may occur, in the order of :meth:`predict_proba`'s columns; more are added
            as they come. Label sets need none.
        sample_weight
            None, or ones: rows have no weights here.

        Raises
        ------
        DataError
            When a value cannot be used; nothing is learnt then.
        ParameterError
            When a weight is not 1.
        """
        if sample_weight is not None and not np.all(np.asarray(sample_weight) == 1):
            raise ParameterError(
                "'sample_weight' must be None or all 1, because rows have no weights here. "
                f"Got {np.ravel(sample_weight)[:3].tolist()} and so on."
            )
        if self._multi_label:
            self.model.learn_many(X, np.atleast_2d(y))
            self._n_labels = np.atleast_2d(y).shape[1]
        else:
            self._know(classes if classes is not None else ())
            self.model.learn_many(X, np.ravel(y))
            self._know(self.model.labels)
        return self

    def fit(
        self,
        X: Any,
        y: Any,
        classes: Sequence[Hashable] | None = None,
        sample_weight: Any = None,
    ) -> PartialFit:
        """Forget everything and learn rows in order; see :meth:`partial_fit`."""
        return self.reset().partial_fit(X, y, classes, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Labels [rows, labels] of 0 and 1; single-label: classes [rows].

        Before anything was learnt: no label (without columns), or the first of the ``classes``.
        """
        n_rows = np.shape(X)[0]
        if self._multi_label:
            answers = np.zeros((n_rows, self._n_labels), np.int64)
            if self._n_labels:
                answers[:, self.model.labels] = self.model.predict_many(X)
            return answers
        if not self.model.labels:
            return np.array([*self._classes[:1], 0][:1] * n_rows)
        return np.asarray(self.model.predict_many(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities [rows, labels], or [rows, classes] in the order of ``classes`` and of their
        first appearance."""
        n_rows = np.shape(X)[0]
        columns = range(self._n_labels) if self._multi_label else self._classes
        place = {name: column for column, name in enumerate(columns)}
        found = np.zeros((n_rows, len(place)))
        known = [place[label] for label in self.model.labels]
        if known:
            found[:, known] = self.model.predict_proba_many(X)
        return found

    def reset(self) -> PartialFit:
        """Forget everything that was learnt."""
        self.model = self.model.clone()
        self._n_labels = 0
        return self

    def get_info(self) -> str:
        """The estimator with its parameters, in one line."""
        return " ".join(repr(self.model).split())

    def _know(self, classes: Sequence[Hashable]) -> None:
        named = [each.item() if isinstance(each, np.generic) else each for each in classes]
        self._classes += [name for name in named if name not in self._classes]
