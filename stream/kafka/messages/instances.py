"""Instances on their way through a learner, as columns: an object for each would take longer than
what a model does with it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from stream.kafka.clients.interface import Record, TopicPartition
from stream.kafka.messages.decoding import Row, RowColumns
from stream.rows.truth import Truth


class Instances:
    """Instances in the order in which they came; the lists are of one length.

    Attributes
    ----------
    partitions, offsets, numbers
        Where each was read: its partition and offset, and its number within its message.
    keys
        Key of each; None: it has none.
    xs
        Features of each, by name.
    ys
        What is known of the labels of each; None: nothing.
    since
        Clock of the waiting room when each came.
    """

    def __init__(self) -> None:
        self.partitions: list[TopicPartition] = []
        self.offsets: list[int] = []
        self.numbers: list[int] = []
        self.keys: list[bytes | None] = []
        self.xs: list[Mapping[Hashable, Any]] = []
        self.ys: list[Truth | None] = []
        self.since: list[int] = []

    def __len__(self) -> int:
        return len(self.offsets)

    def add_message(
        self, partition: TopicPartition, record: Record, rows: Iterable[Row], since: int = 0
    ) -> None:
        """Add the rows of a message."""
        for number, (key, x, y) in enumerate(rows):
            self.partitions.append(partition)
            self.offsets.append(record.offset)
            self.numbers.append(number)
            self.keys.append(key)
            self.xs.append(x)
            self.ys.append(y)
            self.since.append(since)

    def add_messages(
        self, partition: TopicPartition, records: Sequence[Record], rows: RowColumns
    ) -> None:
        """Add messages of a row each."""
        n_rows = len(records)
        self.partitions += [partition] * n_rows
        self.offsets += [record.offset for record in records]
        self.numbers += [0] * n_rows
        self.keys += rows.keys
        self.xs += rows.xs
        self.ys += rows.ys
        self.since += [0] * n_rows

    def part(self, start: int, stop: int) -> Instances:
        """Some of them, from ``start`` until before ``stop``."""
        if start == 0 and stop == len(self):
            return self
        found = Instances()
        for name, column in vars(self).items():
            setattr(found, name, column[start:stop])
        return found
