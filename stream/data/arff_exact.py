"""One ARFF row at a time, however it is written, with errors that name line, column and reason."""

from __future__ import annotations

import math
import re

import numpy as np

from stream.data.arff_header import Attribute, Word, split_at_blanks, split_words
from stream.data.arff_plan import TEXT, Plan
from stream.data.arff_rows import add_defaults, to_batch
from stream.errors import DataError
from stream.rows.batch import Batch
from stream.rows.cells import parse_number


def parse_row(plan: Plan, line: str, number: int) -> Batch:
    """One row, whatever its writing; DataError names the column that is wrong."""
    stripped = line.lstrip()
    texts: dict[int, str] = {}
    try:
        if stripped.startswith("{"):
            attributes, values = _sparse_row(plan, line, number, texts)
        else:
            attributes, values = _dense_row(plan, line, number, texts)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(str(error), source=plan.source, line=number) from None
    rows = np.zeros(len(attributes), np.int64)
    entries = rows, np.array(attributes, np.int64), np.array(values, np.float64)
    if stripped.startswith("{"):
        entries = add_defaults(plan, 1, *entries)
    batch = to_batch(plan, 1, *entries)
    return _with_words(batch, plan.words(texts, number)) if texts else batch


def _with_words(batch: Batch, words: dict[int, float]) -> Batch:
    """A batch of one row with more entries, of other columns."""
    columns = np.concatenate([batch.x_indices, np.array(list(words), np.int32)])
    values = np.concatenate([batch.x_values, np.array(list(words.values()), np.float64)])
    order = np.argsort(columns)
    return batch._replace(
        x_indptr=np.array([0, len(columns)], np.int64),
        x_indices=columns[order],
        x_values=values[order],
    )


def _dense_row(
    plan: Plan, line: str, number: int, texts: dict[int, str]
) -> tuple[list[int], list[float]]:
    try:
        words, _ = split_words(line, 0, "")
    except ValueError:
        words = split_at_blanks(line)
        if len(words) != plan.n_attributes:
            raise
    if len(words) != plan.n_attributes:
        blanks = split_at_blanks(line)
        words = blanks if len(blanks) == plan.n_attributes else words
    if len(words) != plan.n_attributes:
        raise DataError(
            f"expected {plan.n_attributes} values, one for each attribute, got {len(words)}",
            source=plan.source,
            line=number,
        )
    return list(range(plan.n_attributes)), [
        _cell(plan, a, word, number, texts) for a, word in enumerate(words)
    ]


_SPARSE_ENTRY = re.compile(r"\s*([^\s,{}]+)\s+", re.ASCII)


def _sparse_row(
    plan: Plan, line: str, number: int, texts: dict[int, str]
) -> tuple[list[int], list[float]]:
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
            entries[a] = _cell(plan, a, words[0], number, texts)
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


def _cell(plan: Plan, a: int, word: Word, number: int, texts: dict[int, str]) -> float:
    if a in plan.special:
        if plan.role[a] == TEXT and (word.quoted or word.text != "?"):
            texts[a] = word.text
        return 0.0
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
