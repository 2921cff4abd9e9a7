"""Columns of text cells to batches: numbers, texts as columns of 0 and 1, labels, classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stream.errors import DataError
from stream.rows.batch import Batch
from stream.rows.builder import Columns, LabelGrowth, assemble
from stream.rows.cells import MISSING_WORDS, parse_cell, parse_truth, shorten
from stream.rows.text import BagOfWords
from stream.rows.text_columns import TextColumns, number_advice, quoted

Array = npt.NDArray[Any]
NUMBER, TEXT, WORDS = "number", "text", "words"
_NONE = -1, -1


class BadCellError(Exception):
    """A cell that cannot be used: row of the block, name of the column, reason."""

    def __init__(self, row: int, column: str, reason: str):
        super().__init__(row, column, reason)
        self.row = row
        self.column = column
        self.reason = reason


class TableEncoder:
    """Turns rows of text cells into batches.

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
    ):
        self.source = source
        self.header = list(header)
        seen: set[str] = set()
        for i, name in enumerate(self.header):
            if not name or name in seen:
                reason = (
                    "the column name is given twice; names must differ"
                    if name
                    else "the column has no name"
                )
                raise DataError(reason, source=source, line=header_line, column=name or i + 1)
            seen.add(name)
        position = {name: i for i, name in enumerate(self.header)}
        self.class_column = (
            self._position(position, target, "target") if target is not None else None
        )
        self.label_columns = (
            [] if target is not None else self._label_columns(position, labels, header_line)
        )
        outputs = {*self.label_columns, self.class_column}
        self.feature_columns = [i for i in range(len(self.header)) if i not in outputs]
        self.kind: dict[int, str] = {
            self._position(position, name, "categorical column"): TEXT for name in categorical
        }
        self.kind |= {self._position(position, name, "text"): WORDS for name in text}
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
        self._bag = bag
        self.features = Columns()
        self.labels = Columns(
            classes if target is not None else [self.header[i] for i in self.label_columns]
        )
        self.growth = LabelGrowth(len(self.labels))
        self._words: dict[str, int] = {}  # feature column of each word of the text columns
        self._watch = TextColumns(source, known=categorical)
        # By column of the file: feature column of each text, and the row that brought it.
        self._texts: dict[int, dict[str, tuple[int, int]]] = {}

    def _position(self, position: dict[str, int], name: str, what: str) -> int:
        if name not in position:
            # Half of a name, cut at the comma in it.
            whole = next(
                (each for each in position if name in map(str.strip, each.split(","))), None
            )
            hint = (
                ""
                if whole is None
                else f"; a name with a comma in it stands in quotation marks: {quoted(whole)}"
            )
            raise DataError(
                f"there is no column {name!r} to be the {what}{hint}; the columns are "
                f"{shorten(', '.join(self.header), 200)}",
                source=self.source,
            )
        return position[name]

    def _label_columns(
        self, position: dict[str, int], labels: int | Sequence[str] | None, line: int | None
    ) -> list[int]:
        if isinstance(labels, int):
            if not 0 < abs(labels) <= len(self.header):
                raise DataError(
                    f"the number of labels must be in the range 1 to {len(self.header)} (the "
                    "columns) or the "
                    f"same with a minus, got {labels}",
                    source=self.source,
                    line=line,
                )
            every = range(len(self.header))
            return list(every[:labels] if labels > 0 else every[labels:])
        if isinstance(labels, str):
            labels = [labels]
        if not labels:
            raise DataError(
                "the file does not say which columns are labels: give their names "
                "(--labels a,b or labels=['a', 'b']), their number (--labels -2 for the last two) "
                "or the class column (--target c or target='c'); the columns are "
                f"{shorten(', '.join(self.header), 200)}",
                source=self.source,
            )
        return sorted({self._position(position, name, "label") for name in labels})

    def find_kinds(self, sample: list[list[str]]) -> None:
        """Decide by its first value whether a column holds numbers; the numeric columns come first
        in the schema.
        """
        for i in self.feature_columns:
            if i in self.kind:
                continue
            cells = (row[i] for row in sample if i < len(row))
            first = next((cell for cell in cells if cell.strip().lower() not in MISSING_WORDS), "0")
            self.kind[i] = NUMBER if parse_cell(first) is not None else TEXT
        for i in self.feature_columns:
            if self.kind[i] == NUMBER:
                self.features.add_all([self.header[i]])
            elif self.kind[i] == TEXT:
                self._texts[i] = {}

    def is_number(self, i: int) -> bool:
        """Whether a column holds numbers."""
        return self.kind.get(i) == NUMBER

    @property
    def columns_grow(self) -> bool:
        """Whether features or classes may appear as rows are read."""
        return self._bag is not None or bool(self._texts) or self.class_column is not None

    def encode(self, rows: list[list[str]], first_row: int) -> Batch:
        """A batch from rows that all have as many cells as the header; ``first_row`` is the number
        of the first, from 0.

        Raises
        ------
        BadCellError
            Naming the first row (and in it the first column) that cannot be used; nothing has been
            numbered.
        """
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self.header)
        errors: list[BadCellError] = []
        numbers: dict[int, Array] = {}
        for i, cells in enumerate(columns):
            try:
                if i == self.class_column or self.kind.get(i) in (TEXT, WORDS):
                    continue
                numbers[i] = self._numbers(i, cells) if i in self.kind else self._truths(i, cells)
            except BadCellError as error:
                errors.append(error)
        if errors:
            raise min(errors, key=lambda error: error.row)
        return assemble(
            len(rows),
            self._features(columns, numbers, first_row),
            *self._outputs(columns, numbers, first_row),
        )

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
                    raise self._not_finite(i, values[:row]) or BadCellError(
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

    def _not_finite(self, i: int, values: Array) -> BadCellError | None:
        infinite = np.flatnonzero(np.isinf(values))
        if not len(infinite):
            return None
        row = int(infinite[0])
        return BadCellError(row, self.header[i], f"a value must be finite, got {values[row]}")

    def _truths(self, i: int, cells: Sequence[str]) -> Array:
        if set(cells) <= {"0", "1"}:
            return np.fromiter(map(float, cells), np.float64, len(cells))
        values = np.empty(len(cells))
        for row, cell in enumerate(cells):
            value = parse_truth(cell)
            if value is None:
                raise BadCellError(
                    row,
                    self.header[i],
                    f"a label must be 0 or 1 (or missing), got {shorten(cell)!r}",
                )
            values[row] = value
        return values

    def _features(
        self, columns: Sequence[Sequence[str]], numbers: dict[int, Array], first_row: int
    ) -> tuple[Array, Array, Array]:
        numeric = [i for i in self.feature_columns if self.kind[i] == NUMBER]
        n_rows = len(columns[0])
        if numeric:
            values = np.column_stack([numbers[i] for i in numeric])
            rows, places = np.nonzero(values)
            found = np.array([self.features[self.header[i]] for i in numeric])
            parts = [(rows, found[places], values[rows, places])]
        else:
            parts = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
        textual = [i for i in self.feature_columns if self.kind[i] == TEXT]
        worded = [i for i in self.feature_columns if self.kind[i] == WORDS]
        if (textual or worded) and n_rows:
            parts += self._one_hot(columns, textual, worded, first_row)
        rows, found, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return rows, found, values

    def _one_hot(
        self,
        columns: Sequence[Sequence[str]],
        textual: list[int],
        worded: list[int],
        first_row: int,
    ) -> list[tuple[Array, Array, Array]]:
        stripped = {i: [cell.strip() for cell in columns[i]] for i in textual}
        new: dict[tuple[int, str], int] = {}  # row of the block in which a text is new
        for i in textual:
            for row, cell in enumerate(stripped[i]):
                if cell not in self._texts[i] and cell.lower() not in MISSING_WORDS:
                    new.setdefault((i, cell), row)
        counted = [
            (row, i, word, count)
            for i in worded
            for row, cell in enumerate(columns[i])
            for word, count in self._count(i, cell)
        ]
        words: dict[str, tuple[int, int]] = {}
        for row, i, word, _ in counted:
            if word not in self._words and row < words.get(word, (row + 1, i))[0]:
                words[word] = row, i
        # Numbered row by row, so that the numbers do not depend on how the file is cut into blocks.
        by_row: list[tuple[int, str, int, str | None]] = [
            (row, f"{self.header[i]}={cell}", i, cell) for (i, cell), row in new.items()
        ]
        by_row += [(row, word, i, None) for word, (row, i) in words.items()]
        for row, name, i, text in sorted(by_row, key=lambda entry: entry[:3]):
            if name in self.features:
                raise BadCellError(
                    row, self.header[i], f"another column is called {shorten(name)!r}"
                )
            self.features.add_all([name])
            if text is None:
                self._words[name] = self.features[name]
            else:
                self._texts[i][text] = self.features[name], first_row + row
        for i in textual:
            self._watch.see(self.header[i], len(stripped[i]), [cell for at, cell in new if at == i])
        numbered = [(row, self._words[word], count) for row, _, word, count in counted]
        at, places, counts = zip(*numbered, strict=True) if numbered else ((), (), ())
        parts: list[tuple[Array, Array, Array]] = [
            (np.array(at, np.int64), np.array(places, np.int64), np.array(counts, np.float64))
        ]
        for i in textual:
            known = self._texts[i]
            found = np.array([known.get(cell, _NONE)[0] for cell in stripped[i]], np.int64)
            given = np.flatnonzero(found >= 0)
            parts.append((given, found[given], np.ones(len(given))))
            # Where the text is missing, so is every column that the attribute has by then.
            pairs = [
                (row, column)
                for row in np.flatnonzero(found < 0).tolist()
                for column, born in known.values()
                if born < first_row + row
            ]
            lost = np.array(pairs, np.int64).reshape(-1, 2)
            parts.append((lost[:, 0], lost[:, 1], np.full(len(lost), math.nan)))
        return parts

    def _count(self, i: int, cell: str) -> Iterable[tuple[str, float]]:
        assert self._bag is not None
        if cell.strip().lower() in MISSING_WORDS:
            return ()
        return self._bag.count(self.header[i], cell).items()

    def _outputs(
        self, columns: Sequence[Sequence[str]], numbers: dict[int, Array], first_row: int
    ) -> tuple[tuple[Array, Array], tuple[Array, Array] | None]:
        if self.class_column is not None:
            cells = [cell.strip() for cell in columns[self.class_column]]
            for row, cell in enumerate(cells):
                if cell not in self.labels and cell.lower() not in MISSING_WORDS:
                    self.labels.add_all([cell])
                    self.growth.note(first_row + row, len(self.labels))
            number = np.array(
                [-1 if (known := self.labels.get(cell)) is None else known for cell in cells],
                np.int64,
            )
            rows = np.flatnonzero(number >= 0)
            return (rows, number[rows]), None
        truths = np.column_stack([numbers[i] for i in self.label_columns])
        present_rows, present = np.nonzero(truths == 1)
        unknown_rows, unknown = np.nonzero(np.isnan(truths))
        return (present_rows, present), (unknown_rows, unknown)
