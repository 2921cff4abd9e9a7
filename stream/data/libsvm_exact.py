"""One LIBSVM row at a time, however it is written; errors name line, column and reason."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from stream.errors import DataError
from stream.rows.builder import BatchBuilder, Columns
from stream.rows.cells import parse_number, shorten

MAX_FEATURES = 2**31 - 1

_INTEGER = re.compile(r"\d{1,18}", re.ASCII)


class _Token(NamedTuple):
    text: str
    column: int  # character of the line, from 1


class ExactRows:
    """Reader of rows of a file.

    Parameters
    ----------
    source
        The file's name, for errors.
    first_feature
        Number of the first feature.
    n_features, n_labels
        Declared numbers; None: up to MAX_FEATURES.
    classes
        Columns of the classes that rows begin with, which new ones are added to; None: rows begin
        with a list of labels.
    empty_rows
        Whether a row may be without features.
    """

    def __init__(
        self,
        source: str,
        *,
        first_feature: int,
        n_features: int | None,
        n_labels: int | None,
        classes: Columns | None,
        empty_rows: bool,
    ):
        self._source = source
        self._first = first_feature
        self._n_features, self._n_labels = n_features, n_labels
        self._classes = classes
        self._empty_rows = empty_rows

    def add(self, builder: BatchBuilder, line: str, number: int) -> None:
        """Add the row of a line to a batch.

        Raises
        ------
        DataError
            With line, column and reason.
        """
        line = line.split("#", 1)[0]
        tokens = [_Token(m[0], m.start() + 1) for m in re.finditer(r"\S+", line)]
        labels: list[int] = []
        if self._classes is not None:
            if not tokens or ":" in tokens[0].text:
                raise self._error("the row must start with its class", number, 1)
            name = tokens.pop(0).text
        elif tokens and ":" not in tokens[0].text:
            labels = self._label_list(tokens.pop(0), number)
        columns: list[int] = []
        values: list[float] = []
        places: list[int] = []
        for token in tokens:
            index_text, colon, value_text = token.text.partition(":")
            if index_text == "qid" and not columns:
                continue
            if not colon or _INTEGER.fullmatch(index_text) is None:
                raise self._error(
                    f"expected 'index:value', got {shorten(token.text)!r}", number, token.column
                )
            columns.append(self._feature(int(index_text), number, token.column))
            places.append(token.column)
            value = parse_number(value_text)
            if value is None:
                raise self._error(
                    f"expected a number as the value of feature {index_text}, got "
                    f"{shorten(value_text)!r}",
                    number,
                    token.column,
                )
            if math.isinf(value):
                raise self._error(
                    f"a value must be finite, got {shorten(value_text)!r}", number, token.column
                )
            values.append(value)
        if len(set(columns)) < len(columns):
            seen: set[int] = set()
            place = next(i for i, c in enumerate(columns) if c in seen or seen.add(c))  # type: ignore[func-returns-value]
            twice, at = columns[place] + self._first, places[place]
            raise self._error(f"feature {twice} is given twice in this row", number, at)
        if not columns and not self._empty_rows:
            raise self._error(
                "the row has no feature written as 'index:value'; --empty-rows (empty_rows=True) "
                "allows such rows",
                number,
                len(line.rstrip()) + 1,
            )
        if self._classes is not None:
            self._classes.add_all([name])
            labels = [self._classes[name]]
        builder.add(columns, values, labels, line=number)

    def _label_list(self, token: _Token, number: int) -> list[int]:
        labels: dict[int, None] = {}  # in order, each once
        for text in token.text.split(","):
            if _INTEGER.fullmatch(text) is None:
                raise self._error(
                    "expected the labels as whole numbers separated by commas, got "
                    f"{shorten(token.text)!r}; --task single-label (task='single-label') reads "
                    "one class a row",
                    number,
                    token.column,
                )
            label = int(text)
            limit = MAX_FEATURES if self._n_labels is None else self._n_labels
            if label >= limit:
                raise self._error(
                    f"label index {label} is out of range; {limit} labels (0 to {limit - 1}) are "
                    f"{'allowed' if self._n_labels is None else 'declared'}",
                    number,
                    token.column,
                )
            if label in labels:
                raise self._error(f"label {label} is given twice in this row", number, token.column)
            labels[label] = None
        return list(labels)

    def _feature(self, index: int, number: int, column: int) -> int:
        limit = MAX_FEATURES if self._n_features is None else self._n_features
        if not self._first <= index < self._first + limit:
            hint = ""
            if index == self._first + limit and self._first == 0:
                hint = "; --one-based (zero_based=False) if the first feature is number 1"
            elif index < self._first:
                hint = "; --zero-based (zero_based=True) if the first feature is number 0"
            raise self._error(
                f"feature index {index} is out of range; allowed are {self._first} to "
                f"{self._first + limit - 1}{hint}",
                number,
                column,
            )
        return index - self._first

    def _error(self, reason: str, line: int, column: int) -> DataError:
        return DataError(reason, source=self._source, line=line, column=column)
