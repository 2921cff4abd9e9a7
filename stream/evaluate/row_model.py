"""Any River estimator or pipeline, asked and taught one row at a time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

Row = dict[Hashable, Any]


class RowModel:
    """A River estimator between rows and label names.

    It is given a row as it came: numbers, texts, truth values, nested objects as dictionaries. Of
    numbers two things are made right: null is NaN, and a feature that is left out is 0.

    Parameters
    ----------
    model
        The estimator or pipeline.
    single_label
        Whether a row has one class and not a set of labels.
    """

    def __init__(self, model: Any, *, single_label: bool):
        self.model = model
        self.single_label = single_label
        self._zeros: dict[Hashable, float] = {}

    def know_numbers(self, names: Iterable[Hashable]) -> None:
        """Features that are 0 from now on in a row without them."""
        self._zeros |= dict.fromkeys(names, 0.0)

    def whole(self, x: Mapping[Any, Any]) -> Row:
        """The row as the model is given it; its own numbers are known from now on."""
        self.know_numbers(numbers_of(x))
        if None in x.values():
            x = {name: math.nan if value is None else value for name, value in x.items()}
        return {**self._zeros, **x}

    def predict(self, x: Row) -> list[Hashable]:
        """The labels, or the class, that the model predicts for a row; none: it does not know."""
        answer = self.model.predict_one(x)
        if self.single_label:
            return [] if answer is None else [answer]
        return [label for label, value in (answer or {}).items() if value]

    def predict_proba(self, x: Row) -> dict[Hashable, float] | None:
        """Probability of each label being present; None where the model does not tell."""
        ask = getattr(self.model, "predict_proba_one", None)
        if ask is None:
            return None
        try:
            answer = ask(x)
        except (NotImplementedError, AttributeError):  # a pipeline has it whatever it ends with
            return None
        return {
            label: value.get(True, 0.0) if isinstance(value, dict) else value
            for label, value in (answer or {}).items()
        }

    @property
    def ranks(self) -> bool:
        """Whether the model is one of label sets that tells its most probable labels."""
        return not self.single_label and callable(getattr(self.model, "predict_top_one", None))

    def rank(self, x: Row, k: int) -> list[tuple[Hashable, float]]:
        """The ``k`` most probable labels of a row with their probabilities, best first."""
        return list(self.model.predict_top_one(x, k))

    @property
    def gives_sets(self) -> bool:
        """Whether the model gives prediction sets, as :class:`stream.ConformalLabelSets` does."""
        return callable(getattr(self.model, "predict_set_one", None))

    def predict_set(self, x: Row) -> set[Hashable]:
        """The labels that may be present in a row."""
        return set(self.model.predict_set_one(x))

    def learn(self, x: Row, y: Any) -> None:
        """Learn a row, unless nothing is known of its labels."""
        if y is not None and y != {}:
            self.model.learn_one(x, y)


def numbers_of(x: Mapping[Any, Any]) -> list[Any]:
    """Names of the features of a row that are numbers.

    Examples
    --------
    >>> numbers_of({"size": 3, "old": True, "color": "red", "at": {"lat": 1.0}})
    ['size', 'old']
    """
    return [name for name, value in x.items() if isinstance(value, int | float)]
