"""Find out which kernels there are to compile, and for which types, without compiling anything.

``python -m stream.kernels.discovering`` runs the scenarios in the interpreter and writes what was
called to standard output. The types of a call from Python are exact; those of a kernel that a
kernel calls are nearly always (the interpreter may have 64 bits where the compiler has 32), and a
wrong one costs only the time to compile it.
"""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from numba import typeof

from stream.engine import jit


class KernelTask(NamedTuple):
    """One kernel to compile."""

    module: str
    name: str
    types: tuple[Any, ...]  # Numba's types of the arguments
    from_python: bool  # whether Python calls it, so that the types are exact


class _Recorder:
    """Notes each kernel that is called with each combination of types, and how high it stands.

    A kernel that calls none has the height 0; others stand above all that they call. Kernels of
    one height do not need each other, so several processes can compile them at once.
    """

    def __init__(self) -> None:
        self._heights: dict[tuple[str, str, tuple[Any, ...]], int] = {}
        self._from_python: set[tuple[str, str, tuple[Any, ...]]] = set()
        self._first: set[tuple[str, str, tuple[Any, ...]]] = set()
        self._highest_called = [-1]  # for each call that is going on, the outermost is Python

    def watch(self, function: Callable) -> Callable:
        """The function, whose calls are noted."""

        @functools.wraps(function)
        def watched(*args: Any) -> Any:
            key = (function.__module__, function.__qualname__, tuple(map(typeof, args)))
            if len(self._highest_called) == 1:
                self._from_python.add(key)
            self._highest_called.append(-1)
            try:
                return function(*args)
            finally:
                height = max(self._highest_called.pop() + 1, self._heights.get(key, 0))
                self._heights[key] = height
                self._highest_called[-1] = max(self._highest_called[-1], height)

        return watched

    def put_first(self) -> None:
        """Compile what was called so far before what is called from now on."""
        self._first = self._first or set(self._heights)

    def tasks(self) -> list[tuple[str, str, tuple[Any, ...], bool]]:
        """What was noted, the lowest first."""
        heights = self._heights
        ordered = sorted(heights, key=lambda key: (key not in self._first, heights[key]))
        return [(*key, key in self._from_python) for key in ordered]


def discover() -> list[KernelTask]:
    """The kernels that the scenarios call, those that call none first.

    Raises
    ------
    RuntimeError
        A scenario failed.
    """
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "stream.kernels.discovering"],
        env=environment,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The kernels cannot be listed: {done.stderr.decode(errors='replace')}")
    return [KernelTask(*each) for each in pickle.loads(done.stdout)]


def _main() -> None:
    recorder = _Recorder()
    # Before anything is imported that has kernels.
    jit.interpreted = recorder.watch
    warnings.simplefilter("ignore")  # numbers of 64 bits overflow on purpose
    from stream.kernels.scenarios import scenarios

    for _, scenario in scenarios():
        scenario()
        recorder.put_first()  # what the default model needs, most probably now
    sys.stdout.buffer.write(pickle.dumps(recorder.tasks()))


if __name__ == "__main__":
    _main()
