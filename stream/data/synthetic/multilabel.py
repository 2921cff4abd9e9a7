"""Multi-label streams: features tell the active label blocks, the blocks tell the labels."""

from __future__ import annotations

import numpy as np

from stream.data.synthetic.blocks import BlockArrays, label_rows
from stream.data.synthetic.description import StreamDescription
from stream.data.synthetic.feature_rows import FeatureModel
from stream.data.synthetic.rng import stream_key
from stream.data.synthetic.source import SyntheticSource
from stream.rows.batch import Batch


class MultiLabelStream(SyntheticSource):
    """Rows with sets of labels that are correlated in known blocks.

    Parameters
    ----------
    description
        ``parameters`` holds ``within`` and ``spurious``, see :mod:`stream.data.synthetic.blocks`.
    features
        Draws the features and the active blocks.
    blocks
        Labels of each block, for each concept of ``description.blocks_drift``.

    Notes ----- The families follow the synthetic streams of Esteban, Cano, Zafra and Ventura,
    "Hoeffding adaptive trees for multi-label classification on data streams" (Knowledge-Based
    Systems, 2024): trees, RBF centroids and hyperplanes, each with sudden, gradual, incremental and
    recurring drift. The label blocks, and drift in them alone, are our own.

    Examples
    --------
    >>> from stream.data.synthetic import create
    >>> source = create("syn-rbf-sud:labels=6,blocks=2", n_rows=100, seed=7)
    >>> batch = source.rows(0, 100)
    >>> batch.n_rows, source.description.n_labels, len(source.description.blocks_at(0))
    (100, 6, 2)
    """

    def __init__(
        self, description: StreamDescription, features: FeatureModel, blocks: BlockArrays
    ) -> None:
        super().__init__(description)
        self.features = features
        self.blocks = blocks
        self.within = float(description.parameters["within"])
        self.spurious = float(description.parameters["spurious"])
        self._key = stream_key(description.seed, "label rows")
        self._drift = description.blocks_drift.arrays()

    def _generate(self, start: int, stop: int) -> Batch:
        n = stop - start
        rows = self.features.rows(start, stop)
        # Room for every label of every active block; the kernel says when labels on the move need
        # more.
        sizes = np.diff(self.blocks.indptr)
        room = int(sizes[rows.active].sum()) + n + 2
        y_indptr = np.zeros(n + 1, np.int64)
        while True:
            y_indices = np.empty(room, np.int32)
            if label_rows(
                self._key,
                self._drift,
                self.blocks,
                self.within,
                self.spurious,
                start,
                rows.active_indptr,
                rows.active,
                y_indptr,
                y_indices,
            ):
                break
            room *= 2
        return Batch(
            rows.x_indptr,
            rows.x_indices,
            rows.x_values,
            y_indptr,
            y_indices[: y_indptr[-1]].copy(),
            np.zeros(n + 1, np.int64),
            np.empty(0, np.int32),
        )
