"""Rows given as dictionaries: features by name, labels as a set, as truth values by name, or one
class.
"""

from __future__ import annotations

import copy
import math
import numbers
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from stream.errors import DataError, ParameterError
from stream.rows.batch import Batch
from stream.rows.builder import BatchBuilder, Columns, LabelGrowth
from stream.rows.cells import shorten
from stream.rows.schema import Schema, Task
from stream.rows.text_columns import TextColumns

Present = Literal["true", "positive"]


class DictionaryEncoder:
    """Numbers the names of features and labels as they come and gathers rows into batches.

    Numbers and booleans are values of the column of that name. A text becomes the value 1 of the
    column ``name=text``. None and NaN are missing: in the column of that name or, where the feature
    has only had texts, in all of their columns.

    Parameters
    ----------
    source
        File or stream, for error messages.
    task
        Whether ``y`` is a set (or truth values) of labels, or one class.
    features, labels
        Names known beforehand.
    present
        When a label counts as present: ``"true"``: 1 or True (0 and False are absent, anything else
        is refused); ``"positive"``: a number above 0.
    watch
        Is told of every text, and warns of what does not seem to be a name.
    """

    def __init__(
        self,
        source: str | None,
        task: Task,
        features: Collection[Hashable] = (),
        labels: Collection[Hashable] = (),
        present: Present = "true",
        watch: TextColumns | None = None,
    ):
        if present not in ("true", "positive"):
            raise ParameterError(f"'present' must be 'true' or 'positive'. Got {present!r}.")
        self.source = source
        self.task = task
        self.present = present
        self._watch = watch
        self.features = Columns(features)
        self.labels = Columns(labels)
        self.schema = Schema(self.features.names, self.labels.names, task)
        # Column of each text of a feature, and the row that brought it.
        self._texts: dict[Hashable, dict[str, tuple[int, int]]] = {}
        self._first_row: dict[Hashable, int] = {}  # row that brought the column of that name
        self._builder = BatchBuilder(source)
        self.growth = LabelGrowth(len(self.labels))
        self._row = 0

    def __len__(self) -> int:
        return len(self._builder)

    def fresh(self) -> DictionaryEncoder:
        """An encoder without rows that shares the numbering, for another pass over the data."""
        other = copy.copy(self)
        other._builder = BatchBuilder(self.source)
        other._row = 0
        return other

    def take(self) -> Batch:
        """The rows gathered so far."""
        return self._builder.take()

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

    def add(self, x: Mapping[Hashable, Any], y: Any, line: int | None = None) -> None:
        """Add a row.

        Parameters
        ----------
        x
            Value of each feature by name.
        y
            The class when the task is single-label (None: unknown). Otherwise truth values by
            label, where a label left out is unknown; or the collection of the labels present, where
            all others are absent.
        line
            Line of the file or number of the row, for error messages.

        Raises
        ------
        DataError
            When a value cannot be used; the row is not added.
        """
        if not isinstance(x, Mapping):
            raise self._error(f"the features must be a dictionary, got {type(x).__name__}", line)
        present, unknown, new_labels = self._outcome(y, line)
        entries = self._entries(x, line)
        columns = [column for column, _ in entries]
        values = [value for _, value in entries]
        if new_labels:
            self.labels.add_all(new_labels)
        number = self.labels.__getitem__
        self._builder.add(
            columns,
            values,
            [number(label) for label in present],
            [number(label) for label in unknown],
            line=line,
            names=self.features.names,
        )
        self.growth.note(self._row, len(self.labels))
        self._row += 1

    def _error(self, reason: str, line: int | None, column: Hashable = None) -> DataError:
        name = None if column is None else shorten(str(column))
        return DataError(reason, source=self.source, line=line, column=name)

    def _entries(self, x: Mapping[Hashable, Any], line: int | None) -> list[tuple[int, float]]:
        numeric: list[tuple[Hashable, float]] = []
        textual: list[tuple[Hashable, str, str]] = []
        for name, value in x.items():
            if isinstance(value, str):
                textual.append((name, value, f"{name}={value}"))
            else:
                numeric.append((name, self._number(name, value, line)))
        new: set[Hashable] = {
            name
            for name, value in numeric
            if name not in self.features and not (math.isnan(value) and self._text_columns(name))
        }
        for name, text, column in textual:
            known = text in self._texts.get(name, ())
            if self._watch is not None:
                self._watch.see(str(name), 1, () if known else (text,))
            if known:
                continue
            if column in self.features or column in new:
                raise self._error(f"another feature is called {shorten(column)!r}", line, name)
            new.add(column)
        lost: list[tuple[int, float]] = []
        for name, value in numeric:
            if math.isnan(value):
                lost += [(column, math.nan) for column in self._text_columns(name)]
        self.features.add_all(new)
        self._first_row.update(dict.fromkeys(new, self._row))
        for name, text, column in textual:
            texts = self._texts.setdefault(name, {})
            texts.setdefault(text, (self.features[column], self._row))
        entries = [
            (self.features[name], value)
            for name, value in numeric
            if not math.isnan(value) or self._first_row.get(name, self._row + 1) <= self._row
        ]
        entries += [(self.features[column], 1.0) for _, _, column in textual]
        return entries + lost

    def _text_columns(self, name: Hashable) -> list[int]:
        """Columns of the texts that the feature had in earlier rows (not those known from an
        earlier pass).
        """
        return [column for column, row in self._texts.get(name, {}).values() if row < self._row]

    def _number(self, name: Hashable, value: Any, line: int | None) -> float:
        if value is None:
            return math.nan
        if isinstance(value, float | int | np.bool_ | np.number | numbers.Real) or hasattr(
            value, "__float__"
        ):
            try:
                number = float(value)
            except (OverflowError, ValueError, TypeError):
                raise self._error("the number is too large or no real number", line, name) from None
            if math.isinf(number):
                raise self._error(f"a value must be finite, got {number}", line, name)
            return number
        raise self._error(
            f"a value must be a number, a truth value, a text or None, got {type(value).__name__}",
            line,
            name,
        )

    def _outcome(
        self, y: Any, line: int | None
    ) -> tuple[list[Hashable], list[Hashable], list[Hashable]]:
        """Labels present, labels unknown, labels to be numbered."""
        if self.task == "single-label":
            if y is None or (isinstance(y, float) and math.isnan(y)):
                return [], [], []
            if not isinstance(y, Hashable) or isinstance(y, Mapping):
                raise self._error(f"the class must be one value, got {type(y).__name__}", line)
            return [y], [], [y]
        if y is None:
            return [], self._known(), []
        if isinstance(y, Mapping):
            known = {label: self._truth(label, value, line) for label, value in y.items()}
            present = [label for label, truth in known.items() if truth is True]
            unknown = [label for label, truth in known.items() if truth is None]
            unknown += [label for label in self._known() if label not in known]
            return present, unknown, list(known)
        if isinstance(y, str) or not isinstance(y, Collection):
            raise self._error(
                "the labels must be a list of names or truth values by name, got "
                f"{type(y).__name__}",
                line,
            )
        present = list(y)
        for label in present:
            if not isinstance(label, Hashable) or label is None:
                raise self._error(f"a label must be a name, got {shorten(repr(label))}", line)
        return present, [], present

    def _known(self) -> list[Hashable]:
        return self.labels.names[: self.growth.by(self._row)]

    def _truth(self, label: Hashable, value: Any, line: int | None) -> bool | None:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, bool | np.bool_):
            return bool(value)
        if isinstance(value, numbers.Real | np.number):
            if self.present == "positive":
                return bool(value > 0)  # type: ignore[operator]
            if value in (0, 1):
                return bool(value)
        raise self._error(
            f"a label must be true, false, 1, 0 or None (unknown), got {shorten(repr(value))}",
            line,
            label,
        )
