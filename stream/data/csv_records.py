"""The records of a text table, with quoted cells as Python's ``csv`` reads them."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stream.data.opening import read_lines
from stream.errors import DataError

BLOCK_CHARACTERS = 400_000  # of lines that are split at a time
# A block costs something for each column: a table with very many is read some rows at a time.
MIN_BLOCK_ROWS = 16
MAX_BLOCK_CHARACTERS = 8_000_000
MAX_CELL_CHARACTERS = 1 << 24  # a quotation mark must close within as many characters

# The module refuses longer cells than 131,072 characters unless it is told otherwise.
csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARACTERS))


class Records(NamedTuple):
    """Consecutive records of a file and the line on which each starts."""

    cells: list[list[str]]
    lines: Sequence[int]


def read_records(path: str | os.PathLike[str], delimiter: str, encoding: str) -> Iterator[Records]:
    """Records of a file, many at a time; lines without anything on them are skipped.

    A quotation mark opens a quoted cell only at the beginning of one, and is itself elsewhere. A
    blank as the delimiter stands for any number of blanks.

    Parameters
    ----------
    path
        Plain or compressed file.
    delimiter
        Character between cells.
    encoding
        Encoding of the text.

    Raises
    ------
    DataError
        Naming the line of a quotation mark that is never closed; the records before have been
        yielded.
    """
    feed = _LineFeed(path, encoding)
    while feed.load():
        first, lines = feed.block
        if any('"' in line for line in lines):
            yield from _quoted(feed, str(path), delimiter)
        else:
            feed.skip()
            numbered = [
                (number, line)
                for number, line in enumerate(lines, first)
                if line and not line.isspace()
            ]
            separator = None if delimiter == " " else delimiter
            yield Records(
                [line.split(separator) for _, line in numbered], [number for number, _ in numbered]
            )


def _quoted(feed: _LineFeed, source: str, delimiter: str) -> Iterator[Records]:
    """The records of the loaded block, and of those after it into which a quoted cell reaches."""
    blank = delimiter == " "
    reader = csv.reader(feed, delimiter=delimiter, skipinitialspace=blank)
    cells: list[list[str]] = []
    numbers: list[int] = []
    block = feed.block
    while feed.has_more:
        if feed.block is not block:
            yield Records(cells, numbers)
            cells, numbers, block = [], [], feed.block
        number = feed.number
        try:
            record = next(reader)
        except csv.Error as error:
            reason = str(error)
            if "field larger than" in reason:
                reason = (
                    f"a cell is longer than {MAX_CELL_CHARACTERS:,} characters; is a quotation "
                    "mark not closed?"
                )
            yield Records(cells, numbers)
            raise DataError(reason, source=source, line=number) from None
        if feed.at_end_of_file:
            # The reader asked for more after the last line.
            yield Records(cells, numbers)
            raise DataError("a quotation mark is not closed", source=source, line=number)
        if record and (len(record) > 1 or record[0].strip()):
            if blank and record[-1] == "":
                record.pop()
            cells.append(record)
            numbers.append(number)
    yield Records(cells, numbers)


class _LineFeed:
    """Lines for ``csv.reader``, which takes as many as a record has, from as many blocks as it
    must."""

    def __init__(self, path: str | os.PathLike[str], encoding: str):
        self._blocks = _blocks(path, encoding)
        self.block: tuple[int, list[str]] = (1, [])
        self._at = 0
        self.at_end_of_file = False

    def load(self) -> bool:
        """Read the next block; return whether there was one."""
        block = next(self._blocks, None)
        if block is None:
            return False
        self.block, self._at = block, 0
        return True

    def skip(self) -> None:
        """Skip the rest of the block."""
        self._at = len(self.block[1])

    @property
    def has_more(self) -> bool:
        """Whether lines of the block are left."""
        return self._at < len(self.block[1])

    @property
    def number(self) -> int:
        """Number of the next line."""
        return self.block[0] + self._at

    def __iter__(self) -> _LineFeed:
        return self

    def __next__(self) -> str:
        while not self.has_more:
            if not self.load():
                self.at_end_of_file = True
                raise StopIteration
        self._at += 1
        return self.block[1][self._at - 1] + "\n"


def _blocks(path: str | os.PathLike[str], encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Lines of a file in blocks of about `BLOCK_CHARACTERS`; of some rows where rows are long."""
    held: list[str] = []
    start, characters = 1, 0
    try:
        for first, lines in read_lines(path, encoding):
            for number, line in enumerate(lines, first):
                if not held:
                    start = number
                held.append(line)
                characters += len(line) + 1
                if characters >= BLOCK_CHARACTERS and (
                    len(held) >= MIN_BLOCK_ROWS or characters >= MAX_BLOCK_CHARACTERS
                ):
                    yield start, held
                    held, characters = [], 0
    except DataError:
        if held:
            yield start, held
        raise
    if held:
        yield start, held
