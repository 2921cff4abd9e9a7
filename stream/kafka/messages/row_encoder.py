"""Rows by names as batches, whose columns are the same whether a run was interrupted or not."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from stream.evaluate.row_model import numbers_of
from stream.rows.batch import Batch
from stream.rows.encoder import RowEncoder
from stream.rows.schema import Task
from stream.rows.truth import Truth

MAX_FEATURES = 1_000_000  # names; features that are new beyond are left out


class NumberedRow(NamedTuple):
    """The features of a row in columns of the encoder that gave it."""

    columns: list[int]  # -1 where there was no room for a name
    values: list[float]
    x: Mapping[Hashable, Any] | None  # as they came, for models that are given them so


class Segment(NamedTuple):
    """Rows that a model may be given at once."""

    batch: Batch
    rows: list[NumberedRow]


Features = Mapping[Hashable, Any] | NumberedRow


class MessageRowEncoder:
    """Numbers the names of features and labels as they come.

    Parameters
    ----------
    task
        Whether rows have sets of labels or classes.
    as_it_came
        Whether features are as they came, with texts and nested objects; only the names of numbers
        are kept then.

    Attributes
    ----------
    schema
        The names so far; it grows.
    """

    def __init__(self, task: Task, *, as_it_came: bool = False):
        self.as_it_came = as_it_came
        self._encoder = RowEncoder(None, task, max_features=MAX_FEATURES)
        self.schema = self._encoder.schema
        self._texts: set[str] = set()
        self._looked_at = 0  # features for fields that are texts

    def get_state(self) -> dict[str, Any]:
        """The names, to be restored."""
        return {"features": list(self.schema.features), "labels": list(self.schema.labels)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the names of a state."""
        self._encoder = RowEncoder(
            None,
            self.schema.task,
            features=state["features"],
            labels=state["labels"],
            max_features=MAX_FEATURES,
        )
        self.schema = self._encoder.schema

    def fields_of_two_types(self) -> int:
        """How many fields came as numbers and as texts; nothing is known of the texts of models
        that get rows as they came."""
        names = self.schema.features[self._looked_at :]
        self._looked_at += len(names)
        self._texts.update(
            name.partition("=")[0] for name in names if isinstance(name, str) and "=" in name
        )
        return sum(field in self._encoder.features for field in self._texts)

    def segments(
        self,
        xs: Sequence[Features],
        ys: Sequence[Truth | None],
        most: int | None = None,
        *,
        keep_rows: bool = True,
    ) -> Iterator[Segment]:
        """The rows in batches that end before a row with new labels.

        So every label of the schema was there before the batch or came with its first row, and
        what a model notes of them does not depend on how rows were grouped. The schema is right
        for a batch until the next one is asked for.

        Parameters
        ----------
        xs
            Features by name, or as an earlier call numbered them.
        ys
            What is known of the labels; None: nothing.
        most
            Rows of a batch at most; None: any number.
        keep_rows
            Whether a segment holds its rows, too.
        """
        encoder = self._encoder
        if most is None and not self.as_it_came and xs and not encoder.have_new_labels(ys):
            rows = self._add_at_once(xs, ys, keep_rows)
            yield Segment(encoder.take(), rows)
            return
        numbered: list[NumberedRow] = []
        for x, y in zip(xs, ys, strict=True):
            if numbered and (len(numbered) == most or encoder.has_new_labels(y)):
                yield Segment(encoder.take(), numbered)
                numbered = []
            row = x if isinstance(x, NumberedRow) else self._numbered(x)
            encoder.add_numbered(row.columns, row.values, y)
            numbered.append(row)
        if numbered:
            yield Segment(encoder.take(), numbered)

    def _add_at_once(
        self, xs: Sequence[Any], ys: Sequence[Truth | None], keep_rows: bool
    ) -> list[NumberedRow]:
        """Add rows all of whose labels are known; those that are kept."""
        encoder = self._encoder
        rows: list[NumberedRow] = []
        numbered = type(xs[0]) is NumberedRow  # then all are
        if numbered or keep_rows:
            rows = list(xs) if numbered else [self._numbered(x) for x in xs]
            columns = list(chain.from_iterable([row.columns for row in rows]))
            values = list(chain.from_iterable([row.values for row in rows]))
            lengths = [len(row.columns) for row in rows]
        else:
            columns = encoder.columns_of_rows(xs)
            values = list(chain.from_iterable([x.values() for x in xs]))
            lengths = [len(x) for x in xs]
        encoder.add_known(columns, values, lengths, ys)
        return rows

    def _numbered(self, x: Mapping[Hashable, Any]) -> NumberedRow:
        if not self.as_it_came:
            return NumberedRow(self._encoder.columns(x), [*x.values()], None)
        names = numbers_of(x)
        return NumberedRow(self._encoder.columns(names), [float(x[name]) for name in names], x)
