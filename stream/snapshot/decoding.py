"""Values put together again: what :mod:`stream.snapshot.encoding` took apart, or an error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from stream.engine.arrays import has_layout
from stream.errors import SnapshotError
from stream.snapshot.classes import class_named, is_value, restore
from stream.snapshot.values import FIELD_TYPES, bytes_of, is_plain


class ValueDecoder:
    """Puts together what an :class:`~stream.snapshot.encoding.ValueEncoder` took apart.

    Parameters
    ----------
    arrays
        By name; those of records as bytes [..., bytes of a record].
    records
        Layouts of record arrays.
    version
        Version of the format that they were written in.
    """

    def __init__(self, arrays: dict[str, np.ndarray], records: list[dict[str, Any]], version: int):
        self._version = version
        self._arrays = arrays
        self._dtypes = [_record_dtype(layout) for layout in records]
        self._decoded: dict[str, np.ndarray] = {}
        self._objects: list[Any] = []
        self._used: set[str] = set()
        self._owned: set[str] = set()  # arrays that are a field of a state, and of nothing else

    def decode(self, value: Any) -> Any:
        """The value of a JSON.

        Raises
        ------
        SnapshotError
            For anything that an encoder does not write.
        """
        kind = type(value)
        if kind is list:
            return list(value) if is_plain(value) else [self.decode(each) for each in value]
        if kind is not dict:
            return value
        tag = next(iter(value), "")
        if not tag.startswith("$"):
            return {key: self.decode(each) for key, each in value.items()}
        build = _DECODERS.get(tag)
        if build is None:
            raise SnapshotError(f"a value is marked as {tag!r}, which this version does not know")
        return build(self, value[tag], **{key: value[key] for key in value if key != tag})

    def _tuple(self, values: list) -> Any:
        return tuple(self.decode(values))

    def _set(self, values: list) -> Any:
        return set(self.decode(values))

    def _frozenset(self, values: list) -> Any:
        return frozenset(self.decode(values))

    def _dict(self, keys: list, values: list) -> Any:
        keys, values = self.decode(keys), self.decode(values)
        found = dict(zip(keys, values, strict=True))
        if len(found) != len(keys):
            raise SnapshotError("a dictionary holds a key twice")
        return found

    def _text(self, text: str) -> Any:
        return bytes_of(text).decode("utf-8", "surrogatepass")

    def _int(self, digits: str) -> Any:
        return int(digits, 16)

    def _float(self, name: str) -> Any:
        return _ODD_FLOATS[name]

    def _bytes(self, text: str, large: bool = False) -> Any:
        return self._plain_array(text).tobytes() if large else bytes_of(text)

    def _scalar(self, element: str, bytes: str) -> Any:
        return np.frombuffer(bytes_of(bytes), FIELD_TYPES[element])[0]

    def _array(self, name: str, record: int | None = None) -> Any:
        if name in self._owned:
            raise SnapshotError(f"the array {name!r} belongs to two fields")
        if name not in self._decoded:
            found = self._plain_array(name)
            if record is not None:
                found = _as_records(found, self._dtypes[record])
            self._decoded[name] = found
        return self._decoded[name]

    def _plain_array(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise SnapshotError(f"the array {name!r} is missing")
        self._used.add(name)
        return self._arrays[name]

    def check_arrays_used(self) -> None:
        """Raise SnapshotError unless every array was asked for."""
        unused = sorted(self._arrays.keys() - self._used)
        if unused:
            raise SnapshotError(f"the array {unused[0]!r} belongs to no field")

    def _object(self, name: str, state: Any) -> Any:
        kind = class_named(name)
        own = self._arrays_of_fields(state) if has_layout(kind) else []
        for array in own:
            if array in self._decoded or own.count(array) > 1:
                raise SnapshotError(f"the array {array!r} belongs to two fields")
        decoded = self.decode(state)
        self._owned.update(own)
        made = restore(kind, decoded, self._version)
        if not is_value(kind):
            self._objects.append(made)
        return made

    @staticmethod
    def _arrays_of_fields(state: Any) -> list[str]:
        """Names of the arrays that are fields of a state."""
        values = state.values() if isinstance(state, dict) else ()
        return [each["$array"] for each in values if isinstance(each, dict) and "$array" in each]

    def _same(self, number: int) -> Any:
        if type(number) is not int or not 0 <= number < len(self._objects):
            raise SnapshotError(f"object {number!r} is named before it is told")
        return self._objects[number]


_DECODERS: dict[str, Callable[..., Any]] = {
    "$tuple": ValueDecoder._tuple,
    "$set": ValueDecoder._set,
    "$frozenset": ValueDecoder._frozenset,
    "$dict": ValueDecoder._dict,
    "$text": ValueDecoder._text,
    "$int": ValueDecoder._int,
    "$float": ValueDecoder._float,
    "$bytes": ValueDecoder._bytes,
    "$scalar": ValueDecoder._scalar,
    "$array": ValueDecoder._array,
    "$object": ValueDecoder._object,
    "$same": ValueDecoder._same,
}
_ODD_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _record_dtype(layout: dict[str, Any]) -> np.dtype:
    """The dtype of a layout; records must not be larger than their fields and some padding."""
    names, formats, offsets = zip(*layout["fields"], strict=True)
    if not 0 < layout["size"] <= 16 * len(names):
        raise SnapshotError(f"a record of {len(names)} fields takes {layout['size']} bytes")
    described: Any = {
        "names": list(names),
        "formats": [FIELD_TYPES[each] for each in formats],
        "offsets": list(offsets),
        "itemsize": layout["size"],
    }
    dtype = np.dtype(described, align=bool(layout["aligned"]))
    return np.dtype((np.record, dtype)) if layout["attributes"] else dtype


def _as_records(raw: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if raw.dtype != np.uint8 or raw.ndim == 0 or raw.shape[-1] != dtype.itemsize:
        raise SnapshotError(
            f"records of {dtype.itemsize} bytes stand in an array of shape {raw.shape}"
        )
    return np.frombuffer(raw.reshape(-1).data, dtype).reshape(raw.shape[:-1])
