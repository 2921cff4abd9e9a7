"""What a partition by the labels' correlations is worth, against random clusters of the same sizes,
one cluster, and each label on its own; and what finding it costs.

Run: python experiments/partition_worth.py --data-dir DATA [--seeds 3] [--quick]
"""

import argparse
import dataclasses
import statistics
import time
from pathlib import Path

from reporting import (
    RESULTS,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    print_table,
    write_results,
)

from stream import IHOMER, open_source, prequential
from stream.data.source import Source
from stream.errors import NotAvailableError
from stream.models.ihomer import PARTITIONS
from stream.partition import PartitionCore

METRICS = {
    "subset_accuracy": "subset acc.",
    "hamming_loss": "Hamming",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
}
REAL = ("emotions", "yeast", "medical", "slashdot", "enron", "bibtex", "imdb", "mediamill")
SYNTHETIC = (
    "syn-blocks-sud:labels=20,blocks=4,rows=50000,positions=25000",
    "syn-rbf-grad:labels=20,blocks=4,rows=50000",
    "syn-tree-rec:labels=20,blocks=4,rows=50000",
)
MANY_LABELS = "syn-text:labels=10000,blocks=2500,cardinality=3,features=1000,rows=10000"
HEADS = (
    "stream", "partition", *METRICS.values(), "rows/s", "MB", "clusters", "changes", "drifts",
)  # fmt: skip


@dataclasses.dataclass
class Run:
    """One model on one stream."""

    stream: str
    partition: str
    seed: int
    rows: int
    metrics: dict[str, float]
    rows_per_second: float
    megabytes: float
    clusters: int
    changes: int
    drifts: int


def run(source: Source, partition: str, seed: int, limit: int | None) -> Run:
    model = IHOMER(partition=partition, seed=seed)
    model.warm_up()
    result = prequential(source, model, limit=limit)
    structure = model.structure()
    return Run(
        stream=source.name,
        partition=partition,
        seed=seed,
        rows=result.rows,
        metrics={name: result.metrics[name] for name in METRICS},
        rows_per_second=result.rows_per_second,
        megabytes=model.n_bytes / 1e6,
        clusters=len(model.clusters),
        changes=len(structure["restructures"]),
        drifts=len(structure["drifts"]),
    )


def cells(runs: list[Run]) -> list[str]:
    """A line of the table: the mean over the seeds."""

    def mean(value: str) -> float:
        return statistics.fmean(getattr(each, value) for each in runs)

    metrics = [statistics.fmean(each.metrics[name] for each in runs) for name in METRICS]
    return [
        runs[0].stream,
        runs[0].partition,
        *(f"{value:.3f}" for value in metrics),
        f"{mean('rows_per_second'):,.0f}",
        f"{mean('megabytes'):.0f}",
        f"{mean('clusters'):.0f}",
        f"{mean('changes'):.0f}",
        f"{mean('drifts'):.0f}",
    ]


def cost(source: Source, limit: int | None) -> tuple[float, float]:
    """Seconds of the partition alone, and of the whole model, on the same rows."""
    model = IHOMER()
    model.warm_up()
    whole = core_seconds = 0.0
    core = PartitionCore()
    rows = 0
    for batch in source.batches(1_000):
        start = time.perf_counter()
        model.test_then_train_many(batch, source.schema)
        middle = time.perf_counter()
        core.learn(batch.y_indptr, batch.y_indices)
        whole += middle - start
        core_seconds += time.perf_counter() - middle
        rows += batch.n_rows
        if limit is not None and rows >= limit:
            break
    return core_seconds, whole


def summary(table: dict[tuple[str, str], list[Run]]) -> list[list[str]]:
    """For each metric: on how many streams the partition is better than each other one, and by how
    much in the mean."""
    streams = list(dict.fromkeys(stream for stream, _ in table))
    lines = []
    for name, title in METRICS.items():
        sign = -1 if name == "hamming_loss" else 1
        for other in PARTITIONS[1:]:
            ours, theirs = (
                [statistics.fmean(r.metrics[name] for r in table[s, p]) for s in streams]
                for p in (PARTITIONS[0], other)
            )
            gains = [sign * (a - b) for a, b in zip(ours, theirs, strict=True)]
            better, worse = sum(g > 5e-4 for g in gains), sum(g < -5e-4 for g in gains)
            share = statistics.fmean(ours) / statistics.fmean(theirs) - 1
            lines.append(
                [title, other, str(better), str(worse), str(len(gains) - better - worse),
                 f"{share:+.1%}"]
            )  # fmt: skip
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder of the benchmark streams")
    parser.add_argument("--seeds", type=int, default=3, help="of the random clusters")
    parser.add_argument("--quick", action="store_true", help="the first 2,000 rows of each stream")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    limit = 2_000 if options.quick else None
    table: dict[tuple[str, str], list[Run]] = {}
    missing = []
    for name in (*REAL, *SYNTHETIC):
        try:
            source = open_source(name, data_dir=options.data_dir, download=False)
        except NotAvailableError:
            print(f"{name}: not here, left out")
            missing.append(name)
            continue
        for partition in PARTITIONS:
            seeds = range(options.seeds if partition == "random" else 1)
            table[source.name, partition] = [run(source, partition, s, limit) for s in seeds]
            print("  ".join(cells(table[source.name, partition])), flush=True)
    costs = []
    for name, target in (("bibtex", 0.10), (MANY_LABELS, 0.25)):
        if name not in missing:
            alone, whole = cost(open_source(name, data_dir=options.data_dir), limit)
            costs.append(
                [name, f"{alone:.2f}", f"{whole:.1f}", f"{alone / whole:.1%}", f"< {target:.0%}"]
            )
    rows = [cells(runs) for runs in table.values()]
    against = ("metric", "against", "better", "worse", "equal", "of the mean")
    cost_heads = ("stream", "partition, s", "whole, s", "share", "target")
    print_table("Partitions", HEADS, rows)
    print_table("Found clusters against others", against, summary(table))
    print_table("Cost", cost_heads, costs)
    text = (
        f"# What the partition is worth\n\n`{command_line()}`\n\n{machine_markdown(machine())}\n"
        f"Whole streams, predict then learn; random clusters: mean of {options.seeds} seeds. "
        f"Not here: {', '.join(missing) or 'none'}.\n\n"
        + markdown_table(HEADS, rows)
        + "\n## Found clusters against the others\n\nStreams on which they are better, worse, or "
        "equal (to 0.0005), and the mean over the streams against the other's mean.\n\n"
        + markdown_table(against, summary(table))
        + "\n## Cost of the statistics and tests\n\n"
        + markdown_table(cost_heads, costs)
    )
    data = {
        "command": command_line(),
        "machine": machine(),
        "runs": [dataclasses.asdict(each) for runs in table.values() for each in runs],
        "cost": [dict(zip(cost_heads, line, strict=True)) for line in costs],
    }
    write_results("partition_worth", data, text, options.out)


if __name__ == "__main__":
    main()
