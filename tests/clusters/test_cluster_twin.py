"""Clusters of labels against their slow twin."""

import math

import numpy as np
import pytest
from cluster_rows import random_rows
from naive.label_cluster import NaiveCluster
from recorded import Recorder, params_of, random_ends

from stream.clusters.cluster import FIRST_WEIGHTS
from stream.engine import placement as pl
from stream.engine.label_cluster import LEAST_LISTED

KINDS = {
    # rows, labels, dense, unknown labels, delay, parameters
    "sparse": (200, 30, False, False, 0, {}),
    "unknown": (200, 30, False, True, 0, {}),
    "late": (200, 30, False, True, 7, {}),
    "dense": (150, 30, True, True, 0, {}),
    "asked-rarely": (200, 30, False, True, 0, {"threshold": 0.3}),
    "asks-all": (150, 20, False, True, 2, {"threshold": 0.0}),
    "no-votes": (150, 20, False, True, 0, {"window": 0, "votes": False}),
    "no-past": (150, 20, False, True, 0, {"past": False}),
    "no-mixing": (150, 20, False, False, 0, {"mix": False}),
    "one-cluster": (150, 25, False, True, 0, {"placement": pl.SINGLE}),
    "other-rates": (150, 20, False, False, 0, {"rates": (0.1, 0.5, 0.2)}),
}


def play_both(batch, params, delay, ends):
    """A recorder and the twins of its clusters after the same rows; every event is compared."""
    recorder = Recorder(params)
    recorder.play(batch, delay, ends)
    gated = recorder.gated
    n = int(gated.placement.registers[pl.N_PLACED])
    cluster_of = gated.placement.cluster[:n].tolist()
    born = gated.placement.born[:n].tolist()
    twins = [NaiveCluster(params.cluster, FIRST_WEIGHTS) for _ in range(gated.n_clusters)]
    for event in recorder.events:
        if not event.follows:  # whose answers are those before
            compare_answers(event, twins)
        if event.learns:
            let_learn(event, twins, cluster_of, born)
    return recorder, twins


def compare_answers(event, twins):
    """Assert that clusters answered as the twins do."""
    answers, rates = {}, []
    for c, (p, asked) in event.asked.items():
        if asked:
            answers |= twins[c].answer(event.x, p, event.hints, event.total)
            rates += [twins[c].rate(label) for label in twins[c].known]
    sure = {label for label, p in answers.items() if p > LEAST_LISTED + 1e-5}
    assert sure <= event.listed.keys() <= answers.keys()
    assert event.listed == pytest.approx({k: answers[k] for k in event.listed}, abs=1e-5)
    absent = sum(math.log(1.0 - p) for p in answers.values())
    assert event.log_absent == pytest.approx(absent, abs=1e-4, rel=1e-5)
    assert event.base_rates == pytest.approx(sum(rates), abs=1e-9)
    assert event.log_base_absent == pytest.approx(sum(math.log(1.0 - r) for r in rates), abs=1e-9)


def let_learn(event, twins, cluster_of, born):
    """Let every twin learn a row."""
    present, unknown = set(event.present), set(event.unknown)
    for c, twin in enumerate(twins):
        if c not in event.asked:
            twin.pass_row()
            continue
        p, asked = event.asked[c]
        labels = [k for k in (*event.present, *event.unknown) if cluster_of[k] == c]
        twin.learn(
            event.x, p, event.hints, event.total, present & {*labels}, unknown & {*labels},
            asked=asked, weight=event.weights[c],
            new=[label for label in labels if born[label] == event.now],
        )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_clusters_answer_as_their_twins(kind):
    """A label that learns before it came, or not in the row with which it came; truth of another
    label; counts of the past that were not brought up to date; a mixer that learns a row that it
    was not asked about, or an unknown label."""
    n_rows, n_labels, dense, unknown, delay, changes = KINDS[kind]
    rng = np.random.default_rng(40 + list(KINDS).index(kind))
    batch = random_rows(rng, n_rows, n_labels, dense=dense, unknown=unknown)
    recorder, twins = play_both(batch, params_of(**changes), delay, random_ends(rng, n_rows))
    learnt = [event for event in recorder.events if event.learns]
    if changes.get("threshold") != 0.0:  # some row is told to clusters that were not asked
        assert any(asked == 0 for event in learnt for _, asked in event.asked.values())
    clusters = recorder.gated.executor.clusters
    assert len(clusters) == len(twins) > (0 if "one" in kind else 5)
    for cluster, twin in zip(clusters, twins, strict=True):
        weights = cluster.state.weight.tolist()
        assert weights == pytest.approx([twin.weight[place] for place in range(8)], abs=1e-4)
        assert cluster.state.n_labels[0] == len(twin.known)
