"""Tables column by column: features, labels and classes, with the same result as row by row."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stream.engine.arrays import Float64Array
from stream.errors import DataError
from stream.rows.builder import Columns
from stream.rows.cells import shorten
from stream.rows.features import put_feature
from stream.rows.names import in_order
from stream.rows.text import BagOfWords
from stream.rows.text_columns import TextColumns
from stream.rows.values import MISSING, class_of, kind_of, plain_name, truth_of

Array = npt.NDArray[Any]
Entries = tuple[Array, Array, Array]  # row, column and value of each
Values = Float64Array | list[Any]  # of a column: numbers (NaN: missing), or as they are


class BadValueError(Exception):
    """A value that cannot be used: row of the block, column, reason."""

    def __init__(self, row: int, column: str, reason: str):
        super().__init__(row, column, reason)
        self.row = row
        self.column = column
        self.reason = reason


class FeatureColumns:
    """Numbers the features of tables column by column, as rows one by one would be.

    Parameters
    ----------
    columns
        Gets the names of the features.
    names
        Name of each column of the table.
    as_text
        Positions of columns whose values are texts, even where they are numbers.
    words
        Positions of columns of free text, each word of which is a feature.
    bag
        Counts their words.
    watch
        Is told of every text, and warns of what does not seem to be a name.
    """

    def __init__(
        self,
        columns: Columns,
        names: Sequence[Hashable],
        *,
        as_text: Sequence[int] = (),
        words: Sequence[int] = (),
        bag: BagOfWords | None = None,
        watch: TextColumns | None = None,
    ):
        self.columns = columns
        self.names = names
        self.as_text = frozenset(as_text)
        self.words = frozenset(words)
        self._bag = bag
        self._watch = watch

    def encode(self, values: dict[int, Float64Array | list[Any]], n_rows: int) -> Entries:
        """Entries of the columns at the positions that ``values`` has.

        Raises
        ------
        BadValueError
            Naming the first row, and in it the first column, that cannot be used; nothing has been
            numbered.
        """
        numeric = {i: each for i, each in values.items() if isinstance(each, np.ndarray)}
        errors: list[BadValueError] = []
        rows: list[int] = []
        names: list[Hashable] = []
        numbers: list[float] = []
        texts: dict[int, dict[str, str]] = {}
        for i, each in values.items():
            try:
                if i in numeric:
                    self._check_finite(i, numeric[i])
                elif i in self.words:
                    self._put_words(i, list(each), rows, names, numbers)
                else:
                    texts[i] = self._put_column(i, list(each), rows, names, numbers)
            except BadValueError as error:
                errors.append(error)
        if errors:
            raise min(errors, key=lambda error: error.row)
        self._refuse_twice(numeric, rows, names)
        if self._watch is not None:
            known = self.columns.number
            for i, found_texts in texts.items():
                new = [text for text, name in found_texts.items() if name not in known]
                self._watch.see(str(self.names[i]), n_rows, new)
        self._number(numeric, rows, names)
        found = [self._entries_of_numbers(numeric, n_rows)]
        number = self.columns.number
        found.append(
            (
                np.array(rows, np.int64),
                np.array([number[name] for name in names], np.int64),
                np.array(numbers, np.float64),
            )
        )
        a, b, c = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        return a, b, c

    def _check_finite(self, i: int, values: Float64Array) -> None:
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            row = int(infinite[0])
            raise BadValueError(
                row,
                shorten(str(self.names[i])),
                f"a feature must be finite or NaN (missing), got {values[row]}",
            )

    def _put_column(
        self,
        i: int,
        values: Sequence[Any],
        rows: list[int],
        names: list[Hashable],
        numbers: list[float],
    ) -> dict[str, str]:
        """Add the entries of a column; returns the feature of each text."""
        name, as_text = self.names[i], i in self.as_text
        of_text: dict[str, str] = {}
        for row, value in enumerate(values):
            if as_text and kind_of(value) is not MISSING:
                value = str(plain_name(value))
            if type(value) is str:
                rows.append(row)
                names.append(of_text.get(value) or of_text.setdefault(value, f"{name}={value}"))
                numbers.append(1.0)
                continue
            entries: dict[Hashable, float] = {}
            try:
                put_feature(entries, name, value)
            except DataError as error:
                raise BadValueError(row, str(error.column), error.reason) from None
            rows += [row] * len(entries)
            names += entries
            numbers += entries.values()
        return of_text

    def _put_words(
        self,
        i: int,
        values: Sequence[Any],
        rows: list[int],
        names: list[Hashable],
        numbers: list[float],
    ) -> None:
        assert self._bag is not None
        for row, value in enumerate(values):
            if kind_of(value) is not MISSING:
                counts = self._bag.count(str(self.names[i]), str(plain_name(value)))
                rows += [row] * len(counts)
                names += counts
                numbers += counts.values()

    def _number(
        self, numeric: dict[int, Float64Array], rows: list[int], names: list[Hashable]
    ) -> None:
        """Number new names row by row, so that it does not matter how the table is cut."""
        known = self.columns.number
        first: dict[Hashable, int] = {}
        for i, values in numeric.items():
            if self.names[i] not in known and values.any():
                first[self.names[i]] = int(np.flatnonzero(values)[0])
        new = set(names).difference(known)
        if not new and not first:
            return
        for row, name in zip(rows, names, strict=True):
            if name in new and row < first.get(name, row + 1):
                first[name] = row
        by_row: dict[int, list[Hashable]] = {}
        for name, row in first.items():
            by_row.setdefault(row, []).append(name)
        for row in sorted(by_row):
            self.columns.add_all(in_order(by_row[row]))

    def _refuse_twice(
        self, numeric: dict[int, Float64Array], rows: list[int], names: list[Hashable]
    ) -> None:
        """Refuse two features of one name in one row."""
        fixed = {self.names[i] for i in numeric}
        taken = set(zip(rows, names, strict=True))
        if len(taken) == len(rows) and fixed.isdisjoint(names):
            return
        seen: set[tuple[int, Hashable]] = set()
        for row, name in sorted(zip(rows, names, strict=True), key=lambda each: each[0]):
            if name in fixed or (row, name) in seen:
                owners = (each for each in self.names if str(name).startswith(f"{each}="))
                raise BadValueError(
                    row,
                    shorten(str(next(owners, name))),
                    f"the row has another feature of the name {shorten(str(name))!r}",
                )
            seen.add((row, name))

    def _entries_of_numbers(self, numeric: dict[int, Float64Array], n_rows: int) -> Entries:
        if not numeric:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        table = np.column_stack(list(numeric.values()))
        rows, places = np.nonzero(table)
        number = self.columns.number
        columns = np.array([number.get(self.names[i], -1) for i in numeric], np.int64)
        return rows.astype(np.int64), columns[places], table[rows, places]


def truth_values(values: Float64Array | Sequence[Any], column: str) -> Float64Array:
    """The truth of a label in each row as 1, 0 or NaN (unknown).

    Raises
    ------
    BadValueError
        For a value that is none of these.
    """
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        wrong = np.flatnonzero((values != 0) & (values != 1) & ~np.isnan(values))
        if not len(wrong):
            return values
        values = values.tolist()
    found = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            truth = truth_of(value)
        except DataError as error:
            raise BadValueError(row, column, error.reason) from None
        found[row] = math.nan if truth is None else truth
    return found


def class_values(values: Sequence[Any], column: str) -> list[Hashable]:
    """The class of each row; None: unknown.

    Raises
    ------
    BadValueError
        For a value that cannot be a class.
    """
    found: list[Hashable] = []
    for row, value in enumerate(values):
        try:
            found.append(class_of(value))
        except DataError as error:
            raise BadValueError(row, column, error.reason) from None
    return found
