"""What finding the clusters costs, as a share of the whole model's time on the same rows.

Run: python experiments/partition_cost.py --data-dir DATA [--quick]
"""

from __future__ import annotations

import argparse
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

from stream import IHOMER, open_source
from stream.data.source import Source
from stream.errors import NotAvailableError
from stream.partition import PartitionCore

MANY_LABELS = "syn-text:labels=10000,blocks=2500,cardinality=3,features=1000,rows=10000"
TARGETS = {"bibtex": 0.10, MANY_LABELS: 0.25}
HEADS = ("stream", "partition, s", "whole, s", "share", "target")


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder of the benchmark streams")
    parser.add_argument("--quick", action="store_true", help="the first 2,000 rows of each stream")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    rows = []
    for name, target in TARGETS.items():
        try:
            source = open_source(name, data_dir=options.data_dir, download=False)
        except NotAvailableError:
            print(f"{name}: not here, left out")
            continue
        alone, whole = cost(source, 2_000 if options.quick else None)
        share = f"{alone / whole:.1%}"
        rows.append([name, f"{alone:.2f}", f"{whole:.1f}", share, f"< {target:.0%}"])
    print_table("Cost of the statistics and tests", HEADS, rows)
    text = (
        "# What finding the clusters costs\n\n"
        f"`{command_line()}`\n\n{machine_markdown(machine())}\n" + markdown_table(HEADS, rows)
    )
    data = {
        "command": command_line(),
        "machine": machine(),
        "cost": [dict(zip(HEADS, line, strict=True)) for line in rows],
    }
    write_results("partition_cost", data, text, options.out)


if __name__ == "__main__":
    main()
