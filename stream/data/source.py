"""The one interface of everything that yields rows."""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np

from stream.rows.batch import Batch
from stream.rows.schema import Schema

DEFAULT_CHUNK_ROWS = 1_000


class Source(abc.ABC):
    """A stream of labelled rows, read once from front to back in bounded memory.

    A source can be iterated again; every pass starts at the first row and gives the same rows.
    Iterating gives River's view, one ``(x, y)`` pair of dictionaries at a time (``y`` is the class
    itself when the task is single-label); :meth:`batches` gives the same rows as arrays, many at a
    time.

    Attributes
    ----------
    name
        Short name for tables and results.
    schema
        Names of the columns. Known before the first row, except where it is said that columns
        appear as rows are read.
    n_rows
        Number of rows where it is known without reading them all.
    columns_grow
        Whether features and labels appear as rows are read, numbered in the order in which they
        appear. The schema may then hold more than the rows so far tell: see :meth:`n_labels_by`.
    kept_rows
        See :meth:`keep_rows`; None: none are kept.
    """

    name: str
    schema: Schema
    n_rows: int | None = None
    columns_grow: bool = False
    kept_rows: deque[Mapping[Hashable, Any]] | None = None

    @abc.abstractmethod
    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order, ``chunk_rows`` at a time (the last batch may be shorter).

        Raises
        ------
        DataError
            When a row cannot be used; the batches before it have been yielded.
        """

    def __iter__(self) -> Iterator[tuple[dict[Hashable, float], Any]]:
        """Yield ``(x, y)`` as River does: non-zero features by name, every known label as a
        boolean.

        A missing feature is NaN, a label whose truth is unknown is left out of ``y``; a
        single-label row whose class is unknown has ``y`` None.
        """
        if not self.columns_grow:
            for batch in self.batches():
                yield from rows_as_dicts(batch, self.schema)
            return
        for row, batch in enumerate(self.batches(1)):
            yield from rows_as_dicts(batch, self.schema, n_labels=self.n_labels_by(row))

    def n_labels_by(self, row: int) -> int:
        """Number of labels known when row ``row`` (from 0) has been read; they are the first ones
        of the schema.

        Where labels appear as rows are read, the schema may already hold those of later rows, read
        ahead or in an earlier pass.
        """
        return len(self.schema.labels)

    def keep_rows(self) -> None:
        """Keep the features of the rows that are read from now on as they came, with texts and
        nested objects, in ``kept_rows``, until they are taken out of it.

        A source that has only numbers in columns keeps none.
        """
        self.kept_rows = None


def rows_as_dicts(
    batch: Batch, schema: Schema, n_labels: int | None = None
) -> Iterator[tuple[dict[Hashable, float], Any]]:
    """The rows of a batch as ``(x, y)`` pairs of dictionaries; see :meth:`Source.__iter__`.

    Parameters
    ----------
    batch, schema
        Rows, and the names of their columns.
    n_labels
        Number of labels known by then, where the schema holds more.
    """
    features, labels = schema.features, schema.labels
    if schema.task == "multi-label" and n_labels is not None:
        labels = labels[:n_labels]
    for row in range(batch.n_rows):
        entries = slice(batch.x_indptr[row], batch.x_indptr[row + 1])
        x = {
            features[column]: value
            for column, value in zip(
                batch.x_indices[entries].tolist(), batch.x_values[entries].tolist(), strict=True
            )
        }
        present = batch.y_indices[batch.y_indptr[row] : batch.y_indptr[row + 1]].tolist()
        if schema.task == "single-label":
            yield x, (labels[present[0]] if present else None)
            continue
        truth = np.zeros(len(labels), np.int8)
        truth[present] = 1
        truth[batch.u_indices[batch.u_indptr[row] : batch.u_indptr[row + 1]]] = -1
        yield (
            x,
            {
                label: value == 1
                for label, value in zip(labels, truth.tolist(), strict=True)
                if value >= 0
            },
        )
