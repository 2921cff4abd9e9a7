"""Options that say how a stream's file is to be read."""

from __future__ import annotations

import click

from stream.cli.options import grouped


def parse_labels(text: str) -> list[str] | int:
    """Names of label columns, or how many there are: first (2) or last (-2).

    Examples
    --------
    >>> parse_labels("sun, rain"), parse_labels("-2")
    (['sun', 'rain'], -2)
    """
    try:
        return int(text)
    except ValueError:
        return [label.strip() for label in text.split(",")]


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Folder with data files, besides those of DRIFTHOMER_DATA.",
)

source_options = grouped(
    data_dir_option,
    click.option(
        "--labels",
        metavar="A,B,C",
        help="Label columns of a CSV or JSON-lines file (multi-label); -2: the last two of a CSV.",
    ),
    click.option(
        "--target", metavar="NAME", help="Class column of a CSV or JSON-lines file (single-label)."
    ),
)
