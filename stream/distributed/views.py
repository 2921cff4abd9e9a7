"""Shared arrays as the kernels take them."""

from __future__ import annotations

from typing import Any

import numpy as np


class _Alias:
    """The memory of an array by NumPy's array interface, without the mark that it is read-only."""

    def __init__(self, array: np.ndarray):
        self.array = array  # which keeps the memory

    @property
    def __array_interface__(self) -> dict[str, Any]:
        described = self.array.__array_interface__
        return {**described, "data": (described["data"][0], False)}


def as_kernels_take_them(value: Any) -> Any:
    """The arrays in a tuple of tuples without the mark that they are read-only; none is copied.

    Arrays from Ray's object store are marked read-only, and Numba would compile every kernel once
    more for them. The kernels of clusters only read what they are told of a segment
    (:class:`stream.clusters.work.Work`), so that the same kernels serve.

    Examples
    --------
    >>> shared = np.arange(3)
    >>> shared.flags.writeable = False
    >>> alias, = as_kernels_take_them((shared,))
    >>> alias.flags.writeable, np.shares_memory(alias, shared)
    (True, True)
    """
    if isinstance(value, np.ndarray):
        return np.asarray(_Alias(value))
    if isinstance(value, tuple):
        values = [as_kernels_take_them(each) for each in value]
        return type(value)(*values) if hasattr(value, "_fields") else tuple(values)
    return value
