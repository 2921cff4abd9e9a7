"""A learner that is killed at random moments ends as one that never was."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from kafka_helpers import (
    learn_in_recorded_order,
    model_bytes,
    produce_rows,
    read_all,
    read_records,
    yeast_messages,
)
from learners import Learners

# DRIFTHOMER_KILL_RUNS=200 for the whole sweep; this many fit into every run of the suite.
N_RUNS = int(os.environ.get("DRIFTHOMER_KILL_RUNS", "20"))
N_ROWS = 500
AT_ONCE = 3
MAX_KILLS = 4  # of one run; it is left alone afterwards

BATCH_MESSAGES = 40  # small, so that there are many moments to be killed at
SNAPSHOT_SECONDS = (0.01, 0.2, 60.0)  # after each batch, now and then, never


@pytest.fixture(scope="module")
def learners():
    started = Learners()
    yield started
    started.close()


@pytest.fixture(scope="module")
def inputs(broker):
    """Topics with Yeast, in one partition and in two, and with labels on their own, and what they
    hold."""
    from kafka_helpers import create_topic, yeast_apart

    rows = yeast_messages(N_ROWS)
    one, two, apart, labels = (create_topic(broker.bootstrap, n) for n in (1, 2, 1, 1))
    produce_rows(broker.bootstrap, one, rows)
    for partition in (0, 1):
        produce_rows(broker.bootstrap, two, rows[partition::2], partition)
    instances, truths = yeast_apart(N_ROWS)
    produce_rows(broker.bootstrap, apart, instances)
    produce_rows(broker.bootstrap, labels, truths)
    return {
        "one": (one, None),
        "two": (two, None),
        "labels": (apart, labels),
    }


class Run(NamedTuple):
    number: int
    kind: str
    exactly_once: bool
    client: str
    snapshot_seconds: float = SNAPSHOT_SECONDS[0]


def runs():
    """One partition and two, labels apart; with and without transactions; both clients."""
    kinds = ["one", "two", "labels"]
    for number in range(N_RUNS):
        yield Run(
            number,
            kinds[number % 3],
            number // 3 % 2 == 0,
            "confluent" if number // 6 % 4 == 0 else "kafka-python",
            SNAPSHOT_SECONDS[number // 2 % 3],
        )


def start(learners, broker, inputs, directory, predictions, run):
    topic, labels = inputs[run.kind]
    settings = {
        "batch_messages": BATCH_MESSAGES,
        "snapshot_seconds": run.snapshot_seconds,
        "exactly_once": run.exactly_once,
        "labels_topic": labels,
        "name": f"learner-{predictions}",
    }
    return learners.start(
        broker.bootstrap, directory, topic, predictions, client=run.client, settings=settings
    )


def check(broker, inputs, directory, predictions, run):
    """The model is that of the recorded order, and the predictions are those it gives, once each
    (with transactions) or with the same bytes each time."""
    name = f"learner-{predictions}"
    topic, labels = inputs[run.kind]
    records = read_records(broker.bootstrap, [each for each in (topic, labels) if each])
    order = directory / f"{name}.order"
    learner, expected = learn_in_recorded_order(order, records, predictions, labels)
    assert model_bytes(directory, name) == learner, f"{run}: another model"
    written = [(key, value) for _, key, value in read_all(broker.bootstrap, predictions)]
    if run.exactly_once:
        assert written == expected, f"{run}: {len(written)} of {len(expected)} predictions"
    else:
        assert set(written) == set(expected), f"{run}: other predictions"
        assert list(dict.fromkeys(written)) == expected, f"{run}: in another order"


def test_killed_learners_end_as_if_they_had_not_been(broker, inputs, learners, tmp_path):
    """Rows lost, learnt twice, predicted twice, or taken in another order after a crash."""
    from kafka_helpers import create_topic

    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    whole = {}
    for kind in inputs:
        run = Run(-1, kind, True, "kafka-python")
        predictions = create_topic(broker.bootstrap)
        began = time.monotonic()
        learner = start(learners, broker, inputs, tmp_path / f"whole-{kind}", predictions, run)
        assert learner.wait(60) == 0
        whole[kind] = time.monotonic() - began
        check(broker, inputs, tmp_path / f"whole-{kind}", predictions, run)

    def sweep(run_and_moments):
        run, moments = run_and_moments
        directory = tmp_path / str(run.number)
        predictions = create_topic(broker.bootstrap)
        kills = 0
        for moment in moments:
            learner = start(learners, broker, inputs, directory, predictions, run)
            if learner.wait(moment) is not None:
                assert learner.code == 0, f"{run}: exit code {learner.code}"
                break
            learner.kill()
            kills += 1
        else:
            learner = start(learners, broker, inputs, directory, predictions, run)
            assert learner.wait(60) == 0, f"{run}: exit code {learner.code}"
        check(broker, inputs, directory, predictions, run)
        return kills

    planned = [
        (run, [chance.uniform(0.02, whole[run.kind]) for _ in range(chance.randint(1, MAX_KILLS))])
        for run in runs()
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        kills = list(pool.map(sweep, planned))
    print(f"{len(kills)} runs, {sum(kills)} kills")
    assert sum(kills) >= len(kills) // 2, "too few were killed for this to mean anything"
