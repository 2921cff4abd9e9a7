"""A worker's process from outside: started, watched, ended."""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.definition import Cell

EXPERIMENTS = Path(__file__).resolve().parents[1]
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class CellProcess:
    """The process that runs a cell.

    Parameters
    ----------
    cell, key
        What it runs, and where its record belongs.
    data_dir, store
        Folders of the data files and of the records.
    """

    def __init__(self, cell: Cell, key: str, data_dir: str | None, store: Path):
        self.cell = cell
        self.key = key
        self.began = time.monotonic()
        environment = {
            **os.environ,
            **dict.fromkeys(ONE_THREAD, "1"),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  # a pipe would fill up
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
            env=environment,
            start_new_session=True,
        )
        task = {"cell": cell, "key": key, "data_dir": data_dir, "store": str(store.resolve())}
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(base64.b64encode(pickle.dumps(task)) + b"\n")
            self.process.stdin.flush()

    def trouble(self) -> str | None:
        """Which bound the process has passed, if it has."""
        protocol = self.cell.protocol
        if time.monotonic() - self.began > protocol.timeout:
            return f"did not finish in {protocol.timeout:g} seconds"
        if memory_mb(self.process.pid) > protocol.memory_mb:
            return f"needed more than {protocol.memory_mb:,.0f} MB"
        return None

    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def end(self) -> None:
        """End it, with every process that it started; what it wrote on standard error is kept."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()

    def how_it_ended(self) -> str:
        """What is known of the end of a process that left no record."""
        code = self.process.returncode
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return f"ended {how}: {lines[-1] if lines else 'no message'}"


def memory_mb(pid: int) -> float:
    """Memory that a process and all below it hold, in MiB; 0 where the system does not tell."""
    total, waiting = 0.0, [pid]
    while waiting:
        here = Path("/proc", str(waiting.pop()))
        try:
            status = (here / "status").read_text(encoding="ascii", errors="replace")
            total += int(status.partition("VmRSS:")[2].split()[0]) / 1024
            for task in (here / "task").iterdir():
                waiting += map(int, (task / "children").read_text(encoding="ascii").split())
        except (OSError, IndexError, ValueError):
            continue  # it has just ended, or this system has no such files
    return total
