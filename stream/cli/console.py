"""Exit codes, and what is said on standard error."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Iterator

import click

PROGRAM = "drifthomer"
EXIT_BAD_DATA, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 128 + signal.SIGINT


def complain(error: object) -> None:
    """Print an error as one line on standard error."""
    click.echo(f"{PROGRAM}: {' '.join(str(error).split())}", err=True)


class _WarningHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        complain(f"{record.levelname.lower()}: {record.getMessage()}")


@contextlib.contextmanager
def telling_warnings() -> Iterator[None]:
    """Say what the package warns of on standard error, a line for each warning."""
    logger = logging.getLogger("stream")
    handler = _WarningHandler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
