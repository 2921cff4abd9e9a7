"""Base against head: both sides really run, and a table cannot hide what went wrong."""

from __future__ import annotations

import sys

import benchmark_against as against
import pytest
from harness.revisions import commit_of

from stream.errors import NotAvailableError

JOB = {
    "stream": "yeast",
    "rows": 30,
    "model": "multilabel-hoeffding-tree",
    "params": {"grace_period": 10},
    "options": {},
    "seed": 1,
    "delay": 0,
    "data_dir": None,
}
HERE = against.Side("here", sys.executable)


def run_of(speed: float, micro_f1: float, hamming: float) -> dict:
    metrics = {"micro_f1": micro_f1, "hamming_loss": hamming}
    return {"rows_per_second": speed, "peak_rss_mb": 100.0, "metrics": metrics}


def test_a_revision_against_itself_differs_in_nothing_but_speed():
    """The two sides evaluate different rows, models or seeds."""
    found = against.compare(HERE, HERE, JOB, repeats=2, timeout=1200)
    assert not found.error
    assert len(found.base) == len(found.head) == 2
    assert found.base[0]["rows"] == 30
    assert found.base[0]["metrics"] == found.head[1]["metrics"]
    assert found.base[0]["metrics"]["micro_f1"] > 0
    assert min(found.speeds("base") + found.speeds("head")) > 0


def test_a_stream_that_one_side_cannot_open_is_a_line_of_its_own():
    """One failure ends a night of measurements, or is shown as a speed of nothing."""
    found = against.compare(HERE, HERE, JOB | {"stream": "no-such-stream"}, repeats=1, timeout=1200)
    assert "no-such-stream" in found.error
    good = against.Comparison("fine", [run_of(100, 0.5, 0.1)], [run_of(100, 0.5, 0.1)])
    _, rows = against.table_of([found, good], values=True)
    assert "no-such-stream" in rows[0][1]
    assert rows[1][3] == "1.00×"


def test_speeds_are_compared_turn_by_turn():
    """A machine that slows down half-way makes one side look slow."""
    base = [run_of(speed, 0.5, 0.1) for speed in (100, 50, 10)]
    head = [run_of(speed, 0.5, 0.1) for speed in (200, 100, 20)]
    assert against.Comparison("yeast", base, head).ratio() == 2.0


def test_what_got_worse_is_said():
    """A lower Hamming loss is reported as worse, or a lower F1 as nothing to tell."""
    found = against.Comparison("yeast", [run_of(100, 0.5, 0.2)], [run_of(90, 0.4, 0.1)])
    heads, rows = against.table_of([found], values=False)
    told = dict(zip(heads, rows[0], strict=True))
    assert told["ratio"] == "0.90× (slower)"
    assert told["micro-F1"] == "-0.1000"
    assert told["subset"] == ""  # no such metric on either side
    mean = against.means([found])
    assert "micro-F1 0.5000 → 0.4000 (worse)" in mean
    assert "Hamming 0.2000 → 0.1000." in mean


def test_a_revision_that_does_not_exist_is_refused():
    """A typing error becomes an environment of something else."""
    with pytest.raises(NotAvailableError, match="no-such-revision"):
        commit_of("no-such-revision")
