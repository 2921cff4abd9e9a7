"""Blocks of ARFF rows to batches, fast; rows that need care are left to the exact path."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from stream.data.arff_plan import LABEL, NUMBER, ONE_HOT, SINGLE_CLASS, Plan
from stream.rows.batch import Batch
from stream.rows.builder import UnfitEntriesError, assemble
from stream.rows.cells import split_pairs

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


def parse_fast(plan: Plan, rows: list[str]) -> Batch | None:
    """A batch from rows without quotes and comments; None, or an exception, where the exact path
    must look.
    """
    if plan.has_texts:
        return None
    text = "".join(rows)
    if any(mark in text for mark in "'\"%_\\"):
        # Underscores: Python reads 1_000 as a number, ARFF does not.
        only_underscores = not any(mark in text for mark in "'\"%\\")
        if not (only_underscores and plan.coded):
            return None
    sparse = text.count("{")
    if sparse == 0:
        if "\t" in text:
            return None
        cells = [row.split(",") for row in rows]
        if set(map(len, cells)) != {plan.n_attributes}:
            return None
        return _dense(plan, cells, "?" in text, "_" in text)
    if sparse == len(rows) == text.count("}"):
        return _sparse(plan, rows)
    return None


def _dense(plan: Plan, cells: list[list[str]], missing: bool, underscores: bool) -> Batch | None:
    n_rows, n = len(cells), plan.n_attributes
    if not plan.coded and not plan.special and not missing:
        flat = np.fromiter(map(float, itertools.chain.from_iterable(cells)), np.float64, n_rows * n)
        numbers = flat.reshape(n_rows, n)
    else:
        numbers = np.empty((n_rows, n))
        for a, column in enumerate(zip(*cells, strict=True)):
            if a in plan.special:
                numbers[:, a] = 0.0
                continue
            convert: Callable[[str], float] = float
            codes = plan.codes[a]
            if codes is not None:
                column = map(str.strip, column)  # type: ignore[assignment]
                convert = codes.__getitem__ if not missing else {**codes, "?": math.nan}.__getitem__
            elif underscores and any("_" in cell for cell in column):
                return None
            elif missing:
                column = ["nan" if cell.strip() == "?" else cell for cell in column]  # type: ignore[assignment]
            numbers[:, a] = np.fromiter(map(convert, column), np.float64, n_rows)
    if not all(_is_declared(plan, a, numbers[:, a]) for a in plan.other_nominals):
        return None
    rows, attributes = np.nonzero(numbers)
    values = numbers[rows, attributes]
    if not _declared(plan, attributes, values):
        return None
    return to_batch(plan, n_rows, rows, attributes, values)


def _sparse(plan: Plan, lines: list[str]) -> Batch | None:
    bodies = []
    for line in lines:
        line = line.strip()
        if line[0] != "{" or line[-1] != "}":
            return None
        bodies.append(line[1:-1])
    counts = np.fromiter(
        (body.count(",") + 1 if body and not body.isspace() else 0 for body in bodies),
        np.int64,
        len(bodies),
    )
    rows = np.repeat(np.arange(len(bodies)), counts)
    if len(rows):
        filled = [body for body, count in zip(bodies, counts.tolist(), strict=True) if count]
        pairs = split_pairs(",".join(filled), " ", ",")
        if pairs is None:
            return None
        index_texts, texts = pairs
        if "_" in "".join(index_texts):
            return None
        attributes = np.fromiter(map(int, index_texts), np.int64, len(rows))
        if attributes.min() < 0 or attributes.max() >= plan.n_attributes:
            return None
        values = _sparse_values(plan, attributes, texts)
    else:
        attributes, values = np.empty(0, np.int64), np.empty(0)
    same_row = np.diff(rows) == 0
    if (np.diff(attributes)[same_row] <= 0).any() or not _declared(plan, attributes, values):
        return None
    return to_batch(plan, len(lines), *add_defaults(plan, len(lines), rows, attributes, values))


def _sparse_values(plan: Plan, attributes: Int64Array, texts: Sequence[str]) -> Float64Array:
    if not plan.coded and not plan.special:
        return np.fromiter(
            (math.nan if text == "?" else float(text) for text in texts)
            if "?" in texts
            else map(float, texts),
            np.float64,
            len(texts),
        )
    values = np.empty(len(texts))
    for i, (a, text) in enumerate(zip(attributes.tolist(), texts, strict=True)):
        codes = plan.codes[a]
        if a in plan.special:
            values[i] = 0.0
        elif text == "?":
            values[i] = math.nan
        elif codes is not None:
            values[i] = codes[text]
        elif "_" in text:
            raise UnfitEntriesError
        else:
            values[i] = float(text)
    return values


def add_defaults(
    plan: Plan, n_rows: int, rows: Int64Array, attributes: Int64Array, values: Float64Array
) -> tuple[Int64Array, Int64Array, Float64Array]:
    """Add the entries that sparse rows leave out although their value is not zero."""
    if not len(plan.defaulted):
        return rows, attributes, values
    position = np.full(plan.n_attributes, -1)
    position[plan.defaulted] = np.arange(len(plan.defaulted))
    left_out = np.ones((n_rows, len(plan.defaulted)), bool)
    given = position[attributes] >= 0
    left_out[rows[given], position[attributes[given]]] = False
    more_rows, more = np.nonzero(left_out)
    more_attributes = plan.defaulted[more]
    return (
        np.concatenate([rows, more_rows]),
        np.concatenate([attributes, more_attributes]),
        np.concatenate([values, plan.default[more_attributes]]),
    )


def _declared(plan: Plan, attributes: Int64Array, values: Float64Array) -> bool:
    """Whether no value is infinite and those of numeric nominals are among the declared ones."""
    if np.isinf(values).any():
        return False
    known = ~np.isnan(values)
    binary = plan.binary[attributes] & known
    if (values[binary] != 1.0).any() and not np.isin(values[binary], (0.0, 1.0)).all():
        return False
    return all(_is_declared(plan, a, values[attributes == a]) for a in plan.other_nominals)


def _is_declared(plan: Plan, a: int, values: Float64Array) -> bool:
    allowed = plan.allowed[a]
    return allowed is None or bool((np.isin(values, allowed) | np.isnan(values)).all())


def to_batch(
    plan: Plan, n_rows: int, rows: Int64Array, attributes: Int64Array, values: Float64Array
) -> Batch:
    """A batch from one number an attribute (see :class:`Plan`)."""
    role = plan.role[attributes]
    columns = plan.column[attributes]
    unknown = np.isnan(values)
    if plan.single_class:
        chosen = (role == SINGLE_CLASS) & ~unknown
        y = rows[chosen], values[chosen].astype(np.int64) - 1
        u = None
    else:
        is_label = role == LABEL
        chosen = is_label & (values == 1)
        y = rows[chosen], columns[chosen]
        u = rows[is_label & unknown], columns[is_label & unknown]
    number = role == NUMBER
    one_hot = role == ONE_HOT
    if not one_hot.any():
        return assemble(n_rows, (rows[number], columns[number], values[number]), y, u)
    known = one_hot & ~unknown
    lost = one_hot & unknown
    width = plan.width[attributes[lost]]
    within = np.arange(width.sum()) - np.repeat(np.cumsum(width) - width, width)
    return assemble(
        n_rows,
        (
            np.concatenate([rows[number], rows[known], np.repeat(rows[lost], width)]),
            np.concatenate(
                [
                    columns[number],
                    columns[known] + values[known].astype(np.int64) - 1,
                    np.repeat(columns[lost], width) + within,
                ]
            ),
            np.concatenate([values[number], np.ones(known.sum()), np.full(width.sum(), np.nan)]),
        ),
        y,
        u,
    )
