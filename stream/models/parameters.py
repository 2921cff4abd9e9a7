"""What the parameters of estimators allow: constraints that several of them share."""

from __future__ import annotations

from typing import Any

from stream.constraints import (
    BOOLEAN,
    NONE,
    ROWS,
    Constraints,
    Number,
    OneOf,
    Several,
    check_value,
)

__all__ = [
    "BOOLEAN",
    "CLUSTERS",
    "MARGIN",
    "MEGABYTES",
    "NONE",
    "ROWS",
    "SEED",
    "STEP",
    "TEMPERATURE",
    "Constraints",
    "Number",
    "OneOf",
    "Several",
    "check_parameters",
]

SEED = (Number(0, 2**63 - 1, integer=True), NONE)
STEP = Number(0, 100, closed="right")  # of AdaGrad
CLUSTERS = Number(1, 10**9, integer=True)  # a number of clusters, or of labels
MARGIN = Number(0, 1000)  # below which a Hoeffding bound decides a tie
TEMPERATURE = Number(1e-6, 1e6)  # of a softmax
MEGABYTES = Number(0, 10**9, closed="right")


def check_parameters(estimator: Any, constraints: Constraints) -> None:
    """Raise for the first parameter of an estimator that has a value it does not allow.

    Raises
    ------
    ParameterError
        Saying what is allowed and what was given.
    """
    for name, allowed in constraints.items():
        check_value(type(estimator).__name__, name, getattr(estimator, name), allowed)
