"""The process of one cell: reads the cell from standard input, writes its record, ends.

It ends too when standard input is closed, which happens when the runner is killed.
"""

from __future__ import annotations

import base64
import os
import pickle
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from reporting import machine

from harness.definition import Cell
from harness.evaluation import evaluate
from harness.store import Store
from stream.evaluate.result import peak_rss_mb


def end_with_the_runner() -> None:
    """Wait for the end of standard input in the background."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    task = pickle.loads(base64.b64decode(sys.stdin.buffer.readline()))
    end_with_the_runner()
    try:
        record = evaluate(task["cell"], task["data_dir"])
    except BaseException as error:
        record = failure(error)
    try:
        Store(Path(task["store"])).write(task["key"], complete(record, task["cell"]))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # threads, of a peer's run time too, may hold the process back


def complete(record: dict[str, Any], cell: Cell) -> dict[str, Any]:
    """A record with what it is the record of, and where it was made."""
    bounds = {"timeout": cell.protocol.timeout, "memory_mb": cell.protocol.memory_mb}
    return {**record, "bounds": bounds, "asks": cell.asks(), "machine": machine()}


def failure(error: BaseException) -> dict[str, Any]:
    """The record of a cell that failed: its error and where it came from."""
    text = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return {
        "status": "failed",
        "error": f"{type(error).__name__}: {text}{where}",
        "peak_rss_mb": peak_rss_mb(),
    }


if __name__ == "__main__":
    main()
