"""Alarms against known changes, and detectors on the losses of a stream."""

from __future__ import annotations

import json
import sys

import drift_detection
import numpy as np
import pytest
from harness.detections import detections, pooled
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift

from stream.data.synthetic import create


def by_rows(alarms, positions, width, n_rows, horizon):
    """Delays, false alarms and quiet rows, looking at every row by itself."""
    half = width / 2 if width > 1 else 0
    begins = [max(0, int(np.ceil(position - half))) for position in positions]
    delays, n_false, quiet = [None] * len(begins), 0, 0
    for row in range(n_rows):
        begun = [i for i, begin in enumerate(begins) if begin <= row]
        last = begun[-1] if begun else None
        due = last is not None and row < begins[last] + int(np.ceil(2 * half)) + horizon
        quiet += not due
        if row in alarms:
            if not due:
                n_false += 1
            elif delays[last] is None:
                delays[last] = row - begins[last] + 1
    return tuple(delays), n_false, quiet


@settings(deadline=None)
@given(
    alarms=st.sets(st.integers(0, 199)),
    positions=st.lists(st.integers(5, 195), max_size=3, unique=True),
    width=st.sampled_from([0.0, 1.0, 7.0, 30.0]),
    horizon=st.integers(1, 80),
)
def test_equal_to_looking_at_every_row(alarms, positions, width, horizon):
    """An alarm that is due to two changes, or to one that has not begun; rows counted twice."""
    positions = sorted(positions)
    found = detections(alarms, positions, width, 200, horizon)
    expected = by_rows(alarms, positions, width, 200, horizon)
    assert (found.delays, found.n_false, found.quiet_rows) == expected


def test_scores_of_several_runs():
    """Means of means, and misses that count as delays of nothing."""
    runs = [detections([110, 500], [100], 1, 1000, 50), detections([], [100], 1, 1000, 50)]
    scores = pooled(runs)
    assert (scores.delay, scores.missed, scores.changes) == (11, 1, 2)
    assert scores.false_per_10_000 == pytest.approx(10_000 / (2 * 950))
    assert scores.cell() == "11 / 5.3 (1 of 2)"


def test_our_detector_alarms_where_rivers_sees_a_rise():
    """A detector that is another one than the estimators have."""
    rng = np.random.default_rng(1)
    losses = rng.random(6000) * np.repeat([0.4, 1.0, 0.5], 2000)
    peer, rises = drift.ADWIN(delta=drift_detection.DELTA), []
    for row, loss in enumerate(losses.tolist()):
        before = peer.estimation
        peer.update(loss)
        if peer.drift_detected and peer.estimation > before:
            rises.append(row)
    assert drift_detection.our_alarms(losses) == rises
    assert 2000 <= rises[0] < 2200


def test_losses_are_those_of_the_stream():
    """Losses of another row, or of sets that are empty."""
    source = create("syn-rbf-sud:positions=2500", n_rows=3000, seed=3)
    found = drift_detection.losses_on(source)
    assert len(found.losses) == len(found.errors) == 3000
    first, before, after = (found.losses[at : at + 500].mean() for at in (0, 2000, 2500))
    assert before < min(first, after)
    assert ((found.losses > 0) == found.errors).all()
    classes = drift_detection.losses_on(create("sea-a", n_rows=2000, seed=3))
    assert (classes.losses == classes.errors).all()


def test_a_page_of_results(tmp_path, monkeypatch):
    """A script that is never run."""
    arguments = ["--seeds", "1", "--rows", "2000", "--streams", "syn-rbf-sud", "sea-g", "--out"]
    monkeypatch.setattr(sys, "argv", ["drift_detection.py", *arguments, str(tmp_path)])
    drift_detection.main()
    told = json.loads((tmp_path / "drift_detection.json").read_text())
    assert {run["stream"] for run in told["runs"]} == {"syn-rbf-sud", "sea-g"}
    page = (tmp_path / "drift_detection.md").read_text()
    assert page.count(drift_detection.OURS) == 2
    assert len(drift_detection.streams()) >= 22
