"""How kernels are compiled: the one door that every compiled function passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

from stream.engine import compile_notice
from stream.engine.kernel_cache import KernelCache

# With NUMBA_DISABLE_JIT=1 a kernel is the plain function, seen through this.
interpreted: Callable[[Callable], Callable] = lambda function: function  # noqa: E731
compile_notice.listen()


def _compiled(function: Callable, **options: Any) -> Any:
    # Kernels only read and write arrays that their caller owns, so they need no reference counts.
    # With counts, every access to a NamedTuple of twenty arrays is forty atomic operations:
    # measured, the tree is eight times slower. The price: no kernel allocates.
    options |= {"_nrt": False, "nogil": True}
    dispatcher: Any = njit(**options)(function)
    if dispatcher is function:
        return interpreted(function)
    dispatcher._cache = KernelCache(function, options)
    return dispatcher


def kernel(function: Callable) -> Any:
    """Compile a function over arrays, without the Python interpreter."""
    return _compiled(function)


def inlined(function: Callable) -> Any:
    """Compile a small function of a hot loop into its callers: a call copies the hundreds of words
    that a state consists of."""
    return _compiled(function, forceinline=True)
