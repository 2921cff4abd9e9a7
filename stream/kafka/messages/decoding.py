"""From the bytes of a message to rows, or an error that says why not; nothing is kept between
messages, so that a bad one leaves no trace."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from stream.kafka.clients.interface import Record
from stream.kafka.errors import BadMessageError
from stream.kafka.messages.field_mapping import FieldMapping
from stream.rows.cells import shorten

_MISSING: Any = object()


class Truth(NamedTuple):
    """What is known of a row's labels (single-label: its class is the one present)."""

    present: tuple[str, ...]
    absent: tuple[str, ...]
    whole: bool  # whether every other label is absent, and not unknown


class Row(NamedTuple):
    """A row of a message."""

    key: bytes | None
    x: dict[str, float]  # NaN: missing
    y: Truth | None  # None: nothing is known


class LabelRow(NamedTuple):
    """What a message of the labels' topic says of a row."""

    key: bytes
    y: Truth


class MessageDecoder(Protocol):
    """Turns messages into rows; raises :class:`BadMessageError` for one that it cannot use."""

    def rows(self, record: Record) -> list[Row]:
        """The rows of a message of the instances' topic, in order."""
        ...

    def labels(self, record: Record) -> list[LabelRow]:
        """What a message of the labels' topic says, in order."""
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
        self._taken = {
            path
            for path in (mapping.key, mapping.labels, mapping.target, *mapping.ignore)
            if path is not None
        }

    def rows(self, record: Record) -> list[Row]:
        """See :class:`MessageDecoder`."""
        return [
            Row(self._key(row, record), self._features(row), self._truth(row))
            for row in self._pieces(record)
        ]

    def labels(self, record: Record) -> list[LabelRow]:
        """See :class:`MessageDecoder`."""
        found = []
        for row in self._pieces(record):
            key = self._key(row, record)
            if key is None:
                raise BadMessageError("labels must have the key of their row, got none")
            name = _find(row, self.mapping.label)
            y = self._truth(row) if name is _MISSING else self._one_label(name, row)
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
        value = _find(row, self.mapping.value)
        return self._truth_of({name: None if value is _MISSING else value})

    # ---- pieces

    def _pieces(self, record: Record) -> list[Any]:
        if record.value is None:
            raise BadMessageError("a message must have a value, got a tombstone (no value)")
        try:
            content = self._parse(record.value)
        except UnicodeDecodeError as error:
            raise BadMessageError(
                f"a message must be UTF-8, got byte 0x{error.object[error.start]:02x}"
            ) from None
        except RecursionError:
            raise BadMessageError("the message is nested too deeply") from None
        except (msgspec.MsgspecError, ValueError, TypeError, EOFError) as error:
            raise BadMessageError(f"the message cannot be decoded: {error}") from None
        if self.mapping.rows is None:
            return [content]
        rows = _find(content, self.mapping.rows)
        if not isinstance(rows, list):
            raise BadMessageError(
                f"the field {self.mapping.rows!r} must be an array of rows, got {_kind(rows)}"
            )
        if len(rows) > self.mapping.max_rows:
            raise BadMessageError(
                f"a message may have {self.mapping.max_rows} rows, got {len(rows)}"
            )
        return rows

    def _key(self, row: Any, record: Record) -> bytes | None:
        if self.mapping.key is None:
            return record.key
        key = _find(row, self.mapping.key)
        if isinstance(key, str):
            return key.encode()
        if isinstance(key, int) and not isinstance(key, bool):
            return b"%d" % key
        raise BadMessageError(
            f"the key {self.mapping.key!r} must be a text or an integer, got {_kind(key)}"
        )

    # ---- features

    def _features(self, row: Any) -> dict[str, float]:
        path = self.mapping.features
        found = _find(row, path) if path else row
        if type(found) is dict:
            if path and set(map(type, found.values())) <= self._sound:
                x = found  # the common case, without a look at each
            else:
                x = {}
                self._flatten(found, "", x, "" if path else None)
        elif type(found) is list:
            x = self._array(found)
        else:
            raise BadMessageError(
                f"the features {path!r} must be an object or an array, got {_kind(found)}"
            )
        if len(x) > self.mapping.max_features:
            raise BadMessageError(
                f"a row may have {self.mapping.max_features} features, got {len(x)}"
            )
        return x

    def _array(self, values: list[Any]) -> dict[str, float]:
        names: Any = self.mapping.feature_names or range(len(values))
        if len(names) != len(values):
            raise BadMessageError(
                f"the array of features must have {len(names)} values, got {len(values)}"
            )
        return {
            str(name): number(value, str(name)) for name, value in zip(names, values, strict=True)
        }

    def _flatten(self, value: Any, path: str, x: dict[str, float], taken: str | None) -> None:
        """Put a value and all inside of it under its path; ``taken`` None: leave out the fields
        that are something else."""
        if taken is None and path in self._taken:
            return
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for name, inner in items:
                self._flatten(inner, f"{path}.{name}" if path else str(name), x, taken)
            return
        if isinstance(value, str):
            path, value = f"{path}={value}", 1.0
        if path in x:
            raise BadMessageError(
                f"two features are called {shorten(path)!r} once nested names are joined by dots"
            )
        x[path] = number(value, path)

    # ---- labels

    def _truth(self, row: Any) -> Truth | None:
        if self.mapping.target is not None:
            return self._class(_find(row, self.mapping.target))
        found = _find(row, self.mapping.labels)
        if type(found) is str:  # a class is the one label that is present
            return self._class(found)
        return None if found is _MISSING or found is None else self._truth_of(found)

    def _class(self, found: Any) -> Truth | None:
        if found is _MISSING or found is None:
            return None
        if isinstance(found, bool | int):
            found = str(found)
        if not isinstance(found, str):
            raise BadMessageError(f"a class must be a text or an integer, got {_kind(found)}")
        return Truth((found,), (), True)

    def _truth_of(self, found: Any) -> Truth:
        if not isinstance(found, dict | list):
            raise BadMessageError(f"labels must be an object or an array, got {_kind(found)}")
        if len(found) > self.mapping.max_labels:
            raise BadMessageError(
                f"a row may have {self.mapping.max_labels} labels, got {len(found)}"
            )
        if isinstance(found, list):
            if not all(isinstance(each, str) for each in found):
                return self._vector(found)
            return Truth(tuple(dict.fromkeys(found)), (), True)
        present: list[str] = []
        absent: list[str] = []
        for label, value in found.items():
            if not isinstance(label, str):
                raise BadMessageError(f"a label must be a text, got {_kind(label)}")
            known = truth_value(value, label)
            if known is not None:
                (present if known else absent).append(label)
        return Truth(tuple(present), tuple(absent), False)

    def _vector(self, found: list[Any]) -> Truth:
        names = self.mapping.label_names
        if len(found) != len(names):
            raise BadMessageError(
                f"the array of labels must hold names, or {len(names)} values of 0 and 1 in the "
                f"order of label_names, got {len(found)} values"
            )
        return self._truth_of(dict(zip(names, found, strict=True)))


def number(value: Any, name: str) -> float:
    """A feature's value; None is missing.

    Raises
    ------
    BadMessageError
        When it is not a finite number or a truth value.
    """
    if value is None:
        return math.nan
    if isinstance(value, int | float):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if not math.isinf(found):
            return found
        raise BadMessageError(f"the feature {shorten(name)!r} must be finite, got a larger number")
    raise BadMessageError(
        f"the feature {shorten(name)!r} must be a number, a truth value, a text or null, got "
        f"{_kind(value)}"
    )


def truth_value(value: Any, label: str) -> bool | None:
    """Whether a label is present; None: unknown."""
    if value is None:
        return None
    if isinstance(value, bool) or (isinstance(value, int | float) and value in (0, 1)):
        return bool(value)
    raise BadMessageError(
        f"the label {shorten(label)!r} must be true, false, 1, 0 or null, got {_kind(value)}"
    )


def _find(value: Any, path: str) -> Any:
    """The value at a path through objects: by its whole name, or else name by name."""
    if not isinstance(value, Mapping):
        return _MISSING
    if path in value:
        return value[path]
    head, dot, rest = path.partition(".")
    return _find(value.get(head), rest) if dot else _MISSING


def _kind(value: Any) -> str:
    if value is _MISSING:
        return "nothing"
    names = {dict: "an object", list: "an array", str: "a text", bool: "a truth value"}
    return names.get(type(value), "null" if value is None else f"a {type(value).__name__}")
