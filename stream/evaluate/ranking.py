"""Metrics at k: how good the order is in which a model ranks the labels of a row."""

from __future__ import annotations

import numpy as np

from stream.engine.arrays import Float64Array
from stream.engine.ranking import (
    BEST_WEIGHTED,
    DEEPEST,
    DEPTHS,
    NDCG,
    PRECISION,
    WEIGHTED,
    RankCounts,
    count_ranks,
    empty_rank_counts,
    rank_dense,
)
from stream.errors import ParameterError
from stream.evaluate.tally import ratio
from stream.rows.batch import Batch
from stream.rows.predictions import Predictions, SparsePredictions
from stream.rows.ranking import Ranking

RANKING_METRICS = tuple(f"{name}_at_{k}" for name in ("precision", "ndcg", "psp") for k in DEPTHS)
TOTAL, WINDOW = 0, 1  # stretches of RankCounts


def rank_labels(probabilities: Float64Array, batch: Batch | None = None) -> Ranking:
    """The five most probable labels of each row; the earlier column wins a tie.

    Parameters
    ----------
    probabilities
        [rows, labels] that a label is present. A label of probability zero is not ranked.
    batch
        The truth of the same rows, whose unknown labels are left out. None: all are ranked.

    Examples
    --------
    >>> rank_labels(np.array([[0.1, 0.9, 0.0, 0.4]])).labels
    array([[ 1,  3,  0, -1, -1]], dtype=int32)
    """
    n_rows = len(probabilities)
    ranking = Ranking(np.empty((n_rows, DEEPEST), np.int32), np.empty((n_rows, DEEPEST)))
    unknown = (
        (np.zeros(n_rows + 1, np.int64), np.empty(0, np.int32))
        if batch is None
        else (batch.u_indptr, batch.u_indices)
    )
    rank_dense(np.ascontiguousarray(probabilities, np.float64), *unknown, 0, n_rows, *ranking)
    return ranking


def ranking_of(answers: Predictions | SparsePredictions, batch: Batch) -> Ranking:
    """The ranking that a model's answers hold; it costs what the answers list.

    Parameters
    ----------
    answers
        For the rows of the batch.
    batch
        Their truth; labels whose truth is unknown are left out.
    """
    if isinstance(answers, Predictions):
        return rank_labels(answers.probabilities, batch)
    return Ranking(*answers.top(DEEPEST, (batch.u_indptr, batch.u_indices)))


class RankTally:
    """Sums for the metrics at k, over the whole stream and over the window that is open.

    - ``precision_at_k``: share of the k labels ranked first that are present.
    - ``ndcg_at_k``: their discounted gain, ``Σ [label at place i is present] / log2(i + 1)``, over
      that of a perfect ranking.
    - ``psp_at_k``: precision weighted by ``1 / p``, where ``p`` is the propensity of a label to be
      recorded, over the most that a ranking could have, both summed over rows [1]_:
      ``p = 1 / (1 + C (n + B)^-A)`` with ``C = (log N - 1) (B + 1)^A``, A = 0.55, B = 1.5. Here
      ``n`` and ``N`` are the rows with the label and all rows *before* the row that is scored, as
      a training set would count them, so that nothing has to be known of the future.

    Every row counts, also one without labels (0 in the first two, nothing in the third) and one
    for which nothing was ranked. Places for which a model has no label are misses. Labels whose
    truth is unknown are left out of the ranking, and those behind them move up.

    References
    ----------
    .. [1] Jain, Prabhu, Varma. Extreme multi-label loss functions for recommendation, tagging,
           ranking and other missing label applications. KDD 2016.
    """

    def __init__(self) -> None:
        self.counts = empty_rank_counts(0)

    def add(self, ranking: Ranking, batch: Batch, rows: range, n_labels: int) -> None:
        """Add some consecutive rows of a batch, of which the ranking has every row.

        Raises
        ------
        ParameterError
            When the ranking has other rows than the batch.
        """
        if ranking.n_rows != batch.n_rows:
            raise ParameterError(
                f"The ranking must have a row for each row of the batch ({batch.n_rows}). "
                f"Got {ranking.n_rows} instead."
            )
        self._grow(n_labels)
        count_ranks(
            self.counts,
            np.ascontiguousarray(ranking.labels, np.int32),
            batch.y_indptr,
            batch.y_indices,
            batch.u_indptr,
            batch.u_indices,
            rows.start,
            rows.stop,
            n_labels,
        )

    def _grow(self, n_labels: int) -> None:
        known = len(self.counts.present)
        if n_labels > known:
            present = np.zeros(max(n_labels, 2 * known), np.int64)
            present[:known] = self.counts.present
            self.counts = RankCounts(present, *self.counts[1:])

    def metrics(self) -> dict[str, float]:
        """The metrics of all rows so far, by name."""
        return metrics_of(self.counts.sums[TOTAL], int(self.counts.rows[TOTAL]))

    def window(self) -> dict[str, float]:
        """The metrics of the rows since the last window was closed, by name."""
        return metrics_of(self.counts.sums[WINDOW], int(self.counts.rows[WINDOW]))

    def close_window(self) -> None:
        """Begin another window."""
        self.counts.sums[WINDOW] = 0.0
        self.counts.rows[WINDOW] = 0


def nothing_ranked(n_rows: int, depth: int = 1) -> Ranking:
    """The ranking of rows for which a model has no answer."""
    return Ranking(np.full((n_rows, depth), -1, np.int32), np.zeros((n_rows, depth)))


def metrics_of(sums: Float64Array, n_rows: int) -> dict[str, float]:
    """The metrics of sums [4, 3] over some rows."""
    values = [
        *(ratio(value, n_rows) for value in sums[PRECISION].tolist()),
        *(ratio(value, n_rows) for value in sums[NDCG].tolist()),
        *map(ratio, sums[WEIGHTED].tolist(), sums[BEST_WEIGHTED].tolist()),
    ]
    return dict(zip(RANKING_METRICS, values, strict=True))
