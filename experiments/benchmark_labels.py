"""What a label costs that comes for the first time, when so many others are known already.

Run: python experiments/benchmark_labels.py [--labels 100000] [--quick] [--profile]

Rows come in two shapes, one a call and 1,000 a call, and in two kinds:

- *bookkeeping*: a row has no feature, and no cluster is asked about it. What is left is the place
  of the label in every stage: its cluster and column, its counts, its child of the gate.
- *text*: a row has ten words, and everything works as it does by default.

At every size a stretch of rows with one new label each is timed beside a stretch with one known
label each; a new label costs the difference. What grows with the number of labels although a row
has no more of them is not O(1). Times are of the process, and the least of several stretches.
"""

from __future__ import annotations

import argparse
import cProfile
import math
import pstats
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from reporting import print_table, use_one_core

from stream import DriftHOMER
from stream.rows.batch import Batch
from stream.rows.schema import Schema

HEADS = ("rows", "a call", "labels", "known label, µs", "new label, µs", "difference, µs")
N_WORDS, WORDS_A_ROW = 2_000, 10
CALLS = (1, 1_000)  # rows of a call
STRETCH = {1: 200, 1_000: 4_000}  # rows that are timed together
STRETCHES = 3
SEED = 1
NOTHING_ASKED: dict[str, Any] = {"gate_threshold": 1.0, "window": 0, "past": False}
KINDS: dict[str, dict[str, Any]] = {"bookkeeping": NOTHING_ASKED, "text": {}}


class Feeder:
    """Gives a model rows of one label each.

    Parameters
    ----------
    kind
        ``bookkeeping`` or ``text``.
    """

    def __init__(self, kind: str):
        words = N_WORDS if kind == "text" else 0
        self.model = DriftHOMER(seed=SEED, **KINDS[kind])
        self.schema = Schema(range(words), range(0))
        self.rng = np.random.default_rng(SEED)
        self.n_words = WORDS_A_ROW if words else 0
        self.n_labels = 0

    def batches(self, labels: np.ndarray, a_call: int) -> list[Batch]:
        """Rows with these labels, cut into calls."""
        found = []
        for start in range(0, len(labels), a_call):
            of_call = labels[start : start + a_call].astype(np.int32)
            n, width = len(of_call), self.n_words
            # words of a label are near each other, and some are anybody's
            of_label = (of_call[:, None] * 7 + self.rng.integers(0, 40, (n, width))) % N_WORDS
            words = np.sort(of_label, axis=1)
            distinct = np.ones_like(words, bool)
            distinct[:, 1:] = words[:, 1:] != words[:, :-1]
            indptr = np.concatenate([[0], np.cumsum(distinct.sum(axis=1))]).astype(np.int64)
            indices = words[distinct].astype(np.int32)
            one_each = np.arange(n + 1, dtype=np.int64)
            nothing = np.zeros(n + 1, np.int64), np.zeros(0, np.int32)
            found.append(Batch(indptr, indices, np.ones(len(indices)), one_each, of_call, *nothing))
        return found

    def learn(self, batches: list[Batch]) -> float:
        """Predict and learn; returns the seconds of the process."""
        start = time.process_time()
        for batch in batches:
            if batch.n_rows > 1:
                self.schema.labels = range(self.n_labels)
                self.model.test_then_train_many(batch, self.schema)
            else:
                x = dict.fromkeys(batch.x_indices.tolist(), 1.0)
                self.model.predict_top_one(x)
                self.model.learn_one(x, set(batch.y_indices.tolist()))
        return time.process_time() - start

    def new(self, n: int, a_call: int) -> float:
        """Learn so many rows with a new label each; returns the seconds."""
        labels = np.arange(self.n_labels, self.n_labels + n)
        self.n_labels += n
        return self.learn(self.batches(labels, a_call))

    def known(self, n: int, a_call: int) -> float:
        """Learn so many rows with a known label each; returns the seconds."""
        return self.learn(self.batches(self.rng.integers(0, self.n_labels, n), a_call))


def measure(
    kind: str, sizes: list[int], on_size: Callable[[Feeder], None] | None = None
) -> list[dict[str, Any]]:
    """Microseconds of a row with a known and with a new label, at each number of labels."""
    feeder = Feeder(kind)
    found = []
    for size in sizes:
        before = size - feeder.n_labels
        if before > 0:
            feeder.new(before, 1_000)
        for a_call in CALLS:
            n = min(STRETCH[a_call], max(size, a_call))
            known = min(feeder.known(n, a_call) for _ in range(STRETCHES))
            new = min(feeder.new(n, a_call) for _ in range(STRETCHES))
            found.append(
                {
                    "kind": kind,
                    "a call": a_call,
                    "labels": size,
                    "known": 1e6 * known / n,
                    "new": 1e6 * new / n,
                }
            )
        if on_size is not None:
            on_size(feeder)
    return found


def profile(feeder: Feeder) -> None:
    """Print where the time of rows with a new label goes, one a call."""
    profiler = cProfile.Profile()
    profiler.enable()
    feeder.new(STRETCH[1], 1)
    profiler.disable()
    print(f"{feeder.n_labels} labels, {STRETCH[1]} rows with a new label each, one a call")
    pstats.Stats(profiler).sort_stats("tottime").print_stats(12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--labels", type=int, default=100_000, help="labels at the end")
    parser.add_argument("--quick", action="store_true", help="up to 3,000 labels")
    parser.add_argument("--kind", choices=[*KINDS], action="append", help="only these rows")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    use_one_core()
    most = 3_000 if options.quick else options.labels
    sizes = [10**k for k in range(3, math.ceil(math.log10(most)))] + [most]
    found = []
    for kind in options.kind or KINDS:
        Feeder(kind).model.warm_up()
        found += measure(kind, sizes, profile if options.profile else None)
    rows = [
        [
            line["kind"], f"{line['a call']:,}", f"{line['labels']:,}", f"{line['known']:,.1f}",
            f"{line['new']:,.1f}", f"{line['new'] - line['known']:,.1f}",
        ]
        for line in found
    ]  # fmt: skip
    print_table("Cost of a row with a known and with a new label", HEADS, rows)


if __name__ == "__main__":
    main()
