"""Time to read what is long in one direction, at three sizes: it must grow with the size.

Run: python experiments/benchmark_doors.py [--quick]

Each line writes a file of a size, of twice and of four times that size, and reads it: a header of
many columns, one long line, texts of which every second one is missing, and LIBSVM rows with far
indices; the last line replays a recorded order of messages that come from two partitions in turns,
out of memory instead of a broker. Times are processor time of this process; the last column says
how many times as long the largest takes as the smallest, 4 where the time is linear.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reporting import print_table, use_one_core

from stream import open_source
from stream.kafka.clients.interface import Record, TopicPartition
from stream.kafka.recovery.recorded_order import OrderFile, Run, read_order
from stream.kafka.recovery.replay import Replay, in_batches

HEADS = ("what", "size", "seconds", "seconds, twice", "seconds, four times", "times as long")
ROWS = 5
N_REPLAYED = 40_000  # messages


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


class InMemory:
    """A topic of as many messages in each partition, as far as a replay asks for it."""

    def __init__(self, n: int):
        self._n = n
        self._positions: dict[TopicPartition, int] = {}

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read from these offsets on."""
        self._positions = dict(positions)

    def poll(self, seconds: float, most: int) -> list[tuple[TopicPartition, list[Record]]]:
        """The next messages of each partition."""
        found = []
        for partition, first in self._positions.items():
            past = min(first + most // len(self._positions), self._n)
            value = b'{"x": {"a": 1}}'
            records = [Record(offset, None, value, 0) for offset in range(first, past)]
            self._positions[partition] = past
            found.append((partition, records))
        return found


def seconds_to_replay(n: int, folder: str) -> float:
    """Processor time of recording ``n`` messages in turns, and of reading them in that order."""
    partitions = [TopicPartition("topic", number) for number in (0, 1)]
    path = Path(folder, "order.txt")
    path.unlink(missing_ok=True)
    start = time.process_time()
    order = OrderFile(path, durable=False)
    for i in range(n // 2):
        order.append(Run(partition, i, i + 1) for partition in partitions)
    order.close()
    replay = Replay(InMemory(n // 2), dict.fromkeys(partitions, 0), deadline=60.0)
    batches = in_batches(replay.pieces(read_order(path)), 1_000)
    n_read = sum(len(piece.records) for batch in batches for piece in batch)
    assert n_read == n // 2 * 2
    return time.process_time() - start


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
            table.append(line(name, size, times[1:]))
        size = N_REPLAYED // 10 if options.quick else N_REPLAYED
        times = [seconds_to_replay(factor * size, folder) for factor in (1, 2, 4)]
        table.append(line("Recorded order, messages in turns", size, times))
    print_table("What is long in one direction", HEADS, table)


def line(name: str, size: int, times: list[float]) -> tuple[str, ...]:
    """A line of the table; it is printed as soon as it is known."""
    seconds = [f"{each:.2f}" for each in times]
    found = (name, f"{size:,}", *seconds, f"{times[2] / max(times[0], 1e-9):.1f}")
    print(*found, flush=True)
    return found


if __name__ == "__main__":
    main()
