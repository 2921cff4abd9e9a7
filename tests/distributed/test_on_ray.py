"""Clusters in workers answer, and are saved, as those in this process."""

import functools

import numpy as np
import pytest
from ray_streams import answers, assert_same, batches_of, model_for

from stream import ConformalLabelSets, DriftHOMER, MultiLabelHoeffdingTree, load
from stream.distributed import on_ray
from stream.errors import ParameterError
from stream.snapshot import dumps

pytestmark = pytest.mark.usefixtures("running_ray")


@functools.cache
def here(name, data_dir):
    """Schema, batches, and what a model in this process answers and is saved as."""
    schema, batches = batches_of(name, data_dir)
    model = model_for(name)
    found = answers(model, schema, batches)
    return schema, batches, found, dumps(model)


@pytest.mark.parametrize(
    ("name", "workers"),
    [("yeast", 2), ("syn-blocks-sud", 1), ("bibtex", 2), ("debian_tags.jsonl.gz", 4)],
)
def test_workers_do_not_matter(name, workers, data_dir):
    """A cluster that misses a label, a row or a look at the memory, or answers put together in
    another order."""
    schema, batches, expected, saved = here(name, data_dir)
    model = on_ray(model_for(name), workers)
    assert model.workers == workers
    assert_same(answers(model, schema, batches), expected)
    assert dumps(model) == saved
    model.collect()
    assert model.workers == 0
    assert dumps(model) == saved


def test_workers_change_while_it_runs(data_dir, tmp_path):
    """A cluster that is lost, or is in two places, after it has moved."""
    name = "debian_tags.jsonl.gz"
    schema, batches, expected, saved = here(name, data_dir)
    rng = np.random.default_rng(len(name))
    model, n_moves = model_for(name), 0

    def change(place):
        nonlocal n_moves
        if not model.workers:
            on_ray(model, int(rng.integers(1, 4)))
        elif rng.random() < 0.2:
            model.collect()
        else:
            n_moves += len(model.worker_moves)
            model.workers = int(rng.integers(1, 5))
        model._gated.executor.balance_segments = 1
        model._gated.executor.most_imbalance = 1.0

    assert_same(answers(model, schema, batches, change), expected)
    assert n_moves > 0
    model.save(tmp_path / "model.safetensors")
    model.collect()
    assert (tmp_path / "model.safetensors").read_bytes() == saved
    assert dumps(load(tmp_path / "model.safetensors")) == saved


def test_row_by_row_and_explained():
    """A call that only a batch makes, or an explanation that knows only clusters of this
    process."""
    rng = np.random.default_rng(3)
    rows = [
        ({f"w{n}": 1.0 for n in rng.integers(0, 60, 5)}, {f"l{n}" for n in rng.integers(0, 90, 3)})
        for _ in range(80)
    ]
    local, remote = DriftHOMER(seed=1), on_ray(DriftHOMER(seed=1), 2)
    for x, y in rows:
        assert remote.predict_proba_one(x) == local.predict_proba_one(x)
        for model in (local, remote):
            model.learn_one(x, y)
    x = rows[0][0]
    assert local._coordinator.trees is None
    assert remote.explain_one(x) == local.explain_one(x)
    assert remote.predict_top_one(x, 7) == local.predict_top_one(x, 7)
    assert remote.n_bytes == local.n_bytes
    assert dumps(remote.clone()) == dumps(local.clone())
    remote.collect()


def test_what_cannot_live_in_workers():
    """An error that comes from the inside of a model, or none at all."""
    with pytest.raises(ParameterError, match="DriftHOMER"):
        on_ray(MultiLabelHoeffdingTree(), 2)
    for workers in (0, True, 1.5):
        with pytest.raises(ParameterError, match="workers"):
            on_ray(DriftHOMER(), workers)
    with pytest.raises(ParameterError, match="on_ray"):
        DriftHOMER().workers = 2
    wrapped = on_ray(ConformalLabelSets(DriftHOMER()), 1)
    with pytest.raises(ParameterError, match="already"):
        on_ray(wrapped.model, 1)
    wrapped.model.collect()
