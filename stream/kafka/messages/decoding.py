"""From the bytes of a message to rows, or an error that says why not; nothing is kept between
messages, so that a bad one leaves no trace."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from stream.errors import DataError
from stream.kafka.clients.interface import Record
from stream.kafka.errors import BadMessageError
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.paths import MISSING, find, kind, without
from stream.kafka.messages.plain_rows import PlainRows
from stream.rows.features import feature_entries
from stream.rows.text import BagOfWords
from stream.rows.truth import Truth, truth_of_row

_NAMES = {str}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Row(NamedTuple):
    """A row of a message."""

    key: bytes | None
    x: dict[Hashable, Any]  # numbers, where NaN is missing; or as it came
    y: Truth | None  # None: nothing is known


class RowColumns(NamedTuple):
    """Rows of messages that have one each, field by field as in :class:`Row`."""

    keys: list[bytes | None]
    xs: list[dict[Hashable, Any]]
    ys: list[Truth | None]


class LabelRow(NamedTuple):
    """What a message of the labels' topic says of a row."""

    key: bytes
    y: Truth


class MessageDecoder(Protocol):
    """Turns messages into rows; raises :class:`BadMessageError` for one that it cannot use."""

    def rows(self, record: Record, *, as_it_came: bool = False) -> list[Row]:
        """The rows of a message of the instances' topic, in order.

        Parameters
        ----------
        record
            The message.
        as_it_came
            Whether features stay texts and nested objects; else they are numbers by path.
        """
        ...

    def columns(self, records: Sequence[Record]) -> RowColumns | None:
        """The rows of messages that have one each, as numbers by path, at less cost than
        :meth:`rows` takes for each; None where one has several or cannot be used."""
        ...

    def labels(self, record: Record) -> list[LabelRow]:
        """What a message of the labels' topic says, in order."""
        ...

    def time_of(self, record: Record) -> int:
        """The time of a message, milliseconds since 1970, where the mapping names its field; 0
        where it cannot be told."""
        ...


class FieldDecoder:
    """Finds the fields of a mapping in what a format holds.

    Parameters
    ----------
    mapping
        Where the fields are.
    parse
        Bytes of a message to dictionaries, lists, numbers and texts; what it raises makes the
        message a bad one. By default JSON.
    """

    def __init__(self, mapping: FieldMapping, parse: Callable[[bytes], Any] | None = None):
        self.mapping = mapping
        # JSON has no infinity, so that floats of it need no look.
        self._sound: set[type] = {float} if parse is None else set()
        self._parse = parse or msgspec.json.Decoder().decode
        self._taken = _no_features(mapping)
        self._taken_as_it_came = self._taken
        self._bag = None
        if mapping.text:
            self._bag = BagOfWords(mapping.text_columns)
            self._taken = self._taken | _inside(mapping, mapping.text)
        self._plain = None if parse else self._plain_rows()

    def rows(self, record: Record, *, as_it_came: bool = False) -> list[Row]:
        """See :class:`MessageDecoder`."""
        features = self._as_it_came if as_it_came else self._features
        return [
            Row(self._key(row, record), features(row), self._truth(row))
            for row in self._pieces(record)
        ]

    def columns(self, records: Sequence[Record]) -> RowColumns | None:
        """See :class:`MessageDecoder`."""
        mapping = self.mapping
        if mapping.rows is not None:
            return None
        try:
            plain = self._plain_columns(records)
            if plain is not None:
                return plain
            rows = list(map(self._content, records))
            return RowColumns(
                [record.key for record in records]
                if mapping.key is None
                else list(map(self._key, rows, records)),
                self._features_of_rows(rows),
                self._truths(rows),
            )
        except BadMessageError:
            return None  # :meth:`rows` tells which one

    def _plain_rows(self) -> PlainRows | None:
        """Reads rows that are plain; None where the mapping asks for more."""
        mapping = self.mapping
        if (
            self._taken
            or self._bag is not None
            or mapping.key is not None
            or mapping.target is not None
            or mapping.features == mapping.labels
            or any(not path or "." in path for path in (mapping.features, mapping.labels))
        ):
            return None
        return PlainRows(mapping.features, mapping.labels)

    def _plain_columns(self, records: Sequence[Record]) -> RowColumns | None:
        """As :meth:`columns`; None also where a row is not plain."""
        found = None if self._plain is None else self._plain.read([each.value for each in records])
        if found is None or max(map(len, found.xs), default=0) > self.mapping.max_features:
            return None
        truths: dict[tuple[str, ...] | None, Truth | None] = {None: None}
        for names in set(found.names) - truths.keys():
            truths[names] = self._truth_of(list(names or ()))
        xs: list[Any] = found.xs
        return RowColumns(
            [each.key for each in records], xs, [truths[each] for each in found.names]
        )

    def _features_of_rows(self, rows: Sequence[Any]) -> list[dict[Hashable, float]]:
        """The features of rows, in most of which they need no look at each."""
        path, most, sound = self.mapping.features, self.mapping.max_features, self._sound
        features_of = self._features
        if self._taken or self._bag is not None:
            return list(map(features_of, rows))
        found = []
        for row in rows:
            x = row.get(path) if type(row) is dict else None
            if type(x) is dict and len(x) <= most and sound.issuperset(map(type, x.values())):
                found.append(x)
            else:
                found.append(features_of(row))
        return found

    def _truths(self, rows: Sequence[Any]) -> list[Truth | None]:
        """What is known of the labels of rows; lists of names that come again are read once."""
        path, most, truth_of = self.mapping.labels, self.mapping.max_labels, self._truth
        if self.mapping.target is not None:
            return [truth_of(row) for row in rows]
        read: dict[tuple[str, ...], Truth | None] = {}
        found = []
        for row in rows:
            labels = row.get(path) if type(row) is dict else None
            if (
                type(labels) is not list
                or len(labels) > most
                or not _NAMES.issuperset(map(type, labels))
            ):
                found.append(truth_of(row))
                continue
            names = tuple(labels)
            truth = read.get(names)
            if truth is None:
                truth = read[names] = truth_of(row)
            found.append(truth)
        return found

    def labels(self, record: Record) -> list[LabelRow]:
        """See :class:`MessageDecoder`."""
        found = []
        for row in self._pieces(record):
            key = self._key(row, record)
            if key is None:
                raise BadMessageError("labels must have the key of their row, got none")
            name = find(row, self.mapping.label)
            y = self._truth(row) if name is MISSING else self._one_label(name, row)
            if y is None:
                raise BadMessageError(
                    f"labels must be in the field {self.mapping.target or self.mapping.labels!r} "
                    f"or {self.mapping.label!r}, got neither"
                )
            found.append(LabelRow(key, y))
        return found

    def _one_label(self, name: Any, row: Any) -> Truth | None:
        if self.mapping.target is not None:
            return self._truth(row)
        value = find(row, self.mapping.value)
        return self._truth_of({name: None if value is MISSING else value})

    def time_of(self, record: Record) -> int:
        """The time of a message, milliseconds since 1970, where the mapping names its field; 0
        where it cannot be told."""
        assert self.mapping.timestamp is not None
        try:
            return milliseconds(find(self._content(record), self.mapping.timestamp))
        except BadMessageError:
            return 0

    # ---- pieces

    def _content(self, record: Record) -> Any:
        if record.value is None:
            raise BadMessageError("a message must have a value, got a tombstone (no value)")
        try:
            return self._parse(record.value)
        except UnicodeDecodeError as error:
            raise BadMessageError(
                f"a message must be UTF-8, got byte 0x{error.object[error.start]:02x}"
            ) from None
        except RecursionError:
            raise BadMessageError("the message is nested too deeply") from None
        except (msgspec.MsgspecError, ValueError, TypeError, EOFError) as error:
            raise BadMessageError(f"the message cannot be decoded: {error}") from None

    def _pieces(self, record: Record) -> list[Any]:
        content = self._content(record)
        if self.mapping.rows is None:
            return [content]
        rows = find(content, self.mapping.rows)
        if not isinstance(rows, list):
            raise BadMessageError(
                f"the field {self.mapping.rows!r} must be an array of rows, got {kind(rows)}"
            )
        if len(rows) > self.mapping.max_rows:
            raise BadMessageError(
                f"a message may have {self.mapping.max_rows} rows, got {len(rows)}"
            )
        return rows

    def _key(self, row: Any, record: Record) -> bytes | None:
        if self.mapping.key is None:
            return record.key
        key = find(row, self.mapping.key)
        if isinstance(key, str):
            return key.encode()
        if isinstance(key, int) and not isinstance(key, bool):
            return b"%d" % key
        raise BadMessageError(
            f"the key {self.mapping.key!r} must be a text or an integer, got {kind(key)}"
        )

    # ---- features

    def _features(self, row: Any) -> dict[Hashable, float]:
        path = self.mapping.features
        found = came = find(row, path) if path else row
        if self._taken:
            found = without(found, "", self._taken)
        if type(found) is list:
            found = self._named(found)
        elif type(found) is not dict:
            raise BadMessageError(
                f"the features {path!r} must be an object or an array, got {kind(found)}"
            )
        if set(map(type, found.values())) <= self._sound:
            x = found  # the common case, without a look at each
        else:
            try:
                x = feature_entries(found)
            except DataError as error:
                raise BadMessageError(f"the feature {error.column!r}: {error.reason}") from None
        if self._bag is not None:
            x = self._with_words(x, came, row, self._bag)
        if len(x) > self.mapping.max_features:
            raise BadMessageError(
                f"a row may have {self.mapping.max_features} features, got {len(x)}"
            )
        return x

    def _with_words(
        self, x: dict[Hashable, float], features: Any, row: Any, bag: BagOfWords
    ) -> dict[Hashable, float]:
        """The features with those of the texts."""
        x = dict(x)
        for path in self.mapping.text:
            text = find(features, path)
            if text is MISSING:
                text = find(row, path)
            if text is None or text is MISSING:
                continue
            if not isinstance(text, str):
                raise BadMessageError(f"the field {path!r} must be a text, got {kind(text)}")
            for name, count in bag.count(path, text).items():
                if name in x:
                    raise BadMessageError(f"another feature is called {name!r}, as a word is")
                x[name] = count
        return x

    def _as_it_came(self, row: Any) -> dict[Hashable, Any]:
        numbers = self._features(row)  # the same messages are bad ones for every model
        found = find(row, self.mapping.features) if self.mapping.features else row
        if type(found) is not dict:
            return numbers
        taken = self._taken_as_it_came
        return without(found, "", taken) if taken else found

    def _named(self, values: list[Any]) -> dict[str, Any]:
        names: Any = self.mapping.feature_names or range(len(values))
        if len(names) != len(values):
            raise BadMessageError(
                f"the array of features must have {len(names)} values, got {len(values)}"
            )
        return {str(name): value for name, value in zip(names, values, strict=True)}

    # ---- labels

    def _truth(self, row: Any) -> Truth | None:
        if self.mapping.target is not None:
            found = find(row, self.mapping.target)
            return None if found is MISSING else self._truth_of(found)
        found = find(row, self.mapping.labels)
        if type(found) is str:  # a class is the one label that is present
            found = [found]
        return None if found is MISSING else self._truth_of(found)

    def _truth_of(self, found: Any) -> Truth | None:
        most = self.mapping.max_labels
        if type(found) in (dict, list) and len(found) > most:
            raise BadMessageError(f"a row may have {most} labels, got {len(found)}")
        try:
            return truth_of_row(found, self.mapping.task, self.mapping.label_names)
        except DataError as error:
            where = "the labels" if error.column is None else f"the label {error.column!r}"
            if self.mapping.target is not None:
                where = "the class"
            raise BadMessageError(f"{where}: {error.reason}") from None


def _no_features(mapping: FieldMapping) -> set[str]:
    """Paths inside of the features that are something else.

    What is to be ignored may be named by its path from the outermost object or from the features.
    """
    named = (mapping.key, mapping.labels, mapping.target, mapping.timestamp)
    inside = mapping.features + "." if mapping.features else ""
    found = {path.removeprefix(inside) for path in named if path and path.startswith(inside)}
    return found | _inside(mapping, mapping.ignore)


def _inside(mapping: FieldMapping, paths: Collection[str]) -> set[str]:
    """Paths from the outermost object or from the features as paths from the features."""
    prefix = mapping.features + "." if mapping.features else ""
    return {*paths, *(path.removeprefix(prefix) for path in paths)}


def milliseconds(value: Any) -> int:
    """A time in milliseconds since 1970; 0 where it is none.

    Examples
    --------
    >>> milliseconds(1700000000000), milliseconds("2023-11-14T22:13:20Z"), milliseconds("noon")
    (1700000000000, 1700000000000, 0)
    """
    if isinstance(value, str):
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            return 0
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return max(0, (moment - EPOCH) // datetime.timedelta(milliseconds=1))
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return max(0, int(value))
    return 0
