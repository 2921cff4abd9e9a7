"""CSV and TSV files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from stream.data.csv_records import Records, read_records
from stream.data.number_notation import NumberNotation
from stream.data.opening import strip_compression
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.errors import DataError, ParameterError
from stream.rows.batch import Batch
from stream.rows.builder import rechunk
from stream.rows.cells import shorten
from stream.rows.columns import BadValueError
from stream.rows.text import BagOfWords
from stream.rows.text_table import TextTableEncoder


class CsvSource(Source):
    """Rows of a text table.

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
        Character between cells; by default a tab in ``.tsv`` files and a comma elsewhere. A blank
        stands for any number of blanks.
    categorical
        Names of columns to treat as names although they hold numbers.
    text
        Names of columns of free text: each word is a feature, see
        :class:`stream.rows.text.BagOfWords`.
    text_columns
        Number of features to which words are hashed; None: a feature for each word.
    ignore
        Names of columns to leave out.
    decimal, thousands
        Marks of numbers, see :class:`stream.data.number_notation.NumberNotation`.
    header
        Whether the first line names the columns; otherwise they are called ``column1``,
        ``column2`` and so on.
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
        text: Sequence[str] = (),
        text_columns: int | None = None,
        ignore: Sequence[str] = (),
        decimal: str = ".",
        thousands: str | None = None,
        header: bool = True,
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
        self._notation = NumberNotation(decimal, thousands)
        self._has_header = header
        names, sample = self._sample()
        self._width = len(names)
        self._kept = kept_columns(names, ignore, (*_listed(labels), *_listed(target)), str(path))
        self._encoder = TextTableEncoder(
            str(self.path),
            [names[i] for i in self._kept],
            labels=labels,
            target=target,
            classes=classes,
            categorical=categorical,
            text=text,
            bag=BagOfWords(text_columns) if text else None,
            header_line=1 if header else None,
            sample=[
                [self._notation.plain(row[i]) for i in self._kept]
                for row in sample
                if len(row) == self._width
            ],
        )
        self._numbers = [i for i in range(len(self._kept)) if self._encoder.may_be_number(i)]
        self.columns_grow = self._encoder.columns_grow
        self.schema = self._encoder.schema

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order; see :meth:`stream.data.Source.batches`."""
        return rechunk(self._blocks(), chunk_rows)

    def _blocks(self) -> Iterator[Batch]:
        at_header = self._has_header
        row = 0
        for records in self._records():
            cells, lines = records
            if at_header and cells:
                cells, lines, at_header = cells[1:], lines[1:], False
            bad = next((i for i, row in enumerate(cells) if len(row) != self._width), None)
            try:
                batch, problem = self._encode(cells[:bad], row), None
            except BadValueError as error:
                batch, problem = self._encode(cells[: error.row], row), error
            if batch.n_rows:
                row += batch.n_rows
                yield batch
            if problem is not None:
                raise DataError(
                    problem.reason,
                    source=str(self.path),
                    line=lines[problem.row],
                    column=problem.column,
                )
            if bad is not None:
                raise DataError(
                    f"expected {self._width} cells, as many as the "
                    f"{'header' if self._has_header else 'first row'} has, got {len(cells[bad])}",
                    source=str(self.path),
                    line=lines[bad],
                )

    def _encode(self, rows: list[list[str]], first_row: int) -> Batch:
        if len(self._kept) < self._width:
            rows = [[row[i] for i in self._kept] for row in rows]
        if self._notation.is_plain:
            return self._encoder.encode(rows, first_row)
        plain = self._notation.plain
        copies = [list(row) for row in rows]
        for number, row in enumerate(copies):
            for i in self._numbers:
                if self._notation.misreads(row[i]):
                    raise BadValueError(
                        number,
                        self._encoder.header[i],
                        f"expected a number with the decimal mark {self._notation.decimal!r}, got "
                        f"{shorten(row[i])!r}; where points separate groups of three digits, "
                        "--thousands '.' (thousands='.') says so",
                    )
                row[i] = plain(row[i])
        return self._encoder.encode(copies, first_row)

    def n_labels_by(self, row: int) -> int:
        """Number of labels known once row ``row`` has been read."""
        return self._encoder.growth.by(row)

    def _records(self) -> Iterator[Records]:
        return read_records(self.path, self.delimiter, self.encoding)

    def _sample(self) -> tuple[list[str], list[list[str]]]:
        """Names of the columns and the first records."""
        names: list[str] | None = None
        sample: list[list[str]] = []
        try:
            for cells, _ in self._records():
                if names is None and cells:
                    if self._has_header:
                        names, *cells = cells
                    else:
                        names = [f"column{i}" for i in range(1, len(cells[0]) + 1)]
                sample += cells
                if sample:
                    break
        except DataError:
            if names is None:
                raise
            # The rows before the error are still good: it is raised when it is reached.
        if names is None:
            raise DataError("the file holds no header line", source=str(self.path))
        names = [name.strip() for name in names]
        if len(names) == 1:
            other = next((mark for mark in ";\t|," if mark in names[0]), None)
            if other is not None and other != self.delimiter:
                typed = "tab" if other == "\t" else f"'{other}'"
                raise DataError(
                    f"the first line has no {self.delimiter!r} between cells, got "
                    f"{shorten(names[0])!r}; --delimiter {typed} (delimiter={other!r}) names the "
                    "character between them",
                    source=str(self.path),
                    line=1,
                )
        return names, sample


def _listed(names: int | str | Sequence[str] | None) -> tuple[str, ...]:
    if names is None or isinstance(names, int):
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def kept_columns(
    names: Sequence[str], ignore: Sequence[str], outputs: Sequence[str], source: str
) -> list[int]:
    """Positions of the columns that are read, of which each must have a name.

    A column without a name can be ignored by its position, as ``column1`` and so on.
    """
    left_out = {ignore} if isinstance(ignore, str) else set(ignore)
    called = [name or f"column{i}" for i, name in enumerate(names, 1)]
    for name in left_out:
        if name not in called:
            raise DataError(
                f"there is no column {name!r} to be ignored; the columns are "
                f"{shorten(', '.join(called), 200)}",
                source=source,
            )
        if name in outputs:
            raise DataError(
                f"the column {name!r} cannot be ignored and hold labels; leave it out of one of "
                "the two",
                source=source,
            )
    kept = [i for i, name in enumerate(called) if name not in left_out]
    for i in kept:
        if not names[i]:
            raise DataError(
                f"the column has no name; name it, or leave it out with --ignore {called[i]} "
                f"(ignore=[{called[i]!r}]), or read a file without a header line with --no-header "
                "(header=False)",
                source=source,
                line=1,
                column=i + 1,
            )
    return kept
