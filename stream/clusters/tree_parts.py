"""Trees that know some of the labels, and the rows of a segment in the columns of these labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from stream.clusters.call import CallRows, Segment
from stream.engine.arrays import (
    FeatureRows,
    Float64Array,
    Int32Array,
    Int64Array,
    LabelRows,
    UInt8Array,
)
from stream.engine.checking import require
from stream.engine.events import Events
from stream.engine.growth import project
from stream.engine.learner import (
    ALL_ROWS,
    GrowingTree,
    LabelsOfRows,
    Work,
    labels_needed,
    some_rows,
)


class Stretch(NamedTuple):
    """Events of a segment during which clusters stay as they are."""

    events: Events
    first: int  # of the segment's events
    first_answer: int  # of the segment's answers
    n_labels_before: int  # labels that are known until the first row is learnt
    n_labels: int  # from then on

    @property
    def end(self) -> int:
        """First event of the segment that comes after it."""
        return self.first + len(self.events.row)

    @property
    def answers(self) -> slice:
        """Its answers, among the segment's."""
        return slice(self.first_answer, self.first_answer + self.events.n_answers)

    @property
    def learns(self) -> bool:
        """Whether it has rows to learn."""
        return bool(self.events.learns.any())

    @property
    def learnt(self) -> Int64Array:
        """Rows that are learnt: one after the other."""
        return self.events.learnt_rows

    @property
    def learnt_answers(self) -> slice | Int64Array:
        """Places of the answers to the rows that are learnt, among its own answers."""
        places = self.events.answer[self.events.learns == 1] - self.events.answer[0]
        return slice(None) if len(places) == self.events.n_answers else places

    @property
    def n_learnt(self) -> int:
        """Rows learnt in the whole stream after the last event."""
        return self.events.now_after


def stretches(segment: Segment, periods: Iterable[int]) -> Iterator[Stretch]:
    """The stretches of a segment: one ends where a multiple of a period was learnt, or before the
    next row that is learnt has a label that is new."""
    events, before = segment.events, int(segment.n_known[0])
    if events.n_answers == 1:  # of one row, which is learnt last
        yield Stretch(events, 0, 0, before, segment.n_labels)
        return
    known_after, learnt = segment.n_known[1:], events.learnt
    known, n_learnt = known_after[learnt], events.now[learnt] + 1
    ends = np.append(known[1:] > known[:-1], False)[: len(learnt)]
    for period in periods:
        ends |= n_learnt % period == 0
    stops = [*(learnt[ends] + 1).tolist(), segment.n_events]
    start = 0
    for stop in stops:
        if stop > start:
            after = int(segment.n_known[stop])
            first_answer = int(events.answer[start] - events.answer[0])
            yield Stretch(events.slice(start, stop), start, first_answer, before, after)
            start, before = stop, after


class Part:
    """A tree and the labels it knows, ascending."""

    def __init__(self, labels: Iterable[int], growing: GrowingTree):
        self.labels = np.fromiter(labels, np.int64)
        self.growing = growing

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        require(
            self.labels.dtype == np.int64
            and self.labels.ndim == 1
            and np.all(np.diff(self.labels) > 0),
            "labels of a tree ascend",
        )
        require(self.growing.n_labels <= len(self.labels), "a tree knows more labels than it has")

    def restricted_to(self, labels: np.ndarray) -> Part:
        """The same tree for some of its labels; the tree itself when these are all."""
        if len(labels) == len(self.labels):
            return self
        columns = np.searchsorted(self.labels, labels)
        known = columns[columns < self.growing.n_labels]
        tree = project(self.growing.tree, known)
        return Part(labels, GrowingTree(self.growing.params, self.growing.max_size, tree))

    def add_label(self, label: int) -> None:
        """Take in a label that was never present before."""
        self.labels = np.append(self.labels, label)


class PartRows:
    """Rows of a segment, and the probabilities that every part gives them.

    Parameters
    ----------
    work
        The rows as all trees take them.
    rows
        The rows of the call, with their labels.
    """

    def __init__(self, work: Work, rows: CallRows):
        self.work = work
        self.rows = rows
        self._answers: dict[Part, Float64Array] = {}

    def truth_of(self, labels: np.ndarray) -> LabelsOfRows:
        """Labels of the rows in the columns of a part."""
        rows, key = self.rows, labels.tobytes()
        if key not in rows.truths:
            y, u = _columns_of(*rows.y, labels), _columns_of(*rows.u, labels)
            rows.truths[key] = LabelsOfRows(y, u, labels_needed(y, u))
        return rows.truths[key]

    def advance(
        self,
        part: Part,
        stretch: Stretch,
        *,
        asked: bool,
        n_models: int = 1,
        n_labels: int = 0,
        chosen: UInt8Array = ALL_ROWS,
    ) -> None:
        """Let a tree predict and learn a stretch.

        Parameters
        ----------
        asked
            Whether rows that are learnt are answered, too.
        n_models
            1: the answer of the tree; or as many as it has leaf models: those of each.
        n_labels
            Label columns that will be needed, where more than the tree has now.
        chosen
            [answers of the segment, or 0: all] 1: the row is learnt.
        """
        growing, events = part.growing, self.work.events
        answers = self._answers.get(part)
        if answers is None:
            answered = asked or not events.learns.all()
            n_labels = max(growing.n_labels, n_labels)
            answers = np.zeros((events.n_answers if answered else 0, n_models, n_labels))
        self._answers[part] = growing.advance(
            self.work, self.truth_of(part.labels), stretch.first, stretch.end, answers,
            asked=asked, chosen=chosen,
        )  # fmt: skip

    def answers_of(self, part: Part, stretch: Stretch) -> Float64Array:
        """Probabilities [answers, models, labels] that a tree gave to a stretch."""
        return self._answers[part][stretch.answers]

    def scaled(self, stretch: Stretch) -> FeatureRows:
        """Scaled rows [answers] of a stretch."""
        indptr, indices, values = self.work.scaled
        start, stop = stretch.answers.start, stretch.answers.stop
        low, high = indptr[start], indptr[stop]
        return indptr[start : stop + 1] - low, indices[low:high], values[low:high]

    def scaled_learnt(self, stretch: Stretch) -> FeatureRows:
        """Scaled rows of a stretch as they are learnt."""
        scaled, places = self.scaled(stretch), stretch.learnt_answers
        return scaled if isinstance(places, slice) else some_rows(scaled, places)


def _columns_of(indptr: Int64Array, indices: Int32Array, labels: np.ndarray) -> LabelRows:
    """The entries of rows that are among ``labels`` (ascending), as places in ``labels``."""
    if not len(indices):
        return indptr, indices
    if not len(labels):
        return np.zeros_like(indptr), indices[:0]
    places = np.searchsorted(labels, indices)
    inside = labels[np.minimum(places, len(labels) - 1)] == indices
    kept = np.concatenate([[0], np.cumsum(inside)])
    return kept[indptr], places[inside].astype(np.int32)
