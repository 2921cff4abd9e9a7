"""Whether probabilities mean what they say: Brier score and expected calibration error."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stream.engine.arrays import Float64Array, Int64Array
from stream.engine.calibration import (
    BINS,
    CalibrationCounts,
    count_calibration,
    empty_calibration,
)
from stream.evaluate.tally import ratio
from stream.rows.batch import Batch
from stream.rows.listed import ListedProbabilities
from stream.rows.schema import Task

# Groups of labels with the least share of the scored rows in which such a label is present.
GROUPS = {"frequent": 0.1, "medium": 0.01, "rare": 0.0}
CALIBRATION_METRICS = tuple(
    name + group
    for name in ("brier_score", "calibration_error")
    for group in ("", *(f"_{group}" for group in GROUPS))
)


class CalibrationSums(NamedTuple):
    """What the metrics of a stretch need, for each group of labels; the groups stand in the order
    of ``GROUPS``."""

    scored: int  # rows of which something is known
    n_labels: Int64Array  # [groups] labels, of those that were met in the stretch
    unknown: Int64Array  # [groups] cells of unknown truth
    squared: Float64Array  # [groups] sum of squared errors
    cells: Int64Array  # [groups, bins] cells of a probability above zero
    total: Float64Array  # [groups, bins] sum of their probabilities
    present: Int64Array  # [groups, bins] cells with the label present

    def metrics(self, n_labels: int) -> dict[str, float]:
        """The metrics by name, where the stream has ``n_labels`` labels: those that the stretch did
        not meet are rare, and absent with probability zero."""
        labels = self.n_labels.copy()
        labels[-1] += n_labels - labels.sum()
        known = labels * self.scored - self.unknown  # [groups] cells
        brier = [ratio(math.fsum(self.squared), int(known.sum()))]
        brier += [ratio(*each) for each in zip(self.squared.tolist(), known.tolist(), strict=True)]
        # Probabilities of zero add nothing to the sums of the first bin but their number.
        off = np.abs(self.total - self.present)  # [groups, bins]
        whole = np.abs(np.array([math.fsum(bins) for bins in self.total.T]) - self.present.sum(0))
        error = [ratio(math.fsum(whole), int(known.sum()))]
        error += [ratio(math.fsum(row), int(n)) for row, n in zip(off, known, strict=True)]
        return dict(zip(CALIBRATION_METRICS, [*brier, *error], strict=True))


class CalibrationTally:
    """Sums for the calibration of one stretch of rows, with room that grows as labels appear.

    Every cell (row × label) counts whose truth is known; a label that a model does not list has
    probability 0, which is what ``predict_proba_one`` says of it, and a label that appears later
    counts in every row.

    - ``brier_score``: mean of ``(p - y)²`` over the cells, where ``y`` is 1 in a row that has the
      label.
    - ``calibration_error``: expected calibration error [1]_, ``Σ n_b / n |mean p - mean y|`` over
      ten bins of equal width, pooled over the labels. Of a single-label stream it is that of the
      classes one by one.

    Both also over the labels of a group: ``frequent`` ones are present in at least a tenth of the
    stretch's scored rows, ``medium`` ones in at least a hundredth, all others are ``rare``. Where
    labels are rare, most cells are certain to be absent, which makes both measures small: compare
    groups and models, not streams.

    References
    ----------
    .. [1] Pakdaman Naeini, Cooper, Hauskrecht. Obtaining well calibrated probabilities using
           Bayesian binning. AAAI 2015.
    """

    def __init__(self) -> None:
        self.counts = empty_calibration(0)

    def add(
        self, listed: ListedProbabilities, batch: Batch, rows: range, n_labels: int, task: Task
    ) -> None:
        """Add some consecutive rows of a batch, all of which are listed."""
        self._grow(max(n_labels, int(listed.label.max(initial=-1)) + 1))
        count_calibration(
            self.counts,
            np.ascontiguousarray(listed.start, np.int64),
            np.ascontiguousarray(listed.label, np.int32),
            np.ascontiguousarray(listed.probability, np.float64),
            batch.y_indptr,
            batch.y_indices,
            batch.u_indptr,
            batch.u_indices,
            rows.start,
            rows.stop,
            n_labels,
            task == "single-label",
        )

    def _grow(self, n_labels: int) -> None:
        known = len(self.counts.squared)
        if n_labels <= known:
            return
        larger = empty_calibration(max(n_labels, 2 * known))
        for name, new in larger._asdict().items():
            if name == "scored":
                new[:] = self.counts.scored
            else:
                new[:known] = getattr(self.counts, name)
        self.counts = larger

    @property
    def _support(self) -> Int64Array:
        """Scored rows in which each label is present [labels]."""
        support: Int64Array = self.counts.present.sum(axis=1) + self.counts.missed
        return support

    def sums(self) -> CalibrationSums:
        """Return a copy of the sums that the metrics need."""
        counts, scored = self.counts, int(self.counts.scored[0])
        shares = self._support / max(scored, 1)
        least = np.array(list(GROUPS.values()))
        group = (shares[:, None] < least).sum(axis=1)  # [labels]
        # Room that no label has taken yet has nothing in it and belongs to no group.
        taken = self._taken
        return CalibrationSums(
            scored,
            np.bincount(group[taken], minlength=len(GROUPS)),
            _by_group(counts.unknown, group).astype(np.int64),
            _by_group(counts.squared + counts.missed, group),
            _by_group(counts.cells, group).astype(np.int64),
            _by_group(counts.total, group),
            _present_by_group(counts, group),
        )

    @property
    def _taken(self) -> np.ndarray:
        """Whether a label has been present or given a probability [labels]."""
        return (self._support > 0) | self.counts.cells.any(axis=1) | (self.counts.unknown > 0)

    def brier_scores(self, n_labels: int) -> list[float]:
        """Brier score of each label."""
        self._grow(n_labels)
        counts = self.counts
        squared = (counts.squared + counts.missed)[:n_labels]
        known = counts.scored[0] - counts.unknown[:n_labels]
        return [ratio(*each) for each in zip(squared.tolist(), known.tolist(), strict=True)]


def _by_group(values: np.ndarray, group: np.ndarray) -> Float64Array:
    """Sums over the labels of each group [groups, ...] of values [labels, ...].

    fsum is exact: the order of the labels and the spare room change nothing.
    """
    columns = values.reshape(len(values), math.prod(values.shape[1:]))
    sums = [
        [math.fsum(column[column != 0].tolist()) for column in columns[group == place].T]
        for place in range(len(GROUPS))
    ]
    return np.array(sums).reshape(len(GROUPS), *values.shape[1:])


def _present_by_group(counts: CalibrationCounts, group: np.ndarray) -> Int64Array:
    present = _by_group(counts.present, group).astype(np.int64)
    present[:, 0] += _by_group(counts.missed, group).astype(np.int64)
    assert present.shape == (len(GROUPS), BINS)
    return present
