"""A simulation of workers that keeps the order of the stages."""

import pytest
import scale

ROWS = 20 * scale.PERIOD
FREE = scale.Costs(recall=0.0, route=0.0, send=0.0, clusters=0.0, decide=0.0, message=0.0)


def test_clusters_alone_are_divided_evenly():
    """Workers that wait for each other, or work that is done by all."""
    costs = FREE._replace(clusters=1e-3)
    assert scale.simulate(costs, [1.0], ROWS) == pytest.approx(1_000)
    assert scale.simulate(costs, [0.25] * 4, ROWS) == pytest.approx(4_000)
    assert scale.simulate(costs, [0.7, 0.1, 0.1, 0.1], ROWS) == pytest.approx(1_000 / 0.7)


def test_the_slowest_stage_bounds_the_others():
    """Stages that work one after the other, or that are not waited for."""
    costs = FREE._replace(recall=1e-3, route=1e-3, clusters=1e-3, decide=1e-3)
    pieces = scale._pieces(scale.PERIOD)
    assert sum(pieces) == scale.PERIOD
    least = 1_000 * scale.PERIOD / ((len(pieces) + 3) * max(pieces))
    assert least <= scale.simulate(costs, [1.0], ROWS) < 1_000
    many = scale.simulate(costs, [1 / 64] * 64, ROWS)
    assert many < 1_000
    assert scale.simulate(costs, [1.0], ROWS, processors=1) == pytest.approx(1_000 / 4)


def test_costs_are_those_that_were_measured():
    """A power of the number of labels that misses the points it goes through."""
    measured = {1_000: (1e-4, 1e-4), 100_000: (1e-2, 2e-4)}
    for labels, costs in measured.items():
        assert scale.at(labels, measured) == pytest.approx(costs)
    assert scale.at(10_000, measured)[0] == pytest.approx(1e-3)


def test_every_label_is_known_in_the_end():
    """A stream of fewer labels than it is named for."""
    seen = set()
    for batch, schema in scale.text(50, 60):
        assert len(schema.labels) == 50
        seen |= set(batch.y_indices.tolist())
        assert (batch.x_indices < len(schema.features)).all()
    assert seen == set(range(50))
