"""Going back to an earlier snapshot of a learner that does not run.

Archived snapshots are whole snapshots under the same names in the folder ``NAME.archive``, one
every so often. Going back makes one of them the newest and forgets the order that was recorded
since: the messages since then are taken again, as they are in the topics now.
"""

from __future__ import annotations

import datetime
import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from stream.errors import NotAvailableError
from stream.kafka.recovery.checkpoints import Checkpoint
from stream.kafka.recovery.lock import Lock
from stream.snapshot import SnapshotStore, load


class Archived(NamedTuple):
    """A snapshot that one can go back to."""

    number: int
    path: Path
    taken: datetime.datetime  # UTC


class Archive:
    """Keeps a snapshot now and then.

    Parameters
    ----------
    directory, name
        Folder of the snapshots, and the learner's name.
    keep
        How many are kept; the oldest go first.
    seconds
        Time between two of them.
    """

    def __init__(self, directory: Path, name: str, *, keep: int, seconds: float):
        self.folder = directory / f"{name}.archive"
        self.seconds = seconds
        self.keep = keep
        self._name = name
        self._last: float | None = None

    def offer(self, path: Path) -> None:
        """Keep a snapshot that was written, if it is time."""
        if self._last is None:
            held = snapshots_in(self.folder, self._name)
            self._last = held[0].path.stat().st_mtime if held else -self.seconds
        taken = path.stat().st_mtime
        if taken - self._last < self.seconds:
            return
        self.folder.mkdir(exist_ok=True)
        kept = self.folder / path.name
        kept.unlink(missing_ok=True)
        try:
            os.link(path, kept)  # snapshots are never changed, only removed
        except OSError:  # a file system without links
            shutil.copy2(path, kept)
        self._last = taken
        for each in snapshots_in(self.folder, self._name)[self.keep :]:
            each.path.unlink()


def snapshots_in(folder: Path, name: str) -> list[Archived]:
    """Snapshots of a learner in a folder, newest first."""
    if not folder.is_dir():
        return []
    return [
        Archived(
            number,
            path,
            datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC),
        )
        for number, path in SnapshotStore(folder, name).snapshots()
    ]


def list_snapshots(directory: Path, name: str) -> list[Archived]:
    """Everything that a learner can go back to, newest first."""
    found = {each.number: each for each in snapshots_in(directory / f"{name}.archive", name)}
    found |= {each.number: each for each in snapshots_in(directory, name)}
    return [found[number] for number in sorted(found, reverse=True)]


def roll_back(directory: Path, name: str, to: int | datetime.datetime) -> Archived:
    """Make an earlier snapshot the newest; which.

    Parameters
    ----------
    directory, name
        Folder of the snapshots, and the learner's name.
    to
        Number of a snapshot, or a time: the newest that was taken by then.

    Raises
    ------
    NotAvailableError
        When there is no such snapshot.
    FencedError
        When the learner runs.
    SnapshotError
        When the snapshot cannot be used.
    """
    if not directory.is_dir():
        raise NotAvailableError(f"There is no folder {str(directory)!r}; check --snapshot-dir.")
    with Lock(directory / f"{name}.lock", name):
        held = list_snapshots(directory, name)
        fitting = [
            each
            for each in held
            if (each.number == to if isinstance(to, int) else each.taken <= to)
        ]
        if not fitting:
            listed = ", ".join(f"{each.number} ({each.taken:%Y-%m-%dT%H:%M:%SZ})" for each in held)
            raise NotAvailableError(
                f"The learner {name!r} has no snapshot {to}; it has {listed or 'none'}."
            )
        chosen = fitting[0]
        length = Checkpoint.of_state(load(chosen.path)).order_length
        SnapshotStore(directory, name, keep=len(held) + 1).write(chosen.path.read_bytes())
        order = directory / f"{name}.order"
        if order.exists():
            # Were it still whole, the learner would learn again exactly what it had learnt.
            shutil.copy2(order, directory / f"{name}.order.before-{time.time():.0f}")
            os.truncate(order, length)
    return chosen
