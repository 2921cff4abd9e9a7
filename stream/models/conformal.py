"""Sets of labels whose long-run risk is a chosen level, whatever the stream does."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

from river import base

from stream.errors import ParameterError, SnapshotError
from stream.models.parameters import Constraints, Number, OneOf, check_parameters
from stream.rows.batch import Batch
from stream.rows.label_sets import LabelSets, sets_of_rows
from stream.rows.listed import listed_probabilities
from stream.rows.matrices import NO_TRUTH, batch_of
from stream.rows.predictions import Predictions, SparsePredictions
from stream.rows.schema import Schema, Task
from stream.snapshot import save

CONSTRAINTS: Constraints = {
    "risk": (OneOf(("fnr", "miscoverage")),),
    "level": (Number(0, 1, closed="neither"),),
    "step": (Number(0, 1, closed="right"),),
    "decay": (Number(0, 1, closed="left"),),
}
# Log odds beyond which probabilities are not told apart.
WIDEST = 12.0


class ConformalLabelSets(base.Wrapper, base.Estimator):
    """Prediction sets with a guarantee around any classifier that gives probabilities.

    The set of a row holds every label whose score is at most a threshold. The less probable a
    label, the higher its score: the log odds against it, on the unit interval, so that a step is as
    long for rare labels as for frequent ones. After each row the threshold moves by
    ``step_t * (risk of the set - level)``, where ``step_t = step * t ** -decay`` [1]_ [2]_ [3]_.
    The set is all labels once the threshold is 1 and no label when it is below 0, so that it never
    leaves ``[-step, 1 + step]``, and after n rows

    ``|mean risk - level| <= (1 + step) / (n * step_n)``

    for *every* sequence of rows, drift and adversaries included; see :attr:`bound`. It is a
    guarantee for the mean over rows, not for each kind of row.

    A row counts if at least one of its labels that have been present before is present: a set
    cannot miss anything of other rows, nor hold a label that nobody has seen. The risk of a row is
    that of the set given right before it is learnt, which is the set that was predicted unless its
    labels come late.

    Parameters
    ----------
    model
        A River classifier, multi-label or not, with ``predict_proba_one``. It is trained in place.
    risk
        ``"fnr"``: the share of the present labels that the set misses; ``"miscoverage"``: whether
        it misses any.
    level
        The risk to have in the long run.
    step
        How far the threshold moves after a row: larger steps follow drift sooner, smaller ones give
        sets of steadier size.
    decay
        0: steps of one length, for streams that drift. Above 0.5: the threshold settles, for
        streams that do not.

    References
    ----------
    .. [1] Gibbs, Candès. Adaptive conformal inference under distribution shift. NeurIPS 2021.
    .. [2] Feldman, Ringel, Bates, Romano. Achieving risk control in online learning settings. TMLR
           2023.
    .. [3] Angelopoulos, Barber, Bates. Online conformal prediction with decaying step sizes. ICML
           2024.

    Examples
    --------
    >>> from river import linear_model, multioutput, preprocessing
    >>> from river.datasets import Phishing
    >>> model = ConformalLabelSets(
    ...     preprocessing.StandardScaler() | linear_model.LogisticRegression(), level=0.2
    ... )
    >>> missed = 0
    >>> for x, y in Phishing():
    ...     missed += y not in model.predict_set_one(x)
    ...     model.learn_one(x, y)
    >>> abs(model.mean_risk - 0.2) <= model.bound
    True
    >>> missed < 300, model.mean_size < 2
    (True, True)
    """

    def __init__(
        self,
        model: Any,
        risk: str = "fnr",
        level: float = 0.1,
        step: float = 0.02,
        decay: float = 0.0,
    ):
        self.model = model
        self.risk = risk
        self.level = level
        self.step = step
        self.decay = decay
        check_parameters(self, CONSTRAINTS)
        if not callable(getattr(model, "predict_proba_one", None)):
            raise ParameterError(
                "The 'model' parameter of ConformalLabelSets must be a classifier with "
                f"predict_proba_one. Got {type(model)} instead."
            )
        self._threshold = 1.0
        self._n_rows = 0
        self._sum_risk = 0.0
        self._sum_size = 0
        # For each label seen: rows that count in which it was present, in which it was missed.
        self._present: dict[Hashable, int] = {}
        self._missed: dict[Hashable, int] = {}

    @property
    def _wrapped_model(self) -> Any:
        return self.model

    @property
    def _multiclass(self) -> bool:
        return True

    @property
    def threshold(self) -> float:
        """Score up to which labels are in the set."""
        return self._threshold

    @property
    def n_rows(self) -> int:
        """Rows that counted so far."""
        return self._n_rows

    @property
    def mean_risk(self) -> float:
        """Mean risk of the rows that counted; 0 before the first."""
        return self._sum_risk / self._n_rows if self._n_rows else 0.0

    @property
    def mean_size(self) -> float:
        """Mean number of labels in the sets of the rows that counted; 0 before the first."""
        return self._sum_size / self._n_rows if self._n_rows else 0.0

    @property
    def bound(self) -> float:
        """How far :attr:`mean_risk` can be from ``level`` by now, whatever the rows were."""
        if not self._n_rows:
            return math.inf
        return (1.0 + self.step) / (self._n_rows * self._step_at(self._n_rows))

    def per_label(self) -> list[dict[str, Any]]:
        """For each label its rows that counted (``support``) and the share of them missed
        (``miss_rate``), which the guarantee does not bound."""
        return [
            {
                "label": label,
                "support": n,
                "miss_rate": self._missed[label] / n if n else 0.0,
            }
            for label, n in self._present.items()
        ]

    def predict_set_one(self, x: dict[Hashable, Any]) -> set[Hashable]:
        """The labels that may be present in a row; of a stream of classes, the classes it may have.

        Labels are known once they have been present in a row that was learnt.
        """
        return self._set_of(self._probabilities(x))

    def predict_set_many(self, X: Any) -> list[set[Hashable]]:
        """The sets of many rows, as :meth:`predict_set_one` gives them.

        Parameters
        ----------
        X
            Features [rows, features]: NumPy array, SciPy sparse matrix, or data frame.
        """
        return [self.predict_set_one(x) for x, _ in _rows_of(*batch_of(X, NO_TRUTH, "multi-label"))]

    def predict_proba_one(self, x: dict[Hashable, Any], **kwargs: Any) -> Any:
        """What the model gives."""
        return self.model.predict_proba_one(x, **kwargs)

    def predict_one(self, x: dict[Hashable, Any], **kwargs: Any) -> Any:
        """What the model gives."""
        return self.model.predict_one(x, **kwargs)

    def learn_one(self, x: dict[Hashable, Any], y: Any) -> None:
        """Move the threshold by the risk of the set of a row, then let the model learn the row.

        Parameters
        ----------
        x
            Features of the row.
        y
            Label to truth, as a dictionary in which unknown labels are left out or None; a list or
            set of all labels that are present; or a class.
        """
        present = _present(y)
        if not self._present.keys().isdisjoint(present):
            self._count(present, self._set_of(self._probabilities(x)))
        self._know(present)
        self.model.learn_one(x, y)

    def learn_many(self, X: Any, y: Any) -> None:
        """Learn rows in order, with the same result as :meth:`learn_one` on each.

        Parameters
        ----------
        X
            Features [rows, features]: NumPy array, SciPy sparse matrix, or data frame.
        y
            Labels [rows, labels] of 0 and 1, NaN where unknown; or classes [rows].
        """
        task: Task = "multi-label" if getattr(y, "ndim", 1) == 2 else "single-label"
        for x, truth in _rows_of(*batch_of(X, y, task)):
            if truth is not None:
                self.learn_one(x, truth)

    def test_then_train_sets(
        self, batch: Batch, schema: Schema
    ) -> tuple[Predictions | SparsePredictions, LabelSets]:
        """Predict each row and its set, then learn it; the same as one row at a time.

        The model must be one that takes many rows in a call
        (:class:`~stream.evaluate.protocol.BatchEstimator`).

        Returns
        -------
        What the model answers, and the sets, in the label columns of the schema.
        """
        answers = self.model.test_then_train_many(batch, schema)
        listed = listed_probabilities(answers)
        names, columns = schema.labels, {name: column for column, name in enumerate(schema.labels)}
        rows = []
        for i in range(batch.n_rows):
            at = slice(listed.start[i], listed.start[i + 1])
            told = zip(listed.label[at].tolist(), listed.probability[at].tolist(), strict=True)
            held = self._set_of({names[column]: p for column, p in told})
            rows.append(sorted(columns[label] for label in held))
            present = batch.y_indices[batch.y_indptr[i] : batch.y_indptr[i + 1]].tolist()
            self._count([names[column] for column in present], held)
            self._know([names[column] for column in present])
        return answers, sets_of_rows(rows)

    def _set_of(self, probabilities: dict[Hashable, float]) -> set[Hashable]:
        """The set of a row; a label that the model leaves out has probability 0."""
        if self._threshold >= 1.0:
            return set(self._present)
        least = _least_probability(self._threshold)
        return {
            label for label, p in probabilities.items() if p >= least and label in self._present
        }

    def _count(self, present: list[Hashable], held: set[Hashable]) -> None:
        """Update the threshold with the risk of a row's set, if the row counts."""
        known = [label for label in present if label in self._present]
        if not known:
            return
        missed = [label for label in known if label not in held]
        risk = len(missed) / len(known) if self.risk == "fnr" else float(bool(missed))
        self._sum_size += len(held)
        self._sum_risk += risk
        self._n_rows += 1
        self._threshold += self._step_at(self._n_rows) * (risk - self.level)
        for label in known:
            self._present[label] += 1
        for label in missed:
            self._missed[label] += 1

    def _know(self, labels: list[Hashable]) -> None:
        """Allow prediction sets to hold these labels from now on."""
        for label in labels:
            self._present.setdefault(label, 0)
            self._missed.setdefault(label, 0)

    def _step_at(self, row: int) -> float:
        return float(self.step * row**-self.decay)

    def _probabilities(self, x: dict[Hashable, Any]) -> dict[Hashable, float]:
        """Return the probability that each known label is present."""
        answer = self.model.predict_proba_one(x) or {}
        return {
            label: told.get(True, 0.0) if isinstance(told, Mapping) else told
            for label, told in answer.items()
        }

    @property
    def summary(self) -> dict[str, Any]:
        """What was asked and what came of it: ``risk``, ``level``, rows that counted (``rows``),
        ``mean_risk``, its ``bound``, ``mean_size`` and ``threshold``."""
        return {
            "risk": self.risk,
            "level": self.level,
            "rows": self.n_rows,
            "mean_risk": self.mean_risk,
            "bound": self.bound,
            "mean_size": self.mean_size,
            "threshold": self.threshold,
        }

    def save(self, path: str | Path) -> None:
        """Write it with its model to a file that :func:`stream.load` reads.

        Raises
        ------
        SnapshotError
            When the file cannot be written, or the model is not one of this package: River's
            estimators can be pickled only.
        """
        save(self, path)

    def check_restored(self) -> None:
        """Validate restored state."""
        try:
            check_parameters(self, CONSTRAINTS)
        except ParameterError as error:
            raise SnapshotError(str(error)) from error
        sound = (
            isinstance(self._threshold, float)
            and -self.step <= self._threshold <= 1.0 + self.step
            and callable(getattr(self.model, "predict_proba_one", None))
            and self._present.keys() == self._missed.keys()
        )
        if not sound:
            raise SnapshotError("the threshold, the labels or the model of the sets are damaged")


def _least_probability(threshold: float) -> float:
    """The probability whose log odds are those of a threshold below 1; over 1 where it is below 0.

    >>> _least_probability(0.5), _least_probability(-0.01)
    (0.5, inf)
    """
    if threshold < 0.0:
        return math.inf
    return 1.0 / (1.0 + math.exp(2.0 * WIDEST * (threshold - 0.5)))


def _present(y: Any) -> list[Hashable]:
    """Labels that are present."""
    if y is None:
        return []
    if isinstance(y, Mapping):
        return [label for label, truth in y.items() if truth is not None and bool(truth)]
    if isinstance(y, list | set | frozenset):
        return list(y)
    return [y]


def _rows_of(batch: Batch, schema: Schema) -> Iterable[tuple[dict[Hashable, Any], Any]]:
    """Rows as River has them: dictionaries that hold the zeros too; truth None: unknown."""
    labels = schema.labels
    for i in range(batch.n_rows):
        at = slice(batch.x_indptr[i], batch.x_indptr[i + 1])
        x = dict.fromkeys(schema.features, 0.0)
        for j, value in zip(batch.x_indices[at].tolist(), batch.x_values[at].tolist(), strict=True):
            x[schema.features[j]] = value
        present = batch.y_indices[batch.y_indptr[i] : batch.y_indptr[i + 1]].tolist()
        if schema.task == "single-label":
            yield x, labels[present[0]] if present else None
            continue
        unknown = set(batch.u_indices[batch.u_indptr[i] : batch.u_indptr[i + 1]].tolist())
        held = set(present)
        yield x, {label: j in held for j, label in enumerate(labels) if j not in unknown}
