"""Rows by names as batches, whose columns are the same whether a run was interrupted or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from stream.kafka.messages.decoding import Row, Truth
from stream.rows.batch import Batch
from stream.rows.builder import Columns, assemble
from stream.rows.schema import Schema, Task

MAX_FEATURES = 1_000_000  # names; features that are new beyond are left out


class RowEncoder:
    """Numbers the names of features and labels as they come.

    Parameters
    ----------
    task
        Whether rows have sets of labels or classes.

    Attributes
    ----------
    schema
        The names so far; it grows.
    """

    def __init__(self, task: Task):
        self._features = Columns()
        self._labels = Columns()
        self.schema = Schema(self._features.names, self._labels.names, task)

    def get_state(self) -> dict[str, Any]:
        """The names, to be restored."""
        return {"features": list(self._features.names), "labels": list(self._labels.names)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the names of a state."""
        self._features = Columns(state["features"])
        self._labels = Columns(state["labels"])
        self.schema = Schema(self._features.names, self._labels.names, self.schema.task)

    def segments(
        self, rows: Sequence[tuple[dict[str, float], Truth | None]], most: int | None = None
    ) -> Iterator[Batch]:
        """The rows in batches that end before a row with new labels.

        So every label of the schema was there before the batch or came with its first row, and
        what a model notes of them does not depend on how rows were grouped. The schema is right
        for a batch until the next one is asked for.

        Parameters
        ----------
        rows
            Features by name, and what is known of the labels.
        most
            Rows of a batch at most; None: any number.
        """
        start, known = 0, self._labels
        for i, (_, y) in enumerate(rows):
            new = (
                [] if y is None else [each for each in (*y.present, *y.absent) if each not in known]
            )
            if i > start and (new or i - start == most):
                yield self._batch(rows[start:i])
                start = i
            known.add_all(new)
        if start < len(rows):
            yield self._batch(rows[start:])

    def columns(self, x: dict[str, float]) -> list[int]:
        """Columns of the features of a row; -1 where there is no room for one that is new."""
        number = self._features.number
        try:
            return [number[name] for name in x]
        except KeyError:
            room = MAX_FEATURES - len(self._features)
            self._features.add_all(sorted(name for name in x if name not in number)[:room])
            return [number.get(name, -1) for name in x]

    def features_of(self, columns: Sequence[int], values: Sequence[float]) -> dict[str, float]:
        """A row from columns that :meth:`columns` gave."""
        names = self._features.names
        return {str(names[c]): v for c, v in zip(columns, values, strict=True) if c >= 0}

    def _batch(self, rows: Sequence[tuple[dict[str, float], Truth | None]]) -> Batch:
        columns: list[int] = []
        values: list[float] = []
        lengths = []
        for x, _ in rows:
            columns += self.columns(x)
            values += x.values()
            lengths.append(len(x))
        row = np.repeat(np.arange(len(rows)), lengths)
        column, value = np.array(columns, np.int64), np.array(values, np.float64)
        kept = column >= 0
        if not kept.all():
            row, column, value = row[kept], column[kept], value[kept]
        return assemble(len(rows), (row, column, value), *self._truths(rows))

    def _truths(self, rows: Sequence[tuple[Any, Truth | None]]) -> Any:
        number, every = self._labels.number, range(len(self._labels))
        single = self.schema.task == "single-label"
        y_rows: list[int] = []
        y_columns: list[int] = []
        u_rows: list[int] = []
        u_columns: list[int] = []
        for i, (_, y) in enumerate(rows):
            if y is not None:
                y_columns += [number[label] for label in y.present]
                y_rows += [i] * len(y.present)
                if y.whole or len(y.present) + len(y.absent) == len(every):
                    continue
            if single:
                continue
            told = set() if y is None else {number[label] for label in (*y.present, *y.absent)}
            unknown = [column for column in every if column not in told]
            u_columns += unknown
            u_rows += [i] * len(unknown)

        def entries(rows: list[int], columns: list[int]) -> tuple[np.ndarray, np.ndarray]:
            return np.array(rows, np.int64), np.array(columns, np.int64)

        return entries(y_rows, y_columns), entries(u_rows, u_columns)


def of_rows(rows: Sequence[Row]) -> list[tuple[dict[str, float], Truth | None]]:
    """What :meth:`RowEncoder.segments` takes."""
    return [(row.x, row.y) for row in rows]
