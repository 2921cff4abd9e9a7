"""The experiment that gives the model clusters of hindsight."""

import json
import sys

import clusters_of_hindsight
import numpy as np
from scipy.sparse import csr_matrix

from stream.data import open_source


def test_labels_that_come_together_share_a_cluster():
    """A cluster that takes frequent labels instead of near ones, a label in two clusters or in
    none, a cluster that is too large."""
    rng = np.random.default_rng(1)
    block = np.repeat(np.eye(8), 5, axis=1)  # [blocks, labels]
    present = csr_matrix(block[rng.integers(8, size=400)] * (rng.random((400, 40)) < 0.8))
    found = clusters_of_hindsight.clusters_of_hindsight((present.T @ present).tocsr(), 5)
    assert sorted(map(sorted, found)) == [list(range(at, at + 5)) for at in range(0, 40, 5)]
    loose = clusters_of_hindsight.clusters_of_hindsight((present.T @ present).tocsr(), 3)
    assert sorted(label for cluster in loose for label in cluster) == list(range(40))
    assert max(map(len, loose)) == 3


def test_pairs_are_counted_over_the_rows_that_are_asked_for():
    """Rows beyond the limit, or those of the first batch only."""
    both, names = clusters_of_hindsight.together("yeast", 1500, None)
    source = open_source("yeast")
    batch = next(iter(source.batches(1500)))
    truth = np.zeros((batch.n_rows, 14))
    truth[np.repeat(np.arange(batch.n_rows), np.diff(batch.y_indptr)), batch.y_indices] = 1
    assert names == list(source.schema.labels)
    np.testing.assert_array_equal(both.toarray(), truth.T @ truth)


def test_the_page_has_all_three_kinds_of_clusters(monkeypatch, tmp_path, data_dir):
    """A kind that is run with the clusters of another."""
    words = ["--streams", "bibtex", "--limit", "600", "--out", str(tmp_path)]
    argv = ["clusters_of_hindsight.py", *words, "--data-dir", str(data_dir)]
    monkeypatch.setattr(sys, "argv", argv)
    assert clusters_of_hindsight.main() == 0
    runs = json.loads((tmp_path / "clusters_of_hindsight.json").read_text())["runs"]
    assert [run["clusters"] for run in runs] == ["random", "found", "of hindsight"]
    assert len({run["micro_f1"] for run in runs}) == 3
    page = (tmp_path / "clusters_of_hindsight.md").read_text()
    assert all(f"{run['precision_at_5']:.4f}" in page for run in runs)
