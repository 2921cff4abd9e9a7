"""How kernels are compiled: the one door that every compiled function passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.extending import intrinsic

from stream.engine import compile_notice
from stream.engine.compile_parts import KernelDispatcher
from stream.engine.kernel_cache import KernelCache

_numba_config: Any = numba.config
# With NUMBA_DISABLE_JIT=1 a kernel is the plain function, seen through this.
interpreted: Callable[[Callable], Callable] = lambda function: function  # noqa: E731
compile_notice.listen()


def _compiled(function: Callable, **options: Any) -> Any:
    # Kernels only read and write arrays that their caller owns, so they need no reference counts.
    # With counts, every access to a NamedTuple of twenty arrays is forty atomic operations:
    # measured, the tree is eight times slower. The price: no kernel allocates.
    # Nor do they need the wrapper that makes a C function of each.
    options |= {"_nrt": False, "nogil": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
    if _numba_config.DISABLE_JIT:
        return interpreted(function)
    dispatcher: Any = KernelDispatcher(function, targetoptions=options | {"nopython": True})
    dispatcher._cache = KernelCache(function, options)
    return dispatcher


def kernel(function: Callable) -> Any:
    """Compile a function over arrays, without the Python interpreter."""
    return _compiled(function)


def inlined(function: Callable) -> Any:
    """Compile a small function of a hot loop into its callers: a call copies the hundreds of words
    that a state consists of."""
    return _compiled(function, forceinline=True)


def written(python: Callable, write: Callable) -> Any:
    """A function for kernels whose code the compiler is told word by word.

    Parameters
    ----------
    python
        Does the same where nothing is compiled.
    write
        As :func:`numba.extending.intrinsic` wants it.
    """
    return python if _numba_config.DISABLE_JIT else intrinsic(write)
