"""A learner that is killed at random moments ends as one that never was."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import NamedTuple

import pytest
from kafka_helpers import (
    PATIENCE,
    create_topic,
    learn_in_recorded_order,
    model_bytes,
    produce_rows,
    read_all,
    read_records,
    yeast_apart,
    yeast_messages,
)
from learners import Learners

# DRIFTHOMER_KILL_RUNS=200 DRIFTHOMER_BROKER_KILL_RUNS=200 for the whole sweep; this many fit into
# every run of the suite.
N_RUNS = int(os.environ.get("DRIFTHOMER_KILL_RUNS", "20"))
N_BROKER_RUNS = int(os.environ.get("DRIFTHOMER_BROKER_KILL_RUNS", "3"))
FIRST_KILL = (0.1, 0.5)  # of the broker, times the seconds of a whole run
BROKER_LIVES = (0.3, 1.5)  # afterwards, times the seconds that its start took, 3 at least
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


def make_inputs(broker):
    """Topics with Yeast, in one partition and in two, and with labels on their own."""
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


def runs(numbers):
    """One partition and two, labels apart; with and without transactions; both clients."""
    kinds = ["one", "two", "labels"]
    return [
        Run(
            number,
            kinds[number % 3],
            number // 3 % 2 == 0,
            "confluent" if number // 6 % 4 == 0 else "kafka-python",
            SNAPSHOT_SECONDS[number // 2 % 3],
        )
        for number in numbers
    ]


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
        broker.bootstrap,
        directory,
        topic,
        predictions,
        client=run.client,
        settings=settings,
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


class Sweep:
    """Runs learners over the same topics and kills them.

    Parameters
    ----------
    broker, learners, folder
        What they need.

    Attributes
    ----------
    lengths
        Seconds that a learner needs which is left alone, by what it reads: of the last one that
        ended before it was to be killed, because a machine becomes faster and slower.
    """

    def __init__(self, broker, learners, folder):
        self.broker, self.learners, self.folder = broker, learners, folder
        self.inputs = make_inputs(broker)
        seed = random.randrange(2**32)
        print(f"seed {seed}")  # shown when the test fails
        self.chance = random.Random(seed)
        self.lengths = {kind: self.length(kind) for kind in self.inputs}

    def length(self, kind):
        """Seconds of a run without kills."""
        run = Run(-1, kind, True, "kafka-python")
        predictions = create_topic(self.broker.bootstrap)
        began = time.monotonic()
        learner = self.start(self.folder / f"whole-{kind}", predictions, run)
        assert learner.wait(PATIENCE) == 0
        took = time.monotonic() - began
        check(self.broker, self.inputs, self.folder / f"whole-{kind}", predictions, run)
        return took

    def start(self, directory, predictions, run):
        return start(self.learners, self.broker, self.inputs, directory, predictions, run)

    def plan(self, numbers):
        """Runs, the topics of their predictions, and the moments of their kills, in lengths of a
        whole run."""
        return [
            (
                run,
                create_topic(self.broker.bootstrap),
                [self.chance.uniform(0.02, 1.0) for _ in range(self.chance.randint(1, MAX_KILLS))],
            )
            for run in runs(numbers)
        ]

    def go(self, planned):
        """Go through a run; the number of kills."""
        run, predictions, moments = planned
        directory, kills = self.folder / str(run.number), 0
        for moment in moments:
            began = time.monotonic()
            learner = self.start(directory, predictions, run)
            if learner.wait(moment * self.lengths[run.kind]) is not None:
                assert learner.code == 0, f"{run}: exit code {learner.code}"
                if not kills:
                    self.lengths[run.kind] = time.monotonic() - began
                return kills
            learner.kill()
            kills += 1
        learner = self.start(directory, predictions, run)
        if learner.wait(PATIENCE) is None:
            learner.show_stacks()
        assert learner.code == 0, f"{run}: exit code {learner.code}"
        return kills

    def check(self, planned):
        run, predictions, _ = planned
        check(self.broker, self.inputs, self.folder / str(run.number), predictions, run)


def test_killed_learners_end_as_if_they_had_not_been(broker, learners, tmp_path):
    """Rows lost, learnt twice, predicted twice, or taken in another order after a crash."""
    sweep = Sweep(broker, learners, tmp_path)

    def go_and_check(planned):
        kills = sweep.go(planned)
        sweep.check(planned)
        return kills

    with ThreadPoolExecutor(AT_ONCE) as pool:
        kills = list(pool.map(go_and_check, sweep.plan(range(N_RUNS))))
    print(f"{len(kills)} runs, {sum(kills)} kills")
    assert sum(kills) >= len(kills) // 4, "too few were killed for this to mean anything"


def kill_until(done, broker, chance, seconds):
    """Kill a broker again and again, and start it, until something is done, for the first time
    within so many ``seconds``; how often.

    In the thread that made it: a broker ends with the thread that started it.
    """
    kills, life = 0, seconds * chance.uniform(*FIRST_KILL)
    while not done(life):
        broker.kill()
        kills += 1
        time.sleep(chance.uniform(0.0, 1.0))
        began = time.monotonic()
        broker.start()
        # On a machine on which that takes long, learners need longer too.
        life = chance.uniform(*BROKER_LIVES) * max(3.0, time.monotonic() - began)
    return kills


@pytest.mark.slow
def test_killed_brokers_and_learners(breakable_broker, learners, tmp_path):
    """The broker dies as well: what was written and not answered is written twice, or a learner
    takes the broker's death for a rival."""
    sweep = Sweep(breakable_broker, learners, tmp_path)
    kills, of_broker, seconds = [], 0, min(sweep.lengths.values())
    while not of_broker:  # a machine that has become faster may be done before the first kill
        planned = sweep.plan(range(len(kills), len(kills) + N_BROKER_RUNS))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            going = [pool.submit(sweep.go, each) for each in planned]
            of_broker = kill_until(
                lambda seconds, going=going: not wait(going, seconds).not_done,
                breakable_broker,
                sweep.chance,
                seconds,
            )
        kills += [each.result() for each in going]
        for each in planned:
            sweep.check(each)
        seconds /= 2
    print(f"{len(kills)} runs, {sum(kills)} kills of learners, {of_broker} of the broker")
