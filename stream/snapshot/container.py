"""A document and arrays as one file: safetensors, with a SHA-256 in a place that is known.

The file is a safetensors file that any tool for them opens. Its header begins with::

    {"__metadata__":{"format":"drifthomer-snapshot-2","sha256":"<64 digits>"}

so that the version and the hash stand at fixed places and can be read without parsing anything. The
hash is of the whole file with 64 zeros in place of the digits. Arrays follow in the order of their
element sizes and names, the document of values last, as JSON in the array ``document``.

The same content gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import safetensors

from stream.errors import SnapshotError
from stream.snapshot.classes import VERSION
from stream.snapshot.values import ELEMENTS

OLDEST_VERSION = 1
MAX_BYTES = 8 * 2**30  # of a file, unless the caller says otherwise
MAX_HEADER_BYTES = 100_000_000  # the limit of safetensors
DOCUMENT = "document"

_NO_HASH = b"0" * 64
_BEGINNING = re.compile(
    rb'(.{8}\{"__metadata__":\{"format":"drifthomer-snapshot-(\d{1,6})","sha256":")'
    rb'([0-9a-f]{64})"\}',
    re.DOTALL,
)
_LONGEST_BEGINNING = 160
_NAMES = {dtype: name for name, dtype in ELEMENTS.items()}


class Content(NamedTuple):
    """The content of a file."""

    version: int
    document: dict[str, Any]
    arrays: dict[str, np.ndarray]  # those of records as bytes [..., bytes of a record]


def chunks(document: dict[str, Any], arrays: dict[str, np.ndarray]) -> Iterator[memoryview]:
    """The bytes of a file, piece by piece: no piece is a copy of an array."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
    raw = {name: _raw(array) for name, array in arrays.items()}
    order = sorted(raw, key=lambda name: (-raw[name].itemsize, name))
    tensors = [(name, raw[name]) for name in order]
    tensors.append((DOCUMENT, np.frombuffer(text, np.uint8)))
    header = _header(tensors)
    buffers = [array.reshape(-1).view(np.uint8).data for _, array in tensors if array.size]
    digest = _sha256([header, *buffers])
    yield memoryview(header.replace(_NO_HASH, digest, 1))
    yield from buffers


def _raw(array: np.ndarray) -> np.ndarray:
    """An array as safetensors holds it: contiguous, records as bytes along one more axis."""
    shape = array.shape
    array = np.ascontiguousarray(array)
    if array.dtype.fields is not None:
        return array.reshape(-1).view(np.uint8).reshape(*shape, array.dtype.itemsize)
    return array.reshape(shape)


def _header(tensors: list[tuple[str, np.ndarray]]) -> bytes:
    entries: dict[str, Any] = {
        "__metadata__": {
            "format": f"drifthomer-snapshot-{VERSION}",
            "sha256": _NO_HASH.decode("ascii"),
        }
    }
    start = 0
    for name, array in tensors:
        entries[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [start, start + array.nbytes],
        }
        start += array.nbytes
    text = json.dumps(entries, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _sha256(pieces: Iterable[bytes | memoryview]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest().encode("ascii")


def parse(data: bytes | bytearray | memoryview, *, max_bytes: int = MAX_BYTES) -> Content:
    """Read a file; its hash is checked before anything is parsed.

    Parameters
    ----------
    data
        The whole file.
    max_bytes
        Bytes that it may have.

    Raises
    ------
    SnapshotError
        When it is not a snapshot, of another version, larger than allowed or damaged.
    """
    version = check_hash(data, max_bytes=max_bytes)
    header_size = int.from_bytes(data[:8], "little")
    if header_size > min(MAX_HEADER_BYTES, len(data) - 8):
        raise SnapshotError(f"its header claims {header_size} bytes of {len(data)}")
    try:
        tensors = safetensors.deserialize(bytes(data))
        arrays = {name: _array(each) for name, each in tensors}
        text = arrays.pop(DOCUMENT).tobytes()
        document = json.loads(text, parse_constant=_refuse_constant)
    except (safetensors.SafetensorError, ValueError, LookupError, RecursionError) as error:
        raise SnapshotError(f"its content is not that of a snapshot ({error!r})") from error
    if not isinstance(document, dict):
        raise SnapshotError("its document is not one")
    return Content(version, document, arrays)


def check_hash(data: bytes | bytearray | memoryview, *, max_bytes: int = MAX_BYTES) -> int:
    """Check that a file is complete; return the version of its format.

    Raises
    ------
    SnapshotError
        As :func:`parse`.
    """
    view = memoryview(data)
    if len(view) > max_bytes:
        raise SnapshotError(
            f"it has {len(view)} bytes, more than the {max_bytes} allowed; raise max_bytes if it "
            "is meant to be that large"
        )
    found = _BEGINNING.match(bytes(view[:_LONGEST_BEGINNING]))
    if found is None:
        raise SnapshotError("it does not begin as a DriftHOMER snapshot does, or is cut short")
    version, start = int(found[2]), len(found[1])
    digest = _sha256([view[:start], _NO_HASH, view[start + len(_NO_HASH) :]])
    if digest != found[3]:
        raise SnapshotError(
            "it is damaged or cut short: its SHA-256 is not the one that it was written with"
        )
    if not OLDEST_VERSION <= version <= VERSION:
        raise SnapshotError(
            f"its format has version {version}, this release reads {OLDEST_VERSION} to {VERSION}; "
            "use the release that wrote it, or write it anew"
        )
    return version


def _array(tensor: dict[str, Any]) -> np.ndarray:
    dtype, shape = ELEMENTS[tensor["dtype"]], tensor["shape"]
    data = tensor["data"]
    if len(data) != dtype.itemsize * math.prod(shape):
        raise SnapshotError(f"an array of shape {shape} has {len(data)} bytes")
    # a bytearray makes an array that can be written to
    data = data if isinstance(data, bytearray) else bytearray(data)
    return np.frombuffer(data, dtype).reshape(shape)


def _refuse_constant(name: str) -> float:
    raise SnapshotError(f"its document holds {name}, which is not JSON")
