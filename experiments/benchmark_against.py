"""Speed and accuracy of this checkout against an earlier revision, measured in one run.

Run: python experiments/benchmark_against.py REVISION [--streams yeast enron bibtex@2000]

The revision is checked out (git worktree) and installed in an environment of its own; the first
time takes minutes. On each stream base and head take turns on one core, each run in a process of
its own, after a short run of each that compiles the kernels. Rows a second count the time inside
the model (test, then train). ``STREAM@ROWS`` takes the first rows of a stream; a stream is a name
that ``drifthomer datasets`` lists, a generator with parameters, or a file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.revisions import commit_of, environment_for, head_name, python_of_revision
from reporting import (
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

from stream.cli.options import parse_literal
from stream.errors import DriftHomerError

SCRIPT = Path(__file__).resolve().parent / "peers" / "any_revision.py"
STREAMS = (
    "emotions",
    "yeast",
    "scene",
    "enron",
    "medical",
    "bibtex",
    "imdb@20000",
    "delicious@1500",
)
LEAST_RATIO = 0.95  # of the base's speed
COMPILE_ROWS = 50
# Metrics of the table: short heads, and which way is better.
MULTI_LABEL = {
    "subset": ("subset_accuracy", 1),
    "micro-F1": ("micro_f1", 1),
    "macro-F1": ("macro_f1", 1),
    "example-F1": ("example_f1", 1),
    "Hamming": ("hamming_loss", -1),
}
SINGLE_LABEL = {"accuracy": ("accuracy", 1), "kappa": ("kappa", 1)}


class Side(NamedTuple):
    """One of the two revisions."""

    name: str
    python: str


class Comparison(NamedTuple):
    """What both sides did on one stream."""

    stream: str
    base: list[dict[str, Any]]
    head: list[dict[str, Any]]

    @property
    def error(self) -> str:
        """What went wrong on one side, if anything did."""
        found = [
            f"{name}: {run['error']}"
            for name, runs in (("base", self.base), ("head", self.head))
            for run in runs
            if "error" in run
        ]
        return found[0] if found else ""

    def speeds(self, side: str) -> list[float]:
        return [run["rows_per_second"] for run in getattr(self, side)]

    def ratio(self) -> float:
        """Speed of the head against that of the base: the median over turns."""
        pairs = zip(self.speeds("head"), self.speeds("base"), strict=True)
        return median([head / base for head, base in pairs])

    def memory(self, side: str) -> float:
        return max(run["peak_rss_mb"] or 0.0 for run in getattr(self, side))

    def metric(self, side: str, name: str) -> float | None:
        return getattr(self, side)[0]["metrics"].get(name)


def split_rows(stream: str) -> tuple[str, int | None]:
    """A stream and its number of rows.

    >>> split_rows("imdb@20000"), split_rows("rbf:features=10")
    (('imdb', 20000), ('rbf:features=10', None))
    """
    name, at, rows = stream.rpartition("@")
    return (name, int(rows)) if at and rows.isdigit() else (stream, None)


def measure(side: Side, job: dict[str, Any], timeout: float) -> dict[str, Any]:
    """One evaluation by one side; a dictionary with ``error`` where it failed."""
    try:
        done = subprocess.run(
            [side.python, str(SCRIPT)],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment_for(side.python),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not done after {timeout:,.0f} s"}
    if done.returncode or not done.stdout:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"error": lines[-1]}
    return json.loads(done.stdout)


def compare(
    base: Side, head: Side, job: dict[str, Any], repeats: int, timeout: float
) -> Comparison:
    """Both sides in turns, the one that begins changing each time."""
    rows = min(job["rows"] or COMPILE_ROWS, COMPILE_ROWS)
    for side in (base, head):
        measure(side, job | {"rows": rows}, timeout)  # compiles; a failure shows again below
    found = Comparison(job["stream"], [], [])
    for turn in range(repeats):
        pair = [(base, found.base), (head, found.head)]
        for side, runs in pair if turn % 2 == 0 else reversed(pair):
            runs.append(measure(side, job, timeout))
            told = runs[-1].get("error") or f"{runs[-1]['rows_per_second']:,.0f} rows/s"
            print(f"  {job['stream']}, {side.name}: {told}", file=sys.stderr, flush=True)
        if found.error:
            break
    return found


def heads_of(comparisons: Sequence[Comparison]) -> dict[str, tuple[str, int]]:
    """The metrics to show: those of the tasks that occur."""
    known = [run["metrics"] for found in comparisons if not found.error for run in found.base]
    single = any("accuracy" in metrics for metrics in known)
    multi = not known or any("accuracy" not in metrics for metrics in known)
    return (SINGLE_LABEL if single else {}) | (MULTI_LABEL if multi else {})


def table_of(comparisons: Sequence[Comparison], values: bool) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: speed, memory, and how far head's metrics are from base's, with or without
    head's values."""
    metrics = heads_of(comparisons)
    heads = ["stream", "base rows/s", "head rows/s", "ratio", "MB", *metrics]
    show = spread if values else lambda speeds: f"{median(speeds):,.0f}"
    rows = []
    for found in comparisons:
        if found.error:
            rows.append([found.stream, found.error, *[""] * (len(heads) - 2)])
            continue
        slow = " (slower)" if found.ratio() < LEAST_RATIO else ""
        rows.append(
            [
                found.stream,
                *(show(found.speeds(side)) for side in ("base", "head")),
                f"{found.ratio():.2f}×{slow}",
                f"{found.memory('base'):,.0f} → {found.memory('head'):,.0f}",
                *(_difference(found, name, values) for name, _ in metrics.values()),
            ]
        )
    return heads, rows


def _difference(found: Comparison, name: str, value: bool) -> str:
    base, head = found.metric("base", name), found.metric("head", name)
    if base is None or head is None:
        return ""
    return f"{head:.4f} ({head - base:+.4f})" if value else f"{head - base:+.4f}"


def means(comparisons: Sequence[Comparison]) -> str:
    """The mean of each metric over the streams that both sides finished."""
    parts = []
    for title, (name, sign) in heads_of(comparisons).items():
        pairs = [
            (found.metric("base", name), found.metric("head", name))
            for found in comparisons
            if not found.error and found.metric("base", name) is not None
        ]
        both = [(base, head) for base, head in pairs if base is not None and head is not None]
        if both:
            base, head = (sum(side) / len(both) for side in zip(*both, strict=True))
            worse = " (worse)" if sign * (head - base) < 0 else ""
            parts.append(f"{title} {base:.4f} → {head:.4f}{worse}")
    return "Mean over streams, base → head: " + ", ".join(parts) + "."


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision", help="the base: a commit, tag or branch")
    parser.add_argument("--streams", nargs="+", default=list(STREAMS), metavar="STREAM[@ROWS]")
    parser.add_argument("--model", help="by default drifthomer, or driftmoe for streams of classes")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="parameter"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="of the streams' files"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delay", type=int, default=0, metavar="ROWS")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each side")
    parser.add_argument("--timeout", type=float, default=3600.0, metavar="SECONDS", help="of a run")
    parser.add_argument("--data-dir", help="folder of data files, besides DRIFTHOMER_DATA")
    parser.add_argument(
        "--base-python", help="an interpreter that has the base, instead of making it"
    )
    parser.add_argument("--output", type=Path, help="folder for against.json and against.md")
    return parser.parse_args()


def assignments(given: list[str]) -> dict[str, Any]:
    return {
        name: parse_literal(value) for name, _, value in (each.partition("=") for each in given)
    }


def main() -> int:
    given = arguments()
    try:
        commit = commit_of(given.revision)
        base = Side(f"base {commit[:7]}", given.base_python or python_of_revision(commit))
        head = Side(f"head {head_name()}", sys.executable)
    except DriftHomerError as error:
        print(error, file=sys.stderr)
        return 2
    use_one_core()
    comparisons = []
    for stream in given.streams:
        name, rows = split_rows(stream)
        job = {
            "stream": str(Path(name).resolve()) if Path(name).is_file() else name,
            "rows": rows,
            "model": given.model,
            "params": assignments(given.set),
            "options": assignments(given.option),
            "seed": given.seed,
            "delay": given.delay,
            "data_dir": given.data_dir and str(Path(given.data_dir).resolve()),
        }
        found = compare(base, head, job, given.repeats, given.timeout)
        comparisons.append(found._replace(stream=stream))
    title = f"{head.name} against {base.name}"
    print_table(f"{title}: metrics of the head less the base's", *table_of(comparisons, False))
    print(means(comparisons))
    if given.output is not None:
        about = machine()
        text = (
            f"# {title}\n\n{machine_markdown(about)}\n`{command_line()}`\n\nOne core, turns taken; "
            "median (range); a metric of the head, and how far it is from the base's.\n\n"
            f"{markdown_table(*table_of(comparisons, True))}\n{means(comparisons)}\n"
        )
        streams = [found._asdict() for found in comparisons]
        data = {"base": commit, "head": head.name, "machine": about, "streams": streams}
        write_results("against", data, text, given.output)
    return int(any(found.error for found in comparisons))


if __name__ == "__main__":
    sys.exit(main())
