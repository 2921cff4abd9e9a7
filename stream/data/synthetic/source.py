"""The base of all generators: rows by number, cut into batches."""

from __future__ import annotations

import abc
from collections.abc import Iterator

import numpy as np

from stream.constraints import ROWS, check_value
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.data.synthetic.description import StreamDescription
from stream.engine.arrays import Float64Array, Int32Array, Int64Array
from stream.errors import ParameterError
from stream.rows.batch import Batch
from stream.rows.schema import Schema


class SyntheticSource(Source):
    """A generated stream: every row follows from the seed and its number alone.

    Attributes
    ----------
    description
        How the stream was made: seed, parameters, change points, label blocks.

    Examples
    --------
    >>> from stream.data.synthetic import create
    >>> source = create("sea-a", n_rows=1_000, seed=7)
    >>> source.rows(500, 510).n_rows
    10
    >>> [batch.n_rows for batch in source.batches(chunk_rows=400)]
    [400, 400, 200]
    """

    description: StreamDescription
    n_rows: int

    def __init__(self, description: StreamDescription) -> None:
        self.description = description
        self.name = description.name
        self.n_rows = description.n_rows
        self.schema = Schema(
            range(description.n_features), range(description.n_labels), description.task
        )

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order, ``chunk_rows`` at a time."""
        check_value("batches", "chunk_rows", chunk_rows, (ROWS,))
        for start in range(0, self.n_rows, chunk_rows):
            yield self._generate(start, min(start + chunk_rows, self.n_rows))

    def rows(self, start: int, stop: int) -> Batch:
        """Rows ``start`` to ``stop`` (exclusive), without generating those before them."""
        if not 0 <= start <= stop <= self.n_rows:
            raise ParameterError(
                f"Rows of {self.name!r} are numbered from 0 to {self.n_rows}. "
                f"Got {start} to {stop} instead."
            )
        return self._generate(start, stop)

    @abc.abstractmethod
    def _generate(self, start: int, stop: int) -> Batch:
        """Rows ``start`` to ``stop``, which are known to exist."""


def single_label_batch(
    x_indptr: Int64Array, x_indices: Int32Array, x_values: Float64Array, classes: Int32Array
) -> Batch:
    """A batch whose rows hold one class each; feature arrays may be longer than what is filled."""
    n, filled = len(classes), x_indptr[-1]
    return Batch(
        x_indptr,
        x_indices[:filled],
        x_values[:filled],
        np.arange(n + 1, dtype=np.int64),
        classes,
        np.zeros(n + 1, np.int64),
        np.empty(0, np.int32),
    )
