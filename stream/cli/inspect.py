"""The command ``drifthomer inspect``."""

from __future__ import annotations

import json

import click

from stream.cli.options import InputFile


@click.command(short_help="Show what is in a snapshot.")
@click.argument("file", type=InputFile())
@click.option("--arrays", is_flag=True, help="List the arrays too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, arrays included.")
def inspect(file: str, arrays: bool, as_json: bool) -> int:
    """Show what is in the snapshot FILE: model, parameters, rows learnt, labels, clusters, sizes.

    The file is checked as closely as when it is loaded; one that cannot be used ends with exit
    code 1. Nothing in it is executed.
    """
    from rich.console import Console

    from stream.snapshot.inspecting import inspect as inspect_file
    from stream.snapshot.inspecting import print_inspection

    found = inspect_file(file)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        print_inspection(found, Console(), arrays=arrays)
    return 0
