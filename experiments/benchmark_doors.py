"""Time to read files that are long in one direction, at three sizes: it must grow with the size.

Run: python experiments/benchmark_doors.py [--quick]

Each line writes a file of a size, of twice and of four times that size, and reads it: a header of
many columns, one long line, texts of which every second one is missing, and LIBSVM rows with far
indices. Times are processor time of this process; the last column says how many times as long the
largest file takes as the smallest, 4 where the time is linear.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reporting import print_table, use_one_core

from stream import open_source

HEADS = ("file", "size", "seconds", "seconds, twice", "seconds, four times", "times as long")
ROWS = 5


def wide_csv(n: int) -> str:
    """A header of ``n`` columns, and some rows."""
    header = ",".join(f"column {i}" for i in range(n))
    return f"{header},label\n" + ("1," * n + "1\n") * ROWS


def long_csv(n: int) -> str:
    """A cell of ``n`` characters."""
    return "text,label\n" + "x" * n + ",1\n"


def long_json(n: int) -> str:
    """A text of ``n`` characters."""
    return '{"text": "' + "x" * n + '", "y": {"label": true}}\n'


def long_libsvm(n: int) -> str:
    """A row of ``n`` values."""
    return "1 " + " ".join(f"{i}:1" for i in range(1, n + 1)) + "\n"


def missing_csv(n: int) -> str:
    """``n`` rows, every second of which lacks its text."""
    return "text,label\n" + "".join(f"note {i},1\n,0\n" for i in range(n // 2))


def missing_json(n: int) -> str:
    """``n`` rows, every second of which lacks its text."""
    row = '{"text": %s, "y": {"label": true}}\n'
    return "".join(row % f'"note {i}"' + row % "null" for i in range(n // 2))


def far_libsvm(n: int) -> str:
    """``n`` rows, each with an index of its own from 2,000,000,000 down."""
    return "".join(f"1 5:2 {2 * 10**9 - i}:1\n" for i in range(n))


FILES: dict[str, tuple[Callable[[int], str], str, int, dict[str, Any]]] = {
    "CSV, columns": (wide_csv, "csv", 25_000, {"labels": ["label"]}),
    "CSV, characters in a cell": (long_csv, "csv", 8_000_000, {"labels": ["label"]}),
    "JSON, characters in a text": (long_json, "jsonl", 8_000_000, {"labels": "y"}),
    "LIBSVM, values in a row": (long_libsvm, "svm", 500_000, {}),
    "CSV, rows with missing texts": (missing_csv, "csv", 60_000, {"labels": ["label"]}),
    "JSON, rows with missing texts": (missing_json, "jsonl", 10_000, {"labels": "y"}),
    "LIBSVM, rows with far indices": (far_libsvm, "svm", 50_000, {}),
}


def seconds_to_read(path: Path, options: dict[str, Any]) -> float:
    """Processor time of reading all rows."""
    start = time.process_time()
    n_rows = sum(batch.n_rows for batch in open_source(path, **options).batches())
    assert n_rows > 0
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="files a tenth as long")
    options = parser.parse_args()
    use_one_core()
    table = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (content, suffix, size, given) in FILES.items():
            size = size // 10 if options.quick else size
            path = Path(folder, f"rows.{suffix}")
            times = []
            for factor in (1, 1, 2, 4):  # the first one imports what there is to import
                path.write_text(content(factor * size))
                times.append(seconds_to_read(path, given))
            row = (name, f"{size:,}", *(f"{each:.2f}" for each in times[1:]))
            table.append((*row, f"{times[3] / max(times[1], 1e-9):.1f}"))
            print(*table[-1], flush=True)
    print_table("Files that are long in one direction", HEADS, table)


if __name__ == "__main__":
    main()
