"""Tables of text cells, such as those of CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stream.errors import DataError
from stream.rows.batch import Batch
from stream.rows.cells import MISSING_WORDS, parse_cell, parse_truth, shorten
from stream.rows.columns import BadValueError, Values
from stream.rows.table import ColumnRoles, TableEncoder
from stream.rows.text import BagOfWords
from stream.rows.text_columns import TextColumns, number_advice, quoted

Array = npt.NDArray[Any]
NUMBER, TEXT, WORDS = "number", "text", "words"


class TextTableEncoder:
    """Turns rows of text cells into batches.

    A cell says by its text what its value is; the value then means what
    :mod:`stream.rows.values` says.

    Parameters
    ----------
    source
        File, for error messages.
    header
        Name of each column.
    labels, target, classes, categorical, text
        As in :class:`stream.data.CsvSource`.
    bag
        Counts the words of the text columns.
    header_line
        Line of the header, for error messages.
    sample
        The first rows, whose values decide which columns hold numbers.
    """

    def __init__(
        self,
        source: str,
        header: Sequence[str],
        *,
        labels: int | Sequence[str] | None,
        target: str | None,
        classes: Sequence[str],
        categorical: Sequence[str],
        text: Sequence[str] = (),
        bag: BagOfWords | None = None,
        header_line: int | None = None,
        sample: Sequence[Sequence[str]] = (),
    ):
        self.header = list(header)
        if "" in self.header:
            raise DataError(
                "the column has no name",
                source=source,
                line=header_line,
                column=self.header.index("") + 1,
            )
        roles = ColumnRoles(source, header, labels=labels, target=target, header_line=header_line)
        self.roles = roles
        self.kind: dict[int, str] = {
            roles.position(name, "categorical column"): TEXT for name in categorical
        }
        self.kind |= {roles.position(name, "text"): WORDS for name in text}
        outputs = {*roles.labels, roles.target}
        twice = [self.header[i] for i in self.kind if i in outputs]
        twice += [name for name in text if name in categorical]
        if twice:
            raise DataError(
                "the column is named as two of labels (or class), text and categorical; name it "
                "once",
                source=source,
                line=header_line,
                column=twice[0],
            )
        for i in roles.features:
            if i not in self.kind:
                cells = (row[i] for row in sample if i < len(row))
                given = (cell for cell in cells if cell.strip().lower() not in MISSING_WORDS)
                self.kind[i] = NUMBER if parse_cell(next(given, "0")) is not None else TEXT
        self._encoder = TableEncoder(
            roles,
            classes=classes,
            numeric=[i for i in roles.features if self.kind[i] == NUMBER],
            words=[i for i in roles.features if self.kind[i] == WORDS],
            bag=bag,
            watch=TextColumns(source, known=categorical),
        )
        self.schema = self._encoder.schema
        self.growth = self._encoder.growth
        self.columns_grow = self._encoder.columns_grow

    def may_be_number(self, i: int) -> bool:
        """Whether a column has cells that are to be numbers, or are a class."""
        return i not in self.kind or self.kind[i] == NUMBER

    def encode(self, rows: Sequence[Sequence[str]], first_row: int) -> Batch:
        """A batch from rows that all have as many cells as the header; ``first_row`` is the number
        of the first, from 0.

        Raises
        ------
        BadValueError
            Naming the first row (and in it the first column) that cannot be used; nothing has been
            numbered.
        """
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self.header)
        errors: list[BadValueError] = []
        values: list[Values] = []
        for i, cells in enumerate(columns):
            try:
                values.append(self._values(i, cells))
            except BadValueError as error:
                errors.append(error)
        if errors:
            raise min(errors, key=lambda error: error.row)
        return self._encoder.encode(values, len(rows), first_row)

    def _values(self, i: int, cells: Sequence[str]) -> Values:
        kind = TEXT if i == self.roles.target else self.kind.get(i)
        if kind in (TEXT, WORDS):
            stripped = [cell.strip() for cell in cells]
            missing = {cell for cell in set(stripped) if cell.lower() in MISSING_WORDS}
            return [None if cell in missing else cell for cell in stripped]
        return self._numbers(i, cells) if kind == NUMBER else self._truths(i, cells)

    def _numbers(self, i: int, cells: Sequence[str]) -> Array:
        values = None
        if not any("_" in cell for cell in cells):
            try:
                values = np.fromiter(map(float, cells), np.float64, len(cells))
            except ValueError:
                values = None
        if values is None:
            values = np.empty(len(cells))
            for row, cell in enumerate(cells):
                value = parse_cell(cell)
                if value is None:
                    advice = number_advice(cell)
                    raise self._not_finite(i, values[:row]) or BadValueError(
                        row,
                        self.header[i],
                        f"expected a number, as in the rows before, got {shorten(cell)!r}; "
                        f"{'' if advice is None else advice + '; '}if the column holds names, "
                        f"--categorical {quoted(self.header[i])} "
                        f"(categorical=[{self.header[i]!r}]) says so",
                    )
                values[row] = value
        error = self._not_finite(i, values)
        if error is not None:
            raise error
        return values

    def _not_finite(self, i: int, values: Array) -> BadValueError | None:
        infinite = np.flatnonzero(np.isinf(values))
        if not len(infinite):
            return None
        row = int(infinite[0])
        return BadValueError(row, self.header[i], f"a value must be finite, got {values[row]}")

    def _truths(self, i: int, cells: Sequence[str]) -> Array:
        if set(cells) <= {"0", "1"}:
            return np.fromiter(map(float, cells), np.float64, len(cells))
        values = np.empty(len(cells))
        for row, cell in enumerate(cells):
            value = parse_truth(cell)
            if value is None:
                raise BadValueError(
                    row,
                    self.header[i],
                    f"a label must be 0 or 1 (or missing), got {shorten(cell)!r}",
                )
            values[row] = value
        return values
