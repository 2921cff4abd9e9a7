"""The command ``drifthomer prequential``."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import click

from stream.cli.console import EXIT_BAD_DATA, EXIT_INTERRUPTED, complain, telling_warnings
from stream.cli.options import OutputFile, model_options
from stream.cli.source_options import open_with_options, source_options
from stream.cli.workers import placement, worker_options
from stream.errors import DataError
from stream.rows.cells import utf8

if TYPE_CHECKING:
    from stream.evaluate import PrequentialResult
    from stream.live import LivePage

DEFAULT_PORT = 8470
LAST_SECONDS = 5.0  # for browsers to fetch the end


@click.command(short_help="Test a model on each row, then train it on that row.")
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
@click.option(
    "--live", is_flag=True, help="Show the evaluation on a page in the browser while it runs."
)
@click.option(
    "--live-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Port of that page (implies --live); 0: any that is free.  [default: 8470]",
)
@click.option(
    "--live-host",
    default="127.0.0.1",
    metavar="ADDRESS",
    help="Address of that page; whoever can reach it sees the data.  [default: 127.0.0.1]",
)
@click.option(
    "--jobs",
    type=int,
    metavar="N",
    help="Threads for the clusters of drifthomer, where labels are many; -1: one for each "
    "processor. The result is the same.  [default: 1]",
)
@worker_options
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
    live: bool,
    live_port: int | None,
    live_host: str,
    jobs: int | None,
    workers: int | None,
    ray_address: str | None,
    data_dir: str | None,
    **data_options: Any,
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
      drifthomer prequential syn-blocks-sud --live
      drifthomer prequential sea-a --model river.tree:HoeffdingTreeClassifier --limit 100000
    """
    if json_path == csv_path == "-":
        raise click.UsageError("--json and --csv cannot both be standard output")
    from stream.evaluate import PartialResultError
    from stream.evaluate import prequential as evaluate
    from stream.evaluate.progress import TerminalProgress
    from stream.models.registry import DEFAULT_MODELS, create_model

    source = None
    if model is None:
        source = open_with_options(data, data_dir, data_options)
        model = DEFAULT_MODELS[source.schema.task]
    if ":" in model:
        sys.path.append(os.getcwd())  # for a module in the user's own folder
    estimator = create_model(model, dict(params), seed)
    if jobs is not None:
        use_threads(estimator, model, jobs)
    place = placement(workers, ray_address)
    # A model that cannot be made is told before a stream is fetched.
    source = source or open_with_options(data, data_dir, data_options)
    if place is not None:
        estimator = place(estimator)
    page = open_page(live_host, live_port) if live or live_port is not None else None
    error: DataError | None = None
    try:
        with telling_warnings():
            result = evaluate(
                source,
                estimator,
                limit=limit,
                delay=delay,
                window=window,
                progress=TerminalProgress(),
                model_name=model,
                watcher=page,
            )
    except PartialResultError as partial:
        error, result = partial, partial.result
    write_results(result, json_path, csv_path)
    if page is not None:
        leave_page(page)
    if error is not None:
        complain(error)
        return EXIT_BAD_DATA
    return EXIT_INTERRUPTED if result.interrupted else 0


def open_page(host: str, port: int | None) -> LivePage:
    """Serve the live page and say where."""
    from stream.live import LivePage

    page = LivePage(DEFAULT_PORT if port is None else port, host)
    click.echo(f"The page to watch is at {page.url}", err=True)
    return page


def leave_page(page: LivePage) -> None:
    """Serve the page until Ctrl-C at a terminal, else until all browsers have the last numbers."""
    if sys.stderr.isatty() and sys.stdin.isatty():
        click.echo(f"The page stays at {page.url} until Ctrl-C.", err=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    page.wait(LAST_SECONDS)
    page.close()


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
            click.echo(utf8(text()), nl=False)
        elif path is not None:
            write(path)
    if result.rows or not result.error:
        print_report(result, Console(stderr="-" in (json_path, csv_path)))


def use_threads(estimator: Any, model: str, jobs: int) -> None:
    """Set the number of threads in which the clusters of a model work."""
    if jobs == 0:
        raise click.UsageError("--jobs must be 1 or more, or -1 for one for each processor. Got 0.")
    if not hasattr(estimator, "n_jobs"):
        raise click.UsageError(
            f"--jobs is for models whose clusters can work in threads (drifthomer). Got {model!r}; "
            "leave it out."
        )
    estimator.n_jobs = jobs
