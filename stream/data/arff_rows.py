"""Rows of an ARFF file: whole blocks on a fast path, single cells on an exact one that explains
what is wrong.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from stream.data.arff_header import Attribute, Header, Word, split_words
from stream.data.builder import UnfitEntriesError, assemble
from stream.data.values import TRUTH_WORDS, parse_number
from stream.engine.batch import Batch
from stream.errors import DataError

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

# What an attribute is for.
NUMBER, ONE_HOT, LABEL, SINGLE_CLASS = 0, 1, 2, 3


class Plan:
    """What to do with each attribute: its role, its column, and what a cell's text stands for.

    Every cell becomes a number in which 0 means "nothing to store": the value of numeric
    attributes, 0 or 1 for labels, and 1 + the position of the declared value for the class and for
    features with one column a value.

    Parameters
    ----------
    header
        The declarations.
    label_attributes
        Attribute numbers of the labels.
    class_attribute
        Attribute number of the class when the task is single-label.
    source
        File, for error messages.
    """

    def __init__(
        self, header: Header, label_attributes: list[int], class_attribute: int | None, source: str
    ):
        self.source = source
        self.attributes = header.attributes
        n = self.n_attributes = len(header.attributes)
        self.role = np.full(n, NUMBER, np.int8)
        self.column = np.zeros(
            n, np.int64
        )  # first column of the attribute among features or labels
        self.width = np.ones(n, np.int64)  # columns of the attribute
        self.default = np.zeros(n)  # number of an entry that a sparse row leaves out
        self.codes: list[dict[str, float] | None] = [
            None
        ] * n  # number of a text, where texts are declared
        self.allowed: list[Float64Array | None] = [
            None
        ] * n  # numbers declared by a numeric nominal
        self.feature_names: list[str] = []
        self.label_names: list[str] = []
        is_label = set(label_attributes)
        for a, attribute in enumerate(header.attributes):
            if a == class_attribute:
                self._add_class(a, attribute)
            elif a in is_label:
                self._add_label(a, attribute)
            else:
                self._add_feature(a, attribute)
        self._refuse_clashes(header)
        self.binary = np.array(
            [allowed is not None and set(allowed) == {0.0, 1.0} for allowed in self.allowed], bool
        )
        self.other_nominals = [
            a
            for a, allowed in enumerate(self.allowed)
            if allowed is not None and not self.binary[a]
        ]
        self.coded = [a for a, codes in enumerate(self.codes) if codes is not None]
        self.defaulted = np.flatnonzero(self.default)
        self.single_class = class_attribute is not None

    def _refuse_clashes(self, header: Header) -> None:
        """A nominal value's column may not be called like another attribute."""
        if len(set(self.feature_names)) == len(self.feature_names):
            return
        seen: set[str] = set()
        name = next(name for name in self.feature_names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise DataError(
            "an attribute is called like the column of another one's value; rename one of them",
            source=self.source,
            line=header.data_line,
            column=name,
        )

    def _add_class(self, a: int, attribute: Attribute) -> None:
        assert attribute.values is not None
        self.role[a] = SINGLE_CLASS
        self.label_names += attribute.values
        self.codes[a] = {value: 1.0 + i for i, value in enumerate(attribute.values)}
        self.default[a] = 1.0

    def _add_label(self, a: int, attribute: Attribute) -> None:
        self.role[a] = LABEL
        self.column[a] = len(self.label_names)
        self.label_names.append(attribute.name)
        if attribute.values is None:
            self.allowed[a] = np.array([0.0, 1.0])
            return
        codes = {value: TRUTH_WORDS.get(value.lower()) for value in attribute.values}
        if None in codes.values() or len(codes) > 2:
            raise DataError(
                "a label must be declared {0,1} (or {false,true}, {no,yes}), got "
                f"{{{','.join(attribute.values[:5])}}}",
                source=self.source,
                line=attribute.line,
                column=attribute.name,
            )
        numbers = [number for number in codes.values() if number is not None]
        self.default[a] = numbers[0]
        if set(codes) <= {"0", "1"}:
            self.allowed[a] = np.array([0.0, 1.0])
        else:
            self.codes[a] = dict(zip(codes, numbers, strict=True))

    def _add_feature(self, a: int, attribute: Attribute) -> None:
        self.column[a] = len(self.feature_names)
        if attribute.values is None:
            self.feature_names.append(attribute.name)
            return
        numbers = [parse_number(value) for value in attribute.values]
        if all(number is not None and math.isfinite(number) for number in numbers):
            self.feature_names.append(attribute.name)
            self.allowed[a] = np.array(numbers, np.float64)
            self.default[a] = numbers[0]
            return
        self.role[a] = ONE_HOT
        self.width[a] = len(attribute.values)
        self.feature_names += [f"{attribute.name}={value}" for value in attribute.values]
        self.codes[a] = {value: 1.0 + i for i, value in enumerate(attribute.values)}
        self.default[a] = 1.0


# Fast path


def parse_fast(plan: Plan, rows: list[str]) -> Batch | None:
    """A batch from rows without quotes and comments; None, or an exception, where the exact path
    must look.
    """
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
    if not plan.coded and not missing:
        flat = np.fromiter(map(float, itertools.chain.from_iterable(cells)), np.float64, n_rows * n)
        numbers = flat.reshape(n_rows, n)
    else:
        numbers = np.empty((n_rows, n))
        for a, column in enumerate(zip(*cells, strict=True)):
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
    return _batch(plan, n_rows, rows, attributes, values)


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
        pairs = list(map(str.split, ",".join(filled).split(",")))
        if set(map(len, pairs)) != {2}:
            return None
        index_texts, texts = zip(*pairs, strict=True)
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
    return _batch(plan, len(lines), *_with_defaults(plan, len(lines), rows, attributes, values))


def _sparse_values(plan: Plan, attributes: Int64Array, texts: tuple[str, ...]) -> Float64Array:
    if not plan.coded:
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
        if text == "?":
            values[i] = math.nan
        elif codes is not None:
            values[i] = codes[text]
        elif "_" in text:
            raise UnfitEntriesError
        else:
            values[i] = float(text)
    return values


def _with_defaults(
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


def _batch(
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


# Exact path


def parse_row(plan: Plan, line: str, number: int) -> Batch:
    """One row, whatever its writing; DataError names the column that is wrong."""
    stripped = line.lstrip()
    try:
        if stripped.startswith("{"):
            attributes, values = _sparse_row(plan, line, number)
        else:
            attributes, values = _dense_row(plan, line, number)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(str(error), source=plan.source, line=number) from None
    rows = np.zeros(len(attributes), np.int64)
    entries = rows, np.array(attributes, np.int64), np.array(values, np.float64)
    if stripped.startswith("{"):
        entries = _with_defaults(plan, 1, *entries)
    return _batch(plan, 1, *entries)


def _dense_row(plan: Plan, line: str, number: int) -> tuple[list[int], list[float]]:
    body = line
    if "," not in line and plan.n_attributes > 1:
        # White space separates values where there are no commas.
        body = re.sub(r"\s+", ",", line.strip())
    words, _ = split_words(body, 0, "")
    if len(words) != plan.n_attributes:
        raise DataError(
            f"expected {plan.n_attributes} values, one for each attribute, got {len(words)}",
            source=plan.source,
            line=number,
        )
    return list(range(plan.n_attributes)), [
        _cell(plan, a, word, number) for a, word in enumerate(words)
    ]


_SPARSE_ENTRY = re.compile(r"\s*([^\s,{}]+)\s+", re.ASCII)


def _sparse_row(plan: Plan, line: str, number: int) -> tuple[list[int], list[float]]:
    entries: dict[int, float] = {}
    at = line.index("{") + 1
    if line[at:].lstrip().startswith("}"):
        at = line.index("}", at) + 1
    else:
        while True:
            found = _SPARSE_ENTRY.match(line, at)
            if found is None:
                raise ValueError(
                    f"expected 'index value' pairs separated by commas (character {at + 1})"
                )
            a = _attribute_index(plan, found[1], number)
            if a in entries:
                raise DataError(
                    "the attribute is given twice in this row",
                    source=plan.source,
                    line=number,
                    column=plan.attributes[a].name,
                )
            words, at = _one_word(line, found.end())
            if len(words) != 1:
                raise ValueError(f"expected one value after index {a}, got {len(words)}")
            entries[a] = _cell(plan, a, words[0], number)
            if line[at - 1] == "}":
                break
    rest = line[at:].strip()
    if rest.startswith(","):
        raise ValueError(
            "instance weights are not supported; remove what follows the closing brace"
        )
    if rest and not rest.startswith("%"):
        raise ValueError(f"unexpected {rest[:20]!r} after the closing brace")
    attributes = sorted(entries)
    return attributes, [entries[a] for a in attributes]


def _one_word(line: str, start: int) -> tuple[list[Word], int]:
    """The one word before the next comma or closing brace, and the position after that."""
    try:
        return split_words(line, start, ",")
    except ValueError:
        return split_words(line, start, "}")


def _attribute_index(plan: Plan, text: str, number: int) -> int:
    if not (text.isascii() and text.isdigit()):
        raise DataError(
            f"an attribute index must be a whole number, got {text[:40]!r}",
            source=plan.source,
            line=number,
        )
    index = int(text[:20])
    if index >= plan.n_attributes:
        raise DataError(
            f"attribute index {index} is out of range; the header declares {plan.n_attributes} "
            "attributes "
            f"(0 to {plan.n_attributes - 1})",
            source=plan.source,
            line=number,
            column=index,
        )
    return index


def _cell(plan: Plan, a: int, word: Word, number: int) -> float:
    if word.text == "?" and not word.quoted:
        return math.nan
    attribute = plan.attributes[a]
    codes = plan.codes[a]
    if codes is not None and word.text in codes:
        return codes[word.text]
    value = None if codes is not None else parse_number(word.text)
    if value is None:
        what = "one of " + _listed(attribute) if attribute.values is not None else "a number"
        reason = f"expected {what}, got {word.text[:40]!r}"
    elif math.isinf(value):
        reason = f"a value must be finite, got {word.text[:40]!r}"
    elif (
        (allowed := plan.allowed[a]) is not None and not math.isnan(value) and value not in allowed
    ):
        reason = f"expected one of {_listed(attribute)}, got {word.text[:40]!r}"
    else:
        return value
    raise DataError(reason, source=plan.source, line=number, column=attribute.name)


def _listed(attribute: Attribute) -> str:
    values = attribute.values or ("0", "1")
    return "{" + ",".join(values[:8]) + (",...}" if len(values) > 8 else "}")
