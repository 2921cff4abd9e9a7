"""What is known of a row's labels."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from stream.errors import DataError
from stream.rows.cells import shorten
from stream.rows.meanings import type_name
from stream.rows.schema import Task
from stream.rows.values import (
    MISSING,
    NUMBER,
    TRUTH_VALUE,
    class_of,
    kind_of,
    name_of,
    truth_of,
)

Present = Literal["true", "positive"]
_NAMES = frozenset({str, int})
_TEXT = {str}


class Truth(NamedTuple):
    """What is known of a row's labels (single-label: its class is the one present)."""

    present: tuple[Hashable, ...]
    absent: tuple[Hashable, ...]
    whole: bool  # whether every other label is absent, and not unknown


def truth_of_row(
    y: Any, task: Task, label_names: Sequence[Hashable] = (), present: Present = "true"
) -> Truth | None:
    """What is known of a row's labels; None: nothing.

    Parameters
    ----------
    y
        Multi-label: a dictionary of truth values by label says what it knows, and what it leaves
        out is unknown. A set or list of labels is the whole truth: all others are absent. A list or
        array of 0 and 1 is read in the order of ``label_names``, and refused without them. Single-
        label: the class.
    task
        Which of the two.
    label_names
        Names of the labels, where they are known beforehand.
    present
        When a label of a dictionary counts as present: ``"true"``: 1 or True; ``"positive"``: a
        number above 0.

    Raises
    ------
    DataError
        When ``y`` cannot be used; the column is the label.

    Examples
    --------
    >>> truth_of_row({"sun": True, "rain": False, "wind": None}, "multi-label")
    Truth(present=('sun',), absent=('rain',), whole=False)
    >>> truth_of_row({"sun"}, "multi-label")
    Truth(present=('sun',), absent=(), whole=True)
    >>> truth_of_row([0, 1], "multi-label", ["sun", "rain"])
    Truth(present=('rain',), absent=('sun',), whole=False)
    """
    if task == "single-label":
        name = class_of(y)
        return None if name is None else Truth((name,), (), True)
    if type(y) is list and set(map(type, y)) == _TEXT:  # the common case, at the speed of C
        return Truth(tuple(dict.fromkeys(y)), (), True)
    if isinstance(y, Mapping):
        return _truth_of_mapping(y, present)
    if kind_of(y) is MISSING:
        return None
    listed = isinstance(y, Collection) and not isinstance(y, str | bytes | bytearray)
    if not listed or (isinstance(y, np.ndarray) and y.ndim != 1):
        raise DataError(
            "the labels must be a dictionary of label to bool, or a set or list of the labels "
            f"present, got {type_name(y)}"
        )
    if isinstance(y, Sequence | np.ndarray) and _is_indicator(y, bool(label_names)):
        return _truth_of_indicator(y, label_names)
    labels = dict.fromkeys(_label(each) for each in y)
    if None in labels:
        raise DataError("a label must be a name, got None")
    return Truth(tuple(labels), (), True)


def _truth_of_mapping(y: Mapping[Any, Any], present: Present) -> Truth:
    if set(map(type, y.values())) <= {bool} and set(map(type, y)) <= _NAMES:
        return Truth(
            tuple([label for label, value in y.items() if value]),
            tuple([label for label, value in y.items() if not value]),
            False,
        )
    known: dict[Hashable, bool] = {}
    for key, value in y.items():
        label = _label(key)
        try:
            if present == "positive" and kind_of(value) is NUMBER:
                truth: bool | None = bool(value > 0)
            else:
                truth = truth_of(value)
        except DataError as error:
            raise DataError(error.reason, column=shorten(str(label))) from None
        if label in known:
            raise DataError("the row has another label of this name", column=shorten(str(label)))
        if truth is not None:
            known[label] = truth
    return Truth(
        tuple(label for label, value in known.items() if value),
        tuple(label for label, value in known.items() if not value),
        False,
    )


def _label(key: Any) -> Hashable:
    if type(key) is str:
        return key
    try:
        return name_of(key)
    except DataError as error:
        raise DataError(
            f"a label must be a name: {error.reason}", column=shorten(str(key))
        ) from None


def _is_indicator(y: Any, named: bool) -> bool:
    """Whether a list says 0 or 1 of each label, rather than naming those present.

    Numbers other than 0 and 1 name labels, unless the names of the labels are known.
    """
    if isinstance(y, np.ndarray) and y.dtype.kind in "bf":
        return True
    kinds = {kind_of(each) for each in y}
    if not kinds & {NUMBER, TRUTH_VALUE}:
        return False
    if named or TRUTH_VALUE in kinds:
        return True
    return all(kind_of(each) is not NUMBER or each in (0, 1) for each in y)


def _truth_of_indicator(y: Any, label_names: Sequence[Hashable]) -> Truth:
    if not label_names:
        raise DataError(
            "the labels are a list of 0 and 1, whose order means nothing as long as the names of "
            "the labels are not given; give these, or a dictionary of label to bool, or the set of "
            "the labels present"
        )
    if len(y) != len(label_names):
        raise DataError(
            f"the list of labels must hold names, or {len(label_names)} values of 0 and 1 in the "
            f"order of the label names, got {len(y)} values"
        )
    return _truth_of_mapping(dict(zip(label_names, y, strict=True)), "true")
