"""The command ``drifthomer datasets``."""

from __future__ import annotations

import click

from stream.cli.source_options import data_dir_option


@click.command(short_help="List the streams that have a name.")
@click.argument("name", required=False)
@click.option("--available", is_flag=True, help="Only those that need no download.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@data_dir_option
def datasets(name: str | None, available: bool, as_json: bool, data_dir: str | None) -> int:
    """List the streams that have a name, or tell all that is known of one.

    'here' is yes for a file that was found or data that come with a dependency, generated for a
    generator, and download for what is fetched when it is used; no: 'drifthomer datasets NAME'
    says where to get it. NAME of a generator: its parameters.
    """
    from stream.evaluate.listing import list_streams, print_stream, print_streams, select_stream

    streams = list_streams(data_dir)
    if available:
        streams = [each for each in streams if each["here"] in ("yes", "generated")]
    if name is None:
        print_streams(streams, as_json)
    else:
        print_stream(select_stream(streams, name), as_json)
    return 0
