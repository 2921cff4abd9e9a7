"""How long a snapshot stops learning: a model of 100 MB, copied at once and written by a thread.

Learning stops while the model is captured; the rest (encoding, hashing, writing, waiting for the
disk) happens beside it. Measured are the capture, next to encoding and hashing on the spot, and the
longest row learnt while the thread writes, next to the longest of as many rows without it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from reporting import (
    RESULTS,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    print_table,
    write_results,
)

from stream import MultiLabelHoeffdingTree
from stream.snapshot import SnapshotStore, capture, dumps, loads

HEADS = ("what", "median ms", "smallest–largest ms", "target")
ROW_FEATURES = 100


def grown_model(megabytes: float) -> MultiLabelHoeffdingTree:
    """A tree whose arrays take so many megabytes at least."""
    model = MultiLabelHoeffdingTree(max_size=4 * megabytes, grace_period=10**6, seed=1)
    features, rng = 500, np.random.default_rng(1)
    while model.n_bytes < megabytes * 1e6:
        X = rng.normal(size=(20, features))
        Y = rng.random((20, 300)) < 0.02
        model.learn_many(X, Y)
        features += 100
    return model


def milliseconds(task: Callable[[], Any]) -> float:
    start = time.perf_counter()
    task()
    return (time.perf_counter() - start) * 1e3


class Learning:
    """One row after the other."""

    def __init__(self, model: MultiLabelHoeffdingTree):
        self.model = model
        rng = np.random.default_rng(2)
        self.x = {i: float(v) for i, v in enumerate(rng.normal(size=ROW_FEATURES))}
        self.y = dict.fromkeys(model.labels, False)

    def rows_while(self, running: Callable[[int], bool]) -> list[float]:
        """Milliseconds of every row that is learnt while ``running``."""
        found: list[float] = []
        while running(len(found)):
            found.append(milliseconds(lambda: self.model.learn_one(self.x, self.y)))
        return found


def measure(model: MultiLabelHoeffdingTree, repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each step, ``repeats`` times."""
    steps = ("encode", "first capture", "capture", "row beside", "row alone", "write", "read")
    found: dict[str, list[float]] = {name: [] for name in steps}
    learning = Learning(model)
    learning.rows_while(lambda n: n < 50)
    start = time.perf_counter()
    taken = capture(model)
    found["first capture"].append((time.perf_counter() - start) * 1e3)
    with tempfile.TemporaryDirectory() as folder:
        store = SnapshotStore(folder, "model")
        for _ in range(repeats):
            found["encode"].append(milliseconds(lambda: dumps(model)))
            start = time.perf_counter()
            taken = capture(model, reuse=taken)
            found["capture"].append((time.perf_counter() - start) * 1e3)

            def write(taken=taken) -> None:
                found["write"].append(milliseconds(lambda: store.write(taken)))

            writer = threading.Thread(target=write)
            writer.start()
            rows = learning.rows_while(lambda n: writer.is_alive())  # noqa: B023
            writer.join()
            found["row beside"].append(max(rows))
            found["row alone"].append(max(learning.rows_while(lambda n: n < len(rows))))  # noqa: B023
            found["read"].append(milliseconds(store.read_newest))
    assert dumps(loads(dumps(model))) == dumps(model)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=100.0, help="size of the model")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    model = grown_model(options.megabytes)
    found = measure(model, options.repeats)
    stop = [
        a + max(b - c, 0.0)
        for a, b, c in zip(found["capture"], found["row beside"], found["row alone"], strict=True)
    ]
    titles = {
        "encode": "encoding and hashing on the spot, without a thread",
        "first capture": "the first capture, into fresh memory",
        "capture": "a later capture, in which learning stops",
        "row alone": "the longest row learnt without a writer",
        "row beside": "the longest row learnt while the thread writes",
        "write": "encoding, hashing, writing and waiting for the disk, in the thread",
        "read": "reading, checking and restoring",
    }
    series = {titles[name]: found[name] for name in titles}
    series["learning stopped: the capture and what the writer adds to a row"] = stop
    rows = [
        (
            title,
            f"{statistics.median(values):.1f}",
            f"{min(values):.1f}–{max(values):.1f}",
            "< 50" if values is stop else "",
        )
        for title, values in series.items()
    ]
    size = f"{model.n_bytes / 1e6:,.0f} MB"
    print_table(f"Snapshots of a model of {size}", HEADS, rows)
    about = {"command": command_line(), "machine": machine(), "megabytes": model.n_bytes / 1e6}
    text = (
        f"# What a snapshot costs\n\n`{command_line()}`\n\n{machine_markdown(machine())}\n"
        f"A tree of {size}, {options.repeats} times.\n\n" + markdown_table(HEADS, rows)
    )
    write_results("snapshot", {**about, "milliseconds": found, "stopped": stop}, text, options.out)


if __name__ == "__main__":
    main()
