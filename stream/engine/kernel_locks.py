"""One process compiles a kernel, others that want it wait for its file.

A process that compiles a kernel holds the lock of each kernel on the way down to what it compiles
now. Calls go from a kernel to those below it, in every process alike, so no two processes wait for
each other. The operating system takes a lock back from a process that dies.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # not on Windows: there two processes may compile the same kernel
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

# A kernel compiles in seconds; whoever waits longer compiles it, too, which does no harm.
MOST_SECONDS = 120.0
_POLL_SECONDS = 0.02


class KernelLock:
    """The right to compile the kernel that is kept in a file.

    Parameters
    ----------
    path
        The file that the kernel will be kept in; the lock is a file beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file_path = path.with_name(path.name + ".lock")
        self._file: BinaryIO | None = None

    def acquire(self) -> None:
        """Wait until the kernel is there, or is ours to compile, or the wait has been too long."""
        if fcntl is None:
            return
        try:
            self._file_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = file = self._file_path.open("wb")
            until = time.monotonic() + MOST_SECONDS
            while not self._path.exists() and time.monotonic() < until:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    time.sleep(_POLL_SECONDS)
        except OSError as error:  # a read-only folder, or a file system without locks
            logger.debug("There is no lock for %s: %s", self._path, error)

    def release(self) -> None:
        """Let others have the kernel."""
        if self._file is not None:
            self._file_path.unlink(missing_ok=True)
            self._file.close()
            self._file = None
