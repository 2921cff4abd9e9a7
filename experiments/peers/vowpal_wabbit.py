"""Vowpal Wabbit's online label tree (``--plt``); needs ``pip install vowpalwabbit``."""

from __future__ import annotations

from typing import Any

import numpy as np
from peers.unit_rows import unit_rows

from stream.rows.batch import Batch
from stream.rows.predictions import SparsePredictions
from stream.rows.schema import Schema

DEPTH = 5


class VowpalWabbitTree:
    """Ranks five labels; it answers no set, so that only the metrics at k say anything of it.

    The time inside includes writing rows as text, which is how the Python package takes them.
    Labels that are not known when the first row is read get no place in the tree.
    """

    def __init__(self, bits: int = 26, kary_tree: int = 16, options: str = ""):
        self.bits = bits
        self.kary_tree = kary_tree
        self.options = options
        self._workspace: Any = None
        self._n_labels = 0

    def _begin(self, n_labels: int) -> None:
        import vowpalwabbit

        self._n_labels = n_labels
        self._workspace = vowpalwabbit.Workspace(
            f"--plt {n_labels} --kary_tree {self.kary_tree} --loss_function logistic "
            f"-b {self.bits} --quiet --top_k {DEPTH} {self.options}"
        )

    def test_then_train_many(
        self, batch: Batch, schema: Schema, *, pending: int = 0, delay: int = 0
    ) -> SparsePredictions:
        """See :class:`stream.evaluate.protocol.BatchEstimator`."""
        if self._workspace is None:
            self._begin(len(schema.labels))
        values = unit_rows(batch)
        texts = []
        for i in range(batch.n_rows):
            at = slice(batch.x_indptr[i], batch.x_indptr[i + 1])
            pairs = zip(batch.x_indices[at].tolist(), values[at].tolist(), strict=True)
            texts.append("| " + " ".join(f"{column}:{value:.4f}" for column, value in pairs))
        ranked: list[list[int]] = []
        for i in range(pending, batch.n_rows):
            told = self._workspace.predict(texts[i])
            ranked.append([label for label in told[:DEPTH] if label < self._n_labels])
            j = i - delay
            if j >= 0:
                y = batch.y_indices[batch.y_indptr[j] : batch.y_indptr[j + 1]].tolist()
                known = [label for label in y if label < self._n_labels]
                if known:
                    self._workspace.learn(",".join(map(str, known)) + " " + texts[j])
        return as_answers(ranked, len(schema.labels))


def as_answers(ranked: list[list[int]], n_labels: int) -> SparsePredictions:
    """Lists of labels, best first; in place of probabilities that fall with the place."""
    start = np.concatenate([[0], np.cumsum([len(each) for each in ranked])]).astype(np.int64)
    labels = np.array([label for each in ranked for label in each], np.int32)
    places = np.array([place for each in ranked for place in range(len(each))], float)
    return SparsePredictions(
        start, labels, 1.0 / (2.0 + places), np.zeros(len(labels), np.uint8), n_labels
    )
