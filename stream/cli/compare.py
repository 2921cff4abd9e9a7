"""The command ``drifthomer compare``."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import click

from stream.cli.console import telling_warnings
from stream.cli.options import OutputFolder
from stream.cli.source_options import open_with_options, source_options


@click.command(short_help="Compare models on streams: values, ranks, tests.")
@click.argument("data", nargs=-1, required=True)
@click.option(
    "--models",
    metavar="A,B,C",
    required=True,
    help="Models, as --model of 'drifthomer prequential' names them; the first is tested against "
    "the others.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Run each with N seeds.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Read N rows at most.")
@click.option(
    "--delay", type=click.IntRange(min=0), default=0, metavar="K", help="Labels arrive K rows late."
)
@click.option(
    "--window",
    type=click.IntRange(min=1),
    metavar="N",
    help="Rows of a window.  [default: 1000; fewer when the stream is known to be short]",
)
@click.option(
    "-o",
    "--output",
    type=OutputFolder(),
    metavar="DIR",
    help="Write runs.csv, labels.csv, table.md, table.tex, table.html and figures there.",
)
@source_options
def compare(
    data: tuple[str, ...],
    models: str,
    seeds: int,
    limit: int | None,
    delay: int,
    window: int | None,
    output: str | None,
    data_dir: str | None,
    **data_options: Any,
) -> int:
    """Compare models on the streams DATA...: values, ranks, tests and figures.

    \b
    Examples:
      drifthomer compare yeast solar-flare --models drifthomer,ihomer --seeds 3
      drifthomer compare yeast --models ihomer,mymodule:model -o comparison
    """
    from rich.console import Console

    from stream.compare import compare as run
    from stream.compare.tables import print_comparison
    from stream.evaluate.progress import TerminalProgress

    named = [name.strip() for name in models.split(",") if name.strip()]
    if any(":" in name for name in named):
        sys.path.append(os.getcwd())
    if output is not None and importlib.util.find_spec("matplotlib") is None:
        raise click.UsageError("--output draws with matplotlib: pip install 'drifthomer[plot]'")

    def progress(stream: str, model: str, seed: int) -> TerminalProgress:
        if sys.stderr.isatty():
            click.echo(f"{model} on {stream}, seed {seed}", err=True)
        return TerminalProgress()

    with telling_warnings():
        found = run(
            [open_with_options(each, data_dir, data_options) for each in data],
            named,
            seeds=seeds,
            limit=limit,
            delay=delay,
            window=window,
            progress=progress,
        )
    print_comparison(found, Console())
    if output is not None:
        for path in write(found, Path(output)):
            click.echo(str(path))
    return 0


def write(found: Any, folder: Path) -> list[Path]:
    """Write all files of a comparison; their paths."""
    from stream.compare.figures import figures_of, svg_text
    from stream.compare.tables import csv_text, html_text, latex, markdown
    from stream.evaluate.result import write_text

    folder.mkdir(parents=True, exist_ok=True)
    figures = {name: svg_text(figure) for name, figure in figures_of(found).items()}
    texts = {
        "runs.csv": csv_text(found.run_columns()),
        "labels.csv": csv_text(found.label_columns()),
        "table.md": markdown(found),
        "table.tex": latex(found),
        "table.html": html_text(found, figures.values()),
        **{f"{name}.svg": text for name, text in figures.items()},
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]
