"""The streams that have a name, as a table or as JSON."""

from __future__ import annotations

import json
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from stream.errors import DriftHomerError
from stream.evaluate.progress import text_for

UNBOUNDED_WIDTH = 400
COLUMNS = ("name", "task", "rows", "features", "labels", "cardinality", "here", "licence", "source")


def list_streams(data_dir: str | None = None) -> list[dict[str, Any]]:
    """Benchmark streams, then generators, each as a dictionary.

    Parameters
    ----------
    data_dir
        Folder with data files, besides those of the environment variable.

    Examples
    --------
    >>> next(each["here"] for each in list_streams() if each["name"] == "yeast")
    'yes'
    """
    from stream.data import synthetic
    from stream.data.catalogue import entries

    streams: list[dict[str, Any]] = [
        {
            "name": entry.name,
            "task": entry.task,
            "rows": entry.rows,
            "features": entry.features,
            "labels": entry.labels,
            "cardinality": entry.cardinality,
            "here": _where(entry, data_dir),
            "licence": entry.licence,
            "source": entry.source,
        }
        for entry in entries()
    ]
    for summary in synthetic.summaries():
        task = synthetic.create(summary.name).schema.task
        streams += [
            {
                "name": summary.name,
                "task": task,
                "rows": summary.rows,
                "features": summary.features,
                "labels": summary.labels,
                "cardinality": 1.0 if task == "single-label" else None,
                "here": "generated",
                "licence": "BSD-3-Clause",
                "source": f"generator: {summary.text}",
            }
        ]
    return streams


def _where(entry: Any, data_dir: str | None) -> str:
    """Whether a benchmark stream is here; ``download`` where it would be fetched."""
    from stream.data import open_source

    if entry.river:
        return "yes"
    try:
        open_source(entry.name, data_dir=data_dir, download=False)
    except DriftHomerError:
        return "download" if entry.url and entry.sha256 else "no"
    return "yes"


def print_streams(streams: list[dict[str, Any]], as_json: bool = False) -> None:
    """Print the streams: long texts are cut on a terminal, and whole elsewhere."""
    if as_json:
        click.echo(json.dumps(streams, indent=2, ensure_ascii=False).encode())
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=UNBOUNDED_WIDTH)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in COLUMNS:
        number = name in ("rows", "features", "labels", "cardinality")
        table.add_column(
            name,
            justify="right" if number else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=8 if name in ("licence", "source") else None,
        )
    for each in streams:
        table.add_row(*(text_for(console, _cell(name, each[name])) for name in COLUMNS))
    console.print(table)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "cardinality":
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
