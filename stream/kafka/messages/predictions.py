"""Predictions as messages: JSON, with the place of the instance as key."""

from __future__ import annotations

import base64
from collections.abc import Hashable
from typing import Any, NamedTuple

import msgspec

from stream.kafka.clients.interface import Message, TopicPartition


class Place(NamedTuple):
    """Where an instance was read."""

    partition: TopicPartition
    offset: int
    row: int  # within its message

    def as_key(self) -> bytes:
        """The key of its prediction: the same however often it is written.

        Examples
        --------
        >>> Place(TopicPartition("instances", 0), 17, 0).as_key()
        b'instances/0@17'
        """
        text = f"{self.partition}@{self.offset}"
        return (f"{text}.{self.row}" if self.row else text).encode()


class Source(msgspec.Struct):
    """Where the instance of a prediction was read."""

    topic: str
    partition: int
    offset: int
    row: int


class Prediction(msgspec.Struct):
    """A prediction as it is written.

    Attributes
    ----------
    key
        Key of the instance: a text, or ``{"base64": ...}`` where it is not UTF-8, or null.
    labels
        The labels predicted present (single-label: the class).
    probabilities
        Probability of every label known by then; null where the model does not tell.
    model_version
        Rows learnt by then.
    event
        Number of the instance, from 0, of those that the learner has seen.
    source
        Where the instance was read.
    """

    key: str | dict[str, str] | None
    labels: list[Any]
    probabilities: dict[Any, float] | None
    model_version: int
    event: int
    source: Source


class Answer(NamedTuple):
    """What a model says of an instance."""

    labels: list[Hashable]
    probabilities: dict[Hashable, float] | None


class PredictionWriter:
    """Makes messages of predictions.

    Parameters
    ----------
    topic
        Where they go.
    n_partitions
        Partitions of that topic: the predictions of a partition of instances are in one, in order.
    """

    def __init__(self, topic: str, n_partitions: int):
        self.topic = topic
        self.n_partitions = n_partitions
        self._encode = msgspec.json.Encoder().encode

    def message(
        self, place: Place, key: bytes | None, answer: Answer, version: int, event: int
    ) -> Message:
        """The message of one prediction."""
        (topic, number), offset, row = place
        content = Prediction(
            _text(key),
            answer.labels,
            _keys(answer.probabilities),
            version,
            event,
            Source(topic, number, offset, row),
        )
        return Message(
            self.topic, number % self.n_partitions, place.as_key(), self._encode(content)
        )


_KEYS = frozenset({str, int, float})  # names that can be keys of JSON, as texts


def _keys(probabilities: dict[Hashable, float] | None) -> dict[Any, float] | None:
    if probabilities is None or set(map(type, probabilities)) <= _KEYS:
        return probabilities
    texts = {True: "true", False: "false", None: "null"}
    return {
        name if type(name) in _KEYS else texts.get(name, str(name)): value  # type: ignore[call-overload]
        for name, value in probabilities.items()
    }


def _text(key: bytes | None) -> str | dict[str, str] | None:
    if key is None:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(key).decode()}


def dead_letter(topic: str, partition: TopicPartition, record: Any, reason: str, n: int) -> Message:
    """A message that could not be used, as it was, with the place and the reason in headers.

    Parameters
    ----------
    topic, n
        Where it goes, and how many partitions that has.
    partition, record
        Where it came from, and what it was.
    reason
        Why it could not be used.
    """
    headers = (
        ("source-topic", partition.topic.encode()),
        ("source-partition", b"%d" % partition.number),
        ("source-offset", b"%d" % record.offset),
        ("reason", reason.encode("utf-8", "replace")),
    )
    return Message(topic, partition.number % n, record.key, record.value, headers)
