"""The streams that have a name, as a table or as JSON, and all that is known of one."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.errors import DriftHomerError, NotAvailableError
from stream.evaluate.progress import text_for
from stream.rows.cells import utf8

FILE_WIDTH = 120  # of the table where there is no terminal
# Columns of the table with the least width of the terminal that shows them.
COLUMNS = {
    "name": 0,
    "task": 0,
    "rows": 0,
    "features": 66,
    "labels": 0,
    "card.": 72,
    "here": 0,
    "licence": 92,
    "about": 104,
}
NUMBERS = ("rows", "features", "labels", "card.")


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
            "title": entry.title,
            "task": entry.task,
            "rows": entry.rows,
            "features": entry.features,
            "labels": entry.labels,
            "cardinality": entry.cardinality,
            "here": _where(entry, data_dir),
            "domain": entry.domain,
            "licence": entry.licence,
            "source": entry.source,
            "home": entry.home,
            "aliases": list(entry.aliases),
            "files": list(entry.files),
        }
        for entry in entries()
    ]
    for summary in synthetic.summaries():
        streams += [
            {
                "name": summary.name,
                "title": summary.text,
                "task": summary.task,
                "rows": summary.rows,
                "features": summary.features,
                "labels": summary.labels,
                "cardinality": 1.0 if summary.task == "single-label" else None,
                "here": "generated",
                "domain": "generator",
                "licence": "BSD-3-Clause",
                "source": f"generator: {summary.text}",
                "parameters": _parameters(summary.name),
            }
        ]
    return streams


def _parameters(name: str) -> dict[str, dict[str, Any]]:
    """Parameters of a generator: what each is, and its default."""
    from stream.data.synthetic.generators import GENERATORS

    described = {}
    for parameter, rule in GENERATORS[name].parameters.items():
        told = dataclasses.asdict(rule)
        described[parameter] = {"about": told["text"], "default": told["default"]}
    return described


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


def select_stream(streams: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The stream of that name or alias.

    Raises
    ------
    NotAvailableError
        When there is none.

    Examples
    --------
    >>> select_stream(list_streams(), "20NG")["name"]
    'd20ng'
    """
    from stream.data.catalogue import close_names, find_entry, normalise

    entry = find_entry(name)
    wanted = normalise(entry.name if entry else name.partition(":")[0])
    for each in streams:
        if normalise(each["name"]) == wanted:
            return each
    close = close_names(name, tuple(each["name"] for each in streams))
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    raise NotAvailableError(
        f"There is no stream named {name!r} in this list.{hint} 'drifthomer datasets' prints it."
    )


def print_stream(stream: dict[str, Any], as_json: bool = False) -> None:
    """Print all that is known of one stream."""
    if as_json:
        _print_json(stream)
        return
    console = Console()
    for name, value in stream.items():
        if name == "parameters" or value in (None, []):
            continue
        text = ", ".join(value) if isinstance(value, list) else _number(value)
        console.print(
            Text(text_for(console, f"{name:<12} {text}")), soft_wrap=not console.is_terminal
        )
    parameters = stream.get("parameters")
    if parameters:
        example = next(iter(parameters))
        default = parameters[example]["default"]
        shown = "..." if default is None else _value(default)
        console.print(
            f"\nParameters, as in {stream['name']}:{example}={shown},seed=7", style="bold"
        )
        for name, told in parameters.items():
            given = "" if told["default"] is None else f" (default {_value(told['default'])})"
            console.print(
                Text(text_for(console, f"  {name:<12} {told['about']}{given}")),
                soft_wrap=not console.is_terminal,
            )
        console.print("  rows, seed   number of rows, and seed of everything random (default 42)")


def print_streams(streams: list[dict[str, Any]], as_json: bool = False) -> None:
    """Print the streams in a table that fits the terminal, or everything as JSON."""
    if as_json:
        _print_json(streams)
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=FILE_WIDTH)
    shown = [name for name, width in COLUMNS.items() if console.width >= width]
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        header_style="bold",
        padding=0,
    )
    rows = [[text_for(console, _cell(name, each)) for name in shown] for each in streams]
    for column, name in enumerate(shown):
        table.add_column(
            name,
            justify="right" if name in NUMBERS else "left",
            no_wrap=True,
            overflow="ellipsis",
            # Only the last column, text for people, gives way.
            min_width=None
            if name == "about"
            else max([len(name), *(len(row[column]) for row in rows)]),
        )
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print("'drifthomer datasets NAME' tells all that is known of one.", style="dim")


def _print_json(value: Any) -> None:
    click.echo(utf8(json.dumps(value, indent=2, ensure_ascii=False)))


def _cell(name: str, stream: dict[str, Any]) -> str:
    if name == "card.":
        cardinality = stream["cardinality"]
        return "" if cardinality is None else f"{cardinality:.2f}"
    if name == "task":
        return str(stream["task"]).partition("-")[0]
    if name == "licence":
        return shorten(stream["licence"])
    if name == "about":
        generated = stream["here"] == "generated"
        return str(stream["title"] if generated else stream["domain"]).removeprefix("multi-label ")
    return _number(stream[name])


def shorten(licence: str) -> str:
    """A licence without its explanation.

    Examples
    --------
    >>> shorten("none stated in the repository; cite the data paper"), shorten("CC BY 4.0 (UCI)")
    ('none stated', 'CC BY 4.0')
    """
    return re.split(r" \(| in the |;", licence)[0]


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _value(value: Any) -> str:
    """A default as it is written in a specification."""
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
