"""Metrics of multi-label and single-label streams, over the whole stream and in windows."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from stream.engine.arrays import Int64Array, UInt8Array
from stream.engine.metrics import SCORED, BaselineState, count_baselines, empty_baseline
from stream.errors import ParameterError
from stream.evaluate.ranking import RANKING_METRICS, RankTally, nothing_ranked, ranking_of
from stream.evaluate.tally import Sums, Tally, ratio
from stream.rows.batch import Batch
from stream.rows.predictions import Predictions, SparsePredictions
from stream.rows.ranking import Ranking
from stream.rows.schema import Task


class _Window(NamedTuple):
    """A window of the stream."""

    start: int  # rows
    stop: int
    sums: Sums
    ranked: dict[str, float]  # metrics at k, where labels are ranked
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
    precision at 1, 3 and 5: see :class:`~stream.evaluate.ranking.RankTally`.

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
    data stream
           classifiers. KDD 2015.
    .. [2] Žliobaitė, Bifet, Read, Pfahringer, Holmes. Evaluation methods and decision theory for
    classification of
           streaming data with temporal dependence. Machine Learning 98, 2015.

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

    # None until labels are ranked; states that were saved by earlier versions have none.
    _ranks: RankTally | None = None

    def __init__(
        self,
        labels: Iterable[Hashable] = (),
        task: Task = "multi-label",
        delay: int = 0,
        window: int | None = None,
    ):
        if window is not None and window < 1:
            raise ParameterError(
                f"The window must be an int in the range [1, inf) or None. Got {window!r} instead."
            )
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
        self._baseline = empty_baseline(0, delay)

    @property
    def n_scored(self) -> int:
        """Rows of which at least one label is known."""
        return int(self._total.counts.rows[SCORED])

    def update_many(
        self,
        predictions: Predictions | SparsePredictions | UInt8Array,
        batch: Batch,
        n_labels: int,
        *,
        ranking: Ranking | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Add the rows of a batch, whatever its size.

        Parameters
        ----------
        predictions
            What was predicted for the rows of the batch, or its matrix of labels. Labels beyond its
            last column were not predicted.
        batch
            The same rows with their truth.
        n_labels
            Labels of the stream known when the batch was read.
        ranking
            The most probable labels of the same rows, for the metrics at k; None: those of the
            probabilities, where they are given. Give it with the first rows or never: rows without
            one, after rows with one, count as rows for which nothing was ranked.
        seconds
            Time the model spent on these rows, for the rows/s of the windows.
        """
        if self.task == "single-label":
            ranking = None
        elif ranking is None and not isinstance(predictions, np.ndarray):
            ranking = ranking_of(predictions, batch)
        predicted = predictions if isinstance(predictions, np.ndarray) else predictions.labels
        predicted = np.ascontiguousarray(predicted, np.uint8)
        if len(predicted) != batch.n_rows:
            raise ParameterError(
                f"The predictions must have a row for each row of the batch ({batch.n_rows}). "
                f"Got {len(predicted)} instead."
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
            self._add(predicted, batch, start, stop, seconds * (stop - start) / batch.n_rows)
            start = stop

    def _add(
        self, predicted: UInt8Array, batch: Batch, start: int, stop: int, seconds: float
    ) -> None:
        """Add rows that lie within one window."""
        tallies = [self._total] if self.window is None else [self._total, self._open]
        right = (0, 0)
        if self.task == "single-label":
            self._grow_baseline()
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
            if self._ranks is not None:
                self._ranks.close_window()

    def _grow_baseline(self) -> None:
        state = self._baseline
        known = len(state.counts)
        if self.n_labels > known:
            counts = np.zeros(max(self.n_labels, 2 * known), np.int64)
            counts[:known] = state.counts
            self._baseline = BaselineState(counts, state.recent, state.now)

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
        predicted = np.zeros((1, len(self.labels)), np.uint8)
        predicted[0, self._present(y_pred)] = 1
        self.update_many(predicted, _one_row(present, sorted(unknown)), len(self.labels))

    def _present(self, y: Mapping[Hashable, Any]) -> list[int]:
        return sorted(self._columns[label] for label, value in y.items() if value)

    def as_dict(self) -> dict[str, float]:
        """The metrics of all rows so far, by name."""
        ranked = {} if self._ranks is None else self._ranks.metrics()
        return self._total.sums().metrics(self.n_labels, self.task) | ranked

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

    def last_window(self) -> dict[str, Any] | None:
        """The newest window that is complete, as :meth:`windows` has it; None before the first."""
        return self._told(self._closed[-1]) if self._closed else None

    def _told(self, window: _Window) -> dict[str, Any]:
        # Windows from before the first ranking have the same metrics as all others.
        ranked = dict.fromkeys(RANKING_METRICS, 0.0) if self._ranks is not None else {}
        return {
            "start": window.start,
            "stop": window.stop,
            "metrics": window.sums.metrics(self.n_labels, self.task) | ranked | window.ranked,
            "rows_per_second": ratio(window.stop - window.start, window.seconds),
        }

    def label_counts(self) -> dict[str, Int64Array]:
        """Copies of ``tp``, ``fp`` and ``fn`` of each label [labels]; cheap with many labels."""
        self._total.grow(self.n_labels)
        counts = zip(("tp", "fp", "fn"), self._total.counts[:3], strict=True)
        return {name: values[: self.n_labels].copy() for name, values in counts}

    def _window(self, start: int) -> _Window:
        ranked = {} if self._ranks is None else self._ranks.window()
        return _Window(start, self.n_rows, self._open.sums(), ranked, self._open_seconds)

    def per_label(self, labels: Iterable[Hashable] | None = None) -> list[dict[str, Any]]:
        """Counts of each label: what was predicted against what was true.

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
        return [
            {
                "label": name,
                "tp": tp[i],
                "fp": fp[i],
                "fn": fn[i],
                "tn": self.n_scored - unknown[i] - tp[i] - fp[i] - fn[i],
                "support": tp[i] + fn[i],
            }
            for i, name in enumerate(names)
        ]

    def cardinality(self) -> float:
        """Mean number of labels present in a scored row."""
        tp, _, fn = self._total.counts[:3]
        return ratio(int(tp.sum()) + int(fn.sum()), self.n_scored)


def _one_row(present: list[int], unknown: list[int]) -> Batch:
    def indptr(n: int) -> np.ndarray:
        return np.array([0, n], np.int64)

    return Batch(
        indptr(0),
        np.empty(0, np.int32),
        np.empty(0),
        indptr(len(present)),
        np.array(present, np.int32),
        indptr(len(unknown)),
        np.array(unknown, np.int32),
    )
