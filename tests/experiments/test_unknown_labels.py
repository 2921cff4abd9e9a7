"""The experiment that hides labels."""

import json
import sys

import numpy as np
import unknown_labels

from stream.data import open_source


def test_only_labels_that_were_seen_are_hidden():
    """A label whose first row does not know it, so that it would never be one of the stream's; a
    label that is hidden and present."""
    batch = next(iter(open_source("yeast").batches(200)))
    seen = np.zeros(14, bool)
    some = unknown_labels.hidden(batch, 0.5, seen, np.random.default_rng(1))
    before = set()
    for row in range(batch.n_rows):
        labels = set(batch.y_indices[batch.y_indptr[row] : batch.y_indptr[row + 1]].tolist())
        unknown = set(some.u_indices[some.u_indptr[row] : some.u_indptr[row + 1]].tolist())
        present = set(some.y_indices[some.y_indptr[row] : some.y_indptr[row + 1]].tolist())
        assert unknown <= before
        assert present == labels - unknown
        before |= labels
    assert len(some.u_indices) > 1000
    assert seen.sum() == len(before)


def test_the_page_says_what_was_lost(monkeypatch, tmp_path):
    """A loss against the answers of another stream or share."""
    words = ["--streams", "yeast", "--limit", "600", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["unknown_labels.py", *words])
    assert unknown_labels.main() == 0
    told = json.loads((tmp_path / "unknown_labels.json").read_text())["runs"]
    assert {run["rows"] for run in told} == {600}
    complete, _, most = (run["micro_f1"] for run in told)
    assert 0.4 < most < complete < 0.8
    assert f"{most - complete:+.4f}" in (tmp_path / "unknown_labels.md").read_text()


def test_without_its_data_it_says_where_to_look(monkeypatch, tmp_path, capsys):
    """A traceback, or rows that were learnt before a file was missed."""
    monkeypatch.delenv("DRIFTHOMER_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    words = ["--streams", "yeast", "no_such.txt.gz", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["unknown_labels.py", *words])
    assert unknown_labels.main() == 2
    error = capsys.readouterr().err
    assert "no_such.txt.gz" in error
    assert "--data-dir" in error
    assert not list(tmp_path.iterdir())
