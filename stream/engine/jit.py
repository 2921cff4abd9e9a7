"""How kernels are compiled."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

from numba import njit


def _engine_stamp() -> tuple[float, int]:
    """Newest change and total size of the engine's sources.

    Numba compares a cached kernel with the one file the kernel stands in, and would go on with old
    versions of what it calls.
    """
    files = [path.stat() for path in pathlib.Path(__file__).parent.glob("*.py")]
    return max(file.st_mtime for file in files), sum(file.st_size for file in files)


_STAMP = _engine_stamp()


def _compiled(function: Callable, **options: Any) -> Any:
    # Kernels only read and write arrays that their caller owns, so they need no reference counts.
    # With counts, every access to a NamedTuple of twenty arrays is forty atomic operations:
    # measured, the tree is eight times slower. The price: no kernel allocates.
    options |= {"cache": True, "_nrt": False}
    dispatcher: Any = njit(**options)(function)
    cache_file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache_file is not None:
        cache_file._source_stamp = _STAMP
    return dispatcher


def kernel(function: Callable) -> Any:
    """Compile a function over arrays, without the Python interpreter."""
    return _compiled(function)


def inlined(function: Callable) -> Any:
    """Compile a small function of a hot loop into its callers: a call copies the hundreds of words
    that a state consists of."""
    return _compiled(function, forceinline=True)
