"""Making, teaching and asking the estimators under check."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from river import compose
from river.checks.utils import seed_params

from stream.checks.rows import Row, Rows, copied

Answer = dict[Hashable, float]


def fresh(model: Any) -> Any:
    """A clone that has learnt nothing, seeded, so that two of them are equal."""
    return model.clone(seed_params(model._get_params(), seed=42))


def taught(model: Any, rows: Iterable[Row]) -> Any:
    """A clone that has learnt the rows."""
    model = fresh(model)
    teach(model, rows)
    return model


def teach(model: Any, rows: Iterable[Row]) -> None:
    """Learn rows in order; the model gets copies, to do with as it likes."""
    for x, y in copied(rows):
        model.learn_one(x, y)


def probabilities(model: Any, x: dict) -> dict[Hashable, dict[bool, float]] | None:
    """What the model's ``predict_proba_one`` answers; None where it has no probabilities."""
    try:
        return model.predict_proba_one(x)
    except NotImplementedError:
        return None


def answer(model: Any, x: dict) -> Answer:
    """Probability of every label that the model answers for, from a copy of the features; 0 or 1
    where it gives no probabilities."""
    told = probabilities(model, dict(x))
    if told is None:
        return {label: float(present) for label, present in model.predict_one(dict(x)).items()}
    return {label: p.get(True, 0.0) for label, p in told.items()}


def answers(model: Any, rows: Rows) -> list[Answer]:
    """An answer for each row."""
    return [answer(model, x) for x, _ in rows]


def require_same(
    found: list[Answer], expected: list[Answer], what: str, tolerance: float = 0.0
) -> None:
    """Raise AssertionError at the first label of the first row for which the answers differ."""
    for row, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert set(one) == set(other), (
            f"{what}: in row {row} the labels answered for are {list(one)} and {list(other)}"
        )
        for label, p in one.items():
            q = other[label]
            equal = p == q or (math.isnan(p) and math.isnan(q))
            assert equal or math.isclose(p, q, rel_tol=tolerance, abs_tol=tolerance), (
                f"{what}: in row {row} the probabilities of label {label!r} are {p!r} and {q!r}"
            )


def parts(model: Any) -> Iterator[tuple[str, Any]]:
    """The model, or the steps of a pipeline, with names."""
    if not isinstance(model, compose.Pipeline):
        yield type(model).__name__, model
        return
    for name, step in model.steps.items():
        yield str(name), step
