"""The command ``drifthomer rollback``."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from stream.cli.config_file import config_option
from stream.cli.consume import consume

WHAT_IT_MEANS = """\
The next start takes the messages since then again, as they are in the topics now, and learns from
them. Predictions that were written since stay where they are: without --exactly-once they are
written again with the same keys and perhaps other contents, with it none is written for messages
whose predictions were committed."""


@click.command(short_help="Have a learner go back to an earlier snapshot.")
@config_option(of=consume)
@click.option("--name", required=True, metavar="LEARNER", help="The learner's name.")
@click.option(
    "--snapshot-dir",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of its snapshots.",
)
@click.option(
    "--to",
    metavar="TIME_OR_NUMBER",
    help="2026-05-01T12:00:00Z: the newest snapshot taken by then; 17: the snapshot of that "
    "number.  [default: list them]",
)
def rollback(name: str, snapshot_dir: Path, to: str | None) -> int:
    """Have a learner that does not run go back to an earlier snapshot.

    Earlier snapshots are kept by 'consume --keep N --keep-every SECONDS'; --config may be the file
    of 'consume'.
    """
    from stream.kafka.recovery.rollback import list_snapshots, roll_back

    if to is None:
        for each in list_snapshots(snapshot_dir, name):
            click.echo(f"{each.number}\t{each.taken:%Y-%m-%dT%H:%M:%SZ}\t{each.path}")
        return 0
    chosen = roll_back(snapshot_dir, name, parse_moment(to))
    click.echo(
        f"{name} goes on from snapshot {chosen.number}, taken {chosen.taken:%Y-%m-%dT%H:%M:%SZ}."
    )
    click.echo(WHAT_IT_MEANS)
    return 0


def parse_moment(text: str) -> int | datetime.datetime:
    """A number, or a time; one without a zone is UTC.

    Examples
    --------
    >>> parse_moment("17"), parse_moment("2026-05-01T12:00:00Z").hour
    (17, 12)
    """
    if text.isdigit():
        return int(text)
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"--to must be a number or a time such as 2026-05-01T12:00:00Z. Got {text!r}."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
