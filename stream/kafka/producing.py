"""A stream's rows as messages, at a chosen rate: a demo, and a load for learners."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Iterator
from typing import Any

import msgspec

from stream.data.source import Source
from stream.errors import NotAvailableError, ParameterError
from stream.kafka.clients.interface import Message, SinkClient, SourceClient
from stream.rows.cells import utf8

_ENCODER = msgspec.json.Encoder()
BURST = 500  # messages handed over at once, at most
TICK_SECONDS = 0.05  # between bursts at a given rate


def produce(
    data: Source,
    source: SourceClient,
    sink: SinkClient,
    topic: str,
    *,
    labels_topic: str | None = None,
    label_delay: int = 0,
    rate: float | None = None,
    limit: int | None = None,
) -> int:
    """Write the rows of a stream to a topic; how many there were.

    A row is a message ``{"x": {feature: value}, "y": {label: true}}``, or ``"y": "class"``, whose
    key is the number of the row; features that are 0 are left out, missing ones are null. Rows go
    round the partitions, each with its labels to the partition of the same number.

    Parameters
    ----------
    data
        The stream.
    source, sink
        Clients.
    topic
        Where rows go.
    labels_topic
        Where labels go, on their own; None: with their row.
    label_delay
        Rows between a row and its labels, where these go on their own.
    rate
        Rows a second; None: as fast as the client can.
    limit
        Rows at most; None: all.

    Raises
    ------
    NotAvailableError
        When there is no such topic.
    ParameterError
        When the topics have different numbers of partitions.
    """
    n_partitions = _partitions(source, topic, labels_topic)
    late: deque[tuple[Message, int]] = deque()
    waiting: list[Message] = []
    began, n_rows = time.monotonic(), 0
    for message, label_message in _messages(data, topic, labels_topic, n_partitions):
        if n_rows == limit:
            break
        waiting.append(message)
        if label_message is not None:
            late.append((label_message, n_rows + label_delay))
        while late and late[0][1] <= n_rows:
            waiting.append(late.popleft()[0])
        n_rows += 1
        due = None if rate is None else began + n_rows / rate
        if len(waiting) >= BURST or (due is not None and due > time.monotonic() + TICK_SECONDS):
            sink.send(waiting)
            waiting = []
            if due is not None:
                time.sleep(max(0.0, due - time.monotonic()))
    sink.send(waiting + [message for message, _ in late])
    sink.flush()
    return n_rows


def _partitions(source: SourceClient, topic: str, labels_topic: str | None) -> int:
    numbers = {
        each: len(source.partitions(each)) for each in (topic, labels_topic) if each is not None
    }
    for each, number in numbers.items():
        if not number:
            raise NotAvailableError(f"There is no topic {each!r}; make it first.")
    if len(set(numbers.values())) > 1:
        listed = " and ".join(f"{each!r} has {number}" for each, number in numbers.items())
        raise ParameterError(
            f"Rows and labels must have as many partitions, so that they meet; {listed}."
        )
    return numbers[topic]


def _messages(
    data: Source, topic: str, labels_topic: str | None, n_partitions: int
) -> Iterator[tuple[Message, Message | None]]:
    """The message of each row, and that of its labels."""
    encode = _encode
    for row, (x, y) in enumerate(data):
        key, partition = b"%d" % row, row % n_partitions
        # NaN is no JSON; msgspec writes null, which is missing.
        content: dict[str, Any] = {"x": {str(name): value for name, value in x.items()}}
        labels = _labels(y)
        if labels_topic is None:
            content |= labels
            yield Message(topic, partition, key, encode(content)), None
        else:
            yield (
                Message(topic, partition, key, encode(content)),
                Message(labels_topic, partition, key, encode(labels)) if labels else None,
            )


def _encode(content: Any) -> bytes:
    try:
        return _ENCODER.encode(content)
    except UnicodeEncodeError:
        return _ENCODER.encode(_escaped(content))


def _escaped(content: Any) -> Any:
    """The same with names that are UTF-8."""
    if isinstance(content, dict):
        return {_escaped(name): _escaped(value) for name, value in content.items()}
    return utf8(content).decode() if isinstance(content, str) else content


def _labels(y: dict[Hashable, bool] | Any) -> dict[str, Any]:
    if isinstance(y, dict):
        return {"y": {str(label): bool(value) for label, value in y.items()}}
    return {} if y is None else {"y": str(y)}
