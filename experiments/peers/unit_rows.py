"""Rows as linear peers of text like them: the logarithm of one plus a count, of length one."""

from __future__ import annotations

import numpy as np

from stream.rows.batch import Batch


def unit_rows(batch: Batch) -> np.ndarray:
    """The values of a batch's features, scaled row by row; a missing value counts 0.

    Negative values, which counts are not, keep their sign.
    """
    values = np.nan_to_num(batch.x_values)
    values = np.sign(values) * np.log1p(np.abs(values))
    rows = np.repeat(np.arange(batch.n_rows), np.diff(batch.x_indptr))
    norms = np.sqrt(np.bincount(rows, values**2, minlength=batch.n_rows))
    return values / np.where(norms > 0, norms, 1.0)[rows]
