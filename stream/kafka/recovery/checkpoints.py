"""Snapshots of a running learner, written in the background from a consistent copy."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from stream.errors import SnapshotError
from stream.kafka.clients.interface import TopicPartition
from stream.kafka.errors import KafkaError
from stream.snapshot import Capture, SnapshotStore, capture

logger = logging.getLogger(__name__)

FORMAT = 1
SWITCH_SECONDS = 1e-4


@contextlib.contextmanager
def _first_in_line() -> Iterator[None]:
    """Wait for threads that poll and send in steps that are short.

    Copying an array lets other threads run; to go on after each of many arrays takes up to the
    interpreter's switch interval, which is longer than the copy.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


class Archive(Protocol):
    """Keeps some of the snapshots that are written."""

    def offer(self, path: Path) -> None:
        """Keep a snapshot that was written, if it is time."""
        ...


class Checkpoint(NamedTuple):
    """Where a learner was, and what it was."""

    positions: dict[TopicPartition, int]  # the offset that comes next
    order_length: int  # bytes of the order file
    learner: dict[str, Any]

    def as_state(self) -> dict[str, Any]:
        """What a snapshot holds."""
        return {
            "format": FORMAT,
            "offsets": [[*each, offset] for each, offset in sorted(self.positions.items())],
            "order_length": self.order_length,
            "learner": self.learner,
        }

    @classmethod
    def of_state(cls, state: Any) -> Checkpoint:
        """A checkpoint from what a snapshot holds.

        Raises
        ------
        SnapshotError
            When it is not the snapshot of a learner of this version.
        """
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise SnapshotError(
                "the newest snapshot is not one of a learner of this version; use another folder "
                "or name"
            )
        positions = {TopicPartition(topic, number): at for topic, number, at in state["offsets"]}
        return cls(positions, state["order_length"], state["learner"])


class Checkpoints:
    """Writes checkpoints; one at a time is under way.

    Parameters
    ----------
    store
        Where they go.
    archive
        Where some of them stay; None: nowhere.

    Attributes
    ----------
    on_written
        Called, in the writing thread, with the positions of each one that is safe.
    last
        When the last one that is safe was taken (``time.monotonic()``).
    tried
        When the last one was taken, safe or not.
    pause
        Seconds for which learning stood still while the latest one was copied.
    failures
        How many could not be written.
    """

    def __init__(self, store: SnapshotStore, archive: Archive | None = None):
        self.store = store
        self.archive = archive
        self.on_written: Callable[[dict[TopicPartition, int]], None] | None = None
        self.last = self.tried = time.monotonic()
        self.pause = 0.0
        self.failures = 0
        self._thread: threading.Thread | None = None
        self._spare: Capture | None = None  # its memory takes the next copy

    def read(self) -> Checkpoint | None:
        """The newest one that can be used; None when there is none yet.

        Raises
        ------
        SnapshotError
            When there are some and none can be used.
        """
        found = self.store.read_newest()
        return None if found is None else Checkpoint.of_state(found.value)

    @property
    def busy(self) -> bool:
        """Whether one is being written."""
        return self._thread is not None and self._thread.is_alive()

    def write(self, checkpoint: Checkpoint) -> None:
        """Write one, and return when it is safe.

        Raises
        ------
        SnapshotError
            When it could not be written; those before are still there.
        """
        self.wait()
        self._store(capture(checkpoint.as_state(), copy=False), checkpoint, time.monotonic())

    def prepare(self, checkpoint: Checkpoint) -> None:
        """Have memory for the first copy, which takes long to be had and so is not left to when
        learning stands still."""
        if self._spare is None:
            self._spare = capture(checkpoint.as_state())

    def write_later(self, checkpoint: Checkpoint, first: Callable[[], None]) -> None:
        """Copy what one holds and return; it is written in the background.

        Where that fails a warning says so: the one before stays, and another is tried later.

        Parameters
        ----------
        checkpoint
            What is to be written.
        first
            Called in the background before it is written; raises KafkaError when it may not be.
        """
        began = self.tried = time.monotonic()
        with _first_in_line():
            copy = capture(checkpoint.as_state(), reuse=self._spare)
        where = checkpoint._replace(learner={})
        self.pause = time.monotonic() - began
        self._thread = threading.Thread(
            target=self._try, args=(copy, where, began, first), name="snapshot", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Wait for the one that is being written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _try(
        self, copy: Capture, checkpoint: Checkpoint, began: float, first: Callable[[], None]
    ) -> None:
        try:
            first()
            self._store(copy, checkpoint, began)
            self._spare = copy
        except (SnapshotError, KafkaError) as error:
            self.failures += 1
            logger.warning("A snapshot could not be written; the one before stays: %s", error)

    def _store(self, copy: Capture, checkpoint: Checkpoint, began: float) -> None:
        path = self.store.write(copy)
        if self.archive is not None:
            try:
                self.archive.offer(path)
            except OSError as error:  # the snapshot itself is safe
                logger.warning("A snapshot could not be archived: %s", error)
        self.last = began
        if self.on_written is not None:
            self.on_written(checkpoint.positions)
