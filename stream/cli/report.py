"""The command ``drifthomer report``."""

from __future__ import annotations

import click

from stream.cli.options import InputFile, OutputFile
from stream.rows.cells import utf8


@click.command(short_help="Make a page of what 'prequential --json' has written.")
@click.argument("result", type=InputFile(), metavar="RESULT.json")
@click.option("-o", "--output", type=OutputFile(), required=True, help="The HTML file to write.")
def report(result: str, output: str) -> int:
    """Make a page of RESULT.json, which 'drifthomer prequential --json' has written.

    The page is one file: it opens in a browser without a network and asks nothing of any host.

    \b
    Example:
      drifthomer prequential yeast --json yeast.json
      drifthomer report yeast.json -o yeast.html
    """
    from stream.evaluate.result import write_text
    from stream.live.report import read_result, report_html

    page = report_html(read_result(result))
    if output == "-":
        click.echo(utf8(page), nl=False)
    else:
        write_text(output, page)
    return 0
