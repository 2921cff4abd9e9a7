"""Counts of one stretch of a stream and the metrics that follow from them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int64Array
from stream.engine.metrics import (
    EXACT,
    F1,
    PRECISION,
    RECALL,
    SCORED,
    UNKNOWN,
    WRONG,
    LabelCounts,
    count_labels,
    empty_counts,
)
from stream.rows.batch import Batch
from stream.rows.label_sets import LabelSets
from stream.rows.schema import Task

MULTI_LABEL_METRICS = (
    "subset_accuracy",
    "hamming_loss",
    "example_f1",
    "example_precision",
    "example_recall",
    "micro_f1",
    "micro_precision",
    "micro_recall",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "macro_f1_seen",
)
SINGLE_LABEL_METRICS = ("accuracy", "kappa", "kappa_m", "kappa_t")


def metric_names(task: Task) -> tuple[str, ...]:
    """Names of the metrics of a task, in the order in which they are reported.

    Examples
    --------
    >>> metric_names("single-label")[:4]
    ('accuracy', 'kappa', 'kappa_m', 'kappa_t')
    """
    return (SINGLE_LABEL_METRICS if task == "single-label" else ()) + MULTI_LABEL_METRICS


def ratio(part: float, whole: float) -> float:
    """``part / whole``, where 0/0 counts 0."""
    return part / whole if whole else 0.0


def ratios(part: Int64Array, whole: Int64Array) -> Float64Array:
    """``part / whole`` element by element, where 0/0 counts 0."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole != 0)


def chance_corrected(agreement: float, by_chance: float) -> float:
    """``(p - p_e) / (1 - p_e)``; 0 where a classifier without skill is always right."""
    return ratio(agreement - by_chance, 1.0 - by_chance)


class Sums(NamedTuple):
    """Everything the metrics of a stretch need; small, whatever the number of labels.

    Averages over labels are divided only when the metrics are asked for, so that a label that
    appears later counts in every stretch, however the rows were cut into batches.
    """

    rows: Int64Array  # [4] as in LabelCounts
    examples: Float64Array  # [3] as in LabelCounts
    micro: tuple[int, int, int]  # true positives, false positives, false negatives
    macro: tuple[float, float, float]  # sums over labels of F1, precision, recall
    n_seen: int  # labels that were present
    chance: float  # sum over classes of rows true * rows predicted
    baselines: tuple[int, int]  # rows that the majority class and the latest class got right

    def metrics(self, n_labels: int, task: Task) -> dict[str, float]:
        """The metrics of the task by name, over ``n_labels`` labels."""
        scored = int(self.rows[SCORED])
        exact = ratio(int(self.rows[EXACT]), scored)
        cells = scored * n_labels - int(self.rows[UNKNOWN])
        tp, fp, fn = self.micro
        values = (
            exact,
            ratio(int(self.rows[WRONG]), cells),
            ratio(float(self.examples[F1]), scored),
            ratio(float(self.examples[PRECISION]), scored),
            ratio(float(self.examples[RECALL]), scored),
            ratio(2 * tp, 2 * tp + fp + fn),
            ratio(tp, tp + fp),
            ratio(tp, tp + fn),
            *(ratio(total, n_labels) for total in self.macro),
            ratio(self.macro[0], self.n_seen),  # F1 is 0 where a label was never present
        )
        named = dict(zip(MULTI_LABEL_METRICS, values, strict=True))
        if task == "multi-label":
            return named
        majority, latest = (ratio(right, scored) for right in self.baselines)
        kappas = (
            chance_corrected(exact, ratio(self.chance, float(scored) ** 2)),
            chance_corrected(exact, majority),
            chance_corrected(exact, latest),
        )
        if not scored:
            kappas = (0.0, 0.0, 0.0)
        return dict(zip(SINGLE_LABEL_METRICS, (exact, *kappas), strict=True)) | named


class Tally:
    """Label counts of one stretch of rows, with room that grows as labels appear."""

    def __init__(self) -> None:
        self.counts = empty_counts(0)
        self.baselines = [0, 0]

    def grow(self, n_labels: int) -> None:
        """Make room for at least ``n_labels`` labels (doubling, so that growing is cheap)."""
        known = len(self.counts.true_positives)
        if n_labels > known:
            larger = empty_counts(max(n_labels, 2 * known))
            for old, new in zip(self.counts[:4], larger[:4], strict=True):
                new[:known] = old
            self.counts = LabelCounts(*larger[:4], self.counts.rows, self.counts.examples)

    def add(
        self, predicted: LabelSets, batch: Batch, rows: range, n_labels: int, task: Task
    ) -> None:
        """Add some consecutive rows of the batch and of what was predicted for it."""
        self.grow(max(n_labels, 1 + int(predicted.label.max(initial=-1))))
        count_labels(
            self.counts,
            predicted.start,
            predicted.label,
            batch.y_indptr,
            batch.y_indices,
            batch.u_indptr,
            batch.u_indices,
            rows.start,
            rows.stop,
            n_labels,
            task == "single-label",
        )

    def sums(self) -> Sums:
        """Return a copy of the sums that the metrics need."""
        tp, fp, fn = self.counts[:3]
        true, predicted = tp + fn, tp + fp
        # fsum is exact: the order of the labels and the spare room change nothing.
        macro = (
            math.fsum(ratios(2 * tp, true + predicted)),
            math.fsum(ratios(tp, predicted)),
            math.fsum(ratios(tp, true)),
        )
        return Sums(
            self.counts.rows.copy(),
            self.counts.examples.copy(),
            (int(tp.sum()), int(fp.sum()), int(fn.sum())),
            macro,
            int(np.count_nonzero(true)),
            float(np.dot(true.astype(np.float64), predicted.astype(np.float64))),
            (self.baselines[0], self.baselines[1]),
        )

    def micro_f1(self) -> float:
        """Micro-averaged F1, without the cost of the other metrics."""
        tp, fp, fn = (int(count.sum()) for count in self.counts[:3])
        return ratio(2 * tp, 2 * tp + fp + fn)

    def subset_accuracy(self) -> float:
        """Share of rows exactly right; the accuracy of a single-label stream."""
        return ratio(int(self.counts.rows[EXACT]), int(self.counts.rows[SCORED]))
