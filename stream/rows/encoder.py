"""Rows by name as batches of numbered columns."""

from __future__ import annotations

import copy
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, cast

import numpy as np

from stream.errors import DataError, ParameterError
from stream.rows.batch import Batch
from stream.rows.builder import Columns, LabelGrowth, assemble
from stream.rows.features import feature_entries
from stream.rows.names import in_order
from stream.rows.schema import Schema, Task
from stream.rows.text_columns import TextColumns
from stream.rows.truth import Present, Truth, truth_of_row

Truths = Sequence[Truth | None]


class RowEncoder:
    """Numbers the names of features and labels as they come and gathers rows into batches.

    What values mean is said in :mod:`stream.rows.values`.

    Parameters
    ----------
    source
        File or stream, for error messages.
    task
        Whether ``y`` tells of labels, or is one class.
    features, labels
        Names that have columns from the start.
    label_names
        Names of the labels where they are known beforehand: lists of 0 and 1 have their order.
    present
        When a label counts as present: ``"true"``: 1 or True (0 and False are absent, anything else
        is refused); ``"positive"``: a number above 0.
    watch
        Is told of every text, and warns of what does not seem to be a name.
    max_features
        Features that are new beyond so many are left out; None: no limit.

    Attributes
    ----------
    schema
        Names of the columns; it grows.
    growth
        Which row brought which labels.

    Examples
    --------
    >>> encoder = RowEncoder("example", "multi-label")
    >>> encoder.add({"bpm": 72.0, "key": "minor"}, {"calm", "sad"})
    >>> batch = encoder.take()
    >>> encoder.schema.features, batch.x_values.tolist(), batch.y_indices.tolist()
    (['bpm', 'key=minor'], [72.0, 1.0], [0, 1])
    """

    def __init__(
        self,
        source: str | None,
        task: Task,
        *,
        features: Sequence[Hashable] = (),
        labels: Sequence[Hashable] = (),
        label_names: Sequence[Hashable] = (),
        present: Present = "true",
        max_features: int | None = None,
        watch: TextColumns | None = None,
    ):
        if present not in ("true", "positive"):
            raise ParameterError(f"'present' must be 'true' or 'positive'. Got {present!r}.")
        self.source = source
        self.present = present
        self.max_features = max_features
        self._watch = watch
        self.label_names = tuple(label_names)
        self.features = Columns(features)
        self.labels = Columns(dict.fromkeys((*labels, *label_names)))
        self.schema = Schema(self.features.names, self.labels.names, task)
        self.growth = LabelGrowth(len(self.labels))
        self._begin()

    def _begin(self) -> None:
        self._row = 0
        self._clear()

    def _clear(self) -> None:
        self._lengths: list[int] = []
        self._columns: list[int] = []
        self._values: list[float] = []
        self._present: tuple[list[int], list[int]] = [], []  # rows and columns
        self._unknown: tuple[list[int], list[int]] = [], []

    def __len__(self) -> int:
        return len(self._lengths)

    def fresh(self) -> RowEncoder:
        """An encoder without rows that shares the numbering, for another pass over the data."""
        other = copy.copy(self)
        other._begin()
        return other

    def blocks(self, rows: Iterable[tuple[Any, Any, int]], block_rows: int) -> Iterator[Batch]:
        """Add rows ``(x, y, line)`` and yield them, ``block_rows`` at a time.

        Rows before one that cannot be used come before its error.
        """
        try:
            for x, y, line in rows:
                self.add(x, y, line)
                if len(self) >= block_rows:
                    yield self.take()
        except DataError:
            if len(self):
                yield self.take()
            raise
        if len(self):
            yield self.take()

    def add(self, x: Any, y: Any, line: int | None = None) -> None:
        """Add a row.

        Parameters
        ----------
        x
            Value of each feature by name; see :func:`stream.rows.features.feature_entries`.
        y
            What is known of its labels; see :func:`stream.rows.truth.truth_of_row`.
        line
            Line of the file or number of the row, for error messages.

        Raises
        ------
        DataError
            When a value cannot be used; the row is not added and no name is numbered.
        """
        texts: list[tuple[Hashable, str]] | None = None if self._watch is None else []
        try:
            entries = feature_entries(x, texts)
            truth = truth_of_row(y, self.schema.task, self.label_names, self.present)
        except DataError as error:
            raise DataError(
                error.reason, source=self.source, line=line, column=error.column
            ) from None
        if self._watch is not None and texts:
            known = self.features.number
            for name, text in texts:
                new = () if f"{name}={text}" in known else (text,)
                self._watch.see(str(name), 1, new)
        self.add_entries(entries, truth)

    def add_entries(self, entries: dict[Any, float], truth: Truth | None) -> None:
        """Add a row whose values have been looked at.

        Parameters
        ----------
        entries
            Number of each feature by name: finite, or NaN for a missing one.
        truth
            What is known of its labels; None: nothing.
        """
        self.add_numbered(self.columns(entries), entries.values(), truth)

    def add_numbered(
        self, columns: Sequence[int], values: Collection[float], truth: Truth | None
    ) -> None:
        """Add a row whose features were numbered by :meth:`columns`; as :meth:`add_entries`."""
        self._add_truth(len(self), truth)
        self._lengths.append(len(columns))
        self._columns += columns
        self._values += values
        self._row += 1

    def add_known(
        self,
        columns: Sequence[int],
        values: Sequence[float],
        lengths: Sequence[int],
        truths: Truths,
    ) -> None:
        """Add rows at once, of which :meth:`have_new_labels` says that they have none.

        Parameters
        ----------
        columns, values
            Features of all rows, one row after the other; as for :meth:`add_numbered`.
        lengths
            Features of each row.
        truths
            What is known of the labels of each; None: nothing.
        """
        first = len(self)
        whole = self._all_whole(truths)
        if whole is None:
            for row, truth in enumerate(truths, first):
                self._add_truth(row, truth)
        else:
            number = self.labels.number.__getitem__
            rows = np.repeat(np.arange(first, first + len(whole)), list(map(len, whole)))
            self._present[0].extend(rows.tolist())
            self._present[1].extend(map(number, chain.from_iterable(whole)))
        self._lengths += lengths
        self._columns += columns
        self._values += values
        self._row += len(lengths)

    def _all_whole(self, truths: Truths) -> list[tuple[Hashable, ...]] | None:
        """The labels present in each row; None where one has labels of which nothing is known."""
        n_known = self.growth.by(self._row)
        if n_known < len(self.labels):  # another pass, for which some are new
            return None
        present = []
        for truth in truths:
            if truth is None or not (
                truth.whole
                or len(truth.present) + len(truth.absent) == n_known
                or self.schema.task == "single-label"
            ):
                return None
            present.append(truth.present)
        return present

    def have_new_labels(self, truths: Truths) -> bool:
        """Whether one of several rows tells of a label that no row before them told of."""
        told = [truth for truth in truths if truth is not None]
        labels = set(chain.from_iterable([truth.present for truth in told]))
        labels.update(chain.from_iterable([truth.absent for truth in told]))
        return not labels <= self.labels.number.keys()

    def has_new_labels(self, truth: Truth | None) -> bool:
        """Whether a row tells of labels that no row before it told of."""
        if truth is None:
            return False
        known = self.labels.number.__contains__
        return not (all(map(known, truth.present)) and all(map(known, truth.absent)))

    def columns(self, entries: Collection[Hashable]) -> list[int]:
        """Columns of the features of a row; -1 where there is no room for one that is new."""
        number = self.features.number
        columns = list(map(number.get, entries))
        if None in columns:
            known = zip(entries, columns, strict=True)
            new = [name for name, column in known if column is None]
            if self.max_features is not None:
                new = in_order(new)[: self.max_features - len(self.features)]
            self.features.add_all(new)
            return [number.get(name, -1) for name in entries]
        return cast(list[int], columns)

    def columns_of_rows(self, rows: Sequence[Mapping[Hashable, Any]]) -> list[int]:
        """Columns of the features of rows, one row after the other, as :meth:`columns` gives them
        for each."""
        try:
            return list(map(self.features.number.__getitem__, chain.from_iterable(rows)))
        except KeyError:
            return [column for row in rows for column in self.columns(row)]

    def _add_truth(self, row: int, truth: Truth | None) -> None:
        number = self.labels.number
        told: list[int] = []
        if truth is not None:
            try:
                present = [number[label] for label in truth.present]
                told = [number[label] for label in truth.absent]
            except KeyError:
                self.labels.add_all((*truth.present, *truth.absent))
                self.growth.note(self._row, len(self.labels))
                present = [number[label] for label in truth.present]
                told = [number[label] for label in truth.absent]
            self._present[0].extend([row] * len(present))
            self._present[1].extend(present)
            if truth.whole:
                return
            told += present
        n_known = self.growth.by(self._row)
        if self.schema.task == "single-label" or len(told) == n_known:
            return
        unknown = np.ones(n_known, np.bool_)
        unknown[told] = False
        columns = np.flatnonzero(unknown).tolist()
        self._unknown[0].extend([row] * len(columns))
        self._unknown[1].extend(columns)

    def take(self) -> Batch:
        """The rows gathered so far; the encoder holds none afterwards."""
        rows = np.repeat(np.arange(len(self), dtype=np.int64), self._lengths)
        columns, values = np.array(self._columns, np.int64), np.array(self._values, np.float64)
        if self.max_features is not None and len(columns) and columns.min() < 0:
            kept = columns >= 0
            rows, columns, values = rows[kept], columns[kept], values[kept]
        batch = assemble(
            len(self),
            (rows, columns, values),
            (np.array(self._present[0], np.int64), np.array(self._present[1], np.int64)),
            (np.array(self._unknown[0], np.int64), np.array(self._unknown[1], np.int64)),
        )
        self._clear()
        return batch
