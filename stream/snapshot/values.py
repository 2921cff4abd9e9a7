"""Trees of values as a document of JSON and a list of named arrays, and back.

JSON stands for itself: None, truth values, texts, finite floats, integers of 64 bits, lists, and
dictionaries of texts that do not begin with "$". Anything else is an object whose first key says
what it is, such as ``{"$tuple": [1, 2]}`` or ``{"$array": "scaler.total"}``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stream.errors import SnapshotError
from stream.snapshot.classes import class_named, is_value, name_of, restore, state_of

MAX_DEPTH = 100  # values inside each other
_LARGEST_INT = 2**63  # larger ones stand in hexadecimal
_SCALARS = frozenset({str, int, float, bool, type(None)})
RESERVED = frozenset({"document", "__metadata__"})  # names that no array gets
LARGE_BYTES = 1_024  # from here on bytes are an array rather than text

# The element types of arrays, by their name in safetensors.
ELEMENTS: dict[str, np.dtype] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_FIELD_TYPES = {dtype.str: dtype for dtype in ELEMENTS.values()}


def _is_plain(values: Iterable[Any]) -> bool:
    """Whether JSON can hold these as they are: long lists of one type take little time."""
    values = list(values)
    kinds = set(map(type, values))
    if not kinds <= _SCALARS:
        return False
    if float in kinds and not all(math.isfinite(v) for v in values if type(v) is float):
        return False
    if int in kinds:
        integers = values if kinds == {int} else [v for v in values if type(v) is int]
        if min(integers) < -_LARGEST_INT or max(integers) >= _LARGEST_INT:
            return False
    if str in kinds:
        return _is_unicode("".join(v for v in values if type(v) is str))
    return True


def _is_plain_scalar(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        return _is_unicode(value)
    if kind is int:
        return -_LARGEST_INT <= value < _LARGEST_INT
    return kind is not float or math.isfinite(value)


def _is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogates, which JSON cannot tell from pairs of them."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Encoder:
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
        if kind in _SCALARS:
            return value if _is_plain_scalar(value) else _odd_scalar(value)
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
        if isinstance(value, np.generic) and value.dtype.str in _FIELD_TYPES:
            return {"$scalar": value.dtype.str, "bytes": _text_of(value.tobytes())}
        name = name_of(kind)
        if name is None:
            raise SnapshotError(
                f"{_where(path)}: a snapshot holds plain values, arrays and instances of "
                f"registered classes, and {kind.__module__}.{kind.__qualname__} is not one; "
                "add it to stream.snapshot.classes.CLASSES or call stream.snapshot.register on it"
            )
        return self._object(value, name, path)

    def _each(self, values: Any, path: tuple[str, ...]) -> list[Any]:
        if _is_plain(values):
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
        texts = set(map(type, value)) <= {str} and _is_plain(value)
        if texts and not any(key.startswith("$") for key in value):
            if _is_plain(value.values()):
                return dict(value)
            return {key: self.encode(each, (*path, key)) for key, each in value.items()}
        keys = self._each(list(value), (*path, "keys"))
        return {"$dict": keys, "values": self._each(list(value.values()), path)}

    def _bytes(self, value: bytes, path: tuple[str, ...]) -> Any:
        if len(value) < LARGE_BYTES:
            return {"$bytes": _text_of(value)}
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
        elif value.dtype.str not in _FIELD_TYPES:
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
                if kind.str not in _FIELD_TYPES:
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


_ENCODERS: dict[type, Callable[[Encoder, Any, tuple[str, ...]], Any]] = {
    list: Encoder._list,
    tuple: Encoder._tuple,
    dict: Encoder._dict,
    set: Encoder._set,
    frozenset: Encoder._set,
    bytes: Encoder._bytes,
}


class Decoder:
    """Puts together what an :class:`Encoder` took apart.

    Parameters
    ----------
    arrays
        By name; those of records as bytes [..., bytes of a record].
    records
        Layouts of record arrays.
    version
        Of the format that they were written in.
    """

    def __init__(self, arrays: dict[str, np.ndarray], records: list[dict[str, Any]], version: int):
        self._version = version
        self._arrays = arrays
        self._dtypes = [_record_dtype(layout) for layout in records]
        self._decoded: dict[str, np.ndarray] = {}
        self._objects: list[Any] = []

    def decode(self, value: Any) -> Any:
        """The value of a JSON.

        Raises
        ------
        SnapshotError
            For anything that an encoder does not write.
        """
        kind = type(value)
        if kind is list:
            return list(value) if _is_plain(value) else [self.decode(each) for each in value]
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
        return _bytes_of(text).decode("utf-8", "surrogatepass")

    def _int(self, digits: str) -> Any:
        return int(digits, 16)

    def _float(self, name: str) -> Any:
        return _ODD_FLOATS[name]

    def _bytes(self, text: str, large: bool = False) -> Any:
        return self._plain_array(text).tobytes() if large else _bytes_of(text)

    def _scalar(self, element: str, bytes: str) -> Any:
        return np.frombuffer(_bytes_of(bytes), _FIELD_TYPES[element])[0]

    def _array(self, name: str, record: int | None = None) -> Any:
        if name not in self._decoded:
            found = self._plain_array(name)
            if record is not None:
                found = _as_records(found, self._dtypes[record])
            self._decoded[name] = found
        return self._decoded[name]

    def _plain_array(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise SnapshotError(f"the array {name!r} is missing")
        return self._arrays[name]

    def _object(self, name: str, state: Any) -> Any:
        kind = class_named(name)
        made = restore(kind, self.decode(state), self._version)
        if not is_value(kind):
            self._objects.append(made)
        return made

    def _same(self, number: int) -> Any:
        if type(number) is not int or not 0 <= number < len(self._objects):
            raise SnapshotError(f"object {number!r} is named before it is told")
        return self._objects[number]


_DECODERS: dict[str, Callable[..., Any]] = {
    "$tuple": Decoder._tuple,
    "$set": Decoder._set,
    "$frozenset": Decoder._frozenset,
    "$dict": Decoder._dict,
    "$text": Decoder._text,
    "$int": Decoder._int,
    "$float": Decoder._float,
    "$bytes": Decoder._bytes,
    "$scalar": Decoder._scalar,
    "$array": Decoder._array,
    "$object": Decoder._object,
    "$same": Decoder._same,
}
_ODD_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _odd_scalar(value: Any) -> dict[str, str]:
    if type(value) is str:
        return {"$text": _text_of(value.encode("utf-8", "surrogatepass"))}
    return {"$int": hex(value)} if type(value) is int else {"$float": repr(value)}


def _text_of(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _bytes_of(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _where(path: tuple[str, ...]) -> str:
    return ".".join(path) or "the value itself"


def _bad_elements(dtype: np.dtype, path: tuple[str, ...]) -> SnapshotError:
    return SnapshotError(
        f"{_where(path)}: a snapshot holds arrays of {', '.join(_FIELD_TYPES)} and records of "
        f"them, got {dtype}; convert it with astype"
    )


def _record_dtype(layout: dict[str, Any]) -> np.dtype:
    """The dtype of a layout; records must not be larger than their fields and some padding."""
    names, formats, offsets = zip(*layout["fields"], strict=True)
    if not 0 < layout["size"] <= 16 * len(names):
        raise SnapshotError(f"a record of {len(names)} fields takes {layout['size']} bytes")
    described: Any = {
        "names": list(names),
        "formats": [_FIELD_TYPES[each] for each in formats],
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
