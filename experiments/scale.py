"""What workers gain: measured where there are processors for it, simulated where there are none.

Run: python experiments/scale.py [--quick] [--rows 12000]

Streams of text with 10³ to 10⁵ labels are learnt in one process, and the processor time of every
stage is taken. Together with what a message to a worker takes, it feeds a discrete-event simulation
(SimPy) of the stages as they run: recall (recent rows), route (gate), clusters, decide (set
decoder), each on the next piece of a segment as soon as it has done one. The costs for more labels
than were measured are those of a power of the number of labels through the measured points.

The simulation is checked against runs on this machine with one worker and with two, for which it is
told that all share the processors that there are.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simpy
from reporting import (
    RESULTS,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    print_table,
    write_results,
)

from stream import DriftHOMER
from stream.clusters import executor as executor_module
from stream.clusters.coordinator import PERIOD
from stream.clusters.pipeline import MOST_EVENTS
from stream.distributed import on_ray
from stream.rows.batch import Batch
from stream.rows.schema import Schema

SEED = 1
ROWS_A_CALL = 2_000
ROWS_A_PIECE = MOST_EVENTS // 2  # each row is predicted and learnt
LABELS_A_ROW, WORDS_A_LABEL, WORDS_A_ROW = 3, 4, 12
MEASURED = (1_000, 10_000, 100_000)
SIMULATED = (1_000, 10_000, 20_000, 100_000, 1_000_000)
WORKERS = (1, 2, 4, 8, 16, 32, 64)
HOME_PROCESSORS = 3  # of the process with the other stages: one for each
WANTED, WANTED_WORKERS = 0.7, 16
HEADS = ("labels", *(f"{n} workers" for n in WORKERS), "slowest with 16")


class Costs(NamedTuple):
    """Seconds that the parts of a row take, and a message."""

    recall: float  # recent rows
    route: float  # gate
    send: float  # putting the work of a row where workers read it
    clusters: float  # all clusters together
    decide: float
    message: float  # a call of a worker and its answer, whatever they hold


def text(n_labels: int, n_rows: int) -> Iterator[tuple[Batch, Schema]]:
    """Rows of words that go with their labels; a few labels have most of the rows."""
    rng = np.random.default_rng(SEED)
    n_words = WORDS_A_LABEL * n_labels
    schema = Schema(range(n_words), range(n_labels))
    words_of = rng.integers(0, n_words, (n_labels, WORDS_A_LABEL))
    next_label = 0
    for start in range(0, n_rows, ROWS_A_CALL):
        n = min(ROWS_A_CALL, n_rows - start)
        x, y = [], []
        for _ in range(n):
            labels = set((n_labels * rng.random(LABELS_A_ROW) ** 3).astype(int).tolist())
            labels.add(next_label % n_labels)  # so that all are known in the end
            next_label += 1
            words = rng.choice(words_of[list(labels)].ravel(), WORDS_A_ROW)
            x.append(np.unique(words))
            y.append(np.array(sorted(labels)))
        ends = [np.cumsum([0, *map(len, each)]) for each in (x, y)]
        nothing = np.zeros(n + 1, np.int64), np.zeros(0, np.int32)
        entries, labels_of = np.concatenate(x).astype(np.int32), np.concatenate(y).astype(np.int32)
        yield Batch(ends[0], entries, np.ones(len(entries)), ends[1], labels_of, *nothing), schema


class Stopwatch:
    """Takes the processor time of an object's method, or of a module's function."""

    def __init__(self, owner: Any, name: str):
        self.seconds = 0.0
        self._owner, self._name = owner, name
        self._timed = getattr(owner, name)
        setattr(owner, name, self)

    def stop(self) -> None:
        """Take no more time."""
        setattr(self._owner, self._name, self._timed)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        start = time.thread_time()
        try:
            return self._timed(*args, **kwargs)
        finally:
            self.seconds += time.thread_time() - start


def stage_costs(n_labels: int, n_rows: int) -> tuple[float, float, float, float]:
    """Seconds a row of recall, route, clusters and decide, in the second half of the rows."""
    model = DriftHOMER(seed=SEED)
    stages = model._gated
    clusters = Stopwatch(executor_module, "work_off")
    watches = (
        Stopwatch(model, "test_then_train_many"),
        Stopwatch(stages.recent, "recall"),
        clusters,
        Stopwatch(stages.decoder, "decode"),
    )
    before, rows = np.zeros(len(watches)), 0
    for batch, schema in text(n_labels, n_rows):
        if rows < n_rows / 2 <= rows + batch.n_rows:
            before = np.array([each.seconds for each in watches])
            counted_from = rows
        model.test_then_train_many(batch, schema)
        rows += batch.n_rows
    clusters.stop()
    spent = np.array([each.seconds for each in watches]) - before
    total, recall, in_clusters, decide = (spent / (rows - counted_from)).tolist()
    return recall, total - recall - in_clusters - decide, in_clusters, decide


class OnWorkers(NamedTuple):
    """What a run on workers told."""

    rows_a_second: float
    send: float  # processor seconds a row
    message: float  # seconds
    shares: list[float]  # of each cluster in the time of all


def run_on_workers(n_labels: int, n_rows: int, workers: int) -> OnWorkers:
    """Learn a stream with its clusters on workers of this machine."""
    model = on_ray(DriftHOMER(seed=SEED), workers)
    executor = model._gated.executor
    send = Stopwatch(executor, "_put")
    batches = list(text(n_labels, n_rows))
    half = len(batches) // 2
    for place, (batch, schema) in enumerate(batches):
        if place == half:
            start = time.perf_counter()
        model.test_then_train_many(batch, schema)
    seconds = time.perf_counter() - start
    rows = sum(batch.n_rows for batch, _ in batches[half:])
    messages = []
    for _ in range(30):
        begin = time.perf_counter()
        executor._ask("place")
        messages.append(time.perf_counter() - begin)
    took = executor._seconds / executor._seconds.sum()
    sent = send.seconds / sum(batch.n_rows for batch, _ in batches)
    model.collect()
    return OnWorkers(rows / seconds, sent, min(messages), took.tolist())


def dealt(shares: Sequence[float], workers: int) -> list[float]:
    """The share of each worker when clusters are dealt out, the dearest first."""
    totals = [0.0] * workers
    for share in sorted(shares, reverse=True):
        totals[totals.index(min(totals))] += share
    return totals


def simulate(
    costs: Costs, shares: Sequence[float], n_rows: int, *, processors: int | None = None
) -> float:
    """Rows a second of the stages at work.

    Parameters
    ----------
    costs
        What the parts take.
    shares
        Of each worker in the work of clusters.
    n_rows
        Rows that are learnt.
    processors
        That workers and the other stages share; None: every worker has one of its own.
    """
    env = simpy.Environment()
    home = simpy.Resource(env, processors or HOME_PROCESSORS)
    places = [home if processors else simpy.Resource(env, 1) for _ in shares]

    def use(place: simpy.Resource, seconds: float) -> Iterator[Any]:
        with place.request() as granted:
            yield granted
            yield env.timeout(seconds)

    def on_worker(place: simpy.Resource, seconds: float) -> Iterator[Any]:
        yield env.timeout(costs.message)
        yield env.process(use(place, seconds))

    def advance(rows: int) -> Iterator[Any]:
        yield env.process(use(home, costs.send * rows))
        work = costs.clusters * rows
        yield env.all_of(
            [
                env.process(on_worker(*each))
                for each in zip(places, [work * s for s in shares], strict=True)
            ]
        )

    works = (
        lambda rows: use(home, costs.recall * rows),
        lambda rows: use(home, costs.route * rows),
        advance,
        lambda rows: use(home, costs.decide * rows),
    )

    def stage(number: int, pieces: list[int], done: list[list[simpy.Event]]) -> Iterator[Any]:
        for piece, rows in enumerate(pieces):
            if number:
                yield done[number - 1][piece]
            yield env.process(works[number](rows))
            done[number][piece].succeed()

    def segments() -> Iterator[Any]:
        for start in range(0, n_rows, PERIOD):
            pieces = _pieces(min(PERIOD, n_rows - start))
            done = [[env.event() for _ in pieces] for _ in works]
            at_work = [env.process(stage(number, pieces, done)) for number in range(len(works))]
            yield env.all_of(at_work)

    env.run(env.process(segments()))
    return n_rows / env.now


def _pieces(rows: int) -> list[int]:
    """Rows of the pieces of a segment."""
    n_pieces = -(-rows // ROWS_A_PIECE)
    return np.diff([rows * piece // n_pieces for piece in range(n_pieces + 1)]).tolist()


def at(labels: int, measured: dict[int, tuple[float, ...]]) -> tuple[float, ...]:
    """Costs for a number of labels: a power of it through the measured points."""
    known = sorted(measured)
    if len(known) == 1:
        return measured[known[0]]
    logs = np.log([measured[n] for n in known])
    slope, first = np.polyfit(np.log(known), logs, 1)
    return tuple(np.exp(first + slope * math.log(labels)).tolist())


def slowest(costs: Costs, workers: int) -> str:
    """The stage that bounds the others."""
    stages = {
        "recent rows": costs.recall,
        "gate": costs.route,
        "clusters": costs.send + costs.clusters / workers + costs.message / ROWS_A_PIECE,
        "set decoder": costs.decide,
    }
    return max(stages, key=lambda name: stages[name])


def table(
    measured: dict[int, tuple[float, ...]], on_workers: OnWorkers, divide_recall: bool
) -> list[list[str]]:
    """Rows a second and efficiency, by labels and workers; ``divide_recall``: as if recent rows
    were dealt out to workers too."""
    lines = []
    for labels in SIMULATED:
        recall, route, clusters, decide = at(labels, measured)
        cells, one = [], 0.0
        for workers in WORKERS:
            shared = recall / workers if divide_recall else recall
            costs = Costs(shared, route, on_workers.send, clusters, decide, on_workers.message)
            # A stream of more labels has more clusters, of sizes like those that were measured.
            n_clusters = max(labels // 16, 1)
            shares = np.resize(np.array(on_workers.shares), n_clusters)
            speed = simulate(costs, dealt((shares / shares.sum()).tolist(), workers), 20_000)
            one = one or speed
            cells.append(f"{speed:,.0f} ({speed / one / workers:.2f})")
            if workers == WANTED_WORKERS:
                bound = slowest(costs, workers)
        lines.append([f"{labels:,}", *cells, bound])
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rows and labels")
    parser.add_argument("--rows", type=int, default=12_000, help="rows of a run on workers")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    sizes = MEASURED[:1] if options.quick else MEASURED
    n_rows = 2 * ROWS_A_CALL if options.quick else options.rows
    measured = {n: stage_costs(n, max(n_rows, n // 2)) for n in sizes}
    lines = [[f"{n:,}", *(f"{1e6 * each:.0f}" for each in measured[n])] for n in sizes]
    heads = (
        "labels",
        "recent rows, µs a row",
        "gate, µs a row",
        "clusters, µs a row",
        "set decoder, µs a row",
    )
    print_table("Measured in one process", heads, lines)
    labels = sizes[min(1, len(sizes) - 1)]
    runs = {workers: run_on_workers(labels, n_rows, workers) for workers in (1, 2)}
    processors = os.cpu_count() or 1
    checks = []
    for workers, found in runs.items():
        recall, route, clusters, decide = measured[labels]
        costs = Costs(recall, route, found.send, clusters, decide, found.message)
        expected = simulate(costs, dealt(found.shares, workers), n_rows, processors=processors)
        ratio = found.rows_a_second / expected
        checks.append(
            [str(workers), f"{found.rows_a_second:,.0f}", f"{expected:,.0f}", f"{ratio:.2f}"]
        )
    check_heads = ("workers", "measured, rows/s", "simulated, rows/s", "measured / simulated")
    load = os.getloadavg()[0]
    about = f"{labels:,} labels, {processors} processors, load {load:.1f} when it ended"
    print_table(f"On this machine: {about}", check_heads, checks)
    simulated = table(measured, runs[1], divide_recall=False)
    divided = table(measured, runs[1], divide_recall=True)
    print_table("Simulated: rows a second (efficiency)", HEADS, simulated)
    print_table("The same, if recent rows were dealt out too", HEADS, divided)
    markdown = "\n".join(
        [
            f"# What workers gain\n\n`{command_line()}`, seed {SEED}\n",
            machine_markdown(machine()),
            "Processor time in one process, second half of the rows:\n",
            markdown_table(heads, lines),
            f"Runs on this machine ({about}) and the simulation of them:\n",
            markdown_table(check_heads, checks),
            "Simulated, rows a second and efficiency (rows a second of one worker, times workers, "
            f"are 1); target: {WANTED} with {WANTED_WORKERS} workers from 20,000 labels on:\n",
            markdown_table(HEADS, simulated),
            "If recent rows were dealt out to workers too:\n",
            markdown_table(HEADS, divided),
        ]
    )
    data = {
        "command": command_line(),
        "machine": machine(),
        "seed": SEED,
        "load": load,
        "stages": {
            str(n): dict(zip(("recall", "route", "clusters", "decide"), each, strict=True))
            for n, each in measured.items()
        },
        "checks": [dict(zip(check_heads, line, strict=True)) for line in checks],
        "simulated": [dict(zip(HEADS, line, strict=True)) for line in simulated],
        "divided": [dict(zip(HEADS, line, strict=True)) for line in divided],
    }
    write_results("scale", data, markdown, options.out)


if __name__ == "__main__":
    main()
