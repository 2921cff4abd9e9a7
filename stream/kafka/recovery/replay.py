"""Messages in an order that was recorded earlier."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from stream.kafka.clients.interface import Record, SourceClient, TopicPartition
from stream.kafka.errors import BrokerUnavailableError, OffsetError
from stream.kafka.polling import OffsetGuard
from stream.kafka.recovery.recorded_order import Run
from stream.kafka.time_order import Piece, TimeOf, timed, without_time

POLL_SECONDS = 0.5
MAX_POLLED = 2_000
MAX_BUFFERED = 50_000  # messages of partitions whose turn has not come


def in_batches(pieces: Iterable[Piece], n_messages: int) -> Iterator[list[Piece]]:
    """Pieces, so many at once that they have ``n_messages`` messages or more; a finely interleaved
    order has a piece for each message, and a transaction or a call of the model for each takes
    long."""
    batch: list[Piece] = []
    waiting = 0
    for piece in pieces:
        batch.append(piece)
        waiting += len(piece.records)
        if waiting >= n_messages:
            yield batch
            batch, waiting = [], 0
    if batch:
        yield batch


class Replay:
    """Reads messages in a recorded order.

    Parameters
    ----------
    source
        The client, which nobody else uses meanwhile.
    positions
        The offset that comes next, by partition.
    deadline
        Seconds for which a message that must be there is waited for.
    allow_gaps
        See :class:`~stream.kafka.polling.OffsetGuard`.
    time_of
        What is taken instead of the timestamp of a message.
    """

    def __init__(
        self,
        source: SourceClient,
        positions: Mapping[TopicPartition, int],
        *,
        deadline: float,
        allow_gaps: bool = False,
        time_of: TimeOf | None = None,
    ):
        self._source = source
        self._time_of = time_of
        self._deadline = deadline
        self._guard = OffsetGuard(positions, allow_gaps=allow_gaps)
        self._buffers: dict[TopicPartition, deque[Record]] = {each: deque() for each in positions}
        self._assigned: set[TopicPartition] = set()

    def pieces(self, runs: Iterable[Run]) -> Iterator[Piece]:
        """The messages of the runs, in order, in pieces as they come.

        Raises
        ------
        OffsetError
            When a run is not of these partitions, or not of these messages.
        BrokerUnavailableError
            When a message does not come in time.
        """
        for partition, first, past, untimed in runs:
            if partition not in self._buffers:
                raise OffsetError(
                    f"The recorded order needs {partition}, which is not among the partitions "
                    f"read: {', '.join(map(str, self._buffers))}."
                )
            at = first
            while at < past:
                records = self._next(partition, past)
                if not records or records[0].offset < first:
                    raise OffsetError(
                        f"The recorded order needs {partition} from {first} to {past}, and "
                        f"{self._guard.positions[partition]} comes next; is it of another learner?"
                    )
                at = records[-1].offset + 1
                if untimed:
                    records = [without_time(each) for each in records]
                yield Piece(partition, records, untimed)

    def _next(self, partition: TopicPartition, past: int) -> list[Record]:
        buffer = self._buffers[partition]
        deadline = time.monotonic() + self._deadline
        while not buffer:
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(
                    f"The message {self._guard.positions[partition]} of {partition} did not come "
                    f"within {self._deadline:.0f} seconds; check the broker."
                )
            self._poll(partition)
        taken = []
        while buffer and buffer[0].offset < past:
            taken.append(buffer.popleft())
        return taken

    def _poll(self, needed: TopicPartition) -> None:
        buffered = sum(map(len, self._buffers.values()))
        wanted = {needed} if buffered > MAX_BUFFERED else set(self._buffers)
        if not wanted <= self._assigned or len(wanted) < len(self._assigned):
            self._source.assign({each: self._guard.positions[each] for each in wanted})
            self._assigned = wanted
        try:
            polled = self._source.poll(POLL_SECONDS, MAX_POLLED)
        except BrokerUnavailableError:
            return  # the deadline of the message counts
        for partition, records in polled:
            self._guard.check(partition, records)
            if self._time_of is not None:
                records = timed(records, self._time_of)
            self._buffers[partition].extend(records)
