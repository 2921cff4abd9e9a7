"""CSV and TSV files with a header line."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stream.data.opening import read_lines, strip_compression
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.errors import DataError, ParameterError
from stream.rows.batch import Batch
from stream.rows.builder import rechunk
from stream.rows.schema import Schema
from stream.rows.table import BadCellError, TableEncoder

BLOCK_CELLS = 200_000  # cells held as Python strings at a time
MAX_QUOTED_CHARACTERS = 1 << 24  # a quotation mark must close within as many characters


class Records(NamedTuple):
    """Consecutive records of a file and the line on which each starts."""

    cells: list[list[str]]
    lines: Sequence[int]


class CsvSource(Source):
    """Rows of a text table whose first line names the columns.

    A feature column is numeric when its first value is a number (or ``true``/``false``); otherwise
    each text becomes a column of 0 and 1 named ``column=text``, which appears when the text is
    first read. Empty cells, ``?``, ``NA`` and ``nan`` are missing.

    Parameters
    ----------
    path
        Plain or compressed file.
    labels
        Names of the label columns (cells 0 or 1; a missing cell is an unknown label), or their
        count: n > 0 the first n columns, n < 0 the last \\|n\\|.
    target
        Name of the class column instead; the task is then single-label.
    classes
        Class names known beforehand; others appear as they are read.
    delimiter
        Character between cells; by default a tab in ``.tsv`` files and a comma elsewhere.
    categorical
        Names of columns to treat as text although they hold numbers.
    encoding
        Encoding of the text.

    Raises
    ------
    DataError
        When the header, or later a row, cannot be used.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "moods.csv"
    >>> _ = path.write_text("tempo,key,happy,calm\\n120,major,1,0\\nNA,minor,0,1\\n")
    >>> for x, y in CsvSource(path, labels=["happy", "calm"]):
    ...     print(x, y)
    {'tempo': 120.0, 'key=major': 1.0} {'happy': True, 'calm': False}
    {'tempo': nan, 'key=minor': 1.0} {'happy': False, 'calm': True}
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        labels: int | Sequence[str] | None = None,
        target: str | None = None,
        classes: Sequence[str] = (),
        delimiter: str | None = None,
        categorical: Sequence[str] = (),
        encoding: str = "utf-8",
    ):
        self.path = Path(path)
        self.name = strip_compression(self.path).stem
        self.encoding = encoding
        if delimiter is None:
            delimiter = "\t" if strip_compression(self.path).suffix.lower() == ".tsv" else ","
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\n\r':
            raise ParameterError(f"'delimiter' must be one character. Got {delimiter!r}.")
        self.delimiter = delimiter
        header, sample = self._sample()
        self._encoder = TableEncoder(
            str(self.path),
            header,
            labels=labels,
            target=target,
            classes=classes,
            categorical=categorical,
            header_line=1,
        )
        self._encoder.find_kinds(sample)
        self.columns_grow = self._encoder.columns_grow
        self.schema = Schema(
            self._encoder.features.names,
            self._encoder.labels.names,
            "multi-label" if target is None else "single-label",
        )

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order; see :meth:`stream.data.Source.batches`."""
        return rechunk(self._blocks(), chunk_rows)

    def _blocks(self) -> Iterator[Batch]:
        width = len(self._encoder.header)
        at_header = True
        row = 0
        for records in self._records():
            cells, lines = records
            if at_header and cells:
                cells, lines, at_header = cells[1:], lines[1:], False
            bad = next((i for i, row in enumerate(cells) if len(row) != width), None)
            try:
                batch = self._encoder.encode(cells[:bad], row)
            except BadCellError as error:
                if error.row:
                    yield self._encoder.encode(cells[: error.row], row)
                raise DataError(
                    error.reason,
                    source=str(self.path),
                    line=lines[error.row],
                    column=error.column,
                ) from None
            if batch.n_rows:
                row += batch.n_rows
                yield batch
            if bad is not None:
                raise DataError(
                    f"expected {width} cells, as many as the header has, got {len(cells[bad])}",
                    source=str(self.path),
                    line=lines[bad],
                )

    def n_labels_by(self, row: int) -> int:
        """Number of labels known once row ``row`` has been read."""
        return self._encoder.growth.by(row)

    def _sample(self) -> tuple[list[str], list[list[str]]]:
        """Header and the first records."""
        header: list[str] | None = None
        sample: list[list[str]] = []
        try:
            for cells, _ in self._records():
                if header is None and cells:
                    header, *cells = cells
                sample += cells
                if sample:
                    break
        except DataError:
            if header is None:
                raise
            # The rows before the error are still good: it is raised when it is reached.
        if header is None:
            raise DataError("the file holds no header line", source=str(self.path))
        return [name.strip() for name in header], sample

    def _records(self) -> Iterator[Records]:
        held: list[str] = []  # lines that wait for the end of a quoted cell
        held_from = 1
        for first, lines in read_lines(self.path, self.encoding):
            for start, part in _parts(lines):
                if not held:
                    held_from = first + start
                held += part
                quotes = sum(line.count('"') for line in held)
                if quotes == 0:
                    yield self._split(held, held_from)
                elif quotes % 2 == 0:
                    yield self._split_quoted(held, held_from)
                elif sum(map(len, held)) > MAX_QUOTED_CHARACTERS:
                    break
                else:
                    continue
                held = []
            else:
                continue
            break
        if held:
            yield from self._unclosed(held, held_from)

    def _split(self, lines: list[str], first: int) -> Records:
        numbered = [(i, line) for i, line in enumerate(lines, first) if line and not line.isspace()]
        return Records(
            [line.split(self.delimiter) for _, line in numbered], [number for number, _ in numbered]
        )

    def _split_quoted(self, lines: list[str], first: int) -> Records:
        reader = csv.reader((line + "\n" for line in lines), delimiter=self.delimiter, strict=True)
        cells: list[list[str]] = []
        numbers: list[int] = []
        start = 0
        try:
            for record in reader:
                if record and (len(record) > 1 or record[0].strip()):
                    cells.append(record)
                    numbers.append(first + start)
                start = reader.line_num
        except csv.Error as error:
            raise DataError(
                f"the quoted cells are malformed: {error}",
                source=str(self.path),
                line=first + max(reader.line_num, 1) - 1,
            ) from None
        return Records(cells, numbers)

    def _unclosed(self, lines: list[str], first: int) -> Iterator[Records]:
        """Records before the line whose quotation mark never closes, and then the error."""
        quotes = 0
        opened = first
        clean = 0
        for i, line in enumerate(lines):
            if quotes % 2 == 0:
                opened, clean = first + i, i
            quotes += line.count('"')
        if clean:
            yield self._split_quoted(lines[:clean], first)
        raise DataError("a quotation mark is not closed", source=str(self.path), line=opened)


def _parts(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Cut lines so that no part has many more cells than `BLOCK_CELLS`."""
    start = characters = 0
    for i, line in enumerate(lines):
        characters += len(line) + 1
        if characters >= 2 * BLOCK_CELLS:
            yield start, lines[start : i + 1]
            start, characters = i + 1, 0
    if start < len(lines):
        yield start, lines[start:]
