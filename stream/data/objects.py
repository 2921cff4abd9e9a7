"""Which source a Python object needs."""

from __future__ import annotations

from typing import Any

from stream.data.frames import FrameSource
from stream.data.pairs import PairSource, is_multiflow, multiflow_pairs
from stream.data.source import Source
from stream.errors import ParameterError
from stream.rows.frames import is_frame


def open_object(data: Any, **options: Any) -> Source:
    """A source over a data frame, pairs of River, or a scikit-multiflow stream; see
    :func:`stream.data.open_source`.
    """
    try:
        if is_frame(data):
            return FrameSource(data, **options)
        if is_multiflow(data):
            return PairSource(multiflow_pairs(data), **({"name": type(data).__name__} | options))
        if callable(data) or hasattr(data, "__iter__"):
            return PairSource(data, **options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise ParameterError(f"{type(data).__name__} data take other options: {error}.") from None
    raise ParameterError(
        "the data must be a path, a name, a data frame, or an iterable of (x, y) pairs or a "
        "function that "
        f"returns one. Got {type(data).__name__}."
    )
