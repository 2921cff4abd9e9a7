"""What happens to messages: decoded, predicted, joined with their labels, learnt.

Everything here depends on the messages and their order alone: not on how they were grouped, not on
the clock of the machine, not on what happened between two of them.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from stream.kafka.answers import Answers, rows_of
from stream.kafka.clients.interface import Message, Record, TopicPartition
from stream.kafka.errors import BadMessageError
from stream.kafka.label_join import Completed, WaitingRoom
from stream.kafka.messages.decoding import LabelRow, MessageDecoder
from stream.kafka.messages.instances import Instances
from stream.kafka.messages.predictions import PredictionWriter, dead_letter
from stream.kafka.messages.row_encoder import MessageRowEncoder
from stream.kafka.model_drivers import Driver, model_state
from stream.kafka.window_metrics import LatestMetrics
from stream.rows.batch import Batch
from stream.rows.label_sets import sets_of_rows
from stream.rows.schema import Task
from stream.rows.truth import Truth

Pieces = Sequence[tuple[TopicPartition, Sequence[Record]]]

NO_LABELS = Truth((), (), True)
MIN_MESSAGES = 100  # before the share of bad ones is looked at


@dataclasses.dataclass(frozen=True)
class DeadLetters:
    """What becomes of messages that cannot be used.

    Parameters
    ----------
    topic
        Where they go; None: the first one is an error.
    n_partitions
        Partitions of that topic.
    max_share
        Larger shares of all messages are an error.
    """

    topic: str | None = None
    n_partitions: int = 1
    max_share: float = 0.01


@dataclasses.dataclass
class Counts:
    """How many of what, so far.

    Attributes
    ----------
    messages
        Messages read, of both topics.
    events
        Instances predicted.
    learnt
        Instances learnt.
    dead
        Messages that could not be used.
    labels
        Rows that messages of the labels' topic told something of.
    skipped
        Messages without a value (deletions in a compacted topic) that were passed over.
    """

    messages: int = 0
    events: int = 0
    learnt: int = 0
    dead: int = 0
    labels: int = 0
    skipped: int = 0


_Event = tuple[Record, list[Any] | BadMessageError]  # rows, or what labels' topics say


class TopicLearner:
    """A model between its topics.

    Parameters
    ----------
    driver
        The model.
    decoder
        Reads messages.
    writer
        Writes predictions.
    task
        Whether rows have sets of labels or classes.
    labels_topic
        Topic whose messages are labels; None: labels come with their row.
    room
        Where rows wait for labels of that topic.
    dead_letters
        What becomes of messages that cannot be used.
    window
        Rows of a window of the metrics.
    skip_null_values
        Whether messages without a value are passed over, and not bad ones.
    """

    def __init__(
        self,
        driver: Driver,
        decoder: MessageDecoder,
        writer: PredictionWriter,
        *,
        task: Task,
        labels_topic: str | None = None,
        room: WaitingRoom | None = None,
        dead_letters: DeadLetters | None = None,
        window: int = 1_000,
        skip_null_values: bool = False,
    ):
        self.driver = driver
        self.skip_null_values = skip_null_values
        self.decoder = decoder
        self.writer = writer
        self.labels_topic = labels_topic
        self.room = room
        self.dead_letters = dead_letters or DeadLetters()
        self.encoder = MessageRowEncoder(task, as_it_came=driver.as_it_came)
        self.metrics = LatestMetrics(task, window)
        self.counts = Counts()
        self._out: list[Message] = []
        self._asked = Instances()
        self._complete: list[Completed] = []

    # ---- messages

    def take(self, pieces: Pieces) -> list[Message]:
        """Go through messages, in order.

        Returns
        -------
        The predictions and dead letters to be written.

        Raises
        ------
        BadMessageError
            When a message cannot be used and nothing is to become of it, naming it; none of
            ``pieces`` has had any effect then.
        """
        self._out = []
        if self.room is None:
            self._take_whole(self._read(pieces))
        else:
            decoded = [self._decode(partition, records) for partition, records in pieces]
            self._check_share(decoded)
            for (partition, _), events in zip(pieces, decoded, strict=True):
                self._take_joined(partition, events, self.room)
            self._ask()
            self._learn()
        return self._out

    def _decode(self, partition: TopicPartition, records: Iterable[Record]) -> list[_Event]:
        decode: Any = self.decoder.labels
        if partition.topic != self.labels_topic:
            decode = partial(self.decoder.rows, as_it_came=self.driver.as_it_came)
        events: list[_Event] = []
        for record in records:
            if record.value is None and self.skip_null_values:
                events.append((record, []))
                continue
            try:
                found = decode(record)
                if self.room is not None and any(each.key is None for each in found):
                    raise BadMessageError(
                        "a message must have a key, by which its labels are found, got none"
                    )
                events.append((record, found))
            except BadMessageError as error:
                reason = BadMessageError(error.reason, source=f"{partition}@{record.offset}")
                if self.dead_letters.topic is None:
                    raise reason from None
                events.append((record, reason))
        return events

    def _check_share(self, decoded: Sequence[Sequence[_Event]]) -> None:
        messages = self.counts.messages + sum(len(events) for events in decoded)
        bad = [
            found for events in decoded for _, found in events if isinstance(found, BadMessageError)
        ]
        dead = self.counts.dead + len(bad)
        if bad and messages >= MIN_MESSAGES and dead > self.dead_letters.max_share * messages:
            raise BadMessageError(
                f"{dead} of {messages} messages could not be used, and their share may be "
                f"{self.dead_letters.max_share:g} at most; the last one was {bad[-1]}"
            )

    def _refuse(self, partition: TopicPartition, record: Record, error: BadMessageError) -> None:
        letters = self.dead_letters
        assert letters.topic is not None
        self.counts.dead += 1
        self._out.append(
            dead_letter(letters.topic, partition, record, error.reason, letters.n_partitions)
        )

    # ---- labels with their rows

    def _read(self, pieces: Pieces) -> Instances:
        """The instances of messages, those that cannot be used put aside."""
        instances = Instances()
        if not self.driver.as_it_came:
            read = [self.decoder.columns(records) for _, records in pieces]
            if all(read):
                for (partition, records), rows in zip(pieces, read, strict=True):
                    assert rows is not None
                    instances.add_messages(partition, records, rows)
                self.counts.messages += len(instances)
                return instances
        decoded = [self._decode(partition, records) for partition, records in pieces]
        self._check_share(decoded)
        for (partition, _), events in zip(pieces, decoded, strict=True):
            for record, found in events:
                self.counts.messages += 1
                self.counts.skipped += not found and record.value is None
                if isinstance(found, BadMessageError):
                    self._refuse(partition, record, found)
                else:
                    instances.add_message(partition, record, found)
        return instances

    def _take_whole(self, instances: Instances) -> None:
        start, most = 0, self.driver.most
        schema = self.encoder.schema
        known = len(schema.labels)
        for batch, rows in self.encoder.segments(
            instances.xs, instances.ys, most, keep_rows=most is not None
        ):
            stop = start + batch.n_rows
            answers = self.driver.test_then_train(batch, schema, rows)
            self.metrics.update(answers.predicted, batch, len(schema.labels))
            self._write(instances.part(start, stop), answers, known, learning=True)
            start, known = stop, len(schema.labels)

    def _write(self, instances: Instances, answers: Answers, known: int, *, learning: bool) -> None:
        """Predictions of instances; before the first of them ``known`` labels were known."""
        counts = self.counts
        learnt = [learning and y is not None for y in instances.ys]
        self._out += self.writer.messages(
            instances,
            answers,
            self.encoder.schema.labels,
            known=known,
            versions=itertools.accumulate(learnt, initial=counts.learnt),
            first_event=counts.events,
        )
        counts.events += len(instances)
        counts.learnt += sum(learnt)

    # ---- labels on their own

    def _take_joined(
        self, partition: TopicPartition, events: Sequence[_Event], room: WaitingRoom
    ) -> None:
        for record, found in events:
            self.counts.messages += 1
            self.counts.skipped += not found and record.value is None
            if self._asked and room.lets_go(record.timestamp, self._asked.since[0]):
                self._ask()
            self._due(room.tick(record.timestamp))
            if isinstance(found, BadMessageError):
                self._refuse(partition, record, found)
            elif partition.topic == self.labels_topic:
                self.counts.labels += len(found)
                for label_row in found:
                    assert isinstance(label_row, LabelRow)
                    self._ask()  # rows are in the room once they are predicted
                    self._due(room.add_labels(label_row.key, label_row.y))
            else:
                self._learn()
                self._asked.add_message(partition, record, found, room.clock)
                # Predicted one by one where a prediction may be followed by learning.
                if (
                    room.n_early
                    or room.is_full_with(len(self._asked))
                    or any(each.y is not None for each in found)
                ):
                    self._ask()

    def _due(self, completed: Iterable[Completed]) -> None:
        """Rows that are learnt before whatever comes next."""
        for each in completed:
            self._complete.append(each)

    def _ask(self) -> None:
        """Predict the instances that were read, and let them wait."""
        if not self._asked:
            return
        assert self.room is not None
        asked, self._asked = self._asked, Instances()
        start, schema = 0, self.encoder.schema
        nothing = [NO_LABELS] * len(asked)  # the model does not look at them
        for batch, rows in self.encoder.segments(asked.xs, nothing, self.driver.most):
            stop = start + batch.n_rows
            answers = self.driver.predict(batch, schema, rows)
            part = asked.part(start, stop)
            self._write(part, answers, len(schema.labels), learning=False)
            predicted = rows_of(*answers.predicted)
            for key, y, since, row, labels in zip(
                part.keys, part.ys, part.since, rows, predicted, strict=True
            ):
                assert key is not None
                self._due(self.room.add_row(key, row, labels, y, since, self.counts.learnt))
            start = stop

    def _learn(self) -> None:
        """Learn the rows whose labels have come."""
        if not self._complete:
            return
        self._ask()
        complete, self._complete = self._complete, []
        start, schema = 0, self.encoder.schema
        xs, ys = [each.x for each in complete], [each.truth for each in complete]
        for batch, rows in self.encoder.segments(xs, ys, self.driver.most):
            stop = start + batch.n_rows
            piece, now = complete[start:stop], self.counts.learnt
            before = np.array([each.learnt_before for each in piece], np.int64)
            waited = np.arange(now, now + batch.n_rows) - before
            self.driver.learn(batch, schema, rows, waited)
            self._score(piece, batch)
            self.counts.learnt += batch.n_rows
            start = stop

    def _score(self, complete: Sequence[Completed], batch: Batch) -> None:
        """Metrics of what was predicted when the rows came."""
        predicted = sets_of_rows([sorted(each.predicted) for each in complete])
        self.metrics.update(predicted, batch, len(self.encoder.schema.labels))

    # ---- state

    def get_state(self) -> dict[str, Any]:
        """Everything that was learnt and that waits, to be captured at once."""
        return {
            "counts": dataclasses.asdict(self.counts),
            "encoder": self.encoder.get_state(),
            "metrics": self.metrics.get_state(),
            "model": model_state(self.driver.model),
            "room": None if self.room is None else self.room.get_state(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with what a state holds, but for the model, which the driver has."""
        self.counts = Counts(**state["counts"])
        self.encoder.set_state(state["encoder"])
        self.metrics.set_state(state["metrics"])
        if self.room is not None and state["room"] is not None:
            self.room.set_state(state["room"], self.counts.learnt)
