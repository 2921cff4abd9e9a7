"""What a service reads, and how."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a service reads, and how.

    Parameters
    ----------
    name
        The learner's name, unique per machine; names its snapshots, group and transactions.
    directory
        Folder of the snapshots and of the recorded order.
    topic, labels_topic
        Instances, and their labels where they come on their own.
    partitions
        Numbers of the partitions to read, of both topics; None: all, also those added later.
    exactly_once
        Whether to write in transactions.
    until_end
        Whether to stop at the ends that the partitions have at the start.
    max_messages
        Messages to take at most; None: any number.
    snapshot_seconds
        Seconds between snapshots.
    batch_messages
        Messages that are taken at once at most.
    queue_messages
        Messages that are read ahead at most.
    allow_gaps
        Whether offsets may be missing.
    max_idle_seconds
        Seconds for which a partition that is not at its end, and of which nothing comes, is waited
        for, so that messages are taken in the order of their timestamps.
    keep_archived, archive_seconds
        Earlier snapshots to be kept, and the seconds between two of them.
    progress_seconds
        Seconds between lines of the log that tell what was done so far.
    follow_order
        A recorded order to be followed first; None: as messages come.
    """

    name: str
    directory: Path
    topic: str
    labels_topic: str | None = None
    partitions: tuple[int, ...] | None = None
    exactly_once: bool = False
    until_end: bool = False
    max_messages: int | None = None
    snapshot_seconds: float = 30.0
    batch_messages: int = 2_000
    queue_messages: int = 20_000
    allow_gaps: bool = False
    max_idle_seconds: float = 10.0
    keep_archived: int = 0
    archive_seconds: float = 3_600.0
    progress_seconds: float = 60.0
    follow_order: Path | None = None

    @property
    def topics(self) -> list[str]:
        """The topics that are read."""
        return [self.topic] if self.labels_topic is None else [self.topic, self.labels_topic]
