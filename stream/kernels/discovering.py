"""Find out which kernels there are to compile, and for which types, without compiling anything.

``python -m stream.kernels.discovering`` runs the scenarios in the interpreter and writes what was
called to standard output, the second stage after a line of standard input. The types of a call from
Python are exact; those of a kernel that a kernel calls are nearly always, and a wrong one costs
only the time to compile it.
"""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from numba import typeof

from stream.engine import jit
from stream.engine.compile_parts import passed_types


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
        self._told: set[tuple[str, str, tuple[Any, ...], bool]] = set()
        self._highest_called = [-1]  # for each call that is going on, the outermost is Python

    def watch(self, function: Callable) -> Callable:
        """The function, whose calls are noted."""

        @functools.wraps(function)
        def watched(*args: Any) -> Any:
            types = tuple(map(typeof, args))
            from_python = len(self._highest_called) == 1
            name = function.__module__, function.__qualname__
            key = (*name, types if from_python else passed_types(types))
            if from_python:
                self._from_python.add(key)
            self._highest_called.append(-1)
            try:
                return function(*args)
            finally:
                height = max(self._highest_called.pop() + 1, self._heights.get(key, 0))
                self._heights[key] = height
                self._highest_called[-1] = max(self._highest_called[-1], height)

        return watched

    def news(self) -> list[tuple[str, str, tuple[Any, ...], bool]]:
        """What was noted since the last time, the lowest first."""
        heights = self._heights
        ordered = sorted(heights, key=lambda key: heights[key])
        tasks = [(*key, key in self._from_python) for key in ordered]
        new = [task for task in tasks if task not in self._told]
        self._told.update(new)
        return new


def discover() -> list[KernelTask]:
    """The kernels that the scenarios call: see :func:`discover_in_stages`."""
    return [task for stage in discover_in_stages() for task in stage]


def discover_in_stages() -> Iterator[list[KernelTask]]:
    """The kernels that the scenarios call, first those that an evaluation of the default model
    needs, most probably now, and then the others; in each stage those that call none first.

    A kernel that Python is found to call in a later stage only is there once more. Nothing is done
    for a stage before it is asked for: processors are few.

    Raises
    ------
    RuntimeError
        A scenario failed.
    """
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-P", "-m", "stream.kernels.discovering"]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        for stage in range(2):
            if stage > 0:
                # Not the end of the input: processes that were forked meanwhile hold it open.
                process.stdin.write(b"\n")
                process.stdin.flush()
            try:
                yield [KernelTask(*each) for each in pickle.load(process.stdout)]
            except EOFError:
                process.wait()
                errors.seek(0)
                told = errors.read().decode(errors="replace")
                raise RuntimeError(f"The kernels cannot be listed: {told}") from None


def _main() -> None:
    recorder = _Recorder()
    # Before anything is imported that has kernels.
    jit.interpreted = recorder.watch
    warnings.simplefilter("ignore")  # numbers of 64 bits overflow on purpose
    from stream.kernels.scenarios import FIRST, scenarios

    for number, (_, scenario) in enumerate(scenarios(), start=1):
        scenario()
        if number == FIRST:
            _tell(recorder)
            if not sys.stdin.readline():  # nobody asks for the others
                return
    _tell(recorder)


def _tell(recorder: _Recorder) -> None:
    sys.stdout.buffer.write(pickle.dumps(recorder.news()))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
