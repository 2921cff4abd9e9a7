"""Time a row and memory while labels, words and label sets go on coming for the first time.

Run: python experiments/benchmark_growth.py [--rows 200000] [--max-size 200] [--quick]

Synthetic text: a row has three labels, and fifty words of which most speak for one of them. A new
label comes in every second row, until there are half as many labels as rows; five new words come
with every row, and nearly every label set is new. After each stage the table says how long a row
of that stage took, predicted and learnt, in processor time of this process; what the process takes
in memory more than before the first row; and the precision at 1 of that stage.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator

import numpy as np
from reporting import print_table, use_one_core

from stream import DriftHOMER
from stream.evaluate import prequential

HEADS = ("rows", "labels", "words", "µs a row", "memory, MB", "P@1", "clusters asked")
LABELS_A_ROW, WORDS_A_ROW, NEW_WORDS = 3, 50, 5
A_CALL = 1_000
SEED = 1

Row = tuple[dict[str, float], set[str]]


def rows(n_rows: int) -> Iterator[Row]:
    """Rows of text, each with its label set."""
    rng = np.random.default_rng(SEED)
    for row in range(n_rows):
        n_labels, n_words = 4 + row // 2, WORDS_A_ROW + NEW_WORDS * row
        newest = n_labels - 1 if row % 2 == 0 else int(rng.integers(n_labels))
        others = rng.integers(n_labels, size=LABELS_A_ROW - 1)
        labels = {newest, *others.tolist()}
        spoken_for = np.repeat(list(labels), 12)
        words = (spoken_for * 7 + rng.integers(0, 40, len(spoken_for))) % n_words
        common = rng.integers(0, 1_000, WORDS_A_ROW - NEW_WORDS - len(words)) % n_words
        new = np.arange(n_words - NEW_WORDS, n_words)
        x = {f"w{word}": 1.0 for word in (*words.tolist(), *common.tolist(), *new.tolist())}
        yield x, {f"t{label}" for label in labels}


def resident_mb() -> float:
    """Memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


class Timed:
    """Hands rows on, and knows how long making them took.

    Parameters
    ----------
    rows
        To be handed on.
    """

    def __init__(self, rows: Iterator[Row]):
        self.rows = rows
        self.seconds = 0.0

    def take(self, n_rows: int) -> Iterator[Row]:
        """The next rows."""
        for _ in range(n_rows):
            start = time.process_time()
            row = next(self.rows)
            self.seconds += time.process_time() - start
            yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--max-size", type=float, default=200.0, help="of the model, in MB")
    parser.add_argument("--quick", action="store_true", help="6,000 rows")
    options = parser.parse_args()
    n_rows = 6_000 if options.quick else options.rows
    use_one_core()
    prequential(list(rows(2_000)), DriftHOMER(seed=SEED))  # kernels and libraries
    model = DriftHOMER(seed=SEED, max_size=options.max_size)
    before, source, table, row = resident_mb(), Timed(rows(n_rows)), [], 0
    for share in (1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100):
        n_more = n_rows * share // 100 - row
        row += n_more
        source.seconds, start = 0.0, time.process_time()
        result = prequential(source.take(n_more), model)
        seconds = time.process_time() - start - source.seconds
        table.append(
            (
                f"{row:,}", f"{4 + row // 2:,}", f"{WORDS_A_ROW + NEW_WORDS * row:,}",
                f"{1e6 * seconds / n_more:,.0f}", f"{resident_mb() - before:,.0f}",
                f"{result.metrics['precision_at_1']:.3f}", f"{model.gate['asked']:,.1f}",
            )
        )  # fmt: skip
        print(*table[-1], flush=True)
    print_table(f"Growth, max_size={options.max_size:g}, seed {SEED}", HEADS, table)


if __name__ == "__main__":
    main()
