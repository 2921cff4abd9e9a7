"""JSON lines: one object a line, nested as deep as it likes."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stream.data.opening import read_lines, strip_compression
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.errors import DataError, ParameterError
from stream.rows.batch import Batch
from stream.rows.builder import BLOCK_ROWS, rechunk
from stream.rows.cells import shorten
from stream.rows.encoder import RowEncoder
from stream.rows.schema import Task
from stream.rows.text import BagOfWords
from stream.rows.text_columns import TextColumns


class JsonLinesSource(Source):
    """Rows of a file with one JSON object a line.

    Nested objects and arrays are features by their path, ``a.b`` and ``a.0``. A text becomes a
    column of 0 and 1 named ``path=text``; ``true`` is 1; ``null`` is missing; what is left out is
    0; see :mod:`stream.rows.values`. Columns and labels appear as they are read.

    Parameters
    ----------
    path
        Plain or compressed file.
    labels
        Field that holds the labels (its path where it is nested): an array of the names of the
        labels present, where all others are absent; or an object of truth values by name, where a
        label left out or ``null`` is unknown. A row without the field has unknown labels. Several
        fields: each is a label and holds its truth value.
    target
        Field that holds the class instead; the task is then single-label.
    label_names
        Names of the labels, where ``labels`` is an array of 0 and 1 in their order.
    text
        Fields (their paths) of free text: each word is a feature, see
        :class:`stream.rows.text.BagOfWords`.
    text_columns
        Number of features to which words are hashed; None: a feature for each word.
    ignore
        Fields (their paths) to leave out.
    encoding
        Encoding of the text.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "songs.jsonl"
    >>> _ = path.write_text('''{"tags": ["calm"], "audio": {"bpm": 72}, "key": "minor"}
    ... {"tags": ["calm", "sad"], "audio": {"bpm": null}}
    ... ''')
    >>> for x, y in JsonLinesSource(path, labels="tags"):
    ...     print(x, y)
    {'audio.bpm': 72.0, 'key=minor': 1.0} {'calm': True}
    {'audio.bpm': nan} {'calm': True, 'sad': True}
    """

    columns_grow = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        labels: str | Sequence[str] | None = None,
        target: str | None = None,
        label_names: Sequence[str] = (),
        text: Sequence[str] = (),
        text_columns: int | None = None,
        ignore: Sequence[str] = (),
        encoding: str = "utf-8",
    ):
        self.path = Path(path)
        self.name = strip_compression(self.path).stem
        self.encoding = encoding
        given = labels if target is None else target
        fields = [given] if isinstance(given, str) else given
        if (
            not isinstance(fields, Sequence)
            or not fields
            or not all(isinstance(field, str) and field for field in fields)
            or (labels is not None and target is not None)
        ):
            raise ParameterError(
                "JSON lines need the field of the labels (--labels tags or labels='tags'; its "
                "value is an array of names or an object of truth values), several fields of one "
                "label each (--labels a,b or labels=['a', 'b']), or the field of the class "
                f"(--target c or target='c'). Got labels={labels!r}, target={target!r}."
            )
        self._fields = list(fields)
        self._text = [text] if isinstance(text, str) else list(text)
        self._bag = BagOfWords(text_columns) if text else None
        self._ignore = [ignore] if isinstance(ignore, str) else list(ignore)
        task: Task = "multi-label" if target is None else "single-label"
        self._encoder = RowEncoder(
            str(self.path), task, label_names=label_names, watch=TextColumns(str(self.path))
        )
        self.schema = self._encoder.schema
        blocks = read_lines(self.path, encoding)
        if not any(line and not line.isspace() for _, lines in blocks for line in lines):
            raise DataError("the file holds no rows", source=str(self.path))

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order; see :meth:`stream.data.Source.batches`."""
        blocks = self._encoder.fresh().blocks(self._rows(), BLOCK_ROWS)
        single = self.schema.task == "single-label"
        return rechunk(blocks, chunk_rows, None if single else self._encoder.growth)

    def _rows(self) -> Iterator[tuple[Any, Any, int]]:
        for first, lines in read_lines(self.path, self.encoding):
            for number, line in enumerate(lines, first):
                if line and not line.isspace():
                    yield *self._row(line, number), number

    def keep_rows(self) -> None:
        """See :meth:`stream.data.Source.keep_rows`."""
        self.kept_rows = deque()

    def n_labels_by(self, row: int) -> int:
        """Number of labels known once row ``row`` has been read."""
        return self._encoder.growth.by(row)

    def _row(self, line: str, number: int) -> tuple[dict[Any, Any], Any]:
        try:
            row = json.loads(line, object_pairs_hook=_object)
            if not isinstance(row, dict):
                raise ValueError(f"expected an object such as {{...}}, got {shorten(line)!r}")
            if len(self._fields) == 1:
                y = _take(row, self._fields[0])
            else:
                y = {field: _take(row, field) for field in self._fields}
            for field in self._ignore:
                _take(row, field)
            texts = {field: _take(row, field) for field in self._text}
            came = dict(row) if self._text and self.kept_rows is not None else {}
            for field, value in texts.items():
                self._add_words(row, field, value)
            if self.kept_rows is not None:
                self.kept_rows.append(came | texts if self._text else row)
        except json.JSONDecodeError as error:
            raise DataError(
                f"is not valid JSON: {error.msg}",
                source=str(self.path),
                line=number,
                column=error.colno,
            ) from None
        except ValueError as error:
            raise DataError(str(error), source=str(self.path), line=number) from None
        except RecursionError:
            raise DataError("is nested too deeply", source=str(self.path), line=number) from None
        return row, y

    def _add_words(self, x: dict[str, Any], field: str, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, dict | list):
            raise ValueError(
                f"the field {shorten(field)!r} must hold a text, got {shorten(repr(value))}"
            )
        assert self._bag is not None
        for name, count in self._bag.count(field, str(value)).items():
            if name in x:
                raise ValueError(f"another feature is called {shorten(name)!r}, as a word is")
            x[name] = count


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {shorten(twice)!r} is given twice in one object")
    return found


def _take(row: dict[str, Any], field: str) -> Any:
    """Remove and return the field, by its own name or by its path through objects; None where there
    is none.
    """
    if field in row:
        return row.pop(field)
    head, _, rest = field.partition(".")
    inner = row.get(head)
    return _take(inner, rest) if rest and isinstance(inner, dict) else None
