"""The benchmark of learners between topics still runs."""

from __future__ import annotations

from pathlib import Path

import pytest

EXPERIMENTS = str(Path(__file__).resolve().parents[2] / "experiments")


@pytest.fixture
def benchmark(monkeypatch):
    """The script; the names of its neighbours are not left to other tests."""
    monkeypatch.syspath_prepend(EXPERIMENTS)
    import benchmark_kafka

    return benchmark_kafka


def test_speeds_are_of_all_rows(broker, benchmark):
    """A script that nobody has run since what it calls was changed."""
    topics = benchmark.Topics(broker.bootstrap)
    topics._made = 50_000  # names that no other test has
    model, *services = benchmark.speeds(topics, benchmark.BATCH, rounds=1)
    assert model.what.startswith("The model alone")
    assert len(services) == 8  # two clients, with and without transactions, by two clocks
    for each in services:
        assert float(each.ours.replace(",", "")) > 0
        assert each.ratio.endswith("×")
