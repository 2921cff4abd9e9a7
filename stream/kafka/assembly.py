"""A service from what a user asks for."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from stream.errors import NotAvailableError
from stream.kafka.answers import TOP_K
from stream.kafka.clients.connection import Connection
from stream.kafka.clients.interface import load_client
from stream.kafka.label_join import Policy, WaitingRoom
from stream.kafka.messages.decoding import FieldDecoder, MessageDecoder
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.predictions import PredictionWriter
from stream.kafka.model_drivers import driver_for, model_state, restored_model, warn_of_pickle
from stream.kafka.service import Service
from stream.kafka.settings import Settings
from stream.kafka.topic_learner import DeadLetters, TopicLearner
from stream.rows.schema import Schema
from stream.snapshot import Files


@dataclasses.dataclass(frozen=True)
class Joining:
    """How rows wait for labels that come on their own.

    Parameters
    ----------
    ttl_seconds
        How long a row, or labels without a row, may wait, by the timestamps of the messages.
    capacity
        How many may wait.
    policy
        What becomes of rows whose labels never come.
    """

    ttl_seconds: float = 86_400.0
    capacity: int = 100_000
    policy: Policy = "drop"


def make_service(
    connection: Connection,
    settings: Settings,
    model: Any,
    predictions_topic: str,
    *,
    client: str = "kafka-python",
    mapping: FieldMapping | None = None,
    decoder: MessageDecoder | None = None,
    joining: Joining | None = None,
    top_k: int = TOP_K,
    dead_letters_topic: str | None = None,
    max_dead_share: float = 0.01,
    window: int = 1_000,
    skip_null_values: bool = False,
    place_model: Callable[[Any], Any] | None = None,
    files: Files | None = None,
) -> Service:
    """A service that has not begun.

    Parameters
    ----------
    connection
        How brokers are reached.
    settings
        What is read.
    model
        The model as it is before its first row; it is not changed.
    predictions_topic
        Where predictions go.
    client
        Name of the Kafka client.
    mapping, decoder
        Where in a message the fields are; and what reads messages, by default JSON.
    joining
        How rows wait for labels, where ``settings`` has a topic of labels.
    top_k
        Probabilities are told of the labels predicted present and of so many most probable ones.
    dead_letters_topic, max_dead_share
        Where messages go that cannot be used, and how large their share may be.
    window
        Rows of a window of the metrics.
    skip_null_values
        Whether messages without a value are passed over, and not bad ones.
    place_model
        Is given every model that begins, new or from a snapshot, and gives the one that learns;
        it may have parts of it live elsewhere.
    files
        The file system of the snapshots; None: that of the machine.

    Raises
    ------
    NotAvailableError
        When the client is not installed, or a topic does not exist.
    ParameterError
        When the model is not made for the task.
    """
    mapping = mapping or FieldMapping()
    task = mapping.task
    library = load_client(client)
    driver_for(model, Schema([], [], task))  # refuses at once what will not do
    model_state(model)
    warn_of_pickle(model)
    reader = decoder or FieldDecoder(mapping)
    waits = joining or Joining()
    partitions: dict[str, int] = {}

    def n_partitions(topic: str | None) -> int:
        """Asked once: predictions of a partition stay in one."""
        if topic is None:
            return 1
        if topic not in partitions:
            source = library.source(connection, settings.name)
            try:
                partitions[topic] = len(source.partitions(topic))
            finally:
                source.close()
        if not partitions[topic]:
            raise NotAvailableError(f"There is no topic {topic!r}; make it first.")
        return partitions[topic]

    def make_learner(state: Mapping[str, Any] | None) -> TopicLearner:
        fresh = copy.deepcopy(model)
        found = fresh if state is None else restored_model(state["model"], fresh)
        if place_model is not None:
            found = place_model(found)
        room = None
        if settings.labels_topic is not None:
            room = WaitingRoom(
                mapping.label_names if mapping.labels_in_parts else (),
                ttl=int(waits.ttl_seconds * 1000),
                capacity=waits.capacity,
                policy=waits.policy,
            )
        learner = TopicLearner(
            driver_for(found, Schema([], [], task), top_k),
            reader,
            PredictionWriter(predictions_topic, n_partitions(predictions_topic)),
            task=task,
            labels_topic=settings.labels_topic,
            room=room,
            dead_letters=DeadLetters(
                dead_letters_topic, n_partitions(dead_letters_topic), max_dead_share
            ),
            window=window,
            skip_null_values=skip_null_values,
        )
        if state is not None:
            learner.set_state(dict(state))
        elif (
            not learner.driver.as_it_came and found.labels
        ):  # it was taught before: its labels are told at once
            learner.encoder.set_state({"features": [], "labels": list(found.labels)})
        return learner

    time_of = reader.time_of if mapping.timestamp is not None else None
    return Service(library, connection, settings, make_learner, time_of=time_of, files=files)
