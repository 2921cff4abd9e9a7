"""Baselines that do not look at the features: who is not above them has learnt nothing."""

from __future__ import annotations

import collections
from collections.abc import Hashable, Mapping
from typing import Any

from river import base

LabelSet = frozenset[Hashable]


class Trivial(base.MultiLabelClassifier):
    """Answers with :attr:`answer`, which subclasses renew from the label sets seen."""

    def __init__(self) -> None:
        self.answer: LabelSet = frozenset()

    @property
    def _multiclass(self) -> bool:
        return False

    def learn_one(self, x: dict, y: Mapping[Hashable, bool]) -> None:
        self.see(frozenset(label for label, present in y.items() if present))

    def predict_one(self, x: dict, **kwargs: Any) -> dict[Hashable, bool]:
        return dict.fromkeys(self.answer, True)

    def see(self, labels: LabelSet) -> None:
        """Take note of the labels of a row."""
        raise NotImplementedError


class EmptySet(Trivial):
    """No label, ever."""

    def see(self, labels: LabelSet) -> None:
        """Nothing."""


class RepeatLast(Trivial):
    """The labels of the row before."""

    def see(self, labels: LabelSet) -> None:
        self.answer = labels


class MajorityLabelSet(Trivial):
    """The most frequent label set so far; of several the one that came first."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: collections.Counter[LabelSet] = collections.Counter()

    def see(self, labels: LabelSet) -> None:
        self.counts[labels] += 1
        if self.counts[labels] > self.counts[self.answer]:
            self.answer = labels


class LabelsOverHalf(Trivial):
    """The labels that more than half of the rows so far had."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: collections.Counter[Hashable] = collections.Counter()
        self.rows = 0

    def see(self, labels: LabelSet) -> None:
        self.rows += 1
        self.counts.update(labels)
        self.answer = frozenset(label for label, n in self.counts.items() if 2 * n > self.rows)
