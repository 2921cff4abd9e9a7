"""Answers for many labels, of which only those worth mentioning are kept."""

import numpy as np
import pytest

from stream.rows.predictions import Predictions, SparsePredictions


def sparse():
    """Three rows over six labels; the second has none."""
    return SparsePredictions(
        np.array([0, 3, 3, 5], np.int64),
        np.array([4, 0, 2, 1, 4], np.int32),
        np.array([0.9, 0.5, 0.1, 0.8, 0.3]),
        np.array([1, 1, 0, 1, 0], np.uint8),
        6,
    )


def test_matrices_have_what_is_listed():
    """An entry in another row or column."""
    found = sparse()
    assert found.labels.tolist() == [[1, 0, 0, 0, 1, 0], [0] * 6, [0, 1, 0, 0, 0, 0]]
    assert found.probabilities[0].tolist() == [0.5, 0, 0.1, 0, 0.9, 0]
    assert found.probabilities[2].tolist() == [0, 0.8, 0, 0, 0.3, 0]


@pytest.mark.parametrize("first_row", [0, 1, 2, 3])
def test_other_columns_as_a_matrix_would_have_them(first_row):
    """Rows before the first that stay, labels without a column that are kept, or columns without a
    label that are filled."""
    numbers = np.array([4, -1, 1, 9, 0])
    dense = Predictions(sparse().labels, sparse().probabilities)
    expected = dense.in_columns(numbers, first_row=first_row)
    found = sparse().in_columns(numbers, first_row=first_row)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_the_best_labels_of_each_row():
    """A row that takes labels of the next, or a label that is unknown and is ranked."""
    labels, probabilities = sparse().top(2)
    assert labels.tolist() == [[4, 0], [-1, -1], [1, 4]]
    assert probabilities.tolist() == [[0.9, 0.5], [0, 0], [0.8, 0.3]]
    unknown = np.array([0, 1, 2, 3], np.int64), np.array([4, 3, 1], np.int32)
    assert sparse().top(2, unknown)[0].tolist() == [[0, 2], [-1, -1], [4, -1]]
    dense = Predictions(sparse().labels, sparse().probabilities)
    assert dense.top(2)[0][0].tolist() == [4, 0]
