"""Predictions as messages: JSON, with the place of the instance as key.

The key is the topic, partition and offset of the instance, as in ``instances/0@17``, and the number
of the row within its message unless that is 0: the same however often a prediction is written.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from stream.kafka.answers import Answers
from stream.kafka.clients.interface import Message, TopicPartition
from stream.kafka.messages.instances import Instances


class Source(msgspec.Struct, gc=False):
    """Where the instance of a prediction was read."""

    topic: str
    partition: int
    offset: int
    row: int


class Prediction(msgspec.Struct, gc=False):
    """A prediction as it is written.

    Attributes
    ----------
    key
        Key of the instance: a text, or ``{"base64": ...}`` where it is not UTF-8, or null.
    labels
        The labels predicted present, the most probable first (single-label: the class).
    probabilities
        Probability of these labels and of the most probable others that were known by then, from
        high to low; null where the model does not tell.
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
        self._encode = msgspec.json.Encoder().encode_lines

    def messages(
        self,
        instances: Instances,
        answers: Answers,
        names: Sequence[Hashable],
        *,
        known: int,
        versions: Iterable[int],
        first_event: int,
    ) -> list[Message]:
        """The messages of predictions.

        Parameters
        ----------
        instances, answers
            What was asked, and what the model says of it.
        names, known
            Names of the labels, and how many were known before the first instance.
        versions
            Rows learnt before each instance.
        first_event
            Number of the first instance.
        """
        labels, told = answers.by_name(names, known)
        probabilities: Iterable[dict[Any, float] | None] = itertools.repeat(None)
        if told is not None:
            used = {names[column] for column in np.unique(answers.label).tolist()}
            probabilities = told if _KEYS.issuperset(map(type, used)) else map(_with_keys, told)
        rest = zip(
            _texts(instances.keys),
            labels,
            probabilities,
            versions,
            itertools.count(first_event),
            instances.offsets,
            instances.numbers,
            strict=False,  # counted without end
        )
        contents: list[Prediction] = []
        places: list[tuple[int, bytes]] = []
        for (topic, number), run in itertools.groupby(instances.partitions):
            n_rows = len(list(run))
            first = len(contents)
            contents += [
                Prediction(key, present, told, version, event, Source(topic, number, offset, row))
                for key, present, told, version, event, offset, row in itertools.islice(
                    rest, n_rows
                )
            ]
            prefix, into = f"{topic}/{number}@".encode(), number % self.n_partitions
            offsets = instances.offsets[first : first + n_rows]
            numbers = instances.numbers[first : first + n_rows]
            places += [
                (into, b"%b%d.%d" % (prefix, offset, row) if row else b"%b%d" % (prefix, offset))
                for offset, row in zip(offsets, numbers, strict=True)
            ]
        # All at once is quicker: no end of a line is within JSON, and nothing is after the last.
        values = self._encode(contents).split(b"\n")
        to = self.topic
        return [
            new_message(Message, (to, into, place, value, ()))
            for (into, place), value in zip(
                places, values, strict=False
            )  # nothing is after the last
        ]


# A NamedTuple's own way takes three times as long.
new_message = tuple.__new__
_KEYS = frozenset({str, int, float})  # names that can be keys of JSON, as texts
_TEXTS: dict[Hashable, str] = {True: "true", False: "false", None: "null"}


def _with_keys(probabilities: Mapping[Hashable, float]) -> dict[Any, float]:
    """Probabilities by names that JSON can have as keys."""
    return {
        name if type(name) in _KEYS else _TEXTS.get(name, str(name)): value
        for name, value in probabilities.items()
    }


def _texts(keys: Sequence[bytes | None]) -> list[Any]:
    """Keys as they are written."""
    try:
        return [key.decode() for key in keys]  # type: ignore[union-attr]  # most have one
    except (AttributeError, UnicodeDecodeError):
        return list(map(_text, keys))


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
