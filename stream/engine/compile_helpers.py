"""Processes that compile the other kernels while this one compiles what it needs first.

They are started when the first kernel is missing, and end with this process at the latest: what
they have finished by then is kept.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba

logger = logging.getLogger(__name__)
_numba_config: Any = numba.config

# Number of processes; 0: kernels are compiled by the process that needs them, alone.
VARIABLE = "DRIFTHOMER_COMPILE_PROCESSES"
MODULE = "stream.kernels"
MOST_PROCESSES = 4
_started: list[Path] = []


def n_processes() -> int:
    """How many processes may compile side by side: one for each processor, at most four.

    Raises
    ------
    ValueError
        The environment variable is no whole number.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        if not given.isdecimal():
            raise ValueError(
                f"The environment variable {VARIABLE} must be a whole number of processes, 0 to "
                f"start none, got {given!r}."
            )
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)
    return min(os.cpu_count() or 1, MOST_PROCESSES)


@cache
def sources_hash() -> str:
    """Hash of the sources that hold kernels, or decide which there are."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for folder in ("engine", "data/synthetic", "kernels"):
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.name.encode() + b"\n" + path.read_bytes())
    return digest.hexdigest()[:32]


def complete_mark(folder: Path, processor: str | None = None) -> Path:
    """File that says that all known kernels of these sources were compiled.

    Parameters
    ----------
    folder
        The folder of the kernels.
    processor
        For which processor; None: for that which Numba compiles for here.
    """
    processor = processor or _numba_config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    return folder / f"complete-{sources_hash()}-{processor}"


def start(folder: Path, installed: Path) -> None:
    """Start helpers, once, unless everything known has been compiled, or there is one processor.

    Parameters
    ----------
    folder
        The folder of this user's kernels.
    installed
        The folder of the kernels that came with a wheel.
    """
    if _started:
        return
    _started.append(folder)
    if n_processes() < 2 or not sys.executable:
        return
    if complete_mark(folder).exists() or complete_mark(installed, "generic").exists():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        package_parent = str(Path(__file__).parents[2])
        paths = [package_parent, *filter(None, [os.environ.get("PYTHONPATH")])]
        helpers = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE, str(os.getpid())],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        logger.debug("Kernels are compiled by this process alone: %s", error)
        return
    atexit.register(helpers.terminate)
    threading.Thread(target=helpers.wait, daemon=True, name="compile helpers").start()
