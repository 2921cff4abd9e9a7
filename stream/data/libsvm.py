"""LIBSVM files with several labels a row, and the text format of the extreme classification
repository.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stream.constraints import COLUMNS, NONE, check_value
from stream.data.libsvm_exact import MAX_FEATURES, ExactRows
from stream.data.opening import read_lines, strip_compression
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.errors import DataError, ParameterError
from stream.rows.batch import Batch
from stream.rows.builder import (
    BatchBuilder,
    Columns,
    LabelGrowth,
    UnfitEntriesError,
    assemble,
    rechunk,
)
from stream.rows.cells import split_pairs
from stream.rows.schema import Schema, Task

BLOCK_CHARACTERS = 1 << 18
# Where more features or labels than this are declared, or none are, they are numbered as they
# appear, so that nothing downstream is ever as large as an index that a file happens to name.
MAX_DECLARED_COLUMNS = 1 << 20

Int32Array = npt.NDArray[np.int32]

_HEADER = re.compile(r"\s*(\d{1,18})\s+(\d{1,18})\s+(\d{1,18})\s*", re.ASCII)


class LibsvmSource(Source):
    """Rows such as ``3,7 1:0.5 9:1``: labels, then the features that are not zero.

    A first line of three numbers (rows, features, labels) makes it a file of the extreme
    classification repository, where an empty line is a row without labels and features. Labels and
    features are called by their numbers. A row may have no label; features may come in any order;
    ``qid:`` and what follows ``#`` are ignored.

    Parameters
    ----------
    path
        Plain or compressed file.
    zero_based
        Whether the first feature is number 0; False: it is number 1, and number 0 is refused.
    n_features, n_labels
        Declared numbers; indices from there on are refused. By default those of the first line;
        where there is none, columns appear as they are read.
    task
        ``"single-label"``: each row starts with its class, such as ``+1``.
    empty_rows
        Whether a row may be without features; None: if the file begins with a line of three
        numbers. Otherwise such a row is refused: it is most often no LIBSVM at all.
    encoding
        Encoding of the text.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tiny.svm"
    >>> _ = path.write_text("0,2 1:0.5 9:1  # two labels\\n 3:2\\n")
    >>> for x, y in LibsvmSource(path, n_labels=3):
    ...     print(x, y)
    {1: 0.5, 9: 1.0} {0: True, 1: False, 2: True}
    {3: 2.0} {0: False, 1: False, 2: False}
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        zero_based: bool = True,
        n_features: int | None = None,
        n_labels: int | None = None,
        task: Task = "multi-label",
        empty_rows: bool | None = None,
        encoding: str = "utf-8",
    ):
        self.path = Path(path)
        self.name = strip_compression(self.path).stem
        self.encoding = encoding
        for parameter, value in (("n_features", n_features), ("n_labels", n_labels)):
            check_value(type(self).__name__, parameter, value, (COLUMNS, NONE))
        if task not in ("multi-label", "single-label"):
            raise ParameterError(f"'task' must be 'multi-label' or 'single-label'. Got {task!r}.")
        self._first = 0 if zero_based else 1
        self._single = task == "single-label"
        self._classes = Columns()
        self._header_line = 0
        found = self._read_header()
        if found is not None:
            self.n_rows, features, labels = found
            n_features = features if n_features is None else n_features
            n_labels = labels if n_labels is None else n_labels
        self._n_features, self._n_labels = n_features, n_labels
        self._empty_rows = self._header_line > 0 if empty_rows is None else empty_rows
        self._rows = ExactRows(
            str(self.path),
            first_feature=self._first,
            n_features=n_features,
            n_labels=n_labels,
            classes=self._classes if self._single else None,
            empty_rows=self._empty_rows,
        )
        self._features = _Numbering(self._first, n_features)
        self._labels = _Numbering(0, n_labels)
        self.columns_grow = self._features.grows or self._labels.grows or self._single
        known = self._classes.names if self._single else self._labels.names
        self._growth = LabelGrowth(len(known))
        self.schema = Schema(self._features.names, known, task)

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order; see :meth:`stream.data.Source.batches`."""
        return rechunk(self._blocks(), chunk_rows, None if self._single else self._growth)

    def n_labels_by(self, row: int) -> int:
        """Number of labels known once row ``row`` has been read."""
        return self._growth.by(row)

    def _read_header(self) -> tuple[int, int, int] | None:
        source = str(self.path)
        for first, lines in read_lines(self.path, self.encoding):
            for line in lines:
                if not line or line.isspace():
                    continue
                match = _HEADER.fullmatch(line)
                if match is None:
                    return None
                self._header_line = first
                rows, features, labels = (int(group) for group in match.groups())
                if not (0 < features <= MAX_FEATURES and 0 < labels <= MAX_FEATURES):
                    raise DataError(
                        "the header 'rows features labels' must name at least one feature and "
                        "one label, and at "
                        f"most {MAX_FEATURES:,}, got {line.strip()!r}",
                        source=source,
                        line=first,
                    )
                return rows, features, labels
        raise DataError("the file holds no rows", source=source)

    def _blocks(self) -> Iterator[Batch]:
        row = 0
        line = self._header_line
        for first, lines in read_lines(self.path, self.encoding):
            if first <= self._header_line:
                lines = lines[self._header_line - first + 1 :]
                first = self._header_line + 1
            for start, part in _parts(lines):
                for batch in self._parse(first + start, part, row):
                    row += batch.n_rows
                    yield batch
            line = first + len(lines) - 1
        if self._header_line and row < (self.n_rows or 0):
            raise DataError(
                f"the header promises {self.n_rows} rows but the file ends after {row}; it was "
                "cut off",
                source=str(self.path),
                line=line,
            )

    def _parse(self, first: int, lines: list[str], row: int) -> Iterator[Batch]:
        if self._header_line:
            # Empty lines are rows; those after the last promised row are not.
            promised = (self.n_rows or 0) - row
            rows, beyond = lines[:promised], lines[promised:]
            extra = next((i for i, line in enumerate(beyond) if line and not line.isspace()), None)
            numbers: Sequence[int] = range(first, first + len(rows))
        else:
            kept = [i for i, line in enumerate(lines) if line.split("#", 1)[0].strip()]
            rows, extra = [lines[i] for i in kept], None
            numbers = [first + i for i in kept]
        if rows:
            batch: Batch | None
            try:
                batch = self._fast(rows)
            except (ValueError, OverflowError, UnfitEntriesError):
                batch = None
            if batch is None:
                yield from self._slow(rows, numbers, row)
            else:
                yield self._numbered(batch, row)
        if extra is not None:
            raise DataError(
                f"the header promises {self.n_rows} rows, but more follow",
                source=str(self.path),
                line=first + len(rows) + extra,
            )

    def _fast(self, rows: list[str]) -> Batch | None:
        """A batch from rows as they are usually written; None, or an exception, where the exact
        path must look.
        """
        text = "".join(rows)
        if self._single or "_" in text or "#" in text or "qid" in text or "\t" in text:
            return None
        heads, tails = [], []
        for row in rows:
            head, _, tail = row.partition(" ")
            if ":" in head:
                head, tail = "", row
            heads.append(head)
            tails.append(tail.strip())
        n_rows = len(rows)
        counts = np.array([tail.count(":") for tail in tails], np.int64)
        if not counts.all() and not (
            self._empty_rows
            and all(count or not tail for count, tail in zip(counts, tails, strict=True))
        ):
            return None
        if counts.any():
            pairs = split_pairs(" ".join(filter(None, tails)), ":", " ")
            if pairs is None:
                return None
            index_texts, texts = pairs
            indices = np.fromiter(map(int, index_texts), np.int64, counts.sum()) - self._first
            values = np.fromiter(map(float, texts), np.float64, counts.sum())
        else:
            indices, values = np.empty(0, np.int64), np.empty(0)
        label_texts = [head.split(",") if head else [] for head in heads]
        label_counts = np.array(list(map(len, label_texts)), np.int64)
        labels = np.array([int(text) for texts in label_texts for text in texts], np.int64)
        if not _in_range(indices, self._n_features, MAX_FEATURES) or not _in_range(
            labels, self._n_labels, MAX_FEATURES
        ):
            return None
        rows_of = np.arange(n_rows)
        return assemble(
            n_rows,
            (np.repeat(rows_of, counts), indices, values),
            (np.repeat(rows_of, label_counts), labels),
        )

    def _slow(self, rows: list[str], numbers: Sequence[int], row: int) -> Iterator[Batch]:
        builder = BatchBuilder(str(self.path))
        try:
            for number, line in zip(numbers, rows, strict=True):
                self._rows.add(builder, line, number)
        except DataError:
            if len(builder):
                yield self._numbered(builder.take(), row)
            raise
        yield self._numbered(builder.take(), row)

    def _numbered(self, batch: Batch, row: int) -> Batch:
        """The batch with column numbers instead of indices; takes note of columns that are new."""
        if self._features.grows:
            rows = np.repeat(np.arange(batch.n_rows), np.diff(batch.x_indptr))
            columns = self._features.columns(batch.x_indices)[0]
            order = np.lexsort((columns, rows))
            batch = batch._replace(x_indices=columns[order], x_values=batch.x_values[order])
        rows = np.repeat(np.arange(batch.n_rows), np.diff(batch.y_indptr))
        if self._single:
            highest = np.maximum.accumulate(batch.y_indices)
            for i in np.flatnonzero(np.diff(highest, prepend=-1)).tolist():
                self._growth.note(row + int(rows[i]), int(highest[i]) + 1)
        elif self._labels.grows:
            columns, new = self._labels.columns(batch.y_indices)
            for i in new:
                self._growth.note(row + int(rows[i]), int(columns[i]) + 1)
            batch = batch._replace(y_indices=columns[np.lexsort((columns, rows))])
        return batch


class _Numbering:
    """Column numbers of indices: the same where few enough are declared, else in the order in which
    they appear."""

    def __init__(self, first: int, declared: int | None):
        self.grows = declared is None or declared > MAX_DECLARED_COLUMNS
        self._first = first
        self.names: Sequence[int] = [] if self.grows else range(first, first + (declared or 0))
        self._number: dict[int, int] = {}

    def columns(self, indices: Int32Array) -> tuple[Int32Array, list[int]]:
        """Column of each index (counted from 0), and the positions of those that are new."""
        found, positions, inverse = np.unique(indices, return_index=True, return_inverse=True)
        missing = [
            (position, index)
            for position, index in zip(positions.tolist(), found.tolist(), strict=True)
            if index not in self._number
        ]
        assert isinstance(self.names, list)
        for _, index in sorted(missing):
            self._number[index] = len(self.names)
            self.names.append(self._first + index)
        numbers = np.fromiter(map(self._number.__getitem__, found.tolist()), np.int32, len(found))
        return numbers[inverse], sorted(position for position, _ in missing)


def _in_range(indices: np.ndarray, declared: int | None, most: int) -> bool:
    limit = most if declared is None else declared
    return not len(indices) or (int(indices.min()) >= 0 and int(indices.max()) < limit)


def _parts(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Cut lines into parts of about `BLOCK_CHARACTERS`."""
    start = characters = 0
    for i, line in enumerate(lines):
        characters += len(line) + 1
        if characters >= BLOCK_CHARACTERS:
            yield start, lines[start : i + 1]
            start, characters = i + 1, 0
    if start < len(lines):
        yield start, lines[start:]
