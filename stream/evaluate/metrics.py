"""Metrics of multi-label and single-label streams, over the whole stream and in windows."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from stream.constraints import DELAY, NONE, ROWS, check_value
from stream.engine.arrays import Int64Array, UInt8Array
from stream.engine.growth import power_of_two
from stream.engine.metrics import SCORED, count_baselines, empty_baseline
from stream.errors import ParameterError
from stream.evaluate.calibration import CALIBRATION_METRICS, CalibrationSums, CalibrationTally
from stream.evaluate.label_sets import SET_METRICS, SetTally
from stream.evaluate.ranking import RANKING_METRICS, RankTally, nothing_ranked, ranking_of
from stream.evaluate.tally import Sums, Tally, ratio
from stream.rows.batch import Batch, row_of_labels
from stream.rows.label_sets import LabelSets, sets_of, sets_of_matrix, sets_of_rows
from stream.rows.listed import ListedProbabilities, listed_probabilities, nothing_listed
from stream.rows.predictions import Predictions, SparsePredictions
from stream.rows.ranking import Ranking
from stream.rows.schema import Task


class _Window(NamedTuple):
    """A window of the stream."""

    start: int  # rows
    stop: int
    sums: Sums
    others: dict[str, float]  # metrics at k and of sets, where there are any
    calibration: CalibrationSums | None  # where there are probabilities
    seconds: float


class MultiLabelMetrics:
    """Every metric of a stream from one set of counts, in one pass.

    A label whose truth is unknown is not scored, and neither is a row of which nothing is known. No
    prediction counts as the empty label set. Averages over labels are over all labels of the
    stream, and 0/0 counts 0. A row with no label for which none was predicted counts 1 in
    example-F1, example-precision and example-recall (River's ``SampleAverage`` counts it 0); with
    an empty set on one side only, all three count 0. ``macro_f1_seen`` is macro-F1 over the labels
    that were present at all, which is what is left to say of labels that are known by name only.

    Where a ranking of the labels is given there are also precision, nDCG and propensity-scored
    precision at 1, 3 and 5: see :class:`~stream.evaluate.ranking.RankTally`. Where probabilities
    are given there are Brier score and calibration error, of all labels and of frequent, medium and
    rare ones: see :class:`~stream.evaluate.calibration.CalibrationTally`. Where prediction sets are
    given there are their risk and size: see :class:`~stream.evaluate.label_sets.SetTally`.

    For single-label streams there are also Cohen's kappa, ``kappa_m`` (against the majority class
    so far) and ``kappa_t`` (against the latest class): ``(p - p_e) / (1 - p_e)``, where ``p_e`` is
    the accuracy of a classifier without skill on the same rows [1]_ [2]_. Both of these are tested
    before they learn, after the same delay.

    Parameters
    ----------
    labels
        Names of the labels known at the start, for :meth:`update_one` and :meth:`per_label`.
    task
        ``"multi-label"`` or ``"single-label"``.
    delay
        Rows between a prediction and the arrival of its truth, for the baselines of ``kappa_m`` and
        ``kappa_t``.
    window
        Rows of a window; None: no windows.

    Attributes
    ----------
    n_rows
        Rows seen, scored or not.
    n_scored
        Rows of which at least one label is known.
    n_labels
        Labels seen.

    References
    ----------
    .. [1] Bifet, de Francisci Morales, Read, Holmes, Pfahringer. Efficient online evaluation of big
           data stream classifiers. KDD 2015.
    .. [2] Žliobaitė, Bifet, Read, Pfahringer, Holmes. Evaluation methods and decision theory for
           classification of streaming data with temporal dependence. Machine Learning 98, 2015.

    Examples
    --------
    >>> metrics = MultiLabelMetrics()
    >>> metrics.update_one({"sun": True, "rain": False}, {"sun": True, "rain": True})
    >>> metrics.update_one({"sun": False, "rain": True}, {"rain": True})
    >>> metrics.as_dict()["subset_accuracy"]
    0.5
    >>> metrics.as_dict()["micro_f1"]
    0.8
    """

    # None until rows come with a ranking, probabilities or sets; states that were saved by earlier
    # versions have none.
    _ranks: RankTally | None = None
    _calibration: CalibrationTally | None = None
    _open_calibration: CalibrationTally | None = None
    _sets: SetTally | None = None

    def __init__(
        self,
        labels: Iterable[Hashable] = (),
        task: Task = "multi-label",
        delay: int = 0,
        window: int | None = None,
    ):
        check_value(type(self).__name__, "delay", delay, (DELAY,))
        check_value(type(self).__name__, "window", window, (ROWS, NONE))
        self.labels: list[Hashable] = list(labels)
        self.task = task
        self.delay = delay
        self.window = window
        self.n_rows = 0
        self.n_labels = len(self.labels)
        self._columns = {label: column for column, label in enumerate(self.labels)}
        self._total = Tally()
        self._open = Tally()
        self._open_seconds = 0.0
        self._closed: list[_Window] = []
        self._baseline = empty_baseline(0)

    @property
    def n_scored(self) -> int:
        """Rows of which at least one label is known."""
        return int(self._total.counts.rows[SCORED])

    def update_many(
        self,
        predictions: Predictions | SparsePredictions | LabelSets | UInt8Array,
        batch: Batch,
        n_labels: int,
        *,
        ranking: Ranking | None = None,
        probabilities: ListedProbabilities | None = None,
        sets: LabelSets | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Add the rows of a batch, whatever its size.

        Parameters
        ----------
        predictions
            What was predicted for the rows of the batch, the sets of labels that were, or a matrix
            [rows, labels] of them.
        batch
            The same rows with their truth.
        n_labels
            Labels of the stream known when the batch was read.
        ranking
            The most probable labels of the same rows, for the metrics at k; None: those of the
            probabilities, where they are given. Give it with the first rows or never: rows without
            one, after rows with one, count as rows for which nothing was ranked.
        probabilities
            Those of the same rows, for the calibration; None: those of the predictions, where they
            have any. Give them with the first rows or never, as a ranking.
        sets
            Prediction sets of the same rows; give them with the first rows or never.
        seconds
            Time the model spent on these rows, for the rows/s of the windows.
        """
        if isinstance(predictions, Predictions | SparsePredictions):
            if ranking is None and self.task == "multi-label":
                ranking = ranking_of(predictions, batch)
            if probabilities is None:
                probabilities = listed_probabilities(predictions)
        if self.task == "single-label":
            ranking = None
        predicted = _sets(predictions)
        if predicted.n_rows != batch.n_rows:
            raise ParameterError(
                f"The predictions must have a row for each row of the batch ({batch.n_rows}). "
                f"Got {predicted.n_rows} instead."
            )
        self.n_labels = max(self.n_labels, n_labels)
        start = 0
        while start < batch.n_rows:
            stop = batch.n_rows
            if self.window is not None:
                stop = min(stop, start + self.window - self.n_rows % self.window)
            if ranking is not None and self._ranks is None:
                self._ranks = RankTally()
            if self._ranks is not None:
                ranked = ranking or nothing_ranked(batch.n_rows)
                self._ranks.add(ranked, batch, range(start, stop), self.n_labels)
            if probabilities is not None or self._calibration is not None:
                listed = probabilities or nothing_listed(batch.n_rows)
                self._calibrate(listed, batch, range(start, stop))
            if sets is not None:
                self._sets = self._sets or SetTally(self.delay)
                self._sets.add(sets, batch, range(start, stop), self.n_rows)
            self._add(predicted, batch, start, stop, seconds * (stop - start) / batch.n_rows)
            start = stop

    def _calibrate(self, listed: ListedProbabilities, batch: Batch, rows: range) -> None:
        if self._calibration is None:
            self._calibration = CalibrationTally()
        self._calibration.add(listed, batch, rows, self.n_labels, self.task)
        if self.window is not None:
            self._open_calibration = self._open_calibration or CalibrationTally()
            self._open_calibration.add(listed, batch, rows, self.n_labels, self.task)

    def _add(
        self, predicted: LabelSets, batch: Batch, start: int, stop: int, seconds: float
    ) -> None:
        """Add rows that lie within one window."""
        tallies = [self._total] if self.window is None else [self._total, self._open]
        right = (0, 0)
        if self.task == "single-label":
            self._grow_baseline(self.n_rows + stop - start)
            right = count_baselines(self._baseline, batch.y_indptr, batch.y_indices, start, stop)
        for tally in tallies:
            tally.add(predicted, batch, range(start, stop), self.n_labels, self.task)
            tally.baselines[0] += right[0]
            tally.baselines[1] += right[1]
        self.n_rows += stop - start
        self._open_seconds += seconds
        if self.window is not None and self.n_rows % self.window == 0:
            self._closed.append(self._window(self.n_rows - self.window))
            self._open = Tally()
            self._open_seconds = 0.0
            self._open_calibration = None
            for each in (self._ranks, self._sets):
                if each is not None:
                    each.close_window()

    def _grow_baseline(self, n_rows: int) -> None:
        """Make room for the classes known, and for so many rows as far as they wait."""
        state = self._baseline
        n_labels, n_recent = len(state.counts), len(state.recent)
        room = min(self.delay + 1, power_of_two(n_rows + 1))
        if self.n_labels > n_labels:
            counts = np.zeros(max(self.n_labels, 2 * n_labels), np.int64)
            counts[:n_labels] = state.counts
            state = state._replace(counts=counts)
        if room > n_recent:
            recent = np.full(room, -1, np.int32)
            recent[:n_recent] = state.recent
            state = state._replace(recent=recent)
        self._baseline = state

    def update_one(self, y_true: Any, y_pred: Any) -> None:
        """Add one row.

        Parameters
        ----------
        y_true
            Label to truth, as a dictionary; a known label that is left out is unknown. In the
            single-label task the class, None when it is unknown.
        y_pred
            Label to prediction; a label that is left out was not predicted. In the single-label
            task the class. None or an empty dictionary: no label.
        """
        if self.task == "single-label":
            y_true = {} if y_true is None else {y_true: True}
            y_pred = {} if y_pred is None else {y_pred: True}
        else:
            y_pred = y_pred or {}
        for label in (*y_true, *y_pred):
            if label not in self._columns:
                self._columns[label] = len(self.labels)
                self.labels.append(label)
        known = {self._columns[label] for label in y_true}
        present = self._present(y_true)
        unknown = [] if self.task == "single-label" else set(range(len(self.labels))) - known
        predicted = sets_of_rows([self._present(y_pred)])
        self.update_many(predicted, row_of_labels(present, sorted(unknown)), len(self.labels))

    def _present(self, y: Mapping[Hashable, Any]) -> list[int]:
        return sorted(self._columns[label] for label, value in y.items() if value)

    def as_dict(self) -> dict[str, float]:
        """The metrics of all rows so far, by name."""
        found = self._total.sums().metrics(self.n_labels, self.task)
        if self._ranks is not None:
            found |= self._ranks.metrics()
        if self._calibration is not None:
            found |= self._calibration.sums().metrics(self.n_labels)
        if self._sets is not None:
            found |= self._sets.metrics()
        return found

    def brief(self) -> dict[str, float]:
        """The two metrics to watch while a stream is read; cheap."""
        if self.task == "single-label":
            sums = self.as_dict()
            return {"accuracy": sums["accuracy"], "kappa": sums["kappa"]}
        return {
            "micro_f1": self._total.micro_f1(),
            "subset_accuracy": self._total.subset_accuracy(),
        }

    def windows(self) -> list[dict[str, Any]]:
        """The windows so far, the last one as far as it goes.

        Each is a dictionary with ``start`` and ``stop`` (rows, from 0), ``metrics`` and
        ``rows_per_second`` (0 where no time was given).
        """
        if self.window is None:
            return []
        begun = self.n_rows % self.window
        windows = self._closed + ([self._window(self.n_rows - begun)] if begun else [])
        return [self._told(window) for window in windows]

    def whole_windows(self, first: int = 0) -> list[dict[str, Any]]:
        """The windows that are complete from number ``first`` on, as :meth:`windows` has them."""
        return [self._told(window) for window in self._closed[first:]]

    def _told(self, window: _Window) -> dict[str, Any]:
        found = window.sums.metrics(self.n_labels, self.task)
        # Windows from before the first ranking have the same metrics as all others.
        if self._ranks is not None:
            found |= dict.fromkeys(RANKING_METRICS, 0.0)
        if window.calibration is not None:
            found |= window.calibration.metrics(self.n_labels)
        elif self._calibration is not None:
            found |= dict.fromkeys(CALIBRATION_METRICS, 0.0)
        if self._sets is not None:
            found |= dict.fromkeys(SET_METRICS, 0.0)
        return {
            "start": window.start,
            "stop": window.stop,
            "metrics": found | window.others,
            "rows_per_second": ratio(window.stop - window.start, window.seconds),
        }

    def label_counts(self) -> dict[str, Int64Array]:
        """Copies of ``tp``, ``fp`` and ``fn`` of each label [labels]; cheap with many labels."""
        self._total.grow(self.n_labels)
        counts = zip(("tp", "fp", "fn"), self._total.counts[:3], strict=True)
        return {name: values[: self.n_labels].copy() for name, values in counts}

    def _window(self, start: int) -> _Window:
        others: dict[str, float] = {}
        for tally in (self._ranks, self._sets):
            if tally is not None:
                others |= tally.window()
        calibrated = None if self._open_calibration is None else self._open_calibration.sums()
        sums, seconds = self._open.sums(), self._open_seconds
        return _Window(start, self.n_rows, sums, others, calibrated, seconds)

    def per_label(self, labels: Iterable[Hashable] | None = None) -> list[dict[str, Any]]:
        """Counts of each label: what was predicted against what was true.

        Where there are probabilities also its ``brier_score``, and where there are prediction sets
        its ``set_miss_rate`` and ``set_share``.

        Parameters
        ----------
        labels
            Names of the label columns; None: the names known here, or else the column numbers.

        Examples
        --------
        >>> metrics = MultiLabelMetrics(["sun", "rain"])
        >>> metrics.update_one({"sun": True, "rain": False}, {"sun": True, "rain": True})
        >>> metrics.per_label()[1]
        {'label': 'rain', 'tp': 0, 'fp': 1, 'fn': 0, 'tn': 0, 'support': 0}
        """
        names = self.labels if labels is None else list(labels)
        names = [*names, *range(len(names), self.n_labels)]
        self._total.grow(len(names))
        tp, fp, fn, unknown = (counts.tolist() for counts in self._total.counts[:4])
        told: list[dict[str, Any]] = [{} for _ in names]
        if self._sets is not None:
            told = self._sets.per_label(len(names))
        if self._calibration is not None:
            for each, score in zip(told, self._calibration.brier_scores(len(names)), strict=True):
                each["brier_score"] = score
        return [
            {
                "label": name,
                "tp": tp[i],
                "fp": fp[i],
                "fn": fn[i],
                "tn": self.n_scored - unknown[i] - tp[i] - fp[i] - fn[i],
                "support": tp[i] + fn[i],
                **told[i],
            }
            for i, name in enumerate(names)
        ]

    def cardinality(self) -> float:
        """Mean number of labels present in a scored row."""
        tp, _, fn = self._total.counts[:3]
        return ratio(int(tp.sum()) + int(fn.sum()), self.n_scored)


def _sets(predictions: Predictions | SparsePredictions | LabelSets | UInt8Array) -> LabelSets:
    """The labels that were predicted, however they are told."""
    if isinstance(predictions, LabelSets):
        return predictions
    if isinstance(predictions, np.ndarray):
        return sets_of_matrix(predictions)
    return sets_of(predictions)
