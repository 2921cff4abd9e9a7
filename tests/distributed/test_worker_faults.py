"""Workers that die: the answers are those of a run in which none did, and nothing is left over."""

import contextlib
import os
import signal
import threading
import time

import numpy as np
import pytest
from ray_streams import answers, assert_same, batches_of, model_for

from stream.distributed import WorkerError, on_ray
from stream.distributed import shard as shard_module
from stream.snapshot import dumps

pytestmark = pytest.mark.usefixtures("running_ray")

# Runs in which workers are killed; DRIFTHOMER_KILLS=50 for as many.
N_RUNS = int(os.environ.get("DRIFTHOMER_KILLS", "2"))
DEADLINE = 600.0
STREAM = "debian_tags.jsonl.gz"


@pytest.fixture(scope="module")
def undisturbed(data_dir):
    """Schema, batches, and what a model in this process answers and is saved as."""
    schema, batches = batches_of(STREAM, data_dir)
    model = model_for(STREAM)
    start = time.perf_counter()
    found = answers(model, schema, batches)
    return schema, batches, found, dumps(model), time.perf_counter() - start


@pytest.mark.parametrize("run", range(N_RUNS))
def test_killed_at_any_moment(run, undisturbed):
    """A batch that a new worker learns twice or not at all, or a result that is lost with the one
    that had it."""
    schema, batches, expected, saved, seconds = undisturbed
    rng = np.random.default_rng(run)
    model = on_ray(model_for(STREAM), 2)
    executor = model._gated.executor
    executor.replayed_bytes = int(rng.choice([1, 100_000, 10_000_000]))
    timers = []

    def aim(place):
        if rng.random() < 0.4:
            victim = model.worker_states[int(rng.integers(2))].process
            delay = float(rng.random() * 2 * seconds / len(batches))
            timers.append(threading.Timer(delay, _kill, [victim]))
            timers[-1].start()

    found = answers(model, schema, batches, aim)
    for timer in timers:
        timer.join()
    assert_same(found, expected)
    assert dumps(model) == saved
    restarts = sum(each.restarts for each in model.worker_states)
    assert (restarts > 0) == bool(timers)
    model.collect()
    assert dumps(model) == saved


def _kill(process):
    with contextlib.suppress(ProcessLookupError):  # it may have been killed before
        os.kill(process, signal.SIGKILL)


def test_nothing_piles_up(running_ray, undisturbed):
    """Batches, snapshots or results that stay in the object store, or calls that are kept for
    ever."""
    schema, batches, *_ = undisturbed
    model = on_ray(model_for(STREAM), 2)
    executor = model._gated.executor
    executor.replayed_bytes = 300_000
    for _ in range(4):
        answers(model, schema, batches)
        assert all(shard.n_kept < 30 for shard in executor._shards)
    model.collect()
    until = time.monotonic() + DEADLINE
    while _bytes_in_store(running_ray.ray) > 0 and time.monotonic() < until:
        time.sleep(0.1)
    assert _bytes_in_store(running_ray.ray) == 0


def _bytes_in_store(ray):
    name = "object_store_memory"
    return ray.cluster_resources()[name] - ray.available_resources().get(name, 0.0)


def test_a_worker_that_cannot_live_is_an_error(monkeypatch):
    """A driver that waits, or begins workers anew, for ever."""
    monkeypatch.setattr(shard_module, "MOST_REBUILDS", 1)
    model = on_ray(model_for("yeast"), 1)
    shard = model._gated.executor._shards[0]
    monkeypatch.setattr(shard_module.Worker, "restore", _die)
    shard._kind = shard._session.ray.remote(num_cpus=0, max_restarts=0)(shard_module.Worker)
    os.kill(model.worker_states[0].process, signal.SIGKILL)
    with pytest.raises(WorkerError, match="2 times in a row"):
        _ = model.worker_states
    model._gated.executor.close()


def test_a_worker_that_dies_as_it_starts(monkeypatch, undisturbed, tmp_path):
    """Calls that are sent twice to the worker that lives in the end."""
    schema, batches, expected, saved, _ = undisturbed
    model = on_ray(model_for(STREAM), 1)
    shard = model._gated.executor._shards[0]
    monkeypatch.setattr(shard_module.Worker, "restore", _die_twice(shard_module.Worker, tmp_path))
    shard._kind = shard._session.ray.remote(num_cpus=0, max_restarts=0)(shard_module.Worker)

    def kill(place):
        if place == 3:
            os.kill(model.worker_states[0].process, signal.SIGKILL)

    assert_same(answers(model, schema, batches, kill), expected)
    assert model.worker_states[0].restarts == 3
    assert dumps(model) == saved
    model.collect()


def _die(worker, n_changes, snapshot):
    os._exit(1)


def _die_twice(kind, folder):
    restore = kind.restore

    def restore_at_last(worker, n_changes, snapshot):
        deaths = len(list(folder.iterdir()))
        if deaths < 2:
            (folder / str(deaths)).touch()
            os._exit(1)
        restore(worker, n_changes, snapshot)

    return restore_at_last
