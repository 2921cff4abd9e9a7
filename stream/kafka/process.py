"""A service as a command: made from options, told of in a log, ended by signals."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stream.errors import NotAvailableError, ParameterError
from stream.evaluate.runners import task_of
from stream.kafka.assembly import Joining, make_service
from stream.kafka.clients.connection import REGISTRY_USER, Connection, Secret, read_options
from stream.kafka.clients.interface import load_client
from stream.kafka.messages.decoding import FieldDecoder
from stream.kafka.messages.field_mapping import read_mapping
from stream.kafka.messages.schema_registry import parser_for
from stream.kafka.service import Service
from stream.kafka.settings import Settings
from stream.kafka.summary import summary
from stream.kafka.topics import NewTopics, check_topics, create_missing
from stream.models.registry import DEFAULT_MODELS, create_model
from stream.snapshot import SnapshotStore, load

logger = logging.getLogger(__name__)

LEAVING_SECONDS = 8.0  # after SIGTERM, before the process ends in the middle of what it does
EXIT_TEMPORARY = 75  # what sysexits.h calls a temporary failure: to be started again


def build(
    *,
    bootstrap_servers: str,
    client: str,
    client_config: str | None,
    broker_timeout: float,
    model: str | None,
    warm_start: Path | None,
    params: tuple[tuple[str, Any], ...],
    seed: int | None,
    mapping: str | None,
    format: str,
    schema_registry: str | None,
    label_ttl: float,
    max_waiting: int,
    missing_labels: Any,
    predictions_topic: str,
    top_k: int,
    dead_letters_topic: str | None,
    max_dead_share: float,
    window: int,
    null_values: str | None,
    snapshot_dir: Path,
    snapshot_every: float,
    create_topics: bool,
    topic_partitions: int | None,
    topic_replication: int | None,
    check_only: bool = False,
    place_model: Callable[[Any], Any] | None = None,
    **settings: Any,
) -> Service | None:
    """The service that the options describe; None when they were only to be checked.

    Everything that can be wrong is looked at first, before anything is compiled.

    Raises
    ------
    DriftHomerError
        When something is wrong, or not there.
    """
    if model is not None and ":" in model:
        sys.path.append(os.getcwd())  # for a module in the user's own folder
    fields = read_mapping(mapping)
    if warm_start is None:
        made = create_model(model or DEFAULT_MODELS[fields.task], dict(params), seed)
    elif model or params or seed is not None:
        raise ParameterError(
            "--warm-start gives the model with its parameters; leave out --model, --set and --seed."
        )
    else:
        made = load(warm_start)
    if mapping is None and task_of(made) == "single-label":
        fields = dataclasses.replace(fields, target=fields.labels)  # as 'produce' writes classes
    given = read_options(client_config)
    user = given.get(REGISTRY_USER)
    parse = parser_for(format, schema_registry, user.reveal() if isinstance(user, Secret) else user)
    connection = Connection(bootstrap_servers, given, broker_timeout)
    chosen = Settings(directory=snapshot_dir, snapshot_seconds=snapshot_every, **settings)
    library = load_client(client)
    check_folder(snapshot_dir)
    topics = [*chosen.topics, predictions_topic]
    if dead_letters_topic is not None:
        topics.append(dead_letters_topic)
    if create_topics and not check_only:
        new = NewTopics(topic_partitions, topic_replication)
        create_missing(library, connection, topics, new)
    elif not SnapshotStore(chosen.directory, chosen.name).exists:
        # Else they were there before, and a broker may be starting.
        check_topics(library, connection, topics, may_be_missing=create_topics)
    if check_only:
        logger.info("Everything is there.")
        return None
    if callable(getattr(made, "warm_up", None)):
        logger.info("Compiling, or loading what was compiled.")
        made.warm_up()
    return make_service(
        connection,
        chosen,
        made,
        predictions_topic,
        client=client,
        mapping=fields,
        decoder=FieldDecoder(fields, parse),
        top_k=top_k,
        joining=Joining(label_ttl, max_waiting, missing_labels),
        dead_letters_topic=dead_letters_topic,
        max_dead_share=max_dead_share,
        window=window,
        place_model=place_model,
        skip_null_values=(null_values or ("skip" if chosen.allow_gaps else "error")) == "skip",
    )


def check_folder(folder: Path) -> None:
    """See that snapshots can be written to a folder; it is made when there is none.

    Raises
    ------
    NotAvailableError
        When they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotAvailableError(
            f"The folder {str(folder)!r} for snapshots cannot be made: {error.strerror}."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotAvailableError(
            f"The folder {str(folder)!r} for snapshots cannot be written to; choose another one, "
            "or allow it."
        )


@contextlib.contextmanager
def stopping_on_signals(service: Service) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask the service to end; if it cannot, because no broker answers, the
    process ends all the same: the next start takes up what is missing."""

    def leave() -> None:
        logger.warning(
            "Leaving without a last snapshot, because the brokers did not answer in time; the next "
            "start repeats what came after the last one."
        )
        logging.shutdown()
        os._exit(EXIT_TEMPORARY)

    timer = threading.Timer(LEAVING_SECONDS, leave)
    timer.daemon = True

    def stop(number: int, frame: Any) -> None:
        if not service.stopping:
            service.stop()
            timer.start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def report(service: Service) -> None:
    """Say what was done, and why little was learnt where little was."""
    learner = service.learner
    assert learner is not None
    logger.info(summary(learner))
