"""Batches from the entries that parsers find: sorted, without zeros, finite, of any size."""

from __future__ import annotations

import bisect
import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stream.constraints import ROWS, check_value
from stream.errors import DataError
from stream.rows.batch import Batch, concatenate, slice_rows
from stream.rows.names import in_order

Array = npt.NDArray[Any]

BLOCK_ROWS = 1_000  # rows that the row-wise parsers gather before they hand over a batch


def rechunk(
    blocks: Iterable[Batch], chunk_rows: int, growth: LabelGrowth | None = None
) -> Iterator[Batch]:
    """Cut batches of any size into batches of ``chunk_rows`` rows; the last may be shorter.

    When a block raises `DataError`, the rows before it are yielded first, so that what a reader
    gets does not depend on the chunk size.

    Parameters
    ----------
    blocks
        Batches in order.
    chunk_rows
        Rows of each batch yielded, at least 1.
    growth
        Which row brought which labels, where labels appear as rows are read; it is told before
        their block is yielded.
    """
    check_value("batches", "chunk_rows", chunk_rows, (ROWS,))
    return _rechunk(blocks if growth is None else _named(blocks, growth), int(chunk_rows))


def _named(blocks: Iterable[Batch], growth: LabelGrowth) -> Iterator[Batch]:
    """Add to each batch how many labels had been named by each of its rows."""
    row = 0
    for block in blocks:
        yield block._replace(n_named=growth.by_rows(row, row + block.n_rows))
        row += block.n_rows


def _rechunk(blocks: Iterable[Batch], chunk_rows: int) -> Iterator[Batch]:
    pending: list[Batch] = []
    gathered = 0
    try:
        for block in blocks:
            start = 0
            while gathered + block.n_rows - start >= chunk_rows:
                stop = start + chunk_rows - gathered
                ready, pending, gathered = [*pending, slice_rows(block, start, stop)], [], 0
                start = stop
                yield concatenate(ready)
            if start < block.n_rows:
                pending.append(slice_rows(block, start, block.n_rows))
                gathered += block.n_rows - start
    except DataError:
        if pending:
            yield concatenate(pending)
        raise
    if pending:
        yield concatenate(pending)


class UnfitEntriesError(Exception):
    """Entries that no batch can hold; the row-wise path finds out where and says so."""


def assemble(
    n_rows: int,
    x: tuple[Array, Array, Array],
    y: tuple[Array, Array],
    u: tuple[Array, Array] | None = None,
) -> Batch:
    """A batch from entries in any order.

    Parameters
    ----------
    n_rows
        Number of rows.
    x
        Row, column and value of each feature entry. Zeros are dropped.
    y, u
        Row and column of each present, and of each unknown, label.

    Raises
    ------
    UnfitEntriesError
        On an infinite value or on two entries of one row and column.
    """
    rows, columns, values = x
    if np.isinf(values).any():
        raise UnfitEntriesError
    rows, columns, values = _in_order(rows, columns, values)
    if not values.all():
        kept = values != 0
        rows, columns, values = rows[kept], columns[kept], values[kept]
    y_rows, y_columns = _in_order(*y)
    u_rows, u_columns = _in_order(*u) if u is not None else (_NO_INTEGERS, _NO_INTEGERS)
    return Batch(
        _indptr(rows, n_rows),
        columns.astype(np.int32, copy=False),
        values.astype(np.float64, copy=False),
        _indptr(y_rows, n_rows),
        y_columns.astype(np.int32, copy=False),
        _indptr(u_rows, n_rows),
        u_columns.astype(np.int32, copy=False),
    )


_NO_INTEGERS = np.empty(0, np.int64)


def _in_order(rows: Array, columns: Array, *more: Array) -> tuple[Array, ...]:
    if not len(rows):
        return rows, columns, *more
    key = rows.astype(np.int64) * (int(columns.max()) + 1) + columns
    step = np.diff(key)
    if (step > 0).all():
        return rows, columns, *more
    order = np.argsort(key, kind="stable")
    if not np.diff(key[order]).all():
        raise UnfitEntriesError
    return rows[order], columns[order], *(array[order] for array in more)


def _indptr(rows: Array, n_rows: int) -> npt.NDArray[np.int64]:
    indptr = np.zeros(n_rows + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=n_rows), out=indptr[1:])
    return indptr


class BatchBuilder:
    """Gathers rows one at a time and hands them over as a batch.

    Parameters
    ----------
    source
        File or stream, for error messages.

    Examples
    --------
    >>> builder = BatchBuilder("example")
    >>> builder.add([4, 1, 2], [0.5, 2.0, 0.0], present=[3], line=1)
    >>> batch = builder.take()
    >>> batch.x_indices.tolist(), batch.x_values.tolist(), batch.y_indices.tolist()
    ([1, 4], [2.0, 0.5], [3])
    >>> builder.add([1], [float("inf")], present=[], line=2)
    Traceback (most recent call last):
    stream.errors.DataError: example, line 2, column 1: a value must be finite, got inf
    """

    def __init__(self, source: str | None = None):
        self.source = source
        self._clear()

    def _clear(self) -> None:
        self._x_lengths: list[int] = []
        self._y_lengths: list[int] = []
        self._u_lengths: list[int] = []
        self._x_columns: list[int] = []
        self._values: list[float] = []
        self._present: list[int] = []
        self._unknown: list[int] = []

    def __len__(self) -> int:
        return len(self._x_lengths)

    def add(
        self,
        columns: Sequence[int],
        values: Sequence[float],
        present: Iterable[int],
        unknown: Iterable[int] = (),
        *,
        line: int | None = None,
        names: Sequence[Hashable] | None = None,
    ) -> None:
        """Add a row.

        Parameters
        ----------
        columns, values
            Column number and value of each feature entry, in any order. Zeros are dropped, NaN
            means missing.
        present, unknown
            Label columns, in any order.
        line
            Line of the file, for error messages.
        names
            Names of the feature columns, for error messages.

        Raises
        ------
        DataError
            When a value is infinite or a column is given twice; the row is not added.
        """
        entries = [pair for pair in zip(columns, values, strict=True) if pair[1] != 0]
        entries.sort(key=_first)
        previous = -1
        for column, value in entries:
            if column <= previous or math.isinf(value):
                name = column if names is None else str(names[column])
                reason = (
                    f"a value must be finite, got {value}"
                    if math.isinf(value)
                    else "the column is given twice in this row"
                )
                raise DataError(reason, source=self.source, line=line, column=name)
            previous = column
        present, unknown = sorted(set(present)), sorted(set(unknown))
        self._x_lengths.append(len(entries))
        self._y_lengths.append(len(present))
        self._u_lengths.append(len(unknown))
        self._x_columns += [column for column, _ in entries]
        self._values += [value for _, value in entries]
        self._present += present
        self._unknown += unknown

    def take(self) -> Batch:
        """The rows gathered so far; the builder is empty afterwards."""
        batch = Batch(
            _starts(self._x_lengths),
            np.array(self._x_columns, np.int32),
            np.array(self._values, np.float64),
            _starts(self._y_lengths),
            np.array(self._present, np.int32),
            _starts(self._u_lengths),
            np.array(self._unknown, np.int32),
        )
        self._clear()
        return batch


def _first(pair: tuple[int, float]) -> int:
    return pair[0]


def _starts(lengths: list[int]) -> npt.NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)


class Columns:
    """Numbers for names in the order in which they come; the list of names grows in place.

    Names that are new in one row are sorted before they are numbered, so that the order of a
    dictionary's keys means nothing.

    Parameters
    ----------
    names
        Names known beforehand.

    Examples
    --------
    >>> columns = Columns(["b"])
    >>> columns.add_all(["d", "b", "c"])
    >>> columns.names, columns["d"]
    (['b', 'c', 'd'], 2)
    """

    def __init__(self, names: Iterable[Hashable] = ()):
        self.names: list[Hashable] = list(names)
        self.number = {name: number for number, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: Hashable) -> bool:
        return name in self.number

    def __getitem__(self, name: Hashable) -> int:
        return self.number[name]

    def get(self, name: Hashable) -> int | None:
        """Number of a name, or None."""
        return self.number.get(name)

    def add_all(self, names: Iterable[Hashable]) -> None:
        """Number the names that are new."""
        new = {name for name in names if name not in self.number}
        for name in in_order(new):
            self.number[name] = len(self.names)
            self.names.append(name)


class LabelGrowth:
    """Remembers which row brought new labels, so that a later pass over the same rows tells of none
    too early.

    Examples
    --------
    >>> growth = LabelGrowth(2)
    >>> growth.note(row=5, n_labels=3)
    >>> growth.by(4), growth.by(5)
    (2, 3)
    """

    def __init__(self, n_labels: int = 0):
        self._rows = [-1]
        self._counts = [n_labels]

    def note(self, row: int, n_labels: int) -> None:
        """Record that ``n_labels`` labels are known once row ``row`` has been read."""
        if n_labels > self._counts[-1]:
            self._rows.append(row)
            self._counts.append(n_labels)

    def by(self, row: int) -> int:
        """Number of labels known once row ``row`` has been read."""
        return self._counts[bisect.bisect_right(self._rows, row) - 1]

    def by_rows(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """The same for each of the rows ``start`` to ``stop`` (exclusive)."""
        first = bisect.bisect_right(self._rows, start) - 1
        last = bisect.bisect_left(self._rows, stop)
        places = np.searchsorted(self._rows[first:last], np.arange(start, stop), side="right")
        return np.array(self._counts[first:last], np.int64)[places - 1]
