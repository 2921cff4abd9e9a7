"""Single-label streams over the feature models of the multi-label ones: a block is a class."""

from __future__ import annotations

import numpy as np

from stream.data.synthetic.description import StreamDescription
from stream.data.synthetic.feature_rows import FeatureModel
from stream.data.synthetic.source import SyntheticSource, single_label_batch
from stream.rows.batch import Batch


class SingleLabelStream(SyntheticSource):
    """The class of a row is its one active block; or, of a single block, whether it is active.

    Parameters
    ----------
    description
        Shape and parameters.
    features
        A model with exactly one active block in each row; or with one block in all.
    of_presence
        The model has one block, and the class (0 or 1) is whether it is active.

    Examples
    --------
    >>> from stream.data.synthetic import create
    >>> batch = create("random-tree:classes=3", n_rows=1_000).rows(0, 1_000)
    >>> sorted(set(batch.y_indices.tolist()))
    [0, 1, 2]
    """

    def __init__(
        self, description: StreamDescription, features: FeatureModel, *, of_presence: bool = False
    ) -> None:
        super().__init__(description)
        self.features = features
        self.of_presence = of_presence

    def _generate(self, start: int, stop: int) -> Batch:
        rows = self.features.rows(start, stop)
        classes = rows.active
        if self.of_presence:
            classes = np.diff(rows.active_indptr).astype(np.int32)
        return single_label_batch(rows.x_indptr, rows.x_indices, rows.x_values, classes)
