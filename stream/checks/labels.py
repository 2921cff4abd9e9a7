"""Checks of labels that come, go, are unknown, or have unusual names."""

from __future__ import annotations

import random
from typing import Any

from stream.checks.asking import answers, fresh, probabilities, require_same, taught, teach
from stream.checks.check import check
from stream.checks.rows import Rows, any_type, renamed, shuffled

ORDER_TOLERANCE = 1e-6


@check("Keep what is known of a label that the present y does not name.")
def check_labels_come_and_go(model: Any, rows: Rows) -> None:
    """Catches models that fail when a label appears late, or forget it while it is away."""
    model, label, third = fresh(model), next(iter(rows[0][1])), len(rows) // 3
    without = [(x, {name: y[name] for name in y if name != label}) for x, y in rows]
    teach(model, without[:third])
    teach(model, rows[third : 2 * third])
    teach(model, without[2 * third : -1])
    told = model.predict_one(dict(rows[-1][0]))
    assert label in told, f"label {label!r} was forgotten when y did not name it for a while"
    teach(model, rows[-1:])
    assert label in model.predict_one(dict(rows[-1][0])), f"label {label!r} did not return"


@check("Take y = {} as a row of which nothing is known: learn nothing of labels, do not fail.")
def check_all_labels_unknown(model: Any, rows: Rows) -> None:
    """Catches models that fail when no label of a row is known, or take that for labels gone."""
    model = fresh(model)
    teach(model, [(rows[0][0], {})])
    assert not any(model.predict_one(dict(rows[0][0])).values()), "labels came out of y = {}"
    teach(model, rows)
    known = set(model.predict_one(dict(rows[0][0])))
    teach(model, [(x, {}) for x, _ in rows])
    lost = known - set(model.predict_one(dict(rows[0][0])))
    assert not lost, f"rows with y = {{}} made the model forget {sorted(map(repr, lost))}"


@check("Use label names only as keys of dictionaries; to sort them, sort by type and text.")
def check_label_names_of_any_type(model: Any, rows: Rows) -> None:
    """Catches models that sort, join or convert label names, which may be any hashable."""
    rows = renamed(rows, label=any_type)
    model = taught(model, rows)
    for told in (model.predict_one(dict(rows[0][0])), probabilities(model, dict(rows[0][0]))):
        for label in rows[0][1] if told is not None else ():
            kinds = {type(name) for name in told if name == label}  # type: ignore[union-attr]
            assert kinds == {type(label)}, f"label {label!r} is missing from {list(told or {})}"


@check("Sort the labels that are new in a row before numbering them.")
def check_label_order_does_not_matter(model: Any, rows: Rows) -> None:
    """Catches models whose answers depend on the order of the dictionary y."""
    rng = random.Random(7)
    model, other = taught(model, rows), taught(model, [(x, shuffled(y, rng)) for x, y in rows])
    require_same(
        answers(other, rows), answers(model, rows), "with labels in another order", ORDER_TOLERANCE
    )
