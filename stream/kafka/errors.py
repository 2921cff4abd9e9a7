"""What can go wrong between a learner and its topics."""

from __future__ import annotations

from stream.errors import DataError, DriftHomerError


class KafkaError(DriftHomerError):
    """Base of the errors of topics, brokers and clients."""


class BrokerUnavailableError(KafkaError):
    """No broker answered, or it broke off what was under way; trying again may help."""


class FencedError(KafkaError):
    """Another learner of the same name has taken over; this one may not go on."""


class OffsetError(KafkaError):
    """The topic does not hold what has to be read next, or holds it in another order."""


class BadMessageError(DataError):
    """A message that cannot be used: topic, partition, offset and reason.

    Parameters
    ----------
    reason
        One sentence: what was wrong, what is allowed, what was given.
    source
        ``topic/partition@offset`` of the message.
    """

    def __init__(self, reason: str, *, source: str | None = None):
        super().__init__(reason, source=source)
