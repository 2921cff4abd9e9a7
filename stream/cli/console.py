"""Exit codes, and what is said on standard error."""

from __future__ import annotations

import signal

import click

PROGRAM = "drifthomer"
EXIT_BAD_DATA, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 128 + signal.SIGINT


def complain(error: object) -> None:
    """Say on one line of standard error what was wrong."""
    click.echo(f"{PROGRAM}: {' '.join(str(error).split())}", err=True)
