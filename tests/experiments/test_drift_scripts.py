"""The scripts on resets and on prediction sets, on a few rows."""

from __future__ import annotations

import json
import sys

import conformal_sets
import drift_resets
import pytest

from stream import DriftHOMER
from stream.data.synthetic import create
from stream.engine import layout as lay


def run(script, monkeypatch, folder, *words):
    monkeypatch.setattr(sys, "argv", [f"{script.__name__}.py", *words, "--out", str(folder)])
    script.main()
    told = json.loads((folder / f"{script.__name__}.json").read_text())
    return told, (folder / f"{script.__name__}.md").read_text()


def test_resets_are_scored_where_the_concept_changes(tmp_path, monkeypatch):
    """A line of the table that does what another one does."""
    words = ("--streams", "syn-hp-rec", "--rows", "1600", "--seeds", "1")
    told, page = run(drift_resets, monkeypatch, tmp_path, *words)
    values = {line: each["syn-hp-rec"][0] for line, each in told["micro_f1"].items()}
    assert len(values) == page.count("| 0.")
    # So few rows bring no tree back.
    assert values.pop(drift_resets.MEMORY) == values[drift_resets.DETECTORS]
    assert len(set(values.values())) == len(values)
    # Two concepts, each in force twice: knowing which one is worth something even here.
    assert values[drift_resets.BY_CONCEPT] > values["nothing"]


def test_a_part_begun_anew_has_learnt_nothing():
    source = create("syn-hp-rec", n_rows=400, seed=1)
    model = DriftHOMER(seed=1)
    model.learn_batch(source.rows(0, 400), source.schema)
    sizes = [len(cluster.labels) for cluster in model._learner.gated.clusters]
    for resets in drift_resets.PARTS.values():
        for reset in resets:
            reset(model._learner, model._learner.trees)
    learner = model._learner
    assert not any(cluster.n_cells for cluster in learner.gated.clusters)
    assert [len(cluster.labels) for cluster in learner.gated.clusters] == sizes
    assert learner.trees.shared.part.growing.tree.registers[lay.ROWS_LEARNT] == 0
    assert not learner.trees.mixer_decoder.state.mixer.followed.any()


def test_sets_are_held_against_their_bound(tmp_path, monkeypatch):
    """A page that calls every risk kept."""
    words = ("--streams", "yeast", "led", "no-such-stream", "--limit", "300")
    told, page = run(conformal_sets, monkeypatch, tmp_path, *words)
    assert {(each["stream"], each["risk"]) for each in told["runs"]} == {
        (name, risk) for name in ("yeast", "led") for risk in conformal_sets.RISKS
    }
    assert "4 of 4 are" in page
    assert "Not here: no-such-stream." in page
    broken = {**told["runs"][0], "measured": 0.9}
    assert conformal_sets.holds(told["runs"][0])
    assert not conformal_sets.holds(broken)
    assert "**outside**" in conformal_sets.cells(broken)[5]
    assert told["runs"][0]["measured"] == pytest.approx(0.1, abs=told["runs"][0]["bound"])
