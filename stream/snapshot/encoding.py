"""Values taken apart: a tree of them becomes a document of JSON and named arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stream.errors import SnapshotError
from stream.snapshot.classes import is_value, name_of, state_of
from stream.snapshot.values import FIELD_TYPES, SCALARS, is_plain, is_plain_scalar, text_of

MAX_DEPTH = 100  # values inside each other
RESERVED = frozenset({"document", "__metadata__"})  # names that no array gets
LARGE_BYTES = 1_024  # from here on bytes are an array rather than text


class ValueEncoder:
    """Takes a tree of values apart.

    After :meth:`encode`, ``arrays`` holds every array by the path to its first place, and
    ``records`` the layouts of record arrays.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.records: list[dict[str, Any]] = []
        self._layouts: dict[tuple[np.dtype, bool], int] = {}
        self._seen: dict[int, Any] = {}  # by address: what stands for an object from now on
        self._kept: list[Any] = []  # so that no address is given twice
        self._n_objects = 0

    def encode(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """The JSON of a value.

        Raises
        ------
        SnapshotError
            For a value that snapshots do not hold, saying where it is.
        """
        kind = type(value)
        if kind in SCALARS:
            return value if is_plain_scalar(value) else _odd_scalar(value)
        if len(path) > MAX_DEPTH:
            raise SnapshotError(
                f"{_where(path[:5])}…: values stand in each other more than {MAX_DEPTH} deep, or a "
                "list or dictionary holds itself; keep them flatter"
            )
        find = _ENCODERS.get(kind)
        if find is not None:
            return find(self, value, path)
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if isinstance(value, np.generic) and value.dtype.str in FIELD_TYPES:
            return {"$scalar": value.dtype.str, "bytes": text_of(value.tobytes())}
        name = name_of(kind)
        if name is None:
            raise SnapshotError(
                f"{_where(path)}: a snapshot holds plain values, arrays and instances of "
                f"registered classes, and {kind.__module__}.{kind.__qualname__} is not one; "
                "add it to stream.snapshot.classes.CLASSES or call stream.snapshot.register on it"
            )
        return self._object(value, name, path)

    def _each(self, values: Any, path: tuple[str, ...]) -> list[Any]:
        if is_plain(values):
            return list(values)
        return [self.encode(value, (*path, str(i))) for i, value in enumerate(values)]

    def _list(self, value: list, path: tuple[str, ...]) -> Any:
        return self._each(value, path)

    def _tuple(self, value: tuple, path: tuple[str, ...]) -> Any:
        return {"$tuple": self._each(value, path)}

    def _set(self, value: frozenset | set, path: tuple[str, ...]) -> Any:
        entries = [self.encode(each, (*path, "element")) for each in value]
        kind = "$frozenset" if type(value) is frozenset else "$set"
        return {kind: sorted(entries, key=repr)}  # a set has no order of its own

    def _dict(self, value: dict, path: tuple[str, ...]) -> Any:
        texts = set(map(type, value)) <= {str} and is_plain(value)
        if texts and not any(key.startswith("$") for key in value):
            if is_plain(value.values()):
                return dict(value)
            return {key: self.encode(each, (*path, key)) for key, each in value.items()}
        keys = self._each(list(value), (*path, "keys"))
        return {"$dict": keys, "values": self._each(list(value.values()), path)}

    def _bytes(self, value: bytes, path: tuple[str, ...]) -> Any:
        if len(value) < LARGE_BYTES:
            return {"$bytes": text_of(value)}
        array = self._array(np.frombuffer(value, np.uint8), path)
        return {"$bytes": array["$array"], "large": True}

    def _array(self, value: np.ndarray, path: tuple[str, ...]) -> dict[str, Any]:
        known = self._seen.get(id(value))
        if known is not None:
            return known
        if type(value) is not np.ndarray:
            raise SnapshotError(
                f"{_where(path)}: a snapshot holds arrays of type numpy.ndarray, got "
                f"{type(value).__qualname__}; convert it with numpy.asarray"
            )
        name = self._free_name(".".join(path) or "array")
        encoded: dict[str, Any] = {"$array": name}
        if value.dtype.fields is not None:
            encoded["record"] = self._layout(value.dtype, path)
        elif value.dtype.str not in FIELD_TYPES:
            raise _bad_elements(value.dtype, path)
        self.arrays[name] = value
        self._remember(value, encoded)
        return encoded

    def _free_name(self, name: str) -> str:
        n = 2
        free = name
        while free in self.arrays or free in RESERVED:
            free, n = f"{name}#{n}", n + 1
        return free

    def _layout(self, dtype: np.dtype, path: tuple[str, ...]) -> int:
        key = (dtype, dtype.isalignedstruct)
        if key not in self._layouts:
            fields = []
            for name in dtype.names or ():
                kind, offset = dtype.fields[name][:2]  # type: ignore[index]
                if kind.str not in FIELD_TYPES:
                    raise _bad_elements(kind, path)
                fields.append([name, kind.str, offset])
            self._layouts[key] = len(self.records)
            self.records.append(
                {
                    "fields": fields,
                    "size": dtype.itemsize,
                    "aligned": dtype.isalignedstruct,
                    "attributes": dtype.type is np.record,
                }
            )
        return self._layouts[key]

    def _object(self, value: Any, name: str, path: tuple[str, ...]) -> Any:
        shared = not is_value(type(value))
        if shared and id(value) in self._seen:
            known = self._seen[id(value)]
            if known is None:
                raise SnapshotError(
                    f"{_where(path)}: the {name} holds itself; a snapshot holds no circles, leave "
                    "the way back out of its state"
                )
            return known
        if shared:
            self._remember(value, None)
        state = state_of(value)
        if type(state) is dict:
            encoded = self._state(dict(sorted(state.items())) if shared else state, path)
        else:
            encoded = self.encode(state, path)
        if shared:
            self._seen[id(value)] = {"$same": self._n_objects}
            self._n_objects += 1
        return {"$object": name, "state": encoded}

    def _state(self, state: dict[str, Any], path: tuple[str, ...]) -> Any:
        """Attributes, most of which are objects and arrays: they are not looked at as a whole."""
        if all(type(name) is str and name.isidentifier() and name.isascii() for name in state):
            return {name: self.encode(each, (*path, name)) for name, each in state.items()}
        return self._dict(state, path)

    def _remember(self, value: Any, encoded: Any) -> None:
        self._seen[id(value)] = encoded
        self._kept.append(value)


_ENCODERS: dict[type, Callable[[ValueEncoder, Any, tuple[str, ...]], Any]] = {
    list: ValueEncoder._list,
    tuple: ValueEncoder._tuple,
    dict: ValueEncoder._dict,
    set: ValueEncoder._set,
    frozenset: ValueEncoder._set,
    bytes: ValueEncoder._bytes,
}


def _odd_scalar(value: Any) -> dict[str, str]:
    if type(value) is str:
        return {"$text": text_of(value.encode("utf-8", "surrogatepass"))}
    return {"$int": hex(value)} if type(value) is int else {"$float": repr(value)}


def _where(path: tuple[str, ...]) -> str:
    return ".".join(path) or "the value itself"


def _bad_elements(dtype: np.dtype, path: tuple[str, ...]) -> SnapshotError:
    return SnapshotError(
        f"{_where(path)}: a snapshot holds arrays of {', '.join(FIELD_TYPES)} and records of "
        f"them, got {dtype}; convert it with astype"
    )
