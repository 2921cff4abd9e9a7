"""Fill the folder of compiled kernels with a pool of processes."""

from __future__ import annotations

import concurrent.futures
import importlib
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from numba.core.errors import NumbaError

from stream.engine import compile_helpers, kernel_cache
from stream.kernels.discovering import KernelTask, discover_in_stages


class Filling(NamedTuple):
    """What was done."""

    kernels: int  # known kernels
    compiled: int  # of which were not kept before
    seconds: float
    folder: Path
    from_python: list[Path]  # files of the kernels that Python calls, which are all that is needed


def fill(
    processes: int | None = None, progress: Callable[[int, int], None] = lambda done, total: None
) -> Filling:
    """Compile every kernel that a scenario reaches and that is not kept yet.

    Parameters
    ----------
    processes
        Number of processes; None: that of the processors, at most four.
    progress
        Called with the number of kernels that are there and of those that are known.

    Raises
    ------
    NumbaError
        A kernel that Python calls cannot be compiled.
    """
    began = time.perf_counter()
    folder = kernel_cache.cache_root() / kernel_cache.versions()
    processes = processes or max(1, compile_helpers.n_processes())
    # The pool is all the help there is: its processes start no helpers of their own.
    os.environ[compile_helpers.VARIABLE] = "0"
    os.environ["DRIFTHOMER_COMPILE_NOTICE"] = "0"
    # A forked process has all modules already; elsewhere each imports them anew.
    method = "fork" if sys.platform == "linux" else "spawn"
    tasks: list[KernelTask] = []
    futures: list[concurrent.futures.Future[bool]] = []

    def tell(future: Any = None) -> None:
        progress(sum(each.done() for each in futures), len(futures))

    # One more than work at a time: now and then one waits for a kernel that another compiles.
    with concurrent.futures.ProcessPoolExecutor(
        processes + (processes > 1),
        mp_context=multiprocessing.get_context(method),
        initializer=end_with,
        initargs=(os.getpid(),),
    ) as pool:
        for stage in discover_in_stages():
            for task in stage:
                importlib.import_module(task.module)
            tasks += stage
            futures += [pool.submit(_compile, task) for task in stage]
            tell()
            for future in futures[-len(stage) :]:
                future.add_done_callback(tell)
            # Whoever waits for this stage needs the processors that looking for the next one takes.
            _wait_for_all_but(processes, futures)
        compiled = sum(future.result() for future in concurrent.futures.as_completed(futures))
    mark = compile_helpers.complete_mark(folder)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    files = [_file(task, folder) for task in tasks if task.from_python]
    n_kernels = len({task[:3] for task in tasks})
    return Filling(n_kernels, compiled, time.perf_counter() - began, folder, files)


def _wait_for_all_but(n: int, futures: list[concurrent.futures.Future[bool]]) -> None:
    """Wait until at most ``n`` are not done yet."""
    while len(pending := [each for each in futures if not each.done()]) > n:
        concurrent.futures.wait(pending, return_when=concurrent.futures.FIRST_COMPLETED)


def _kernel(task: KernelTask) -> Any:
    found: Any = importlib.import_module(task.module)
    for part in task.name.split("."):
        found = getattr(found, part)
    return found


def _file(task: KernelTask, folder: Path) -> Path:
    kernel = _kernel(task)
    processor = kernel.targetctx.codegen().magic_tuple()
    return folder / kernel._cache.file_name(task.types, processor)


def _compile(task: KernelTask) -> bool:
    """Compile a kernel or load it; whether it had to be compiled."""
    kernel = _kernel(task)
    before = sum(kernel.stats.cache_misses.values())
    try:
        (kernel.compile if task.from_python else kernel.compile_part)(task.types)
    except NumbaError:
        if task.from_python:
            raise
        return False  # types that only the interpreter makes
    return sum(kernel.stats.cache_misses.values()) > before


def end_with(process: int) -> None:
    """End this process when the one that started it has ended, in whatever way."""

    def watch() -> None:
        while os.getppid() == process:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with parent").start()
