"""Rows of data frames (pandas, polars, Arrow) and of Parquet files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw

from stream.data.opening import open_bytes
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.errors import DataError, NotAvailableError
from stream.rows.batch import Batch
from stream.rows.builder import rechunk
from stream.rows.schema import Schema, Task
from stream.rows.table import BadCellError, TableEncoder

BLOCK_CELLS = 200_000


class FrameSource(Source):
    """Rows of a data frame.

    Numbers and truth values are numeric columns; a text, category or date becomes a column of 0 and
    1 named ``column=text``, which appears when the text is first read; null and NaN are missing.

    Parameters
    ----------
    frame
        pandas or polars DataFrame, or Arrow table.
    labels, target, classes, categorical
        As for :class:`stream.data.CsvSource`.
    name
        For tables and results.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"tempo": [120.0, None], "happy": [1, 0], "calm": [False, True]})
    >>> for x, y in FrameSource(frame, labels=["happy", "calm"]):
    ...     print(x, y)
    {'tempo': 120.0} {'happy': True, 'calm': False}
    {'tempo': nan} {'happy': False, 'calm': True}
    """

    def __init__(
        self,
        frame: Any,
        *,
        labels: int | Sequence[str] | None = None,
        target: str | None = None,
        classes: Sequence[str] = (),
        categorical: Sequence[str] = (),
        name: str = "frame",
    ):
        self._frame = nw.from_native(frame, eager_only=True)
        self.name = name
        self.n_rows = len(self._frame)
        self._encoder, self.schema = _encoder(
            self._frame,
            name,
            labels=labels,
            target=target,
            classes=classes,
            categorical=categorical,
        )
        self.columns_grow = self._encoder.columns_grow

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order; see :meth:`stream.data.Source.batches`."""
        return rechunk(_blocks(iter([self._frame]), self._encoder, self.name), chunk_rows)

    def n_labels_by(self, row: int) -> int:
        """Number of labels known once row ``row`` has been read."""
        return self._encoder.growth.by(row)


class ParquetSource(Source):
    """Rows of a Parquet file, read one row group after the other; otherwise as
    :class:`FrameSource`.

    Parameters
    ----------
    path
        File. Parquet compresses inside: it is not read from ``.gz`` and the like.
    labels, target, classes, categorical
        As for :class:`stream.data.CsvSource`.

    Raises
    ------
    NotAvailableError
        When pyarrow is not installed.
    DataError
        When the file is no Parquet file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        labels: int | Sequence[str] | None = None,
        target: str | None = None,
        classes: Sequence[str] = (),
        categorical: Sequence[str] = (),
    ):
        self.path = Path(path)
        self.name = self.path.stem
        open_bytes(self.path).close()  # its errors are clearer than pyarrow's
        with self._open() as file:
            self.n_rows = file.metadata.num_rows
            empty = nw.from_native(file.schema_arrow.empty_table(), eager_only=True)
        self._encoder, self.schema = _encoder(
            empty,
            str(self.path),
            labels=labels,
            target=target,
            classes=classes,
            categorical=categorical,
        )
        self.columns_grow = self._encoder.columns_grow

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order; see :meth:`stream.data.Source.batches`."""
        return rechunk(_blocks(self._frames(), self._encoder, str(self.path)), chunk_rows)

    def n_labels_by(self, row: int) -> int:
        """Number of labels known once row ``row`` has been read."""
        return self._encoder.growth.by(row)

    def _open(self) -> Any:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise NotAvailableError(
                "Parquet files need pyarrow: install it with pip install 'drifthomer[parquet]'."
            ) from None
        try:
            return parquet.ParquetFile(self.path)
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"is not a Parquet file: {error}", source=str(self.path)) from None

    def _frames(self) -> Iterator[Any]:
        import pyarrow

        try:
            with self._open() as file:
                for batch in file.iter_batches(
                    BLOCK_CELLS // max(len(self._encoder.header), 1) + 1
                ):
                    yield nw.from_native(pyarrow.Table.from_batches([batch]), eager_only=True)
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"cannot be read: {error}", source=str(self.path)) from None


def _encoder(
    frame: Any,
    source: str,
    *,
    labels: int | Sequence[str] | None,
    target: str | None,
    classes: Sequence[str],
    categorical: Sequence[str],
) -> tuple[TableEncoder, Schema]:
    textual = [
        name
        for name, dtype in frame.schema.items()
        if not (dtype.is_numeric() or dtype in (nw.Boolean, nw.Object, nw.Unknown))
    ]
    names = [str(name) for name in frame.columns]
    outputs = (
        {labels} if isinstance(labels, str) else set(labels if isinstance(labels, Sequence) else ())
    )
    if isinstance(labels, int):
        outputs = set(names[:labels] if labels > 0 else names[labels:])
    outputs |= {target} if target is not None else set()
    texts = {*categorical, *(str(name) for name in textual if str(name) not in outputs)}
    encoder = TableEncoder(
        source, names, labels=labels, target=target, classes=classes, categorical=sorted(texts)
    )
    encoder.find_kinds([])
    task: Task = "multi-label" if target is None else "single-label"
    return encoder, Schema(encoder.features.names, encoder.labels.names, task)


def _blocks(frames: Iterator[Any], encoder: TableEncoder, source: str) -> Iterator[Batch]:
    at = 0
    step = BLOCK_CELLS // max(len(encoder.header), 1) + 1
    for frame in frames:
        for start in range(0, len(frame), step):
            part = frame[start : start + step]
            columns = [_cells(part[name]) for name in part.columns]
            rows = [list(row) for row in zip(*columns, strict=True)]
            try:
                yield encoder.encode(rows, at)
            except BadCellError as error:
                if error.row:
                    yield encoder.encode(rows[: error.row], at)
                raise DataError(
                    error.reason, source=source, line=at + error.row + 1, column=error.column
                ) from None
            at += len(rows)


def _cells(series: Any) -> list[str]:
    """Cells as the text reader would find them, so that one encoder serves both."""
    return [
        "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)
        for value in series.to_list()
    ]
