"""Risk and size of prediction sets over a stream, and how each label fares in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.engine.arrays import Float64Array
from stream.evaluate.tally import ratio
from stream.rows.batch import Batch
from stream.rows.label_sets import LabelSets

SET_METRICS = ("set_fnr", "set_miscoverage", "set_size")
NEVER = np.iinfo(np.int64).max


class SetTally:
    """Sums over rows that count, of the whole stream and of the window that is open.

    A row counts as it does for :class:`stream.ConformalLabelSets`: if one of its present labels was
    present in a row that had been learnt when the set was given. Other present labels of the row
    are left out, because nobody could name them.

    - ``set_fnr``: mean share of a row's present labels that its set misses.
    - ``set_miscoverage``: share of the rows whose set misses any.
    - ``set_size``: mean number of labels in the sets.

    Parameters
    ----------
    delay
        Rows between a prediction and the arrival of its labels.
    """

    def __init__(self, delay: int = 0) -> None:
        self.delay = delay
        self._total = [0.0, 0.0, 0.0, 0.0]  # rows that count, then the sums of SET_METRICS
        self._window = [0.0, 0.0, 0.0, 0.0]
        self._first = np.zeros(0, np.int64)  # [labels] row in which it was first present
        self._support = np.zeros(0, np.int64)  # [labels] rows that count in which it was present
        self._missed = np.zeros(0, np.int64)  # [labels] and not in the set
        self._held = np.zeros(0, np.int64)  # [labels] rows that count whose set holds it

    def add(self, sets: LabelSets, batch: Batch, rows: range, first_row: int) -> None:
        """Add some consecutive rows of a batch, all of which have sets; ``rows`` begin at row
        ``first_row`` of the stream."""
        owner, held = _entries(sets.start, sets.label, rows)
        present_in, present = _entries(batch.y_indptr, batch.y_indices, rows)
        most = 1 + max(int(held.max(initial=-1)), int(present.max(initial=-1)))
        self._grow(most)
        np.minimum.at(self._first, present, first_row + present_in)
        # Not after: a label that is first present here may be known to later rows of the batch.
        arrived = self._first[present] < first_row + present_in - self.delay
        present_in, present = present_in[arrived], present[arrived]
        missed = ~np.isin(present_in * most + present, owner * most + held)
        n_present = np.bincount(present_in, minlength=len(rows))
        n_missed = np.bincount(present_in[missed], minlength=len(rows))
        size = np.bincount(owner, minlength=len(rows))
        counts = n_present > 0
        np.add.at(self._support, present, 1)
        np.add.at(self._missed, present[missed], 1)
        np.add.at(self._held, held[counts[owner]], 1)
        shares: Float64Array = n_missed[counts] / n_present[counts]
        for sums in (self._total, self._window):
            sums[0] += int(counts.sum())
            for share in shares.tolist():  # one by one: the same bits however rows are cut
                sums[1] += share
            sums[2] += int((n_missed[counts] > 0).sum())
            sums[3] += int(size[counts].sum())

    def _grow(self, n_labels: int) -> None:
        known = len(self._first)
        if n_labels > known:
            room = max(n_labels, 2 * known)
            for name, fill in (("_first", NEVER), ("_support", 0), ("_missed", 0), ("_held", 0)):
                larger = np.full(room, fill, np.int64)
                larger[:known] = getattr(self, name)
                setattr(self, name, larger)

    def metrics(self) -> dict[str, float]:
        """The metrics of all rows so far, by name."""
        return _means(self._total)

    def window(self) -> dict[str, float]:
        """The metrics of the rows since the last window was closed, by name."""
        return _means(self._window)

    def close_window(self) -> None:
        """Begin another window."""
        self._window = [0.0, 0.0, 0.0, 0.0]

    def per_label(self, n_labels: int) -> list[dict[str, Any]]:
        """For each label the share of its rows whose set misses it (``set_miss_rate``), and the
        share of all rows whose set holds it (``set_share``); of rows that count."""
        self._grow(n_labels)
        numbers = zip(
            self._missed[:n_labels].tolist(),
            self._support[:n_labels].tolist(),
            self._held[:n_labels].tolist(),
            strict=True,
        )
        return [
            {"set_miss_rate": ratio(missed, support), "set_share": ratio(held, self._total[0])}
            for missed, support, held in numbers
        ]


def _means(sums: list[float]) -> dict[str, float]:
    return {name: ratio(total, sums[0]) for name, total in zip(SET_METRICS, sums[1:], strict=True)}


def _entries(start: np.ndarray, columns: np.ndarray, rows: range) -> tuple[np.ndarray, np.ndarray]:
    """Row, from 0 at the first of ``rows``, and column of every entry of these rows."""
    lengths = np.diff(start[rows.start : rows.stop + 1])
    inside = columns[start[rows.start] : start[rows.stop]]
    return np.repeat(np.arange(len(rows)), lengths), inside.astype(np.int64)
