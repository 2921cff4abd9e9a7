"""Translate names to the engine's columns.

Columns are numbered when they first matter: a feature with its first value that is not zero, a
label with the first row that has it or in which its truth is unknown after it was known. Names that
are new in the same row are numbered in sorted order. So the numbers depend on the rows alone, not
on how they were grouped or on the order of a dictionary, and neither does anything that is computed
with them.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stream.engine.arrays import Int32Array, Int64Array
from stream.engine.checking import require
from stream.rows.batch import Batch
from stream.rows.schema import Schema

BoolArray = npt.NDArray[np.bool_]
UNSEEN = -1
NEVER = -1


def in_order(names: Iterable[Hashable]) -> list[Hashable]:
    """Names sorted; names that have no order, or only a partial one as sets do, are sorted by what
    they look like."""
    names = list(names)
    if len(names) < 2:
        return names
    try:
        ordered = sorted(names)  # type: ignore[type-var]
        if all(map(operator.lt, ordered, ordered[1:])):  # type: ignore[arg-type]
            return ordered
    except TypeError:
        pass
    return sorted(names, key=lambda name: (type(name).__name__, repr(name)))


class Names:
    """Names in the order of their numbers."""

    def __init__(self) -> None:
        self.names: list[Hashable] = []
        self.number: dict[Hashable, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"names": self.names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.names = state["names"]
        self.number = {name: number for number, name in enumerate(self.names)}

    def check_restored(self) -> None:
        """Validate restored state."""
        require(len(self.number) == len(self.names), "a name has one number")

    def __len__(self) -> int:
        return len(self.names)

    def add(self, new: Iterable[Hashable], most: int | None = None) -> None:
        """Number names that came in one row, as long as there are no more than ``most``."""
        ordered = in_order(new)
        for name in ordered if most is None else ordered[: max(most - len(self.names), 0)]:
            self.number[name] = len(self.names)
            self.names.append(name)

    def columns_of(
        self, names: Collection[Hashable], wanted: BoolArray, *, most: int
    ) -> Int32Array:
        """Number of each name of a row; ``UNSEEN`` where it has none.

        Parameters
        ----------
        names
            Names that came in one row.
        wanted
            [names] Which of them get a number if they have none.
        most
            Names that there may be in all; those beyond get none.
        """
        found: list[int | None] = [*map(self.number.get, names)]
        if None in found:
            if len(self.names) < most:
                pairs = zip(names, wanted.tolist(), strict=True)
                new = [name for name, yes in pairs if yes and name not in self.number]
                self.add(new, most)
            return self.numbers_of(names)
        return np.array(found, np.int32)

    def numbers_of(self, names: Collection[Hashable]) -> Int32Array:
        """Number of each name; ``UNSEEN`` where it has none."""
        find = self.number.get
        return np.fromiter((find(name, UNSEEN) for name in names), np.int32, len(names))


class Translation:
    """The columns of one schema in the engine's numbers, kept up to date as both grow."""

    def __init__(self, names: Names, columns: Sequence[Hashable]):
        self._names = names
        self._columns = columns
        self._numbers = names.numbers_of(columns)
        self._n_names = len(names)  # that were numbered when numbers were looked up

    def fits(self, columns: Sequence[Hashable]) -> bool:
        """Return whether the translation is for these columns."""
        return columns is self._columns or (
            len(columns) == len(self._columns) and columns == self._columns
        )

    @property
    def numbers(self) -> Int32Array:
        """Number of each column; ``UNSEEN`` where it has none."""
        if len(self._names) > self._n_names:  # by rows of another schema, or of none
            unseen = np.flatnonzero(self._numbers == UNSEEN)
            columns = [self._columns[column] for column in unseen.tolist()]
            self._numbers[unseen] = self._names.numbers_of(columns)
            self._n_names = len(self._names)
        grown = len(self._columns) - len(self._numbers)
        if grown > 0:
            more = self._names.numbers_of(self._columns[len(self._numbers) :])
            self._numbers = np.concatenate([self._numbers, more])
        return self._numbers

    def number_rows(self, indptr: Int64Array, indices: Int32Array, most: int | None = None) -> None:
        """Give numbers to the columns that occur for the first time in rows of column indices, as
        long as there are no more than ``most`` names."""
        numbers = self.numbers
        if most is not None and len(self._names) >= most:
            return
        unseen = np.flatnonzero(numbers[indices] == UNSEEN)
        if not len(unseen):
            return
        columns, first = np.unique(indices[unseen], return_index=True)
        rows = np.searchsorted(indptr, unseen[first], side="right") - 1
        by_row = np.argsort(rows, kind="stable")
        columns, ends = columns[by_row], np.flatnonzero(np.diff(rows[by_row])) + 1
        names = [self._columns[column] for column in columns.tolist()]
        for start, end in itertools.pairwise([0, *ends.tolist(), len(names)]):
            self._names.add(names[start:end], most)
        numbers[columns] = self._names.numbers_of(names)
        self._n_names = len(self._names)


def translate(
    indptr: Int64Array, indices: Int32Array, numbers: Int32Array, *values: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Rows with their indices translated, those without a number left out, sorted within each row.

    Returns ``(indptr, indices, *values)``.
    """
    translated = numbers[indices]
    seen = translated != UNSEEN
    if not seen.all():
        kept = np.concatenate([[0], np.cumsum(seen)])
        indptr, translated = kept[indptr], translated[seen]
        values = tuple(array[seen] for array in values)
    falls = np.flatnonzero(np.diff(translated) <= 0) + 1
    if len(falls) and not np.isin(falls, indptr).all():
        rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        order = np.argsort(rows * (np.int64(translated.max()) + 1) + translated)
        translated = translated[order]
        values = tuple(array[order] for array in values)
    return indptr, translated, *values


class Vocabulary:
    """The names of features and labels that a model knows, and their numbers."""

    def __init__(self) -> None:
        self.features = Names()
        self.labels = Names()
        self.n_rows = 0  # that were to be learnt
        self.known_labels: dict[Hashable, int] = {}  # row that named each first, in this order
        # Label columns of a table whose order is not that of their names; answers come in it.
        self.column_order: list[Hashable] = []
        self._features: Translation | None = None
        self._labels: Translation | None = None
        self._mentioned = np.zeros(0, np.int64)  # by column of the labels' schema

    def __getstate__(self) -> dict[str, Any]:
        """The names; translations are made anew."""
        state = {
            "features": self.features,
            "labels": self.labels,
            "n_rows": self.n_rows,
            "known_labels": self.known_labels,
        }
        return state | ({"column_order": self.column_order} if self.column_order else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        self.features, self.labels = state["features"], state["labels"]
        self.n_rows, self.known_labels = state["n_rows"], state["known_labels"]
        self.column_order = state.get("column_order", [])

    def _translations(self, schema: Schema) -> tuple[Translation, Translation]:
        if self._features is None or not self._features.fits(schema.features):
            self._features = Translation(self.features, schema.features)
        if self._labels is None or not self._labels.fits(schema.labels):
            self._labels = Translation(self.labels, schema.labels)
            self._mentioned = np.zeros(0, np.int64)
        return self._features, self._labels

    def mention(self, labels: Iterable[Hashable], row: int) -> None:
        """Note labels that row ``row`` (from 0, of all rows) names; they are answered for from then
        on."""
        new = [label for label in labels if label not in self.known_labels]
        if new:
            self.known_labels.update(dict.fromkeys(in_order(new), row))
            self._mentioned = np.zeros(0, np.int64)  # looked up anew when a batch comes

    def keep_order(self, columns: Sequence[Hashable]) -> None:
        """Record the order of a table's label columns, so that answers come in the same order."""
        if self.column_order or list(columns) != in_order(columns):
            noted = set(self.column_order)
            self.column_order += [label for label in columns if label not in noted]

    def answered_labels(self) -> list[Hashable]:
        """The known labels, those of tables in the order of the tables' columns, then the others in
        the order in which they were named."""
        if not self.column_order:
            return list(self.known_labels)
        first = dict.fromkeys(label for label in self.column_order if label in self.known_labels)
        return [*first, *(label for label in self.known_labels if label not in first)]

    def _mentions(self, labels: Sequence[Hashable], n: int) -> Int64Array:
        """The row that named each of the first ``n`` labels of a schema (``NEVER``: none), to be
        kept up to date by who names more."""
        known = len(self._mentioned)
        if known < n:
            find = self.known_labels.get
            more = [find(label, NEVER) for label in labels[known:n]]
            self._mentioned = np.concatenate([self._mentioned, np.array(more, np.int64)])
        return self._mentioned[:n]

    def rows_to_learn(
        self, batch: Batch, schema: Schema, *, most_features: int | None = None, pending: int = 0
    ) -> Batch:
        """A batch in the engine's columns; new names are numbered.

        Parameters
        ----------
        batch
            Rows in the columns of ``schema``.
        schema
            Names of the columns.
        most_features
            Features that there is memory for: later ones are left out; None: all are taken in.
        pending
            Rows at the front that came in an earlier call already.
        """
        features, labels = self._translations(schema)
        features.number_rows(batch.x_indptr, batch.x_indices, most_features)
        u_indptr, u_indices = self._unknown_after_mention(batch, schema, self.n_rows - pending)
        self.n_rows += batch.n_rows - pending
        both = _merge_rows(batch.y_indptr, batch.y_indices, u_indptr, u_indices)
        labels.number_rows(*both)
        return Batch(
            *translate(batch.x_indptr, batch.x_indices, features.numbers, batch.x_values),
            *translate(batch.y_indptr, batch.y_indices, labels.numbers),
            *translate(u_indptr, u_indices, labels.numbers),
        )

    def rows_to_predict(self, batch: Batch, schema: Schema) -> Batch:
        """A batch in the engine's columns, without labels; features without a number are left
        out."""
        features, _ = self._translations(schema)
        nothing = np.zeros(batch.n_rows + 1, np.int64), np.zeros(0, np.int32)
        x = translate(batch.x_indptr, batch.x_indices, features.numbers, batch.x_values)
        return Batch(*x, *nothing, *nothing)  # type: ignore[call-arg]

    def label_numbers(self, schema: Schema) -> Int32Array:
        """The engine's number of each label of a schema; ``UNSEEN`` where it has none."""
        return self._translations(schema)[1].numbers

    def _unknown_after_mention(
        self, batch: Batch, schema: Schema, first_row: int
    ) -> tuple[Int64Array, Int32Array]:
        """The unknown labels without those that no row has said anything about before; notes the
        labels that the rows do."""
        indptr, indices, n_rows = batch.u_indptr, batch.u_indices, batch.n_rows
        if not n_rows or schema.task == "single-label":
            return indptr, indices
        n_named = batch.n_named
        if n_named is None:
            n_named = np.full(n_rows, len(schema.labels), np.int64)
        mentioned = self._mentions(schema.labels, int(n_named[-1]))
        rows = np.repeat(np.arange(n_rows), np.diff(indptr))
        new = np.flatnonzero(mentioned == NEVER)
        if len(new):
            # The first row that names a label is the one in which it is not unknown any more.
            first = np.searchsorted(n_named, new, side="right")
            first += _lengths_of_runs(rows, indices, new, first)
            named: dict[int, list[Hashable]] = {}
            for label, row in zip(new.tolist(), first.tolist(), strict=True):
                if row < n_rows:
                    named.setdefault(row, []).append(schema.labels[label])
            for row in sorted(named):
                self.known_labels.update(dict.fromkeys(in_order(named[row]), first_row + row))
            mentioned[new] = np.where(first < n_rows, first_row + first, NEVER)
        if not len(indices):
            return indptr, indices
        of_entries = mentioned[indices]
        kept = (of_entries != NEVER) & (first_row + rows >= of_entries)
        return np.concatenate([[0], np.cumsum(kept)])[indptr], indices[kept]


def _lengths_of_runs(
    rows: Int64Array, columns: Int32Array, labels: Int64Array, first: Int64Array
) -> Int64Array:
    """For each of ``labels`` (sorted): in how many rows without a gap it has an entry, beginning
    with the row that ``first`` has for it."""
    place = np.minimum(np.searchsorted(labels, columns), len(labels) - 1)
    kept = (labels[place] == columns) & (rows >= first[place])
    place, rows = place[kept], rows[kept]
    order = np.argsort(place, kind="stable")  # rows are in order
    place, rows = place[order], rows[order]
    nth = np.arange(len(place)) - np.searchsorted(place, place)
    return np.bincount(place[rows - first[place] == nth], minlength=len(labels))


def _merge_rows(
    a_indptr: Int64Array, a_indices: Int32Array, b_indptr: Int64Array, b_indices: Int32Array
) -> tuple[Int64Array, Int32Array]:
    """The entries of both in each row."""
    if not len(b_indices):
        return a_indptr, a_indices
    rows = np.concatenate(
        [np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)) for indptr in (a_indptr, b_indptr)]
    )
    order = np.argsort(rows, kind="stable")
    return a_indptr + b_indptr, np.concatenate([a_indices, b_indices])[order]
