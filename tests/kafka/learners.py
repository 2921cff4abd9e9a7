"""Learners in processes of their own, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from kafka_helpers import PATIENCE


class Learners:
    """Starts learners from a warmed-up process; safe to be used by several threads."""

    def __init__(self) -> None:
        here = Path(__file__).resolve().parent
        self._lock = threading.Lock()
        self._zygote = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(here / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def _answer(self) -> Any:
        assert self._zygote.stdout is not None
        return json.loads(self._zygote.stdout.readline())

    def _ask(self, command: str, what: Any) -> Any:
        assert self._zygote.stdin is not None
        with self._lock:
            self._zygote.stdin.write(json.dumps({command: what}) + "\n")
            self._zygote.stdin.flush()
            return self._answer()

    def start(
        self, bootstrap: str, directory: Path, topic: str, predictions: str, **options: Any
    ) -> LearnerProcess:
        """A learner that has begun; ``options`` are those of ``service_for``."""
        what = {
            "bootstrap": bootstrap,
            "directory": str(directory),
            "topic": topic,
            "predictions": predictions,
            "options": options,
        }
        return LearnerProcess(self._ask("start", what), self)

    def poll(self, pid: int) -> int | None:
        """Exit code of a learner; None while it runs."""
        return self._ask("poll", pid)

    def close(self) -> None:
        assert self._zygote.stdin is not None
        self._zygote.stdin.close()
        self._zygote.wait(PATIENCE)


class LearnerProcess:
    """One learner."""

    def __init__(self, pid: int, learners: Learners):
        self.pid = pid
        self._learners = learners
        self._code: int | None = None

    @property
    def code(self) -> int | None:
        """Exit code; None while it runs."""
        if self._code is None:
            self._code = self._learners.poll(self.pid)
        return self._code

    def wait(self, seconds: float) -> int | None:
        """Wait for its end, so long at most; the exit code, None while it runs."""
        deadline = time.monotonic() + seconds
        while self.code is None and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.code

    def show_stacks(self) -> None:
        """Have it write where each of its threads is, if it still runs."""
        if self.code is None:
            os.kill(self.pid, signal.SIGUSR1)
            time.sleep(1.0)  # it writes while nobody knows of it

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal, SIGKILL unless told otherwise, if it still runs."""
        if self.code is None:
            os.kill(self.pid, number)
            if number == signal.SIGKILL:
                assert self.wait(PATIENCE) is not None
