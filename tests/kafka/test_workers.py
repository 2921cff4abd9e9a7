"""A learner between topics whose clusters live in workers."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

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
DEADLINE = 240.0


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


def test_each_prediction_once_though_drivers_die(broker, tmp_path):
    """Clusters in workers that are of another moment than the last snapshot, when the learner
    begins again; or workers of a dead learner that still answer."""
    rows = list(messages(150 * (N_DRIVERS + 1)))
    rng, topic = np.random.default_rng(8), create_topic(broker.bootstrap)
    predictions = create_topic(broker.bootstrap)
    words = {
        "bootstrap-servers": broker.bootstrap,
        "topic": topic,
        "predictions-topic": predictions,
        "name": predictions,
        "snapshot-dir": tmp_path,
        "snapshot-every": 0.2,
        "seed": 1,
        "workers": 2,
    }
    command = [sys.executable, "-m", "stream", "consume", "--exactly-once", "--quiet"]
    command += [word for name, value in words.items() for word in (f"--{name}", str(value))]
    for run in range(N_DRIVERS):
        first = 150 * run
        wanted = first + int(rng.integers(1, 150))
        learner = subprocess.Popen(command)
        try:
            produced, until = first, time.monotonic() + DEADLINE
            while len(read_all(broker.bootstrap, predictions)) < wanted:
                assert learner.poll() is None
                assert time.monotonic() < until
                if produced < first + 150:  # a few at a time, so that there are several snapshots
                    produce_rows(broker.bootstrap, topic, rows[produced : produced + 10])
                    produced += 10
        finally:
            learner.kill()
            learner.wait()
        produce_rows(broker.bootstrap, topic, rows[produced : first + 150])
    produce_rows(broker.bootstrap, topic, rows[150 * N_DRIVERS :])
    subprocess.run([*command, "--until-end"], check=True, timeout=DEADLINE)
    again = create_topic(broker.bootstrap)
    service_for(
        broker.bootstrap,
        tmp_path / "here",
        topic,
        again,
        model=DriftHOMER(seed=1),
        settings={"name": again, "exactly_once": True},
    ).run()
    written, expected = (read_all(broker.bootstrap, each) for each in (predictions, again))
    assert len(written) == len(rows)
    assert written == expected
    assert model_bytes(tmp_path, predictions) == model_bytes(tmp_path / "here", again)
