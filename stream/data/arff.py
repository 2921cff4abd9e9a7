"""ARFF files, dense and sparse, with labels marked as MEKA or Mulan do or named by the user."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

from stream.data.arff_exact import parse_row
from stream.data.arff_header import Header, choose_labels, read_header
from stream.data.arff_plan import Plan
from stream.data.arff_rows import parse_fast
from stream.data.opening import read_lines, strip_compression
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.errors import DataError
from stream.rows.batch import Batch, concatenate
from stream.rows.builder import UnfitEntriesError, rechunk
from stream.rows.schema import Schema
from stream.rows.text import BagOfWords

# Cells held as Python strings at a time: 200,000 of them take some 15 MB.
BLOCK_CELLS = 200_000


class ArffSource(Source):
    """Rows of an ARFF file.

    The labels are, in this order: the attributes named by ``labels`` (or counted: n > 0 the first
    n, n < 0 the last \\|n\\|); the class attribute ``target``; those named in ``labels_xml``; those
    that MEKA's ``-C k`` in the relation counts; those in Mulan's XML file of the same name; the
    last attribute as the class, when it is nominal.

    A nominal feature whose values are all numbers is a numeric column; any other becomes one column
    of 0 and 1 a value, named ``attribute=value``. In a sparse row a nominal attribute that is left
    out has its *first* declared value.

    Parameters
    ----------
    path
        Plain or compressed file.
    labels
        Names of the label attributes, or their count.
    target
        Name of the class attribute; the task is then single-label.
    labels_xml
        Mulan's file of label names.
    text
        Names of string attributes of free text: each word is a feature, see
        :class:`stream.rows.text.BagOfWords`.
    text_columns
        Number of features to which words are hashed; None: a feature for each word.
    ignore
        Names of attributes, of any type, to leave out.
    encoding
        Encoding of the text.

    Raises
    ------
    DataError
        When the header, or later a row, cannot be used.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "moods.arff"
    >>> _ = path.write_text('''@relation 'moods: -C -2'
    ... @attribute tempo numeric
    ... @attribute happy {0,1}
    ... @attribute calm {0,1}
    ... @data
    ... 120,1,0
    ... ?,0,1
    ... ''')
    >>> for x, y in ArffSource(path):
    ...     print(x, y)
    {'tempo': 120.0} {'happy': True, 'calm': False}
    {'tempo': nan} {'happy': False, 'calm': True}
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        labels: int | Sequence[str] | None = None,
        target: str | None = None,
        labels_xml: str | os.PathLike[str] | None = None,
        text: Sequence[str] = (),
        text_columns: int | None = None,
        ignore: Sequence[str] = (),
        encoding: str = "utf-8",
    ):
        self.path = Path(path)
        self.name = strip_compression(self.path).stem
        self.encoding = encoding
        self.header: Header = read_header(self.path, encoding)
        label_attributes, class_attribute = choose_labels(
            self.header, self.path, labels, labels_xml, target
        )
        self._plan = Plan(
            self.header,
            label_attributes,
            class_attribute,
            str(self.path),
            texts=[text] if isinstance(text, str) else text,
            ignored=[ignore] if isinstance(ignore, str) else ignore,
            bag=BagOfWords(text_columns) if text else None,
        )
        self.columns_grow = self._plan.has_texts
        labels_list: list[Hashable] = list(self._plan.label_names)
        self.schema = Schema(
            self._plan.columns.names,
            labels_list,
            "single-label" if class_attribute is not None else "multi-label",
        )

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order; see :meth:`stream.data.Source.batches`."""
        return rechunk(self._blocks(), chunk_rows)

    def _blocks(self) -> Iterator[Batch]:
        if self.header.data_rest:
            yield from self._parse(self.header.data_line, [self.header.data_rest])
        for first, lines in read_lines(self.path, self.encoding):
            skip = self.header.data_line + 1 - first
            if skip >= len(lines):
                continue
            if skip > 0:
                first, lines = first + skip, lines[skip:]
            for offset, part in _small_parts(lines, self._plan.n_attributes):
                yield from self._parse(first + offset, part)

    def _parse(self, first: int, lines: list[str]) -> Iterator[Batch]:
        rows = [line for line in lines if line and not line.isspace() and line.lstrip()[0] != "%"]
        if not rows:
            return
        try:
            batch = parse_fast(self._plan, rows)
        except (ValueError, KeyError, IndexError, OverflowError, UnfitEntriesError):
            batch = None
        if batch is not None:
            yield batch
            return
        # Something unusual or wrong is among these rows: find out cell by cell.
        good: list[Batch] = []
        try:
            for number, line in enumerate(lines, first):
                if line and not line.isspace() and line.lstrip()[0] != "%":
                    good.append(parse_row(self._plan, line, number))
        except DataError:
            if good:
                yield concatenate(good)
            raise
        if good:
            yield concatenate(good)


def _small_parts(lines: list[str], n_attributes: int) -> Iterator[tuple[int, list[str]]]:
    """Cut lines so that no part has many more cells than `BLOCK_CELLS`; sparse rows are counted by
    their length.
    """
    start = 0
    cells = 0
    for i, line in enumerate(lines):
        cells += min(n_attributes, len(line) // 2 + 1)
        if cells >= BLOCK_CELLS:
            yield start, lines[start : i + 1]
            start, cells = i + 1, 0
    if start < len(lines):
        yield start, lines[start:]
