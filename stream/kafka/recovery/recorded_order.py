"""The order in which partitions were interleaved, in a file, so that a replay learns the same.

What was learnt depends on the order of the rows, and across partitions only the learner knows it.
The order is written before anything that depends on it leaves the learner: after a crash the rows
since the snapshot are taken in the recorded order, and predictions that were already written come
out with the same bytes.

The file has a line for each run of messages of one partition: ``topic/partition first past``, and
``untimed`` at its end where the timestamps of the messages were refused, which a later replay could
not tell. A line without its end was being written when the process died; nothing has depended on
it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from stream.kafka.clients.interface import TopicPartition
from stream.kafka.errors import OffsetError


class Run(NamedTuple):
    """Messages of one partition, one after the other."""

    partition: TopicPartition
    first: int  # offset
    past: int  # offset after the last
    untimed: bool = False  # whether the messages count as having no time


class OrderFile:
    """The recorded order of one learner.

    Parameters
    ----------
    path
        The file; it is made if there is none.
    durable
        Whether a line has to survive a power failure, and not only the death of the process.

    Attributes
    ----------
    length
        Bytes written and complete.
    """

    def __init__(self, path: str | os.PathLike[str], *, durable: bool = True):
        self.path = Path(path)
        self.durable = durable
        self._file = _appended(self.path)
        self.length = self._drop_torn_line()

    def _drop_torn_line(self) -> int:
        content = self.path.read_bytes()
        length = content.rfind(b"\n") + 1
        if length < len(content):
            os.ftruncate(self._file.fileno(), length)
        return length

    def append(self, runs: Iterable[Run]) -> None:
        """Record runs, in order; they are safe when this returns."""
        text = "".join(
            f"{run.partition} {run.first} {run.past}{' untimed' * run.untimed}\n" for run in runs
        ).encode()
        self._file.write(text)
        self._file.flush()
        if self.durable:
            os.fsync(self._file.fileno())
        self.length += len(text)

    def since(self, length: int) -> list[Run]:
        """What was recorded after the first ``length`` bytes.

        Raises
        ------
        OffsetError
            When the file is shorter.
        """
        if length > self.length:
            raise OffsetError(
                f"The order of messages {self.path} must have {length} bytes, because the snapshot "
                f"was written after them; it has {self.length}. Bring back the file that was "
                "beside the snapshot."
            )
        return list(read_order(self.path, length))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _appended(path: Path) -> BinaryIO:
    """A file open for appending, which only its owner reads and writes; links are not followed."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.fdopen(os.open(path, flags, 0o600), "ab")
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OffsetError(
            f"The order of messages {path} must be a plain file. It is a link; remove it, or name "
            "the folder that it leads to."
        ) from error


def read_order(path: str | os.PathLike[str], start: int = 0) -> Iterator[Run]:
    """The runs that a file recorded, from a byte on; runs that continue each other are one.

    Raises
    ------
    OffsetError
        Naming the line that is none.
    """
    merged: Run | None = None
    with Path(path).open("rb") as file:
        file.seek(start)
        for line in file:
            run = _parse(line, path)
            if merged is not None and (run.partition, run.first, run.untimed) == (
                merged.partition,
                merged.past,
                merged.untimed,
            ):
                merged = merged._replace(past=run.past)
                continue
            if merged is not None:
                yield merged
            merged = run
    if merged is not None:
        yield merged


def _parse(line: bytes, path: str | os.PathLike[str]) -> Run:
    try:
        name, first, past, *rest = line.decode().rstrip("\n").split(" ")
        topic, _, number = name.rpartition("/")
        if rest not in ([], ["untimed"]):
            raise ValueError(rest)
        run = Run(TopicPartition(topic, int(number)), int(first), int(past), bool(rest))
    except ValueError:
        run = None
    if run is None or not (run.partition.topic and 0 <= run.first < run.past):
        raise OffsetError(
            f"The order of messages {path} must have lines 'topic/partition first past'. Got "
            f"{line!r} instead."
        )
    return run
