"""The command ``drifthomer``; ``python -m stream`` is the same.

Wrong usage ends with one line on standard error and exit code 2, bad data with one line and exit
code 1, Ctrl-C with the results so far and exit code 130.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import click

from stream._version import __version__
from stream.cli.compare import compare
from stream.cli.compile import compile_kernels
from stream.cli.console import EXIT_BAD_DATA, EXIT_INTERRUPTED, EXIT_USAGE, PROGRAM, complain
from stream.cli.consume import consume
from stream.cli.datasets import datasets
from stream.cli.inspect import inspect
from stream.cli.prequential import prequential
from stream.cli.produce import produce
from stream.cli.report import report
from stream.cli.rollback import rollback
from stream.errors import DataError, DriftHomerError, SnapshotError

# A command imports what it needs when it runs: --help need not wait for compiled code.


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


for command in (
    prequential,
    compare,
    datasets,
    inspect,
    consume,
    produce,
    rollback,
    report,
    compile_kernels,
):
    cli.add_command(command)


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
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names need not be what it can write
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
