"""How soon the partition finds known blocks of labels, finds changed ones again, and stands still.

Run: python experiments/partition_blocks.py [--seeds 5]
"""

import argparse
import dataclasses
import time
from pathlib import Path
from typing import Any

from reporting import (
    RESULTS,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    print_table,
    write_results,
)

from stream import LabelPartitioner
from stream.data.synthetic import create
from stream.partition import PartitionCore, adjusted_rand_index

CHANGE = 20_000
SHAPES = {"20 in 4": "labels=20,blocks=4", "200 in 20": "labels=200,blocks=20"}
GOOD = 0.95
STEP = 100
HEADS = (
    "stream", "seed", "rows to find", "rows to find again", "changes late", "restructures late",
    "index at end", "µs/row",
)  # fmt: skip


@dataclasses.dataclass
class Run:
    """What one stream showed; rows to find again are counted from the change."""

    stream: str
    seed: int
    rows_to_find: int | None
    rows_to_find_again: int | None
    changes_late: int  # of any sort after the first 20,000 rows
    restructures_late: int
    index_at_end: float
    microseconds_per_row: float
    changes: bool
    events: list[dict[str, Any]]

    @property
    def met(self) -> bool:
        """Whether the run is as it should be."""
        if self.rows_to_find is None or self.rows_to_find > 5_000:
            return False
        if self.changes:
            return self.rows_to_find_again is not None and self.rows_to_find_again <= 10_000
        return self.changes_late <= 2

    def cells(self) -> list[str]:
        again = "" if not self.changes else _rows(self.rows_to_find_again)
        return [
            self.stream, str(self.seed), _rows(self.rows_to_find), again, str(self.changes_late),
            str(self.restructures_late), f"{self.index_at_end:.3f}",
            f"{self.microseconds_per_row:.1f}",
        ]  # fmt: skip


def _rows(n: int | None) -> str:
    return "never" if n is None else f"{n:,}"


def run(title: str, spec: str, n_rows: int, seed: int) -> Run:
    source = create(spec, n_rows=n_rows, seed=seed)
    core = PartitionCore()
    found: int | None = None
    again: int | None = None
    changes = bool(source.description.change_points)
    events = []
    seconds = 0.0
    for start in range(0, n_rows, STEP):
        batch = source.rows(start, start + STEP)
        began = time.perf_counter()
        events += core.learn(batch.y_indptr, batch.y_indices)
        seconds += time.perf_counter() - began
        looking = found is None if start < CHANGE else changes and again is None
        if looking and _index(core, source, start) >= GOOD:
            if start < CHANGE:
                found = start + STEP
            else:
                again = start + STEP - CHANGE
    late = [event for event in events if event.row > CHANGE and event.before != event.after]
    return Run(
        stream=title,
        seed=seed,
        rows_to_find=found,
        rows_to_find_again=again,
        changes_late=len(late),
        restructures_late=sum(event.kind == "restructure" for event in late),
        index_at_end=_index(core, source, n_rows - 1),
        microseconds_per_row=seconds / n_rows * 1e6,
        changes=changes,
        events=[
            {"row": event.row, "kind": event.kind, "clusters": len(event.after)} for event in events
        ],
    )


def _index(core: PartitionCore, source: Any, row: int) -> float:
    clusters = [labels for _, labels in core.clusters()]
    return adjusted_rand_index(clusters, source.description.blocks_at(row))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    LabelPartitioner().learn_many([{"a", "b"}] * 200)  # compile before the clock runs
    runs = []
    for shape, labels in SHAPES.items():
        for kind, spec, n_rows in (
            ("stationary", f"syn-blocks:{labels}", 200_000),
            ("sudden", f"syn-blocks-sud:{labels},positions={CHANGE}", 2 * CHANGE),
        ):
            title = f"{shape}, {kind}"
            runs += [run(title, spec, n_rows, seed) for seed in range(options.seeds)]
    rows = [each.cells() for each in runs]
    print_table("Known blocks of labels", HEADS, rows)
    n_met = sum(each.met for each in runs)
    text = (
        f"# Known blocks of labels\n\n`{command_line()}`\n\n{machine_markdown(machine())}\n"
        f"Rows until the adjusted Rand index with the true blocks is {GOOD} or more (looked at "
        f"every {STEP} rows), the second time counted from the change at row {CHANGE:,}; late is "
        f"after row {CHANGE:,}. Targets: 5,000 rows to find, 10,000 to find again, at most 2 "
        f"changes late on a stationary stream: met in {n_met} of {len(runs)} runs.\n\n"
        + markdown_table(HEADS, rows)
    )
    about = {"command": command_line(), "machine": machine()}
    data = {**about, "runs": [{**dataclasses.asdict(each), "met": each.met} for each in runs]}
    write_results("partition_blocks", data, text, options.out)


if __name__ == "__main__":
    main()
