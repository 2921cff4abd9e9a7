"""Encoding of values and models as bytes, and decoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from stream.constraints import AMOUNT, check_value
from stream.engine.arrays import copy_into
from stream.errors import SnapshotError
from stream.snapshot import container
from stream.snapshot.decoding import ValueDecoder
from stream.snapshot.encoding import ValueEncoder


class Capture:
    """A value at one moment, to be encoded and written later, perhaps in another thread.

    Made by :func:`capture`. What happens to the value afterwards does not reach it.
    """

    def __init__(self, document: dict[str, Any], arrays: dict[str, np.ndarray]):
        self._document = document
        self._arrays = arrays

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self._arrays.values())

    def release(self) -> dict[str, np.ndarray]:
        """Release the arrays to the caller; the capture cannot be used afterwards."""
        arrays, self._arrays, self._document = self._arrays, {}, {}
        return arrays

    def chunks(self) -> Iterator[memoryview]:
        """The bytes of the snapshot, piece by piece; no piece is a copy of an array."""
        return container.chunks(self._document, self._arrays)

    def to_bytes(self) -> bytes:
        """The snapshot: what :func:`dumps` gives."""
        return b"".join(self.chunks())


def capture(value: Any, *, copy: bool = True, reuse: Capture | None = None) -> Capture:
    """A consistent copy of a value, in the time that it takes to copy its arrays.

    Parameters
    ----------
    value
        As for :func:`dumps`.
    copy
        False: the arrays are not copied, because they stay as they are until the capture was used.
    reuse
        A capture that is not needed any more: its memory is written over. Fresh memory takes
        several times as long, because the operating system hands it out page by page.

    Raises
    ------
    SnapshotError
        As :func:`dumps`.
    """
    encoder = ValueEncoder()
    document = {"value": encoder.encode(value), "records": encoder.records}
    arrays = encoder.arrays
    if copy:
        old = {} if reuse is None else reuse.release()
        arrays = {name: _copy(array, old.get(name)) for name, array in arrays.items()}
    return Capture(document, arrays)


def _copy(array: np.ndarray, room: np.ndarray | None) -> np.ndarray:
    """A copy of an array, in the place of another one where that has its shape."""
    if room is None or room.shape != array.shape or room.dtype != array.dtype:
        room = np.zeros(array.shape, array.dtype)
    return copy_into(room, array)


def dumps(value: Any) -> bytes:
    """A value as the bytes of a snapshot; equal values give equal bytes.

    Parameters
    ----------
    value
        A model; or None, truth values, integers of any size, floats, texts, bytes, lists, tuples,
        sets, dictionaries, NumPy arrays (of numbers, truth values or records of them) and
        instances of registered classes, in each other. An array, or an instance of a class that is
        not a frozen dataclass or NamedTuple, that occurs twice is one object afterwards too;
        lists and dictionaries are not.

    Raises
    ------
    SnapshotError
        For anything else, saying where it stands.

    Examples
    --------
    >>> from stream.snapshot import dumps, loads
    >>> loads(dumps({"offsets": {("instances", 0): 17}, "label": b"key"}))
    {'offsets': {('instances', 0): 17}, 'label': b'key'}
    """
    return capture(value, copy=False).to_bytes()


def loads(data: bytes | bytearray | memoryview, *, max_bytes: int = container.MAX_BYTES) -> Any:
    """The value of the bytes of a snapshot. Nothing in them is executed.

    Parameters
    ----------
    data
        What :func:`dumps` gave.
    max_bytes
        Bytes that it may have.

    Raises
    ------
    SnapshotError
        When they are not a snapshot, of another version, larger than allowed, damaged, or hold
        what a model of this version cannot work with.
    """
    check_value("loads", "max_bytes", max_bytes, (AMOUNT,))
    return value_of(container.parse(data, max_bytes=max_bytes))


def value_of(content: container.Content) -> Any:
    """The value that a file holds.

    Raises
    ------
    SnapshotError
        When it is none.
    """
    try:
        decoder = ValueDecoder(content.arrays, content.document["records"], content.version)
        value = decoder.decode(content.document["value"])
        decoder.check_arrays_used()
        return value
    except SnapshotError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise SnapshotError(f"its document is not that of a snapshot ({error!r})") from error
