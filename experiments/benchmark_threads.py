"""What a second thread gains: rows a second with ``n_jobs=1`` and ``n_jobs=2``, in turns.

Run: python experiments/benchmark_threads.py [--quick] [--turns 5] [--data-dir FOLDER]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NamedTuple

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

from stream import DriftHOMER, open_source, prequential
from stream.errors import NotAvailableError

SEED = 1
STREAMS = ("debian_builddeps", "Delicious", "Bibtex")
QUICK_STREAMS = ("syn-blocks-sud",)
HEADS = ("stream", "rows", "one thread, rows/s", "two threads, rows/s", "ratio", "lowest, highest")


class Threads(NamedTuple):
    """Rows a second of a stream, by turn."""

    stream: str
    rows: int
    one: list[float]
    two: list[float]

    @property
    def line(self) -> list[str]:
        """Medians, and the ratios of turns."""
        one, two = float(np.median(self.one)), float(np.median(self.two))
        ratios = [b / a for a, b in zip(self.one, self.two, strict=True)]
        span = f"{min(ratios):.2f}, {max(ratios):.2f}"
        return [
            self.stream,
            f"{self.rows:,}",
            f"{one:,.0f}",
            f"{two:,.0f}",
            f"{two / one:.2f}",
            span,
        ]


def in_turns(name: str, n_rows: int, n_turns: int, data_dir: Path | None) -> Threads:
    """A run with one thread and one with two, as often as there are turns."""
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(n_turns):
        for n_jobs, found in speeds.items():
            source = open_source(name, data_dir=data_dir, download=False)
            result = prequential(source, DriftHOMER(seed=SEED, n_jobs=n_jobs), limit=n_rows)
            found.append(result.rows_per_second)
    return Threads(name, result.rows, speeds[1], speeds[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one turn of few rows of a generator")
    parser.add_argument("--turns", type=int, default=5, help="runs with one thread, and with two")
    parser.add_argument("--rows", type=int, default=20_000, help="rows of a stream at most")
    parser.add_argument("--data-dir", type=Path, help="folder of the benchmark files")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    names, n_turns, n_rows = STREAMS, options.turns, options.rows
    if options.quick:
        names, n_turns, n_rows = QUICK_STREAMS, 1, 2_000
    found = []
    for name in names:
        try:
            found.append(in_turns(name, n_rows, n_turns, options.data_dir))
        except NotAvailableError as error:
            print(error)
    about = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} when it ended"
    lines = [each.line for each in found]
    print_table(f"Medians of {n_turns} turns, {about}", HEADS, lines)
    markdown = "\n".join(
        [
            f"# What a second thread gains\n\n`{command_line()}`, DriftHOMER, seed {SEED}\n",
            machine_markdown(machine()),
            f"Medians of {n_turns} turns ({about}); the last column is of the ratios of turns:\n",
            markdown_table(HEADS, lines),
        ]
    )
    data = {
        "command": command_line(),
        "machine": machine(),
        "seed": SEED,
        "streams": [each._asdict() for each in found],
    }
    write_results("threads", data, markdown, options.out)


if __name__ == "__main__":
    main()
