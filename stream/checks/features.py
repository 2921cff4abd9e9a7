"""Checks of features that come and go, are missing, or have unusual names."""

from __future__ import annotations

import math
import random
from typing import Any

from stream.checks.asking import answer, answers, fresh, require_same, taught, teach
from stream.checks.check import check
from stream.checks.labels import ORDER_TOLERANCE
from stream.checks.rows import Rows, any_type, renamed, shuffled


@check("Use feature names only as keys of dictionaries; to sort them, sort by type and text.")
def check_feature_names_of_any_type(model: Any, rows: Rows) -> None:
    """Catches models that sort, join or convert feature names, which may be any hashable."""
    named = renamed(rows, feature=any_type)
    taught(model, named).predict_one(dict(named[0][0]))


@check("Sort the features that are new in a row before numbering them.")
def check_feature_order_does_not_matter(model: Any, rows: Rows) -> None:
    """Catches models whose answers depend on the order of the dictionary x."""
    rng = random.Random(7)
    other = [(shuffled(x, rng), y) for x, y in rows]
    found = answers(taught(model, other), other)
    expected = answers(taught(model, rows), rows)
    require_same(found, expected, "with features in another order", ORDER_TOLERANCE)


@check("Look features up with a default: a row may lack known features and hold unknown ones.")
def check_features_come_and_go(model: Any, rows: Rows) -> None:
    """Catches models that fail on a feature never learnt, on features left out, or on no features
    at all."""
    model, first = fresh(model), next(iter(rows[0][0]))
    teach(model, [({first: x[first]}, y) for x, y in rows[:10]])
    teach(model, rows[10:20])
    teach(model, [({}, y) for _, y in rows[20:22]])
    for x in ({}, {first: 1.0}, {"never learnt": 1.0}, {**rows[0][0], "never learnt": -1.0}):
        told = model.predict_one(dict(x))
        assert isinstance(told, dict), f"predict_one answered {told!r}, which is no dictionary"


@check("Take NaN and None as missing: leave them out of sums, and out of comparisons.", strict=True)
def check_missing_values(model: Any, rows: Rows) -> None:
    """Catches models that fail on NaN and None, let them spoil their sums, or tell them apart."""
    first = next(iter(rows[0][0]))
    with_nan = [({**x, first: math.nan} if i % 3 else x, y) for i, (x, y) in enumerate(rows)]
    with_none = [({**x, first: None} if i % 3 else x, y) for i, (x, y) in enumerate(rows)]
    model, other = taught(model, with_nan), taught(model, with_none)
    found = [answer(model, x) for x, _ in rows + with_nan]
    assert not any(math.isnan(p) for told in found for p in told.values()), (
        "NaN came out as a probability"
    )
    require_same(answers(other, rows + with_none), found, "missing as None and as NaN")
