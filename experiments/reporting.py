"""What the experiments share: the machine they ran on, and results as JSON and Markdown."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from stream.data import open_source
from stream.errors import DriftHomerError
from stream.evaluate.result import versions

WIDTH = 130  # where there is no terminal
RESULTS = Path(__file__).resolve().parent / "results"


@dataclasses.dataclass(kw_only=True)
class Finding:
    """A line of a table of results.

    Parameters
    ----------
    what
        What was measured, on which stream.
    model
        Which of our models, and the parameters that differ from its defaults.
    seed
        Of the model; "none" where it draws no random numbers or was not given one.
    ours, peer, ratio
        The figures.
    target, met
        What was aimed at, and whether it was reached.
    """

    what: str
    model: str = ""
    seed: str = "none"
    ours: str
    peer: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None

    def cells(self) -> list[str]:
        verdict = {None: "", True: "yes", False: "NO"}[self.met]
        figures = [self.ours, self.peer, self.ratio, self.target, verdict]
        return [self.what, self.model, self.seed, *figures]


HEADS = ("what", "model", "seed", "ours", "peer", "ratio", "target", "met")


def use_one_core() -> int | None:
    """Stay on one core, and with it every process started from here; its number."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def machine() -> dict[str, Any]:
    """Processor, system and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def command_line() -> str:
    """The command that is running, as a developer types it; paths outside of the project by their
    last part."""
    words = [f"experiments/{Path(sys.argv[0]).name}"]
    words += [f".../{Path(word).name}" if os.path.isabs(word) else word for word in sys.argv[1:]]
    return " ".join(["python", *words])


def parser_of_streams(about: str, streams: Sequence[str]) -> argparse.ArgumentParser:
    """Options of an experiment on whole streams, each of which can be shortened for trials."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--data-dir", help="folder of data files, besides DRIFTHOMER_DATA")
    parser.add_argument("--streams", nargs="+", default=streams)
    parser.add_argument("--limit", type=int, help="only the first rows of each: for trials")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    return parser


def can_be_read(names: Sequence[str], data_dir: str | None) -> bool:
    """Whether all streams are there; says on standard error which is not."""
    try:
        for name in names:
            open_source(name, data_dir=data_dir)
    except DriftHomerError as error:
        print(f"{error} --data-dir names a folder of data files.", file=sys.stderr)
        return False
    return True


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """Median, with the range when there were several."""
    text = f"{median(values):,.0f}"
    if len(values) > 1:
        text += f" ({min(values):,.0f}–{max(values):,.0f})"
    return text


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column, head in enumerate(heads):
        table.add_column(head, no_wrap=column > 0)
    for row in rows:
        table.add_row(*row)
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def write_results(name: str, data: dict[str, Any], markdown: str, folder: Path) -> None:
    """Write ``name.json`` and ``name.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    (folder / f"{name}.md").write_text(markdown, encoding="utf-8")


def write_runs(
    name: str,
    title: str,
    about: str,
    table: tuple[Sequence[str], Sequence[Sequence[str]]],
    runs: Sequence[dict[str, Any]],
    folder: Path,
) -> None:
    """Write ``name.json`` with runs, and ``name.md`` with a table of them.

    Parameters
    ----------
    about
        What was run, in a paragraph.
    table
        Heads and rows.
    """
    text = f"# {title}\n\n`{command_line()}`\n\n{about}\n\n{markdown_table(*table)}\n"
    found = {"command": command_line(), "machine": machine(), "runs": list(runs)}
    write_results(name, found, text + machine_markdown(found["machine"]), folder)


def rows_told(limit: int | None) -> str:
    """Which rows of each stream ran."""
    return f"the first {limit:,} rows" if limit else "whole streams"


def machine_markdown(about: dict[str, Any]) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return f"{about['processor']}, {about['cores']} cores, {about['system']}; {listed}.\n"
