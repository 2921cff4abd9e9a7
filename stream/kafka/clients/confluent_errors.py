"""Errors of librdkafka by what they mean for a learner."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import confluent_kafka as library

from stream.kafka.errors import BrokerUnavailableError, FencedError, KafkaError, OffsetError

OFFSET = (library.KafkaError._AUTO_OFFSET_RESET, library.KafkaError.OFFSET_OUT_OF_RANGE)
FENCED = (library.KafkaError._FENCED, library.KafkaError.PRODUCER_FENCED)
EPOCH = (library.KafkaError.INVALID_PRODUCER_EPOCH,)
# What a producer says of messages and calls after an error that it cannot get over.
AFTERWARDS = (
    library.KafkaError._FATAL,
    library.KafkaError._PURGE_INFLIGHT,
    library.KafkaError._PURGE_QUEUE,
    library.KafkaError._STATE,
)
# What passes when the broker is back: librdkafka goes on by itself, or the request is sent again.
TRYING = (
    library.KafkaError._ALL_BROKERS_DOWN,
    library.KafkaError._DESTROY_BROKER,
    library.KafkaError._FAIL,
    library.KafkaError._MSG_TIMED_OUT,
    library.KafkaError._NODE_UPDATE,
    library.KafkaError._RESOLVE,
    library.KafkaError._RETRY,
    library.KafkaError._TIMED_OUT,
    library.KafkaError._TIMED_OUT_QUEUE,
    library.KafkaError._TRANSPORT,
    library.KafkaError._WAIT_CACHE,
    library.KafkaError._WAIT_COORD,
    library.KafkaError.BROKER_NOT_AVAILABLE,
    library.KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    library.KafkaError.COORDINATOR_NOT_AVAILABLE,
    library.KafkaError.FENCED_LEADER_EPOCH,
    library.KafkaError.KAFKA_STORAGE_ERROR,
    library.KafkaError.LEADER_NOT_AVAILABLE,
    library.KafkaError.LISTENER_NOT_FOUND,
    library.KafkaError.NETWORK_EXCEPTION,
    library.KafkaError.NOT_COORDINATOR,
    library.KafkaError.NOT_ENOUGH_REPLICAS,
    library.KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    library.KafkaError.NOT_LEADER_FOR_PARTITION,
    library.KafkaError.OFFSET_NOT_AVAILABLE,
    library.KafkaError.REPLICA_NOT_AVAILABLE,
    library.KafkaError.REQUEST_TIMED_OUT,
    library.KafkaError.UNKNOWN_LEADER_EPOCH,
    library.KafkaError.UNSTABLE_OFFSET_COMMIT,
)
# Said also by a broker that is starting.
UNKNOWN_TOPIC = (
    library.KafkaError.UNKNOWN_TOPIC_OR_PART,
    library.KafkaError._UNKNOWN_TOPIC,
    library.KafkaError._UNKNOWN_PARTITION,
)


def told(error: Any, what: str) -> KafkaError:
    """An error of the client in the words of :mod:`stream.kafka.errors`."""
    code = error.code()
    if code in OFFSET:
        return OffsetError(f"An offset is not in the log any more, while {what}: {error.str()}")
    if code in FENCED:
        return FencedError(
            f"Another learner of the same name has taken over, while {what}; stop one of them."
        )
    if code in (*TRYING, *UNKNOWN_TOPIC) or error.retriable() or error.txn_requires_abort():
        return BrokerUnavailableError(f"No broker did what was asked, while {what}: {error.str()}")
    return KafkaError(f"The broker refused, while {what}: {error.str()}")


@contextlib.contextmanager
def telling(what: str) -> Iterator[None]:
    """Tell errors of the client in the words of :mod:`stream.kafka.errors`."""
    try:
        yield
    except library.KafkaException as error:
        raise told(error.args[0], what) from error
