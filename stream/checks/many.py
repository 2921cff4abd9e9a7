"""Checks of the methods that take many rows, for models that have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from river import compose

from stream.checks.asking import Answer, answers, fresh, require_same, taught
from stream.checks.check import check
from stream.checks.rows import Rows, renamed

TOLERANCE = 1e-9


@check("Make learn_many and predict_many give exactly what a loop over the rows gives.")
def check_frames_like_one_row_at_a_time(model: Any, rows: Rows) -> None:
    """Catches learn_many, predict_many and predict_proba_many that differ from a loop over the
    rows. In a pipeline only the predictions are compared, because the transformers of River
    learn a chunk as a whole."""
    import pandas as pd

    chunks = [rows[:1], rows[1:8], rows[8:]]
    learnt = taught(model, rows)
    if callable(getattr(model, "learn_many", None)) and not isinstance(model, compose.Pipeline):
        learnt = fresh(model)
        for chunk in chunks:
            learnt.learn_many(
                pd.DataFrame([x for x, _ in chunk]), pd.DataFrame([y for _, y in chunk])
            )
        require_same(
            answers(learnt, rows), answers(taught(model, rows), rows), "learn_many and a loop"
        )
    compare_many(learnt, pd.DataFrame([x for x, _ in rows]), rows, _answers_of_frame)


@check(
    "Take arrays and sparse matrices: column i has the name i, and 0 is the same as absent.",
    strict=True,
)
def check_arrays_like_one_row_at_a_time(model: Any, rows: Rows) -> None:
    """Catches learn_many, predict_many and predict_proba_many that differ between NumPy arrays,
    sparse matrices and a loop over dictionaries whose names are column numbers."""
    import scipy.sparse

    rows = renamed(rows, feature=int, label=int)
    features = np.array([list(x.values()) for x, _ in rows])
    truth = np.array([list(y.values()) for _, y in rows])
    expected = taught(model, rows)
    for kind in (np.asarray, scipy.sparse.csr_array, scipy.sparse.csr_matrix):
        learnt = fresh(model)
        for start, stop in ((0, 1), (1, 8), (8, len(rows))):
            learnt.learn_many(kind(features[start:stop]), kind(truth[start:stop]))
        require_same(answers(learnt, rows), answers(expected, rows), f"{kind.__name__} and a loop")
        compare_many(learnt, kind(features), rows, _answers_of_array)


def compare_many(
    model: Any, features: Any, rows: Rows, read: Callable[[Any, Any], list[Answer]]
) -> None:
    """Compare predict_many and predict_proba_many, where there are any, with one row at a time."""
    expected = {
        "predict_proba_many": lambda: answers(model, rows),
        "predict_many": lambda: [
            {k: float(v) for k, v in model.predict_one(dict(x)).items()} for x, _ in rows
        ],
    }
    for method, one_at_a_time in expected.items():
        if callable(getattr(model, method, None)):
            try:
                many = getattr(model, method)(features)
            except (AttributeError, NotImplementedError):
                continue  # a pipeline has these methods whether or not its steps have them
            require_same(read(model, many), one_at_a_time(), f"{method} and a loop", TOLERANCE)


def _answers_of_frame(model: Any, frame: Any) -> list[Answer]:
    return [dict(zip(frame.columns, map(float, row), strict=True)) for row in frame.to_numpy()]


def _answers_of_array(model: Any, array: Any) -> list[Answer]:
    return [dict(zip(model.labels, map(float, row), strict=True)) for row in array]
