"""Sets of labels, from whatever a model answers."""

import numpy as np
import pytest

from stream.rows.label_sets import sets_of, sets_of_matrix, sets_of_rows
from stream.rows.predictions import Predictions, SparsePredictions


@pytest.mark.parametrize("seed", range(20))
def test_lists_in_any_order_and_matrices_give_the_same_sets(seed):
    rng = np.random.default_rng(seed)
    n_rows, n_labels = int(rng.integers(0, 6)), int(rng.integers(1, 9))
    lists = [rng.permutation(n_labels)[: rng.integers(0, n_labels + 1)] for _ in range(n_rows)]
    start = np.cumsum([0, *map(len, lists)])
    label = np.concatenate([np.zeros(0, int), *lists]).astype(np.int32)
    present = (rng.random(len(label)) < 0.6).astype(np.uint8)
    listed = SparsePredictions(start, label, np.full(len(label), 0.5), present, n_labels)
    expected = sets_of_rows(
        [
            sorted(label[start[i] : start[i + 1]][present[start[i] : start[i + 1]] == 1].tolist())
            for i in range(n_rows)
        ]
    )
    dense = Predictions(listed.labels, listed.probabilities)
    for found in (sets_of(listed), sets_of(dense), sets_of_matrix(listed.labels)):
        assert found.start.tolist() == expected.start.tolist()
        assert found.label.tolist() == expected.label.tolist()
        for i in range(n_rows):
            assert found.of_row(i).tolist() == expected.slice(i, i + 1).of_row(0).tolist()
