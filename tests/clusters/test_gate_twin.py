"""The gate against its slow twin."""

import numpy as np
import pytest
from cluster_rows import in_chunks, random_rows
from naive.gate import NaiveGate
from recorded import Recorder, gated_only, params_of, random_ends

from stream.engine import gate as gt
from stream.engine import placement as pl
from stream.snapshot import dumps

KINDS = {
    # rows, labels, dense, unknown labels, delay, parameters
    "one-level": (200, 30, False, False, 0, {}),
    "unknown": (200, 30, False, True, 0, {"threshold": 0.2}),
    "two-levels": (200, 60, False, True, 0, {"capacity": 2}),
    "two-levels-late": (200, 60, False, False, 7, {"capacity": 2}),
    "features-alone": (200, 60, False, False, 0, {"capacity": 2, "window": 0}),
    "high-threshold": (200, 60, False, False, 0, {"capacity": 1, "threshold": 0.4}),
    "asks-all": (150, 40, False, True, 3, {"capacity": 2, "threshold": 0.0}),
    "asks-all-while-few": (200, 60, False, False, 0, {"capacity": 2, "ask_all_labels": 20}),
    "dense": (150, 40, True, True, 0, {"capacity": 2}),
}


def count_before(moments, now):
    return sum(moment < now for moment in moments)


def play_both(batch, params, delay, ends):
    """A recorder and the twin after the same rows; every event is compared."""
    recorder = Recorder(params)
    recorder.play(batch, delay, ends)
    placement = recorder.gated.placement
    n = int(placement.registers[pl.N_PLACED])
    cluster_of, born = placement.cluster[:n].tolist(), placement.born[:n].tolist()
    begun = placement.begun[: recorder.gated.n_clusters].tolist()
    twin = NaiveGate(params.gate)
    for event in recorder.events:
        n_known_clusters = count_before(begun, event.now)
        asked = twin.ask(event.x, event.hints, cluster_of, n_known_clusters, event.n_known)
        found = {c: p for c, (p, was_asked) in event.asked.items() if was_asked}
        assert found.keys() == asked.keys()
        assert found == pytest.approx(asked, abs=2e-5)
        told = event.asked.keys() - found.keys()
        if not event.learns:
            assert not told
            continue
        concerned = {cluster_of[label] for label in (*event.present, *event.unknown)}
        assert told == concerned - asked.keys()
        missed, weights = twin.learn(
            event.x, event.present, event.unknown, asked, cluster_of, born, event.now,
            count_before(begun, event.now + 1),
        )  # fmt: skip
        assert event.missed == missed
        found = {c: weight for c, weight in event.weights.items() if weight}
        assert found == pytest.approx(weights, abs=2e-5)
    return recorder, twin


@pytest.mark.parametrize("kind", KINDS)
def test_the_twin_asks_the_same_clusters(kind):
    """A level that is added with another bias, a node that learns a row that does not concern it, a
    child that learns although its cluster has not begun, a cluster of a vote that is not asked, a
    miss that is counted of a label nobody knew."""
    n_rows, n_labels, dense, unknown, delay, changes = KINDS[kind]
    rng = np.random.default_rng(list(KINDS).index(kind))
    batch = random_rows(rng, n_rows, n_labels, dense=dense, unknown=unknown)
    recorder, twin = play_both(batch, params_of(**changes), delay, random_ends(rng, n_rows))
    registers = recorder.gated.gate.state.registers
    assert registers[gt.LEVELS] == twin.levels == (1 if changes.get("capacity", 3) == 3 else 2)
    counts = registers[[gt.N_PRESENT, gt.N_MISSED, gt.N_ASKED, gt.N_ROWS]]
    assert counts.tolist() == [twin.n_present, twin.n_missed, twin.n_asked, twin.n_rows]
    assert (twin.n_missed == 0) == (changes.get("threshold") == 0.0)


def test_three_levels_are_those_of_the_twin():
    """A number of a node that is right on two levels only."""
    rng = np.random.default_rng(77)
    params = params_of(capacity=1, window=0, threshold=0.02)
    recorder, twin = play_both(random_rows(rng, 380, 300), params, 0, None)
    assert recorder.gated.gate.state.registers[gt.LEVELS] == twin.levels == 3


def test_a_gate_that_asks_all_is_no_gate():
    """A threshold of zero that leaves clusters out, or makes another answer of being asked."""
    batch = random_rows(np.random.default_rng(5), 300, 80, unknown=True)
    found = []
    for changes in (
        {"threshold": 0.0, "ask_all_labels": 0},
        {"threshold": 0.9, "ask_all_labels": 1_000_000},
    ):
        coordinator = gated_only(params_of(**changes))
        gated = coordinator.gated
        answers = in_chunks(coordinator, batch, [300], 2)
        stages = (
            gated.gate.state, gated.recent.state, gated.decoder.state,
            gated.placement, [each.state for each in gated.executor.clusters],
        )  # fmt: skip
        found.append((*answers, dumps(stages)))
        assert gated.n_clusters > gt.FAN_OUT
        assert gated.gate.summary["missed"] == 0.0
    (probabilities, labels, state), (others, other_labels, other_state) = found
    np.testing.assert_array_equal(probabilities, others)
    np.testing.assert_array_equal(labels, other_labels)
    assert state == other_state
