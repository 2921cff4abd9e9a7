"""The mixture of experts: as published, beyond it, and one answer in every case."""

import functools
import pickle

import numpy as np
import pytest
from model_streams import from_arrays, in_chunks, one_at_a_time, opened
from naive.mixture import NaiveMoEData

from stream import DriftMoE, HoeffdingTreeClassifier, open_source, prequential
from stream.errors import ParameterError, SnapshotError
from stream.models.hoeffding_tree import tree_params
from stream.snapshot import dumps, loads

# Published accuracies of DriftMoE's own code on these very rows: MoE-Data, MoE-Task; and of an
# adaptive random forest of 10 trees.
PUBLISHED = {"led_g": (0.7072, 0.6999, 0.7148), "sea_a": (0.8641, 0.8568, 0.8791)}

SMALL = {"hidden": 16, "grace_period": 25, "tau": 0.3, "seed": 5}
CASES = {
    "defaults": SMALL,
    "task": {**SMALL, "variant": "task"},
    "as published": {**DriftMoE.paper("data", 5)._get_params(), "hidden": 16, "batch_size": 20},
    "task as published": {**DriftMoE.paper("task", 5)._get_params(), "hidden": 16},
    "one expert": {**SMALL, "n_experts": 1, "top_k": 5, "shared_expert": False, "gating": "best"},
    "little memory": {**SMALL, "max_size": 0.05, "max_features": 0.5},
}


@functools.cache
def stream_of(name):
    """Moving centroids, a concept that turns round, or missing values, unknown classes, and classes
    and columns that come late."""
    if name == "centroids":
        return opened("rbf-f", 600)
    rng = np.random.default_rng(4)
    if name == "turning":
        x = rng.normal(size=(2000, 3))
        sign = np.where(np.arange(2000) < 1000, 1, -1)
        kind = (x[:, 0] * sign > 0).astype(int) + (x[:, 1] > 0.5)
        return from_arrays(x, np.eye(3)[kind], "single-label")
    x = rng.normal(size=(500, 6)) * (rng.random((500, 6)) < 0.7)
    kind = (x[:, 0] > 0) + 2 * (x[:, 1] > 0.3)
    x[rng.random(x.shape) < 0.05] = np.nan
    x[:200, 4] = 0
    kind[(kind == 3) & (np.arange(500) < 150)] = 0
    y = np.eye(4)[kind]
    y[rng.random(500) < 0.1] = 0  # the class is unknown
    return from_arrays(x, y, "single-label")


def published_file(data_dir, name):
    path = data_dir / "driftmoe" / f"{name}_50000.csv.gz"
    if not path.is_file():
        pytest.skip(f"the stream is absent: {path.name} in a folder driftmoe of DRIFTHOMER_DATA")
    return open_source(str(path), target="class")


@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("stream_name", ["centroids", "patchy"])
@pytest.mark.parametrize("case", CASES)
def test_chunks_and_single_rows_agree_bit_for_bit(case, stream_name, delay):
    stream = stream_of(stream_name)
    model = DriftMoE(**CASES[case])
    expected = one_at_a_time(model, stream, delay)
    assert expected.any()
    assert np.isfinite(expected).all()
    for chunk_rows in (1, 7, 1000):
        other = DriftMoE(**CASES[case])
        found = in_chunks(other, stream, chunk_rows, delay)
        np.testing.assert_array_equal(found, expected, err_msg=f"chunks of {chunk_rows}")
        if not delay:
            assert other.summary == model.summary
            assert pickle.dumps(other) == pickle.dumps(model)


@pytest.mark.parametrize("case", ["defaults", "task as published"])
@pytest.mark.parametrize("delay", [0, 9])
def test_changing_the_future_changes_no_prediction(case, delay):
    stream = stream_of("centroids")
    x, y = stream.features, stream.truth
    half, rng = 300, np.random.default_rng(0)
    x[half:] = rng.normal(size=x[half:].shape) * 100
    y[half - delay :] = np.eye(y.shape[1])[rng.integers(0, y.shape[1], len(y) - half + delay)]
    changed = from_arrays(x, y, "single-label")
    changed.schema = stream.schema
    before = in_chunks(DriftMoE(**CASES[case]), stream, 10**9, delay)
    after = in_chunks(DriftMoE(**CASES[case]), changed, 10**9, delay)
    np.testing.assert_array_equal(after[:half], before[:half])
    assert not np.array_equal(after[half:], before[half:])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("cut", [1, 333])
def test_pickled_on_the_way_goes_on_bit_for_bit(case, cut):
    stream = stream_of("patchy")
    model, stopped = DriftMoE(**CASES[case]), DriftMoE(**CASES[case])
    expected = in_chunks(model, stream, 10**9)
    first = in_chunks(stopped, stream.part(0, cut), 10**9)
    restored = pickle.loads(pickle.dumps(stopped))
    rest = in_chunks(restored, stream.part(cut, 500), 10**9)
    np.testing.assert_array_equal(np.concatenate([first, rest]), expected)
    assert pickle.dumps(restored) == pickle.dumps(model)


def test_the_published_variant_equals_its_twin():
    """Masks, the fallback where all were wrong, the choice of learners, when the router steps."""
    rng = np.random.default_rng(2)
    x = rng.uniform(0.1, 1.0, size=(1500, 4))
    label = (x[:, 0] + x[:, 1] > 1.1).astype(int) + (x[:, 2] > x[:, 3])
    x[:3], label[:3] = x[3], [0, 1, 2]
    tree = {"grace_period": 20, "tau": 0.3, "leaf_prediction": "nba", "drift_detection": False}
    params = {"n_experts": 5, "top_k": 2, "hidden": 16, "batch_size": 32}
    model = DriftMoE(**DriftMoE.paper(seed=3)._get_params() | params | tree)
    params = tree_params(HoeffdingTreeClassifier(**tree), "single-label")
    twin = NaiveMoEData(params, 5, top_k=2, n_classes=3, n_features=4, batch=32, hidden=16, seed=3)
    for i in range(len(x)):
        if i >= 3:
            told = model.predict_proba_one(dict(enumerate(x[i])))
            expected = dict(enumerate(twin.predict(x[i])))
            assert told == pytest.approx(expected, abs=1e-6), i
        model.learn_one(dict(enumerate(x[i])), int(label[i]))
        twin.learn(x[i], label[i])
    assert model.summary.n_splits > 5
    learnt = np.array(model.summary.rows_per_expert)
    assert learnt.sum() == 2 * len(x)
    assert learnt.max() > 3 * learnt.min()  # they specialise: it matters who learns


def test_task_experts_come_with_their_classes():
    model = DriftMoE(variant="task", **SMALL)
    assert model.summary.rows_per_expert == ()
    for i in range(90):
        model.learn_one({"a": float(i % 3)}, i % 3)
    assert [type(label) for label in model.labels] == [int] * 3
    assert model.summary.rows_per_expert == (90, 89, 88)
    assert model.predict_one({"a": 2.0}) == 2


def test_past_classes_are_heard():
    """Classes that come in runs, which no feature tells."""
    rng = np.random.default_rng(1)
    runs = np.repeat(rng.integers(0, 3, 60), 20)
    stream = from_arrays(rng.normal(size=(1200, 2)), np.eye(3)[runs], "single-label")
    right = {}
    for heard in (False, True):
        told = in_chunks(DriftMoE(label_past=heard, **SMALL), stream, 10**9)
        right[heard] = (told.argmax(axis=1) == runs).mean()
    assert right[True] > 0.8
    assert right[True] > right[False] + 0.2


SWITCHES = [
    {"gating": "best"},
    {"temperature": 3.0},
    {"top_k": 1},
    {"n_experts": 4},
    {"learning_rate": 0.01},
    {"batch_size": 20},
    {"dropout": 0.2},
    {"standardise": False},
    {"shared_expert": False},
    {"class_head": False},
    {"mixer": False},
    {"mixer_rate": 0.1},
    {"label_past": False},
    {"leaf_learning_rate": 0.05},
    {"leaf_prediction": "nba"},
    {"drift_detection": False},
    {"seed": 6},
]


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: next(iter(switch)))
def test_every_parameter_matters(switch):
    stream = stream_of("turning")
    usual = in_chunks(DriftMoE(**SMALL), stream, 10**9)
    assert not np.array_equal(in_chunks(DriftMoE(**SMALL | switch), stream, 10**9), usual)


def test_raw_inputs_of_any_size_leave_finite_answers():
    """Without standardisation the network works on what it is given."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) * [1e300, 1e-300, 1.0]
    stream = from_arrays(x, np.eye(2)[(x[:, 2] > 0).astype(int)], "single-label")
    for variant in ("data", "task"):
        told = in_chunks(DriftMoE.paper(variant), stream, 10**9)
        assert np.isfinite(told).all()
        np.testing.assert_allclose(told[2:].sum(axis=1), 1.0)


def test_parameters_that_are_not_allowed():
    with pytest.raises(ParameterError, match="'variant' parameter of DriftMoE must be one of"):
        DriftMoE("both")
    with pytest.raises(ParameterError, match="'variant'"):
        DriftMoE.paper("both")
    with pytest.raises(ParameterError, match="'dropout'"):
        DriftMoE(dropout=1.0)


DAMAGES = {
    "a root that is no node": lambda made: made.trees.roots.__setitem__(1, 9999),
    "a root of two trees": lambda made: made.trees.roots.__setitem__(1, made.trees.roots[2]),
    "an output of no expert": lambda made: made.mixture.expert_output.__setitem__(1, 99),
    "an output of no class": lambda made: made.mixture.class_output.__setitem__(0, -1),
    "a class too many": lambda made: made.mixture.n_labels.__setitem__(0, 99),
    "a class too few": lambda made: made.mixture.n_labels.__setitem__(0, 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_mixture_is_refused(damage):
    """The kernels would write where they should not."""
    model = DriftMoE(**SMALL)
    in_chunks(model, stream_of("centroids"), 10**9)
    loads(dumps(model))
    DAMAGES[damage](model._learner)
    with pytest.raises(SnapshotError):
        loads(dumps(model))


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("variant", ["data", "task"])
def test_the_published_accuracy_is_reproduced(data_dir, name, variant):
    source = published_file(data_dir, name)
    result = prequential(source, DriftMoE.paper(variant, seed=1))
    assert abs(result.metrics["accuracy"] - PUBLISHED[name][variant == "task"]) < 0.015


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_defaults_are_better_than_what_was_published(data_dir, name):
    result = prequential(published_file(data_dir, name), DriftMoE(seed=1))
    assert result.metrics["accuracy"] > max(PUBLISHED[name])
