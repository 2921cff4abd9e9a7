"""Branches that are replaced when the concept changes, and slots that hang together meanwhile."""

import numpy as np
import pytest
from engine_streams import (
    LEAF_MODELS,
    changing_rows,
    check_invariants,
    classes_as_labels,
    learner,
    make_batch,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.engine import layout as lay
from stream.rows.batch import slice_rows

CHANGE = 3_000


def two_concepts(seed, *, local=False):
    """Labels by the signs of two features; in the second half the last two answer the opposite
    (``local``: only where the first feature is positive)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (2 * CHANGE, 4))
    x += np.sign(x)  # a gap, so that thresholds fit
    truth = (x[:, [0, 0, 0, 1, 1]] > 0).astype(int)
    turned = (np.arange(2 * CHANGE) >= CHANGE) & ((x[:, 0] > 0) | (not local))
    truth[turned, 3:] = 1 - truth[turned, 3:]
    return x, truth


def wrong_labels(model, x, truth):
    """Share of wrong labels in every row, prequential."""
    answers = model.run(make_batch(x, truth), predict=True)
    return ((answers > 0.5) != truth).mean(axis=1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("local", [False, True])
def test_a_changed_concept_is_learnt_by_another_branch(seed, local):
    """Alternates that never start, never learn, or never take over."""
    x, truth = two_concepts(seed, local=local)
    options = {"grace_period": 100.0, "delta": 1e-3, "tau": 0.05}
    adaptive = learner("mc", drift_detection=True, **options)
    fixed = learner("mc", **options)
    wrong, wrong_fixed = (wrong_labels(model, x, truth) for model in (adaptive, fixed))
    registers = adaptive.tree.registers
    assert registers[lay.N_DRIFTS] > 0
    assert registers[lay.N_REPLACED] > 0
    assert fixed.tree.registers[lay.N_DRIFTS] == fixed.tree.registers[lay.N_REPLACED] == 0
    before = wrong[CHANGE - 500 : CHANGE].mean()
    after, after_fixed = wrong[-500:].mean(), wrong_fixed[-500:].mean()
    assert before < 0.05
    assert after < before + 0.02
    assert after < after_fixed - 0.1


def test_a_replaced_root_is_the_root():
    """A promoted branch that nothing leads to."""
    x, truth = two_concepts(0)
    model = learner("mc", drift_detection=True)
    first = int(model.tree.registers[lay.ROOT])
    roots = set()
    batch = make_batch(x, truth)
    for start in range(0, len(x), 100):
        model.run(slice_rows(batch, start, start + 100), predict=False)
        roots.add(int(model.tree.registers[lay.ROOT]))
        check_invariants(model.tree)
    assert len(roots | {first}) > 1


def test_a_steady_concept_keeps_its_branches():
    """Alternates that take over by chance, again and again."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (10_000, 4))
    truth = ((x[:, :3] > 0) ^ (rng.random((10_000, 3)) < 0.1)).astype(int)
    model = learner("adaptive", drift_detection=True, grace_period=200.0)
    model.run(make_batch(x, truth), predict=False)
    assert model.tree.registers[lay.N_REPLACED] <= 1


def test_alternates_that_are_not_better_are_dropped():
    """Branches beside the tree that stay for ever and learn every row once more."""
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (12_000, 4))
    truth = (x[:, :3] > 0).astype(int)
    turned = slice(4_000, 4_150)  # a disturbance: the old concept comes back
    truth[turned] = 1 - truth[turned]
    model = learner("mc", drift_detection=True, grace_period=200.0, drift_window_threshold=100)
    batch = make_batch(x, truth)
    growing = []
    for start in range(0, len(x), 100):
        model.run(slice_rows(batch, start, start + 100), predict=False)
        growing.append(int(model.tree.registers[lay.N_ALTERNATES]))
    assert model.tree.registers[lay.N_DRIFTS] > 0
    assert max(growing) > 0
    assert growing[-1] < max(growing)
    dropped = model.tree.registers[lay.N_DRIFTS] - model.tree.registers[lay.N_REPLACED]
    assert dropped > 0


def test_a_smaller_drift_delta_finds_less():
    """A detector that does not use its parameter."""
    x, truth = changing_rows(3, n=600, concepts=4)
    found = []
    for drift_delta in (0.5, 1e-30):
        model = learner("mc", drift_detection=True, drift_delta=drift_delta)
        model.run(make_batch(x, truth), predict=False)
        found.append(int(model.tree.registers[lay.N_DRIFTS]))
    assert found[0] > found[1]


def test_a_longer_window_threshold_replaces_later():
    """A comparison of branches that have hardly seen a row."""
    x, truth = two_concepts(4)
    batch = make_batch(x, truth)
    first = []
    for rows in (50, 800):
        model = learner("mc", drift_detection=True, drift_window_threshold=rows)
        for start in range(0, len(x), 50):
            model.run(slice_rows(batch, start, start + 50), predict=False)
            if model.tree.registers[lay.N_REPLACED]:
                break
        first.append(start)
    assert first[0] < first[1]
    assert first[1] >= CHANGE + 800 - 50


def test_slots_of_replaced_branches_are_used_again():
    """A tree that grows with every change of concept."""
    x, truth = changing_rows(5, n=400, concepts=30)
    batch = make_batch(x, truth)
    model = learner("adaptive", drift_detection=True, drift_delta=0.05)
    used = []
    for start in range(0, len(x), 400):
        model.run(slice_rows(batch, start, start + 400), predict=False)
        used.append(
            int(model.tree.registers[lay.NODES_USED] - model.tree.registers[lay.NODES_FREE])
        )
    assert model.tree.registers[lay.N_REPLACED] > 5
    assert model.tree.registers[lay.N_SPLITS] > used[-1]
    check_invariants(model.tree)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    chunks=st.lists(st.integers(1, 250), min_size=1, max_size=6),
    leaf_prediction=st.sampled_from(sorted(LEAF_MODELS)),
    single_label=st.booleans(),
    density=st.sampled_from([1.0, 0.4]),
    missing=st.sampled_from([0.0, 0.1]),
    unknown=st.sampled_from([0.0, 0.1]),
    max_size=st.sampled_from([500e6, 60e3, 20e3]),
)
def test_invariants_hold_after_every_chunk(
    seed, chunks, leaf_prediction, single_label, density, missing, unknown, max_size
):
    """A slot that is lost, held twice, or held and free; counts below zero; links to nowhere."""
    x, truth = changing_rows(
        seed, n=250, concepts=6, features=6, density=density, missing=missing, unknown=unknown
    )
    if single_label:
        truth = classes_as_labels(truth)
    batch = make_batch(x, truth)
    model = learner(
        leaf_prediction,
        max_size=max_size,
        single_label=single_label,
        drift_detection=True,
        drift_delta=0.2,
        drift_window_threshold=20,
        grace_period=20.0,
        delta=0.2,
        tau=0.4,
    )
    start = 0
    while start < batch.n_rows:
        stop = min(start + chunks[start % len(chunks)], batch.n_rows)
        answers = model.run(slice_rows(batch, start, stop), predict=True)
        assert ((answers >= 0) & (answers <= 1)).all()
        check_invariants(model.tree)
        start = stop
