"""How trees of values stand in snapshots: as a document of JSON and a list of named arrays.

JSON stands for itself: None, truth values, texts, finite floats, integers of 64 bits, lists, and
dictionaries of texts that do not begin with "$". Anything else is an object whose first key says
what it is, such as ``{"$tuple": [1, 2]}`` or ``{"$array": "scaler.total"}``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

LARGEST_INT = 2**63  # larger ones stand in hexadecimal
SCALARS = frozenset({str, int, float, bool, type(None)})

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
FIELD_TYPES = {dtype.str: dtype for dtype in ELEMENTS.values()}


def is_plain(values: Iterable[Any]) -> bool:
    """Whether JSON can hold these as they are: long lists of one type take little time."""
    values = list(values)
    kinds = set(map(type, values))
    if not kinds <= SCALARS:
        return False
    if float in kinds and not all(math.isfinite(v) for v in values if type(v) is float):
        return False
    if int in kinds:
        integers = values if kinds == {int} else [v for v in values if type(v) is int]
        if min(integers) < -LARGEST_INT or max(integers) >= LARGEST_INT:
            return False
    if str in kinds:
        return is_unicode("".join(v for v in values if type(v) is str))
    return True


def is_plain_scalar(value: Any) -> bool:
    """Whether JSON can hold a text, number, truth value or None as it is."""
    kind = type(value)
    if kind is str:
        return is_unicode(value)
    if kind is int:
        return -LARGEST_INT <= value < LARGEST_INT
    return kind is not float or math.isfinite(value)


def is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogates, which JSON cannot tell from pairs of them."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_of(value: bytes) -> str:
    """Bytes as a text of JSON."""
    return base64.b64encode(value).decode("ascii")


def bytes_of(text: str) -> bytes:
    """The bytes of a text that :func:`text_of` made."""
    return base64.b64decode(text, validate=True)
