"""Peers on label-rich streams learn, and see no truth before they answer."""

from __future__ import annotations

import numpy as np
import pytest
from peers.adagrad import AdaGradPerLabel
from peers.unit_rows import unit_rows

from stream import open_source, prequential


def test_rows_have_length_one():
    """Long documents that count for more than short ones."""
    batch = next(iter(open_source("yeast").batches(20)))
    values = unit_rows(batch)
    for i in range(20):
        row = values[batch.x_indptr[i] : batch.x_indptr[i + 1]]
        assert np.linalg.norm(row) == pytest.approx(1.0)


@pytest.mark.parametrize("delay", [0, 7])
def test_adagrad_gives_the_same_in_any_chunks(delay):
    """A row that is learnt before it is predicted, or twice."""
    one, many = (
        prequential(open_source("yeast"), AdaGradPerLabel(), limit=300, chunk_rows=n, delay=delay)
        for n in (1, 100)
    )
    assert one.metrics == many.metrics
    assert one.metrics["precision_at_1"] > 0.6


def test_vowpal_wabbit_ranks():
    """Labels glued to the features of a row, from which it learns nothing."""
    pytest.importorskip("vowpalwabbit", reason="it is optional: pip install vowpalwabbit")
    from peers.vowpal_wabbit import VowpalWabbitTree

    found = prequential(open_source("yeast"), VowpalWabbitTree(bits=18), limit=400)
    assert found.metrics["precision_at_1"] > 0.4
