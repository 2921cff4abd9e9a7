"""Checks of what a model answers, and of what asking does to it."""

from __future__ import annotations

import copy
import math
from typing import Any

from stream.checks.asking import answer, answers, fresh, probabilities, require_same, taught, teach
from stream.checks.check import check
from stream.checks.rows import Rows


@check("Answer {False: 1 - p, True: p} with 0 <= p <= 1 for each label.")
def check_probabilities_are_coherent(model: Any, rows: Rows) -> None:
    """Catches scores that are no probabilities: outside of [0, 1], NaN, or not adding up to 1."""
    model = fresh(model)
    for x, y in rows:
        for label, p in (probabilities(model, dict(x)) or {}).items():
            if p:  # an empty distribution is no answer yet
                told = f"the probabilities of label {label!r} are {p}"
                assert set(p) <= {False, True}, f"{told}, which must be by False and True"
                assert all(0.0 <= value <= 1.0 for value in p.values()), f"{told}, not in [0, 1]"
                assert math.isclose(sum(p.values()), 1.0, abs_tol=1e-9), (
                    f"{told}, which must add to 1"
                )
        teach(model, [(x, y)])


@check("Move whatever predict_one and predict_proba_one change into learn_one.")
def check_prediction_does_not_teach(model: Any, rows: Rows) -> None:
    """Catches predictions that leave a trace: counters, caches of the last row, names noted."""
    asked, not_asked = fresh(model), fresh(model)
    for x, y in rows:
        answer(asked, x)
        answer(asked, {**x, "a feature never learnt": 1.0})
        for each in (asked, not_asked):
            teach(each, [(x, y)])
    require_same(answers(asked, rows), answers(not_asked, rows), "with and without predictions")


@check("Copy the dictionary before changing it: x = dict(x).")
def check_inputs_are_not_written_to(model: Any, rows: Rows) -> None:
    """Catches models that write into the caller's x or y, in learning or in predicting."""
    model = fresh(model)
    for x, y in rows:
        before = list(x.items()), list(y.items())
        for method, inputs in (("learn_one", (x, y)), ("predict_one", (x,))):
            getattr(model, method)(*inputs)
            assert (list(x.items()), list(y.items())) == before, f"{method} changed its input"
        probabilities(model, x)
        assert list(x.items()) == before[0], "predict_proba_one changed its input"


@check("Copy what is kept of x and y; do not store the dictionaries themselves.")
def check_inputs_are_not_kept(model: Any, rows: Rows) -> None:
    """Catches models that keep the caller's dictionaries, which the caller then uses again."""
    model, expected = fresh(model), taught(model, rows)
    for x, y in copy.deepcopy(rows):
        model.learn_one(x, y)
        x.update(dict.fromkeys(x, 1e6))
        y.update({label: not value for label, value in y.items()})
    require_same(answers(model, rows), answers(expected, rows), "after x and y were used again")


@check("Answer {} or every label absent until something was learnt.")
def check_prediction_before_learning(model: Any, rows: Rows) -> None:
    """Catches models that fail, or claim labels, before they have learnt anything."""
    model = fresh(model)
    for x in (rows[0][0], {}):
        told = model.predict_one(dict(x))
        assert isinstance(told, dict), f"predict_one answered {told!r}, which is no dictionary"
        assert not any(told.values()), f"predict_one claimed labels: {told!r}"
        told = probabilities(model, dict(x))
        assert told is None or isinstance(told, dict), f"predict_proba_one answered {told!r}"


@check("Answer for each label that any y has named, also when it was never present.")
def check_every_known_label_is_answered(model: Any, rows: Rows) -> None:
    """Catches models that say nothing of labels that were never present; a metric then raises
    KeyError or counts too little."""
    rows = [(x, {**y, "never present": False}) for x, y in rows]
    model = taught(model, rows)
    for x, y in rows[:5]:
        for told in (model.predict_one(dict(x)), probabilities(model, dict(x))):
            missing = set() if told is None else set(y) - set(told)
            assert not missing, f"no answer for {sorted(map(repr, missing))}"


@check("Let an instance without labels count as one in which all are absent.")
def check_empty_label_set(model: Any, rows: Rows) -> None:
    """Catches models that always predict some label, or fail when none is present."""
    rows = [(x, dict.fromkeys(y, False)) for x, y in rows]
    model = taught(model, 10 * rows)
    for x, _ in rows:
        told = model.predict_one(dict(x))
        assert not any(told.values()), f"no label was ever present, but it predicted {told!r}"
