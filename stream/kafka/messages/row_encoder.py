"""Rows by names as batches, whose columns are the same whether a run was interrupted or not."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from stream.evaluate.row_model import numbers_of
from stream.rows.batch import Batch
from stream.rows.encoder import RowEncoder
from stream.rows.schema import Task
from stream.rows.truth import Truth

Entries = tuple[dict[Hashable, Any], Truth | None]  # features by name, and labels
MAX_FEATURES = 1_000_000  # names; features that are new beyond are left out


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

    def segments(self, rows: Sequence[Entries], most: int | None = None) -> Iterator[Batch]:
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
        encoder = self._encoder
        for x, y in rows:
            if len(encoder) and (len(encoder) == most or encoder.has_new_labels(y)):
                yield encoder.take()
            if self.as_it_came:
                x = {name: float(x[name]) for name in numbers_of(x)}
            encoder.add_entries(x, y)
        if len(encoder):
            yield encoder.take()

    def columns(self, x: dict[Hashable, float]) -> list[int]:
        """Columns of the features of a row; -1 where there is no room for one that is new."""
        return self._encoder.columns(x)

    def features_of(self, columns: Sequence[int], values: Sequence[float]) -> dict[Hashable, float]:
        """A row from columns that :meth:`columns` gave."""
        names = self.schema.features
        return {names[c]: v for c, v in zip(columns, values, strict=True) if c >= 0}
