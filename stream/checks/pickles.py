"""Checks of what River does not ask of an estimator: its bytes, and the refusal of bad input."""

from __future__ import annotations

import math
import pickle
from typing import Any

from stream.checks.asking import answers, taught, teach
from stream.checks.check import check
from stream.checks.rows import Row, Rows


@check("Leave caches out of the pickle, or fill them in learn_one.", strict=True)
def check_prediction_leaves_the_bytes(model: Any, rows: Rows) -> None:
    """Catches predictions that change what a saved model holds, though not what it answers."""
    model = taught(model, rows)
    before = pickle.dumps(model)
    answers(model, [*rows, ({"never learnt": 1.0}, {})])
    assert pickle.dumps(model) == before, "the pickle changed when the model was asked"


@check(
    "Pickle a canonical form: each name by itself, sets sorted, unused room left out.", strict=True
)
def check_restored_model_has_the_bytes(model: Any, rows: Rows) -> None:
    """Catches pickles that depend on which names are the same object: a model restored on the way
    must end with the bytes of one that never stopped."""
    half = len(rows) // 2
    rows = [
        ({**x, "late feature": float(i > half)}, {**y, "late label": i > half})
        for i, (x, y) in enumerate(rows)
    ]
    original = taught(model, rows[:half])
    restored = pickle.loads(pickle.dumps(original))
    assert pickle.dumps(restored) == pickle.dumps(original), "restoring changed the pickle"
    teach(original, rows[half:])
    teach(restored, [pickle.loads(pickle.dumps(row)) for row in rows[half:]])
    assert pickle.dumps(restored) == pickle.dumps(original), "the pickles differ after going on"


@check("Look at all of x and y before changing anything, and raise ValueError.", strict=True)
def check_refused_input_changes_nothing(model: Any, rows: Rows) -> None:
    """Catches bad input that is accepted, or refused only after part of it was learnt."""
    model = taught(model, rows)
    told, before = answers(model, rows), pickle.dumps(model)
    for x, y in bad_rows(rows[0]):
        try:
            model.learn_one(x, y)
        except ValueError:
            assert pickle.dumps(model) == before, f"the refused row {(x, y)!r} changed the model"
        else:
            raise AssertionError(f"the row {(x, y)!r} was not refused")
    assert answers(model, rows) == told, "refused rows changed the answers"


def bad_rows(row: Row) -> Rows:
    """Rows with a new feature and label that are in order and another that is not."""
    x, y = row
    x, y = {**x, "new": 1.0}, {**y, "new": True}
    bad_features = [{**x, "bad": math.inf}, {**x, "bad": {1.0}}]
    bad_labels: list[dict] = [{**y, "bad": value} for value in (0.5, 2, "yes", {True})]
    return [(each, y) for each in bad_features] + [(x, each) for each in bad_labels]
