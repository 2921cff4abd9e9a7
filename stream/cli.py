"""The command ``drifthomer``; ``python -m stream`` is the same.

Wrong usage ends with one line on standard error and exit code 2, bad data with one line and exit
code 1, Ctrl-C with the results so far and exit code 130.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from stream._version import __version__
from stream.errors import DataError, DriftHomerError, SnapshotError
from stream.kafka.commands import consume, produce
from stream.options import OutputFile, data_dir_option, model_options, source_options

# Everything else is imported where it is used: --help need not wait for compiled code.
if TYPE_CHECKING:
    from stream.evaluate import PrequentialResult

PROGRAM = "drifthomer"
DEFAULT_MODELS = {"multi-label": "drifthomer", "single-label": "driftmoe"}
EXIT_BAD_DATA, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 128 + signal.SIGINT


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


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Online multi-label learning on streams that drift.

    \b
    Try:
      drifthomer prequential yeast
      drifthomer datasets
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cli.command()
@click.argument("data")
@model_options
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Read N rows at most.")
@click.option(
    "--delay", type=click.IntRange(min=0), default=0, metavar="K", help="Labels arrive K rows late."
)
@click.option(
    "--window",
    type=click.IntRange(min=1),
    metavar="N",
    help="Report the metrics also in windows of N rows.  [default: 1000; fewer when the stream "
    "is known to be short]",
)
@click.option("--json", "json_path", type=OutputFile(), help="Write everything found as JSON.")
@click.option("--csv", "csv_path", type=OutputFile(), help="Write the windows as CSV.")
@source_options
def prequential(
    data: str,
    model: str | None,
    params: tuple[tuple[str, Any], ...],
    seed: int | None,
    limit: int | None,
    delay: int,
    window: int | None,
    json_path: str | None,
    csv_path: str | None,
    data_dir: str | None,
    labels: str | None,
    target: str | None,
) -> int:
    """Test a model on each row of DATA, then train it on that row.

    DATA is a name that 'drifthomer datasets' lists, a file, or a generator with parameters
    (sea-a:rows=100000,seed=7). FILE may be '-' for standard output.

    \b
    Examples:
      drifthomer prequential yeast
      drifthomer prequential Scene.arff.gz --set grace_period=100 --json scene.json
      drifthomer prequential yeast --model ihomer --set partition=singletons
      drifthomer prequential rows.csv --labels sun,rain --delay 50
      drifthomer prequential sea-a --model river.tree:HoeffdingTreeClassifier --limit 100000
    """
    if labels and target:
        raise click.UsageError("--labels and --target exclude each other")
    if json_path == csv_path == "-":
        raise click.UsageError("--json and --csv cannot both be standard output")
    from stream.data import open_source
    from stream.evaluate import PartialResultError
    from stream.evaluate import prequential as evaluate
    from stream.evaluate.prequential import window_for
    from stream.evaluate.progress import TerminalProgress
    from stream.models.registry import create_model

    columns: dict[str, Any] = {"target": target} if target else {}
    if labels:
        columns["labels"] = parse_labels(labels)
    source = None
    if model is None:
        source = open_source(data, data_dir=data_dir, **columns)
        model = DEFAULT_MODELS[source.schema.task]
    if ":" in model:
        sys.path.append(os.getcwd())  # for a module in the user's own folder
    estimator = create_model(model, dict(params), seed)
    # A model that cannot be made is told before a stream is fetched.
    source = source or open_source(data, data_dir=data_dir, **columns)
    error: DataError | None = None
    try:
        result = evaluate(
            source,
            estimator,
            limit=limit,
            delay=delay,
            window=window or window_for(source.n_rows, limit),
            progress=TerminalProgress(),
            model_name=model,
        )
    except PartialResultError as partial:
        error, result = partial, partial.result
    write_results(result, json_path, csv_path)
    if error is not None:
        complain(error)
        return EXIT_BAD_DATA
    return EXIT_INTERRUPTED if result.interrupted else 0


def write_results(result: PrequentialResult, json_path: str | None, csv_path: str | None) -> None:
    """Files first, then the table: it goes to standard error where a file goes to standard
    output."""
    from rich.console import Console

    from stream.evaluate.report import print_report

    for path, text, write in (
        (json_path, result.json_text, result.to_json),
        (csv_path, result.csv_text, result.to_csv),
    ):
        if path == "-":
            click.echo(text().encode(), nl=False)
        elif path is not None:
            write(path)
    if result.rows or not result.error:
        print_report(result, Console(stderr="-" in (json_path, csv_path)))


@cli.command()
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


@cli.command()
@click.argument("file", type=click.Path())
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


cli.add_command(consume)
cli.add_command(produce)


def complain(error: object) -> None:
    """Say on one line of standard error what was wrong."""
    click.echo(f"{PROGRAM}: {' '.join(str(error).split())}", err=True)


def _usage_message(error: click.ClickException) -> str:
    message = error.format_message().strip()
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    return f"{message.rstrip('.')} (see '{path} --help')"


def main(args: Sequence[str] | None = None) -> int:
    """Run the command; the exit code.

    Parameters
    ----------
    args
        Arguments; None: those of the process.
    """
    try:
        code = cli.main(args=args, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        complain(_usage_message(error))
        return EXIT_USAGE
    except (DataError, SnapshotError) as error:
        complain(error)
        return EXIT_BAD_DATA
    except DriftHomerError as error:
        complain(error)
        return EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; nothing may be written when the interpreter closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BAD_DATA
    except OSError as error:
        complain(error)
        return EXIT_BAD_DATA
