"""A learner between topics whose clusters live in workers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import pytest
from kafka_helpers import create_topic, model_bytes, produce_rows, read_all, service_for

from stream import DriftHOMER
from stream.cli.workers import OnWorkers

pytestmark = pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed")
N_ROWS = 400
# Runs whose driver is killed; DRIFTHOMER_DRIVER_KILLS=10 for as many.
N_DRIVERS = int(os.environ.get("DRIFTHOMER_DRIVER_KILLS", "1"))
# Runs in which a broker and a worker are killed; DRIFTHOMER_WORKER_BROKER_KILLS=20 for as many.
N_BROKERS = int(os.environ.get("DRIFTHOMER_WORKER_BROKER_KILLS", "1"))
ROWS_OF_RUN = 150
DEADLINE = 900.0  # a learner with workers may have to be compiled


def messages(n_rows=N_ROWS):
    """Rows of words with more labels than trees are kept for."""
    rng = np.random.default_rng(4)
    encode = msgspec.json.Encoder().encode
    for number in range(n_rows):
        labels = rng.integers(0, 120, 3).tolist()
        x = {f"w{label}": 1.0 for label in labels} | {f"n{rng.integers(50)}": 1.0}
        yield b"%d" % number, encode({"x": x, "y": {f"l{label}": 1 for label in labels}})


def test_each_prediction_once_though_workers_die(broker, tmp_path):
    """A snapshot that has the clusters of one moment and the offsets of another, or a batch that is
    predicted again for a worker that was begun anew."""
    topic = create_topic(broker.bootstrap)
    produce_rows(broker.bootstrap, topic, messages())
    written, saved = {}, {}
    for way in ("here", "workers"):
        predictions = create_topic(broker.bootstrap)
        place = OnWorkers(2, None) if way == "workers" else None
        for limit in (230, None):  # the second service goes on from the snapshot of the first
            service = service_for(
                broker.bootstrap,
                tmp_path / way,
                topic,
                predictions,
                model=DriftHOMER(seed=1),
                place_model=place,
                settings={
                    "name": predictions,
                    "exactly_once": True,
                    "batch_messages": 40,
                    "max_messages": limit,
                },
            )
            if place is not None:
                service.watch = kill_a_worker
            service.run()
        if place is not None:
            assert sum(each.restarts for each in service.learner.driver.model.worker_states) == 1
            service.learner.driver.model.collect()
            place.close()
        written[way] = read_all(broker.bootstrap, predictions)
        saved[way] = model_bytes(tmp_path / way, predictions)
    assert len(written["here"]) == N_ROWS
    assert [each[1:] for each in written["workers"]] == [each[1:] for each in written["here"]]
    assert saved["workers"] == saved["here"]


def kill_a_worker(learner):
    """Have a worker killed when the learner begins its third batch."""
    driver, learn, batches = learner.driver, learner.driver.test_then_train, []

    def dangerous(batch, schema, rows):
        batches.append(batch)
        if len(batches) == 3:
            os.kill(driver.model.worker_states[0].process, signal.SIGKILL)
        return learn(batch, schema, rows)

    driver.test_then_train = dangerous


def consume(broker, topic, predictions, folder):
    """The command of a learner with two workers."""
    words = {
        "bootstrap-servers": broker.bootstrap,
        "topic": topic,
        "predictions-topic": predictions,
        "name": predictions,
        "snapshot-dir": folder,
        "snapshot-every": 0.2,
        "seed": 1,
        "workers": 2,
        "broker-timeout": DEADLINE,
    }
    command = [sys.executable, "-m", "stream", "consume", "--exactly-once", "--quiet"]
    return command + [word for name, value in words.items() for word in (f"--{name}", str(value))]


def produce_until(n_predictions, learner, broker, names, rows):
    """Write rows, a few at a time so that there are several snapshots, until so many were
    predicted; those that are left."""
    topic, predictions = names
    until = time.monotonic() + DEADLINE
    while len(read_all(broker.bootstrap, predictions)) < n_predictions:
        assert learner.poll() is None
        assert time.monotonic() < until
        produce_rows(broker.bootstrap, topic, rows[:10])
        rows = rows[10:]
    return rows


def check(broker, names, folder, n_rows):
    """The learner is, and has written, what one without workers is and writes."""
    (topic, predictions), again = names, create_topic(broker.bootstrap)
    service_for(
        broker.bootstrap,
        folder / "here",
        topic,
        again,
        model=DriftHOMER(seed=1),
        settings={"name": again, "exactly_once": True},
    ).run()
    written, expected = (read_all(broker.bootstrap, each) for each in (predictions, again))
    assert len(written) == n_rows
    assert written == expected
    assert model_bytes(folder, predictions) == model_bytes(folder / "here", again)


def test_each_prediction_once_though_drivers_die(broker, tmp_path):
    """Clusters in workers that are of another moment than the last snapshot, when the learner
    begins again; or workers of a dead learner that still answer."""
    rows = list(messages(ROWS_OF_RUN * (N_DRIVERS + 1)))
    rng = np.random.default_rng(8)
    names = topic, _ = create_topic(broker.bootstrap), create_topic(broker.bootstrap)
    command = consume(broker, *names, tmp_path)
    for run in range(N_DRIVERS):
        first = ROWS_OF_RUN * run
        wanted = first + int(rng.integers(1, ROWS_OF_RUN))
        learner = subprocess.Popen(command)
        try:
            left = rows[first : first + ROWS_OF_RUN]
            left = produce_until(wanted, learner, broker, names, left)
        finally:
            learner.kill()
            learner.wait()
        produce_rows(broker.bootstrap, topic, left)
    produce_rows(broker.bootstrap, topic, rows[ROWS_OF_RUN * N_DRIVERS :])
    subprocess.run([*command, "--until-end"], check=True, timeout=DEADLINE)
    check(broker, names, tmp_path, len(rows))


def workers_of(process):
    """Numbers of the processes that have the clusters of a learner."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            number = int(folder.name)
            parents[number] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            names[number] = (folder / "cmdline").read_text()
    found = [process]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return [each for each in found if names.get(each, "").startswith("ray::Worker")]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are listed by Linux")
def test_each_prediction_once_though_brokers_and_workers_die(breakable_broker, tmp_path):
    """A batch that was learnt by new workers and whose transaction the broker forgot, or a learner
    that takes the death of one for that of the other."""
    broker, rng = breakable_broker, np.random.default_rng(9)
    rows = list(messages(ROWS_OF_RUN * (N_BROKERS + 1)))
    names = topic, _ = create_topic(broker.bootstrap), create_topic(broker.bootstrap)
    command, learner, killed = consume(broker, *names, tmp_path), None, Counter()
    try:
        for run in range(N_BROKERS):
            if learner is None:
                learner = subprocess.Popen(command)
            first = ROWS_OF_RUN * run
            wanted = first + int(rng.integers(1, ROWS_OF_RUN))
            left = rows[first : first + ROWS_OF_RUN]
            left = produce_until(wanted, learner, broker, names, left)
            workers = workers_of(learner.pid)
            assert workers
            produce_rows(broker.bootstrap, topic, left)
            for what in rng.permutation(["broker", "worker"]):
                if what == "broker":
                    broker.kill()
                else:
                    os.kill(int(rng.choice(workers)), signal.SIGKILL)
                killed[str(what)] += 1
                time.sleep(rng.uniform(0.0, 0.3))
            if rng.random() < 0.3:
                learner.kill()
                learner.wait()
                learner, killed["learner"] = None, killed["learner"] + 1
            broker.start()
    finally:
        if learner is not None:
            learner.kill()
            learner.wait()
    produce_rows(broker.bootstrap, topic, rows[ROWS_OF_RUN * N_BROKERS :])
    subprocess.run([*command, "--until-end"], check=True, timeout=DEADLINE)
    check(broker, names, tmp_path, len(rows))
    print(f"{len(rows)} rows; killed: {dict(killed)}")
