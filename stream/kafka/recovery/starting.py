"""Which partitions a learner reads, and from where: as its snapshot says, if it can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from stream.errors import NotAvailableError, ParameterError
from stream.kafka.clients.interface import SourceClient, TopicPartition
from stream.kafka.errors import BrokerUnavailableError, OffsetError
from stream.kafka.recovery.recorded_order import read_order
from stream.kafka.settings import Settings


def partitions_to_read(
    source: SourceClient, settings: Settings, positions: Mapping[TopicPartition, int]
) -> list[TopicPartition]:
    """The partitions that are to be read.

    Parameters
    ----------
    source, settings
        The client, and what is asked for.
    positions
        Where the learner is; empty: it has not begun.

    Raises
    ------
    BrokerUnavailableError
        When a topic is not there that was there before: a broker is starting.
    NotAvailableError
        When there is no such topic.
    ParameterError
        When it has no such partition.
    """
    found = []
    for topic in settings.topics:
        numbers = source.partitions(topic)
        if not numbers and positions:
            raise BrokerUnavailableError(f"The topic {topic!r} is not there now.")
        if not numbers:
            raise NotAvailableError(f"There is no topic {topic!r}; make it first.")
        wanted = settings.partitions
        missing = [number for number in wanted or () if number not in numbers]
        if missing:
            raise ParameterError(
                f"The topic {topic!r} has the partitions {listed(numbers)}. Got {listed(missing)} "
                "to be read."
            )
        found += [TopicPartition(topic, number) for number in wanted or numbers]
    return found


def starting_offsets(
    source: SourceClient,
    settings: Settings,
    read: Sequence[TopicPartition],
    before: Mapping[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """Where each partition is read from: where it was left, or where it begins.

    Raises
    ------
    ParameterError
        When a partition that was read is not to be read now.
    OffsetError
        When the log does not hold the offset at which a partition was left.
    """
    gone = [each for each in before if each not in read]
    if gone:
        raise ParameterError(
            f"The learner {settings.name!r} has read {listed(gone)}, which it is not to read now; "
            "give it the same partitions, or another name."
        )
    positions = {}
    for each, (start, end) in source.offsets(read).items():
        at = before.get(each, start)
        if at < start:
            raise OffsetError(
                f"The snapshot continues at offset {at} of {each}, and the log begins at {start}: "
                "the messages between were deleted. Keep messages for longer than a learner is "
                "down, and give it another name to begin again."
            )
        if at > end:
            raise OffsetError(
                f"The snapshot continues at offset {at} of {each}, and the log ends at {end}; was "
                "the topic made anew? Give the learner another name to begin again."
            )
        positions[each] = at
    return positions


def refuse_if_deleted(followed: Path, own: Path, positions: Mapping[TopicPartition, int]) -> None:
    """End when an order needs messages from before the first one that this learner took.

    They were deleted before it began, so that it would learn less than the other learner.

    Parameters
    ----------
    followed, own
        The order of the other learner, and that of this one.
    positions
        Where this learner is.

    Raises
    ------
    OffsetError
        When it does.
    """
    began = dict(positions)
    for partition, first, *_ in read_order(own):
        began[partition] = min(first, began.get(partition, first))
    for partition, first, *_ in read_order(followed):
        if first < began.get(partition, first):
            raise OffsetError(
                f"The order {followed} begins with offset {first} of {partition}, and this learner "
                f"with {began[partition]}: the messages between were deleted. Follow the order "
                "while they are kept, or copy the other learner's snapshots."
            )


def listed(items: Iterable[object]) -> str:
    """Things for a message."""
    return ", ".join(map(str, items))
