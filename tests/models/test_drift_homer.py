"""DriftHOMER: its parts together, and each of them switched off."""

import functools
import math
import pickle

import numpy as np
import pytest
from model_streams import Scripted, concept_drift, from_arrays, in_chunks, opened, patchy

from stream import DriftHOMER, load, prequential
from stream.data import open_source
from stream.engine.label_mixer import FIRST_SQUARE, LARGEST_EVIDENCE, LARGEST_MIX
from stream.engine.log_odds import LARGEST_LOGIT
from stream.engine.network_layout import N_IN_USE
from stream.errors import ParameterError

EAGER = {
    "partition_delta": 0.3,
    "partition_tau": 0.1,
    "partition_period": 60,
    "grace_period": 25,
    "tau": 0.3,
    "drift_delta": 0.05,
    "experts": 3,
    "seed": 5,
}
SWITCHED_OFF = {
    "no router": {"experts": 1},
    "no mixer": {"mixer": False},
    "no past": {"past": False},
    "no label sets": {"decode": "independent"},
    "no correction": {"beta": 0},
    "most probable set": {"decode": "subset"},
    "marginals": {"decode": "marginal"},
    "thresholds": {"decode": "f1"},
    "random clusters": {"partition": "random"},
    "one cluster": {"partition": "single"},
    "clusters of one": {"partition": "singletons"},
    "given clusters": {"partition": [["y0", "y2"]]},
    "no detectors": {"cluster_drift": False, "partition_drift": False, "drift_detection": False},
    "leaves only": {"max_depth": 0},
    "one step": {"learning_rate": 0.3},
}
WHOLE = 10**9


def homer(**params):
    return DriftHOMER(**EAGER | params)


def scripted(script, **params):
    """What a DriftHOMER learns with, over a scripted partition."""
    model = homer(cluster_drift=False, **params)
    model._new_partition = lambda: Scripted(script)
    return model._new_learner()


@functools.cache
def stream_of(name):
    if name == "yeast":
        return opened("yeast", 1000)
    return {"drift": concept_drift, "patchy": patchy}[name]()


def rows_of_labels(n_rows, n_labels=4, seed=3):
    """Rows whose labels a feature tells, two and two together."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, 3))
    y = np.stack([x[:, label // 2] > 0.3 * (label % 2) for label in range(n_labels)], axis=1)
    y[0] = True  # labels are numbered as they stand
    return from_arrays(x, y ^ (rng.random(y.shape) < 0.05) | (np.arange(n_rows) == 0)[:, None])


def label_sets(answers):
    return [frozenset(np.flatnonzero(row).tolist()) for row in answers]


# ---- answers


def share_seen_before(stream, **params):
    """Share of the answers, after 200 rows, that are label sets of rows before."""
    model = homer(**params)
    answers = label_sets(model.test_then_train_many(stream.batch, stream.schema).labels)
    truths, seen = label_sets(stream.truth == 1), 0
    for row in range(200, len(truths)):
        seen += answers[row] in truths[:row]
    return seen / (len(truths) - 200)


def test_the_most_probable_set_was_seen_before():
    """Labels that are put together one by one although label sets are known."""
    stream = stream_of("yeast")
    subset = share_seen_before(stream, decode="subset")
    assert subset > 0.95
    assert subset > share_seen_before(stream, decode="independent") + 0.1


@pytest.mark.parametrize("decode", ["marginal", "f1"])
def test_sets_never_seen_are_answered(decode):
    """Answers that only list label sets of the past."""
    assert share_seen_before(stream_of("yeast"), decode=decode) < 0.95


@pytest.mark.parametrize("switch", SWITCHED_OFF)
def test_every_part_can_be_switched_off(switch):
    """A switch that breaks the rest, or that does nothing."""
    stream = stream_of("drift").part(0, 2400)
    model, other = homer(), homer(**SWITCHED_OFF[switch])
    answers = [each.test_then_train_many(stream.batch, stream.schema) for each in (model, other)]
    for answer in answers:
        assert ((answer.probabilities >= 0) & (answer.probabilities <= 1)).all()
        right = answer.labels == stream.truth
        assert right[600:1200].mean() > 0.75
    differ = answers[0].labels != answers[1].labels
    differ |= answers[0].probabilities != answers[1].probabilities
    assert differ.any()


def test_experts_one_has_no_router():
    """A router that is trained although nobody asks it."""
    model = homer(experts=1)
    model.learn_one({"a": 1.0}, {"l": True})
    assert model._learner.trees.router is None
    explained = model.explain_one({"a": 1.0})
    assert [each["experts"] for each in explained["clusters"].values()] == [None]
    assert "routed experts" not in explained["labels"]["l"]["models"]


# ---- explanations


@pytest.mark.parametrize("decode", ["balanced", "independent"])
def test_explanations_are_those_of_the_answer(decode):
    """Weights, models or probabilities of another row, of another label, or of a state that the
    explanation itself has changed."""
    stream = stream_of("yeast").part(0, 400)
    model = homer(past=False, decode=decode)
    rows = list(stream)
    n_present = dict.fromkeys(stream.schema.labels, 0)
    for row, (x, y) in enumerate(rows):
        if row in (3, 150, 399):
            before = pickle.dumps(model)
            explained = model.explain_one(x)
            assert pickle.dumps(model) == before
            assert_explains(model, x, explained, row, n_present)
        model.learn_one(x, y)
        for label, value in y.items():
            n_present[label] += value
    assert len(model.clusters) > 1


def assert_explains(model, x, explained, n_rows, n_present):
    answered, told = model.predict_one(x), model.predict_proba_one(x)
    known = {label for label, n in n_present.items() if n}
    assert known <= set(explained["labels"]) <= set(told)
    for label, of in explained["labels"].items():
        assert of["answered"] == answered[label]
        assert of["probability"] == told[label][True]
        base = log_odds((n_present[label] + 0.5) / (n_rows + 1.0))
        score = base + of["weighs"]["base rate"] * 0.25 * base + of["weighs"]["bias"]
        for name, p in of["models"].items():
            evidence = max(-LARGEST_EVIDENCE, min(LARGEST_EVIDENCE, log_odds(p) - base))
            score += of["weighs"][name] * evidence
        score = max(-LARGEST_MIX, min(LARGEST_MIX, score))
        assert of["mixed"] == pytest.approx(1.0 / (1.0 + math.exp(-score)), abs=1e-9)
        assert label in explained["clusters"][of["cluster"]]["labels"]
    clusters = [each["labels"] for each in explained["clusters"].values()]
    assert clusters == model.clusters
    for cluster in explained["clusters"].values():
        weights = cluster["experts"]
        assert len(weights) == model.experts - 1
        assert sum(weights) == pytest.approx(1.0)
        assert weights[cluster["heaviest"]] == max(weights)


def log_odds(p):
    if p < 1e-4:
        return -LARGEST_LOGIT
    return LARGEST_LOGIT if p > 1.0 - 1e-4 else math.log(p / (1.0 - p))


# ---- labels that are late, partial, or missing


@pytest.mark.parametrize("delay", [0, 20])
@pytest.mark.parametrize("params", [{}, {"experts": 1, "decode": "f1"}], ids=["routed", "f1"])
def test_changing_the_future_changes_no_prediction(params, delay):
    """An answer that knows its own truth, or any that is still under way."""
    stream = stream_of("patchy")
    x, y = stream.features, stream.truth
    half, rng = 430, np.random.default_rng(0)
    x[half + 1 :] = rng.normal(size=x[half + 1 :].shape) * 100
    y[half - delay :] = rng.random(y[half - delay :].shape) < 0.5
    changed = from_arrays(x, y)
    before = in_chunks(homer(**params), stream, WHOLE, delay)
    after = in_chunks(homer(**params), changed, 101, delay)
    np.testing.assert_array_equal(after[: half + 1], before[: half + 1])
    assert not np.array_equal(after[half + 1 :], before[half + 1 :])


def test_delayed_truth_is_used_when_it_has_come():
    """A truth that is dropped because it came late, or used before it came."""
    stream = opened("yeast", 800)
    source = open_source("yeast")
    f1 = {
        delay: prequential(source, homer(), delay=delay, limit=800).metrics["micro_f1"]
        for delay in (0, 20, 790)
    }
    assert f1[20] > 0.5
    assert abs(f1[20] - f1[0]) < 0.05
    assert f1[790] < 0.1
    assert not in_chunks(homer(), stream, WHOLE, 20)[:21].any()


def test_a_label_that_comes_late_is_learnt():
    """A label without a weight, a set or a head because it was not there at the beginning."""
    rng, model, right = np.random.default_rng(1), homer(), 0
    for row in range(900):
        x = {"a": rng.normal(), "b": rng.normal()}
        y = {"early": x["a"] > 0} | ({"late": x["b"] > 0} if row >= 400 else {})
        answered = model.predict_one(x)
        assert ("late" in answered) == (row > 400)
        right += row >= 700 and answered["late"] == y["late"]
        model.learn_one(x, y)
    assert right / 200 > 0.9


def test_unknown_labels_are_not_taken_for_absent():
    """A label that is always present when its truth is known, which is every tenth row."""
    rng, model = np.random.default_rng(2), homer()
    for row in range(600):
        x = {"a": rng.normal(), "b": rng.normal()}
        model.learn_one(x, {"a": x["a"] > 0} | ({"b": True} if row % 10 == 0 else {}))
    x = {"a": 1.0, "b": 0.1}
    assert model.predict_proba_one(x)["b"][True] > 0.8
    assert model.predict_one(x) == {"a": True, "b": True}


# ---- clusters and their experts


def assert_experts_fit(trees):
    numbered = [(cluster.number, tuple(cluster.labels.tolist())) for cluster in trees.clusters]
    assert numbered == trees.partition.clusters()
    outputs = np.concatenate([cluster.outputs for cluster in trees.clusters])
    assert len(set(outputs.tolist())) == len(outputs)
    in_use = trees.router.router.network.registers[N_IN_USE]
    assert in_use == len(outputs) == 2 * len(trees.clusters)
    for cluster in trees.clusters:
        assert len(cluster.outputs) == len(cluster.right) == len(cluster.experts) == 2
        for expert in cluster.experts:
            known = np.concatenate([part.labels for part in expert.parts])
            assert sorted(known.tolist()) == cluster.labels.tolist()


def test_heads_follow_restructures():
    """A cluster without a head or with another one's, or outputs that are never given back."""
    learner, rows = scripted(SCRIPT), rows_of_labels(700)
    for start in range(0, 700, 100):
        learner.run(rows.part(start, start + 100).batch, predict=True)
        assert_experts_fit(learner.trees)
    assert [labels for _, labels in learner.clusters] == [(0, 1, 2, 3)]
    # Outputs of clusters that go are given back when those that come have theirs.
    assert learner.trees.router.router.n_outputs <= 2 * (3 + 2)


SCRIPT = {
    200: [(0, 1), (2, 3)],
    300: [(0,), (1,), (2, 3)],
    400: [(0, 2), (1, 3)],
    600: [(0, 1, 2, 3)],
}


def test_children_of_a_split_answer_as_their_parent():
    """A split that loses or changes what trees, router or mixer had learnt."""
    rows = rows_of_labels(800)
    script = {500: [(0, 1), (2,), (3,)]}
    whole, parts = (
        scripted(each, decode="independent").run(rows.batch, predict=True) for each in ({}, script)
    )
    np.testing.assert_array_equal(whole[:500], parts[:500])
    np.testing.assert_allclose(whole[500], parts[500], rtol=1e-9)
    assert np.abs(whole[501:] - parts[501:]).max() > 1e-6  # they go their own ways afterwards


def test_a_rise_of_the_loss_replaces_the_worst_expert():
    """The best expert is replaced, that of another cluster, or the router still trusts the old
    one."""
    whole, rows = scripted({200: [(0, 1), (2, 3)]}), rows_of_labels(400)
    whole.run(rows.batch, predict=False)
    trees = whole.trees
    first, second = trees.clusters
    first.right[:], first.loss_rose = [0.9, 0.3], True
    before = [list(cluster.experts) for cluster in trees.clusters]
    network = trees.router.router.network
    born = network.output_born.copy()
    square = trees.mixer_decoder.state.mixer.square.copy()
    trees._look_at_losses(400)
    assert not first.loss_rose
    assert first.experts[0] is before[0][0]
    assert first.experts[1] is not before[0][1]
    assert second.experts == before[1]
    np.testing.assert_allclose(first.right, [0.9, 0.6])
    assert (network.output_born[first.outputs] > born[first.outputs]).all()
    np.testing.assert_array_equal(network.output_born[second.outputs], born[second.outputs])
    assert (trees.mixer_decoder.state.mixer.square[0] == FIRST_SQUARE).all()
    np.testing.assert_array_equal(trees.mixer_decoder.state.mixer.square[1], square[1])
    assert_experts_fit(trees)
    answers = whole.run(rows.batch, predict=True)
    assert ((answers > 0) & (answers < 1)).all()


def test_a_drift_reaches_the_experts(monkeypatch):
    """A detector that nobody listens to, or one that cries all the time."""
    replaced = []
    # Votes of recent rows would soften the rise.
    model = homer(drift_delta=0.002, window=0)
    trees = model._learner.trees
    begin = trees.router.begin_anew
    monkeypatch.setattr(
        trees.router,
        "begin_anew",
        lambda cluster: (replaced.append(trees.partition.n_rows), begin(cluster))[1],
    )
    in_chunks(model, stream_of("drift"), 500)
    assert any(1500 < row <= 1900 for row in replaced)
    assert sum(row <= 1500 for row in replaced) <= 1


# ---- what every estimator can do


@pytest.mark.parametrize("cut", [1, 437])
@pytest.mark.parametrize("params", [{}, {"experts": 1, "decode": "subset", "max_subsets": 9}])
def test_pickled_on_the_way_goes_on_bit_for_bit(params, cut):
    """A pickle that lacks part of a mixer, a decoder, a router or a detector."""
    stream = stream_of("patchy")
    model, stopped = homer(**params), homer(**params)
    expected = in_chunks(model, stream, WHOLE)
    first = in_chunks(stopped, stream.part(0, cut), WHOLE)
    restored = pickle.loads(pickle.dumps(stopped))
    rest = in_chunks(restored, stream.part(cut, len(stream)), WHOLE)
    np.testing.assert_array_equal(np.concatenate([first, rest]), expected)
    assert pickle.dumps(restored) == pickle.dumps(model)


def test_many_labels_are_saved_and_loaded(tmp_path):
    """A check of what was loaded that expects the trees which such a model has given up."""
    model = DriftHOMER(seed=2)
    for row in range(70):
        model.learn_one({f"w{row % 7}": 1.0}, {f"y{row}"})
    model.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    for each in (model, loaded):
        each.learn_one({"w1": 1.0, "w3": 2.0}, {"y3", "new"})
    assert pickle.dumps(loaded) == pickle.dumps(model)


def test_a_clone_begins_anew():
    """A clone that shares arrays with its original, or has other parameters."""
    stream = stream_of("patchy").part(0, 200)
    model = homer(learning_rate=(0.1, 0.5), partition=[["y0"], ["y1", "y2"]])
    expected = in_chunks(model, stream, WHOLE)
    clone = model.clone()
    assert clone._get_params() == model._get_params()
    assert clone.labels == []
    np.testing.assert_array_equal(in_chunks(clone, stream, WHOLE), expected)


def test_the_seed_decides():
    """Chance that comes from elsewhere than the seed, or a seed that nothing asks."""
    stream = stream_of("yeast").part(0, 300)
    one, same, other = (in_chunks(homer(seed=seed), stream, WHOLE) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("learning_rate", (), "a list of 1 to 4 values"),
        ("learning_rate", (0.1,) * 5, "a list of 1 to 4 values"),
        ("learning_rate", "x", "a float in the range (0, 100]"),
        ("learning_rate", (0.1, -1.0), "a float in the range (0, 100]"),
        ("decode", "x", "one of 'independent', 'subset', 'marginal', 'f1', 'balanced'"),
        ("decode", None, "one of 'independent', 'subset', 'marginal', 'f1', 'balanced'"),
        ("experts", 0, "an int in the range [1, 64]"),
        ("experts", 2.0, "an int in the range [1, 64]"),
        ("hidden", 0, "an int in the range [1, 1024]"),
        ("temperature", 0.0, "a float in the range [1e-06, 1e+06]"),
        ("mixer", None, "one of True, False"),
        ("past", 1, "one of True, False"),
        ("beta", 1.1, "a float in the range [0, 1]"),
        ("max_subsets", 0, "an int in the range [1, 10000]"),
        ("partition", "x", "one of 'jaccard', 'random', 'single', 'singletons'"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_sentence(name, value, allowed):
    """A wrong value that is taken for another one, or an error that does not say what is
    allowed."""
    with pytest.raises(ParameterError) as caught:
        DriftHOMER(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"The {name!r} parameter of DriftHOMER must be ")
    assert allowed in message
    assert repr(value) in message
    assert "\n" not in message


def test_whole_numbers_are_as_good_as_decimals():
    """A parameter given as 1 that has all kernels compiled anew for another type."""
    model = homer(beta=1, mixer_rate=1, temperature=1, router_rate=1)
    given = model._learner.trees.mixer_decoder.params
    assert type(given.decoder.beta) is type(given.mixer.group_rate) is float
    assert type(model._learner.trees.router.router.params.learning_rate) is float
    assert type(model._learner.trees.router.temperature) is float


def test_the_largest_seed_is_one():
    """Experts that count on from the seed, beyond the largest integer."""
    model = DriftHOMER(seed=2**63 - 1)
    for i in range(5):
        model.learn_one({"a": float(i)}, {"l": i % 2 == 0})
    assert set(model.predict_one({"a": 1.0})) == {"l"}
