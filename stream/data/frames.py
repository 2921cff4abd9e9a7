"""Rows of data frames (pandas, polars, Arrow) and of Parquet files."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from stream.data.opening import open_bytes
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.errors import DataError, NotAvailableError
from stream.rows.batch import Batch
from stream.rows.builder import rechunk
from stream.rows.columns import BadValueError
from stream.rows.frames import Frame, column_values, is_category, is_numeric, open_frame
from stream.rows.table import ColumnRoles, TableEncoder
from stream.rows.text import BagOfWords
from stream.rows.text_columns import TextColumns

BLOCK_CELLS = 200_000


class FrameSource(Source):
    """Rows of a data frame.

    Numbers, truth values, dates and times are numeric columns; a text or category becomes a column
    of 0 and 1 named ``column=text``, which appears when the text is first read; null and NaN are
    missing; see :mod:`stream.rows.values`. Columns may have any names that differ; a name that no
    snapshot could hold becomes its text.

    Parameters
    ----------
    frame
        pandas or polars DataFrame, or Arrow table.
    labels, target, classes, categorical, text, text_columns, ignore
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
        labels: int | Sequence[Hashable] | None = None,
        target: Hashable | None = None,
        classes: Sequence[Hashable] = (),
        categorical: Sequence[Hashable] = (),
        text: Sequence[Hashable] = (),
        text_columns: int | None = None,
        ignore: Sequence[Hashable] = (),
        name: str = "frame",
    ):
        self._frame = open_frame(frame, name)
        self.name = name
        self.n_rows = len(self._frame.data)
        self._encoder = _encoder(
            self._frame,
            name,
            labels=labels,
            target=target,
            classes=classes,
            categorical=categorical,
            text=text,
            text_columns=text_columns,
            ignore=ignore,
        )
        self.schema = self._encoder.schema
        self.columns_grow = self._encoder.columns_grow

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order; see :meth:`stream.data.Source.batches`."""
        return rechunk(_blocks([self._frame], self._encoder, self.name), chunk_rows)

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
    labels, target, classes, categorical, text, text_columns, ignore
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
        labels: int | Sequence[Hashable] | None = None,
        target: Hashable | None = None,
        classes: Sequence[Hashable] = (),
        categorical: Sequence[Hashable] = (),
        text: Sequence[Hashable] = (),
        text_columns: int | None = None,
        ignore: Sequence[Hashable] = (),
    ):
        self.path = Path(path)
        self.name = self.path.stem
        open_bytes(self.path).close()  # its errors are clearer than pyarrow's
        with self._open() as file:
            self.n_rows = file.metadata.num_rows
            empty = open_frame(file.schema_arrow.empty_table(), str(self.path))
        self._encoder = _encoder(
            empty,
            str(self.path),
            labels=labels,
            target=target,
            classes=classes,
            categorical=categorical,
            text=text,
            text_columns=text_columns,
            ignore=ignore,
        )
        self.schema = self._encoder.schema
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

    def _frames(self) -> Iterator[Frame]:
        import pyarrow

        try:
            with self._open() as file:
                for batch in file.iter_batches(_block_rows(self._encoder)):
                    yield open_frame(pyarrow.Table.from_batches([batch]))
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"cannot be read: {error}", source=str(self.path)) from None


def _encoder(
    frame: Frame,
    source: str,
    *,
    labels: int | Sequence[Hashable] | None,
    target: Hashable | None,
    classes: Sequence[Hashable],
    categorical: Sequence[Hashable],
    text: Sequence[Hashable],
    text_columns: int | None,
    ignore: Sequence[Hashable],
) -> TableEncoder:
    roles = ColumnRoles(source, frame.names, labels=labels, target=target)
    texts = {roles.position(name, "categorical column") for name in _listed(categorical)}
    words = {roles.position(name, "text") for name in _listed(text)}
    ignored = {roles.position(name, "ignored column") for name in _listed(ignore)}
    outputs = {*roles.labels, roles.target}
    twice = (texts & words) | (texts & ignored) | (words & ignored)
    twice |= {i for i in texts | words | ignored if i in outputs}
    if twice:
        raise DataError(
            "the column is named as two of labels (or class), text, categorical and ignored; name "
            "it once",
            source=source,
            column=str(frame.names[min(twice)]),
        )
    number = next((i for i in sorted(words) if is_numeric(frame.column(i))), None)
    if number is not None:
        raise DataError(
            "a column of text must hold texts, but this one holds numbers; leave it out of text",
            source=source,
            column=str(frame.names[number]),
        )
    roles.features = [i for i in roles.features if i not in ignored]
    known = [str(frame.names[i]) for i in texts]
    texts |= {i for i in roles.features if i not in words and is_category(frame.column(i))}
    numeric = [i for i in roles.features if i not in texts | words and is_numeric(frame.column(i))]
    return TableEncoder(
        roles,
        classes=classes,
        as_text=sorted(texts),
        numeric=numeric,
        words=sorted(words),
        bag=BagOfWords(text_columns) if words else None,
        watch=TextColumns(source, known=known),
    )


def _listed(names: Sequence[Hashable]) -> Sequence[Hashable]:
    return [names] if isinstance(names, str) else names


def _blocks(frames: Iterable[Frame], encoder: TableEncoder, source: str) -> Iterator[Batch]:
    at = 0
    step = _block_rows(encoder)
    roles = encoder.roles
    read = {*roles.features, *roles.labels, roles.target}
    for frame in frames:
        for start in range(0, len(frame.data), step):
            part = frame.rows(start, start + step)
            values = [
                column_values(part.column(i), as_names=i in encoder.names) if i in read else []
                for i in range(len(part.names))
            ]
            n_rows = len(part.data)
            try:
                yield encoder.encode(values, n_rows, at)
            except BadValueError as error:
                if error.row:
                    yield encoder.encode([each[: error.row] for each in values], error.row, at)
                raise DataError(
                    error.reason, source=source, line=at + error.row + 1, column=error.column
                ) from None
            at += n_rows


def _block_rows(encoder: TableEncoder) -> int:
    return BLOCK_CELLS // max(len(encoder.roles.header), 1) + 1
