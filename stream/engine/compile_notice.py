"""Say that kernels are being compiled, and for how long: the wait would be a riddle otherwise."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from numba.core import event

from stream.engine.kernel_cache import KernelCache

# What compiles faster is not worth a line.
QUIET_SECONDS = 1.0
# Kernels of one use follow each other within this time.
_PAUSE_SECONDS = 1.0
_REDRAW_SECONDS = 1.0
VARIABLE = "DRIFTHOMER_COMPILE_NOTICE"


class CompileNotice(event.Listener):
    """Elapsed time on standard error, on a terminal and in a notebook in a line that is redrawn.

    Nothing is written when all kernels are found, when they take less than a second, or when the
    environment variable ``DRIFTHOMER_COMPILE_NOTICE`` is 0.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._functions = 0
        self._ended = 0.0
        self._thread: threading.Thread | None = None

    def on_start(self, event: Any) -> None:
        """A kernel begins to be compiled."""
        if not _is_ours(event):
            return
        self._depth += 1
        self._functions += 1
        if self._thread is None and os.environ.get(VARIABLE) != "0":
            self._thread = threading.Thread(target=self._tell, daemon=True, name="compile notice")
            self._thread.start()

    def on_end(self, event: Any) -> None:
        """A kernel is compiled, or cannot be."""
        if not _is_ours(event):
            return
        self._depth -= 1
        self._ended = time.monotonic()
        # Not ``is_failed``, which in Numba 0.68 is true of what has not failed.
        if (event._exc_details or [None])[0] is not None:
            event.data["dispatcher"]._cache.release()

    def _tell(self) -> None:
        began = time.monotonic()
        functions = self._functions - 1
        redrawn = sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules)
        time.sleep(QUIET_SECONDS)
        told = False
        while self._depth > 0 or time.monotonic() - self._ended < _PAUSE_SECONDS:
            seconds = time.monotonic() - began
            if self._depth > 0 and (redrawn or not told):
                told = _write(
                    ("\r" if redrawn else "")
                    + "DriftHOMER compiles its kernels, once for this machine and version "
                    + (f"(so far {seconds:.0f} s) ..." if redrawn else "(about a minute) ...\n")
                )
            time.sleep(_REDRAW_SECONDS if told else _REDRAW_SECONDS / 4)
        self._thread = None
        if told:
            _write(
                ("\r\033[K" if redrawn else "")
                + f"DriftHOMER compiled {self._functions - functions} kernels in "
                f"{self._ended - began:.0f} s; they are kept for the next time.\n"
            )


def _is_ours(event: Any) -> bool:
    return isinstance(event.data["dispatcher"]._cache, KernelCache)


def _write(text: str) -> bool:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # there is no standard error, or it is closed
        return False
    return True


def listen() -> None:
    """Tell of all compilations of this process from now on."""
    event.register("numba:compile", CompileNotice())
