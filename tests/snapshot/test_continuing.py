"""A model that is saved and restored on the way ends as one that never stopped."""

import copy
import pickle

import pytest
from river import preprocessing
from snapshot_models import MODELS, learn, rows, same

import stream
from stream.snapshot import dumps, loads

ROWS = rows(900)


@pytest.mark.parametrize("name", MODELS)
def test_goes_on_bit_for_bit(name, tmp_path):
    """State that is left out; an array that is shared and then is not; a check that refuses what
    a model really looks like."""
    whole, stopped = MODELS[name](), MODELS[name]()
    ways = [
        lambda model: loads(dumps(model)),
        lambda model: pickle.loads(pickle.dumps(model)),
        copy.deepcopy,
        lambda model: (model.save(tmp_path / "m"), stream.load(tmp_path / "m"))[1],
    ]
    learn(whole, ROWS)
    start = 0
    for i, stop in enumerate([0, 1, 37, 150, 301, 333, 480, 620, 700, 900]):
        learn(stopped, ROWS[start:stop])
        restored = ways[i % len(ways)](stopped)
        assert restored is not stopped
        assert same(restored, stopped)
        stopped, start = restored, stop
    assert same(stopped, whole)


def test_every_way_has_the_same_bytes(tmp_path):
    model = MODELS["ihomer"]()
    learn(model, ROWS[:300])
    model.save(tmp_path / "model.safetensors")
    data = (tmp_path / "model.safetensors").read_bytes()
    assert data == dumps(model) == dumps(copy.deepcopy(model))
    assert data in pickle.dumps(model)


def test_a_copy_is_independent():
    model = MODELS["tree"]()
    learn(model, ROWS[:100])
    before, other = dumps(model), copy.deepcopy(model)
    learn(other, ROWS[100:200])
    assert dumps(model) == before != dumps(other)


def test_pipelines_pickle_and_copy():
    """A pipeline of River's that loses our estimator's state in its pickle."""
    pipeline = preprocessing.StandardScaler() | MODELS["tree"]()
    for x, y in ROWS[:200]:
        pipeline.learn_one({"u": x["u"] or 0.0}, y)
    for other in (pickle.loads(pickle.dumps(pipeline)), copy.deepcopy(pipeline)):
        assert other.predict_proba_one({"u": 0.5}) == pipeline.predict_proba_one({"u": 0.5})
        assert same(other["MultiLabelHoeffdingTree"], pipeline["MultiLabelHoeffdingTree"])


class Named(stream.MultiLabelHoeffdingTree):
    """A user's own estimator."""

    def __init__(self, title="none", seed=None):
        super().__init__(seed=seed)
        self.title = title


def test_subclasses_of_users():
    """Only our own classes can be pickled."""
    model = Named("mine")
    learn(model, ROWS[:50])
    restored = pickle.loads(pickle.dumps(model))
    assert type(restored) is Named
    assert restored.title == "mine"
    assert same(restored, model)


def test_listeners_stay_with_the_original():
    model = MODELS["partitioner"]()
    model.add_listener(print)
    assert same(copy.deepcopy(model), MODELS["partitioner"]())
