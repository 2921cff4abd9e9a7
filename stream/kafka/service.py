"""A learner that reads a topic, predicts, learns, and can be killed at any moment.

What is promised (the recipes are those of "offsets inside the snapshot", with and without
transactions): the offsets are in the snapshot that holds the model. After a crash the learner goes
back to its last snapshot and takes the messages since then again, in the order that it had
recorded. Without transactions what it had written since then is written again with the same bytes
and keys. With them it is silent up to the offsets that its last transaction committed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import Client, TopicPartition
from stream.kafka.errors import BrokerUnavailableError
from stream.kafka.recovery.checkpoints import Checkpoints
from stream.kafka.recovery.lock import Lock
from stream.kafka.recovery.rollback import Archive
from stream.kafka.session import Session
from stream.kafka.settings import Settings
from stream.kafka.time_order import TimeOf
from stream.kafka.topic_learner import TopicLearner
from stream.snapshot import Files, SnapshotStore

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


class Service:
    """Keeps a learner going.

    Parameters
    ----------
    client, connection
        How brokers are reached.
    settings
        What is read, and how.
    make_learner
        Makes the learner as it is before its first message; it is made again whenever the service
        goes back to a snapshot. It is given the learner's state in a snapshot, or None.
    time_of
        What is taken instead of the timestamp of a message; None: that is taken.
    files
        The file system of the snapshots; None: that of the machine.

    Attributes
    ----------
    learner
        The learner now; None before the first.
    lag
        Messages that are still to be read, by partition.
    stopping
        Whether the service was asked to end.
    attempted
        The furthest offsets that this process asked to be committed in transactions; None before.
    broker_up
        Whether a broker answered when it was last asked.
    caught_up
        Whether everything was taken that was there, once since the service began.
    fetch_seconds, learn_seconds
        Time spent with polls that brought messages, and with predicting and learning.
    watch
        Called with each learner as it is made; None: nobody watches.
    rest
        Called when no message came for a moment; None: there is nothing to do then.
    """

    def __init__(
        self,
        client: Client,
        connection: Connection,
        settings: Settings,
        make_learner: Callable[[dict | None], TopicLearner],
        *,
        time_of: TimeOf | None = None,
        files: Files | None = None,
    ):
        self.client = client
        self.connection = connection
        self.settings = settings
        self.stopping = False
        self.learner: TopicLearner | None = None
        self.lag: dict[TopicPartition, int] = {}
        self.attempted: dict[TopicPartition, int] | None = None
        self.broker_up = False
        self.caught_up = False
        self.fetch_seconds = self.learn_seconds = 0.0
        self.time_of = time_of
        self.watch: Callable[[TopicLearner], None] | None = None
        self.rest: Callable[[], None] | None = None
        self._messages_before: int | None = None
        self._make_learner = make_learner
        self._store = SnapshotStore(settings.directory, settings.name, files=files)
        archive = None
        if settings.keep_archived:
            archive = Archive(
                settings.directory,
                settings.name,
                keep=settings.keep_archived,
                seconds=settings.archive_seconds,
            )
        self.checkpoints = Checkpoints(self._store, archive)

    def stop(self) -> None:
        """Ask the service to end: what was taken is finished, and a snapshot is written."""
        self.stopping = True

    @property
    def not_ready(self) -> str:
        """Why predictions are not up to date: the service has not caught up since it began, or no
        broker answers; empty when they are."""
        if self.stopping:
            return "stopping"
        if not self.broker_up:
            return "no broker answers"
        return "" if self.caught_up else "catching up"

    @property
    def n_taken(self) -> int:
        """Messages taken since the snapshot that this process began with."""
        if self.learner is None or self._messages_before is None:
            return 0
        return self.learner.counts.messages - self._messages_before

    def begin(self, state: dict | None) -> TopicLearner:
        """Make the learner that goes on."""
        self.learner = self._make_learner(state)
        if self._messages_before is None:
            self._messages_before = self.learner.counts.messages
        if self.watch is not None:
            self.watch(self.learner)
        return self.learner

    def run(self) -> None:
        """Serve until the end, or until :meth:`stop`.

        Raises
        ------
        FencedError
            When another learner of this name runs.
        BrokerUnavailableError
            When no broker answers for as long as the connection's deadline allows.
        DriftHomerError
            When a topic, a message or a snapshot cannot be used.
        """
        folder = self.settings.directory
        folder.mkdir(parents=True, exist_ok=True)
        with Lock(folder / f"{self.settings.name}.lock", self.settings.name):
            failing_since: float | None = None
            most = 0
            while True:
                try:
                    Session(self).run()
                    return
                except BrokerUnavailableError as error:
                    self.broker_up = False
                    now = time.monotonic()
                    if failing_since is None or self.n_taken > most:
                        failing_since, most = now, self.n_taken
                    if self.stopping or now - failing_since > self.connection.deadline:
                        raise
                    logger.warning(
                        "Going back to the last snapshot, because the brokers broke off: %s", error
                    )
                    time.sleep(RETRY_SECONDS)
