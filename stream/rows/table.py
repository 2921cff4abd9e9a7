"""Tables with a header: what each column is, and their rows as batches."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from stream.errors import DataError
from stream.rows.batch import Batch
from stream.rows.builder import Columns, LabelGrowth, assemble
from stream.rows.cells import shorten
from stream.rows.columns import (
    Array,
    BadValueError,
    FeatureColumns,
    Values,
    class_values,
    truth_values,
)
from stream.rows.schema import Schema, Task
from stream.rows.text import BagOfWords
from stream.rows.text_columns import TextColumns, quoted
from stream.rows.values import plain_name


class ColumnRoles:
    """Which columns of a table are features, labels, or the class.

    Parameters
    ----------
    source
        File, for error messages.
    header
        Name of each column.
    labels
        Names of the label columns, or their count: n > 0 the first n columns, n < 0 the last
        \\|n\\|.
    target
        Name of the class column instead.
    header_line
        Line of the header, for error messages.

    Raises
    ------
    DataError
        When there are no such columns, or two of one name.
    """

    def __init__(
        self,
        source: str,
        header: Sequence[Hashable],
        *,
        labels: int | Sequence[Hashable] | None,
        target: Hashable | None,
        header_line: int | None = None,
    ):
        self.source = source
        self.header = list(header)
        self._line = header_line
        self._position: dict[Hashable, int] = {}
        for i, name in enumerate(self.header):
            if name in self._position:
                raise DataError(
                    "the column name is given twice; names must differ"
                    + (
                        ""
                        if header_line is None
                        else "; a file whose first line is a row of values is read with "
                        "--no-header (header=False)"
                    ),
                    source=source,
                    line=header_line,
                    column=str(name),
                )
            self._position[name] = i
        self.target = None if target is None else self.position(target, "target")
        self.labels = [] if target is not None else self._label_columns(labels)
        outputs = {*self.labels, self.target}
        self.features = [i for i in range(len(self.header)) if i not in outputs]

    def position(self, name: Hashable, what: str) -> int:
        """Position of a column by its name, or by the text of its name."""
        plain = plain_name(name)
        if plain in self._position:
            return self._position[plain]
        found = [i for i, each in enumerate(self.header) if str(each) == str(name)]
        if len(found) == 1:
            return found[0]
        # Half of a name, cut at the comma in it.
        names = map(str, self.header)
        whole = next((each for each in names if str(name) in map(str.strip, each.split(","))), None)
        hint = (
            ""
            if whole is None
            else f"; a name with a comma in it stands in quotation marks: {quoted(whole)}"
        )
        raise DataError(
            f"there is no column {name!r} to be the {what}{hint}; the columns are {self._listed()}",
            source=self.source,
        )

    def _listed(self) -> str:
        return shorten(", ".join(map(str, self.header)), 200)

    def _label_columns(self, labels: int | Sequence[Hashable] | None) -> list[int]:
        if isinstance(labels, int):
            if not 0 < abs(labels) <= len(self.header):
                raise DataError(
                    f"the number of labels must be in the range 1 to {len(self.header)} (the "
                    f"columns) or the same with a minus, got {labels}",
                    source=self.source,
                    line=self._line,
                )
            every = range(len(self.header))
            return list(every[:labels] if labels > 0 else every[labels:])
        if isinstance(labels, str):
            labels = [labels]
        if not labels:
            raise DataError(
                "nothing says which columns are labels: give their names "
                "(--labels a,b or labels=['a', 'b']), their number (--labels -2 for the last two) "
                "or the class column (--target c or target='c'); the columns are "
                f"{self._listed()}",
                source=self.source,
            )
        return sorted({self.position(name, "label") for name in labels})


class TableEncoder:
    """Turns the columns of a table into batches.

    Parameters
    ----------
    roles
        What each column is.
    classes
        Names of the classes that are known beforehand.
    as_text
        Positions of feature columns whose values are texts, even where they are numbers.
    numeric
        Positions of the feature columns that hold nothing but numbers; they come first in the
        schema.
    words, bag, watch
        As in :class:`stream.rows.columns.FeatureColumns`.

    Attributes
    ----------
    schema
        Names of the columns; it grows.
    growth
        Which row brought which classes.
    names
        Positions of the columns whose values are names or texts, even where they are numbers.
    """

    def __init__(
        self,
        roles: ColumnRoles,
        *,
        classes: Sequence[Hashable] = (),
        as_text: Sequence[int] = (),
        numeric: Sequence[int] = (),
        words: Sequence[int] = (),
        bag: BagOfWords | None = None,
        watch: TextColumns | None = None,
    ):
        self.roles = roles
        self.names = {*as_text, *words, *([] if roles.target is None else [roles.target])}
        single = roles.target is not None
        task: Task = "single-label" if single else "multi-label"
        header = roles.header
        self._features = Columns(header[i] for i in numeric)
        self._labels = Columns(classes if single else [header[i] for i in roles.labels])
        self.schema = Schema(self._features.names, self._labels.names, task)
        self.growth = LabelGrowth(len(self._labels))
        self._encoder = FeatureColumns(
            self._features, header, as_text=as_text, words=words, bag=bag, watch=watch
        )
        self.columns_grow = single or len(numeric) < len(roles.features)

    def encode(self, values: Sequence[Values], n_rows: int, first_row: int) -> Batch:
        """A batch of the values of all columns; ``first_row`` is the number of the first row, from
        0.

        Raises
        ------
        BadValueError
            Naming the first row, and in it the first column, that cannot be used; nothing has been
            numbered.
        """
        header, errors = self.roles.header, []
        truths = []
        classes: list[Hashable] = []
        try:
            if self.roles.target is None:
                for i in self.roles.labels:
                    try:
                        truths.append(truth_values(values[i], shorten(str(header[i]))))
                    except BadValueError as error:
                        errors.append(error)
            else:
                target = self.roles.target
                classes = class_values(list(values[target]), shorten(str(header[target])))
        except BadValueError as error:
            errors.append(error)
        if errors:
            raise min(errors, key=lambda error: error.row)
        x = self._encoder.encode({i: values[i] for i in self.roles.features}, n_rows)
        if self.roles.target is not None:
            return assemble(n_rows, x, self._class_entries(classes, first_row))
        table = np.column_stack(truths)
        present_rows, present = np.nonzero(table == 1)
        unknown_rows, unknown = np.nonzero(np.isnan(table))
        return assemble(n_rows, x, (present_rows, present), (unknown_rows, unknown))

    def _class_entries(self, classes: list[Hashable], first_row: int) -> tuple[Array, Array]:
        known = self._labels
        rows = [row for row, name in enumerate(classes) if name is not None]
        for row in rows:
            if classes[row] not in known:
                known.add_all([classes[row]])
                self.growth.note(first_row + row, len(known))
        columns = [known[classes[row]] for row in rows]
        return np.array(rows, np.int64), np.array(columns, np.int64)
