"""Speed of DriftHOMER and DriftMoE with their defaults, beside the single tree and River.

Run: python experiments/benchmark_models.py --data-dir DATA [--quick]

One core; the models take turns, and medians are compared. Rows a second count the time spent inside
the model (test, then train).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from peers.river_baselines import hoeffding_trees
from reporting import (
    HEADS,
    RESULTS,
    Finding,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    median,
    print_table,
    spread,
    use_one_core,
    write_results,
)
from river import tree

from stream import (
    DriftHOMER,
    DriftMoE,
    HoeffdingTreeClassifier,
    MultiLabelHoeffdingTree,
    open_source,
    prequential,
)
from stream.errors import NotAvailableError


class Task(NamedTuple):
    """A stream, who takes it, and how fast ours has to be."""

    stream: str
    rows: int | None  # None: the whole stream
    peer_rows: int  # the peer is slow, and gets a prefix
    target: int  # rows a second
    ours: Callable[[], Any]
    single_tree: Callable[[], Any]
    peer: Callable[[], Any]


def multi_label(stream: str, rows: int | None, peer_rows: int, target: int) -> Task:
    return Task(
        stream, rows, peer_rows, target, DriftHOMER, MultiLabelHoeffdingTree, hoeffding_trees
    )


TASKS = [
    multi_label("yeast", None, 1_000, 5_000),
    multi_label("enron", None, 60, 5_000),
    multi_label("imdb", 30_000, 100, 10_000),
    multi_label("bibtex", None, 20, 2_000),
    Task(
        *("led", 100_000, 5_000, 30_000),
        *(DriftMoE, HoeffdingTreeClassifier, tree.HoeffdingTreeClassifier),
    ),
]


def measure(task: Task, options: argparse.Namespace) -> tuple[Finding, Finding, dict[str, Any]]:
    """Rows a second of ours, of the single tree, and of River."""
    source = open_source(task.stream, data_dir=options.data_dir, download=False)
    limit = min(task.rows or 300, 300) if options.quick else task.rows
    limits = {"ours": limit, "single_tree": limit, "peer": min(task.peer_rows, limit or 10**9)}
    speeds: dict[str, list[float]] = {name: [] for name in limits}
    for _ in range(options.repeats):
        for name, rows in limits.items():
            model = getattr(task, name)()
            speeds[name].append(prequential(source, model, limit=rows).rows_per_second)
    ours, single, peer = (median(speeds[name]) for name in limits)
    name = task.ours.__name__
    rows = f"{limit:,} rows" if limit else "whole stream"
    finding = Finding(
        what=f"{task.stream}, {rows}, rows/s (peer: River, {limits['peer']:,} rows)",
        model=name,
        ours=spread(speeds["ours"]),
        peer=spread(speeds["peer"]),
        ratio=f"{ours / peer:.0f}×",
        target=f"≥ {task.target:,}",
        met=None if options.quick else ours >= task.target,
    )
    beside = Finding(
        what=f"{task.stream}, rows/s (peer: our single tree)",
        model=name,
        ours=spread(speeds["ours"]),
        peer=spread(speeds["single_tree"]),
        ratio=f"{ours / single:.2f}×",
    )
    return finding, beside, {"rows_per_second": speeds, "rows": limits}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short streams: a minute, no verdict")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data-dir", help="folder of data files, besides DRIFTHOMER_DATA")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    if options.quick:
        options.repeats = 1
    core, about = use_one_core(), machine()
    findings, details = [], {}
    for model in (DriftHOMER(), DriftMoE()):
        model.warm_up()
    for task in TASKS:
        try:
            first, second, found = measure(task, options)
        except NotAvailableError as error:
            print(f"{task.stream} is left out: {error}")
            continue
        findings += [first, second]
        details[task.stream] = found
    rows = [finding.cells() for finding in findings]
    print_table("Speed on one core", HEADS, rows)
    markdown = (
        f"# Speed of the whole models\n\n{machine_markdown(about)}\n`{command_line()}`\n\n"
        "One core; the models take turns; medians (range). Rows/s count the time inside the model "
        "(test, then train).\n\n"
    ) + markdown_table(HEADS, rows)
    found = {"core": core, "machine": about, "streams": details}
    write_results("speed_models", found, markdown, options.output)


if __name__ == "__main__":
    main()
