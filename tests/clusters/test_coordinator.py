"""Clusters behind a gate: one answer however rows are cut, dealt out or saved in between."""

import functools

import numpy as np
import pytest
from cluster_rows import assert_same, in_chunks, one_by_one, random_rows
from recorded import gated_only, params_of

from stream import DriftHOMER, open_source
from stream.engine import set_decoder as sd
from stream.errors import ParameterError
from stream.rows.batch import slice_rows
from stream.snapshot import dumps, loads

KINDS = [
    # labels, dense, unknown, delay, parameters
    (40, False, False, 0, {}),
    (40, True, True, 3, {}),
    (130, False, False, 0, {}),
    (130, False, True, 0, {"window": 50}),
    (130, False, True, 5, {"gate_threshold": 0.2}),
    (130, True, False, 40, {"cluster_size": 4}),
    (200, False, False, 0, {"partition": "random", "decode": "f1"}),
    (200, False, True, 3, {"partition": "singletons", "window": 0}),
    (130, False, False, 0, {"partition": "single", "past": False}),
]
IDS = ["-".join(map(str, kind)) for kind in KINDS]


def learner_of(params):
    return DriftHOMER(seed=3, max_subsets=30, **params)


@pytest.fixture(params=KINDS, ids=IDS)
def kind(request):
    n_labels, dense, unknown, delay, params = request.param
    rng = np.random.default_rng(n_labels + delay)
    batch = random_rows(rng, 1150, n_labels, dense=dense, unknown=unknown)
    return rng, batch, delay, params


def test_chunks_do_not_matter(kind):
    """A stage that looks at rows of the same call that come later, whose arrays are sized by the
    call, or that takes an answer of another moment for a fresh one."""
    rng, batch, delay, params = kind
    whole, cut = learner_of(params), learner_of(params)
    n = batch.n_rows
    expected = in_chunks(whole._learner, batch, [n], delay)
    ends = [*sorted(set(rng.integers(1, n, 9).tolist())), n]
    assert_same(in_chunks(cut._learner, batch, ends, delay), expected)
    assert dumps(cut._learner) == dumps(whole._learner)
    assert (whole._learner.trees is None) == (whole._learner.n_labels > 64)
    if delay == 0:
        single = learner_of(params)
        assert_same(one_by_one(single._learner, batch), expected)
        assert dumps(single._learner) == dumps(whole._learner)


def test_what_others_answer_is_counted_all_the_same():
    """Label sets that were seen while the trees answered are unknown once they are given up."""
    batch = random_rows(np.random.default_rng(8), 200, 30)
    answering, counting = gated_only(params_of()), gated_only(params_of())
    run = counting.gated.run
    counting.gated.run = functools.partial(run, answered=False)
    answered = answering.answer(batch, predict=True)
    left = counting.answer(batch, predict=True)
    assert len(answered.label) > 0 == len(left.label)
    for name in (
        "n_present",
        "n_unknown",
        "n_sets",
        "times",
        "key",
        "size",
        "members",
        "by_chance",
    ):
        ours, others = (getattr(each.gated.decoder.state, name) for each in (counting, answering))
        np.testing.assert_array_equal(ours, others)
    counted = [sd.UNIT, sd.N_ROWS, sd.N_NEW, sd.N_SIZES, sd.SET_SIZE]
    registers = [each.gated.decoder.state.registers[counted] for each in (counting, answering)]
    np.testing.assert_array_equal(*registers)


def test_saved_in_between(kind):
    """A part of the state that a snapshot leaves out, or a copy that shares an array."""
    _, batch, _, params = kind
    through, half = learner_of(params), batch.n_rows // 2
    in_chunks(through._learner, batch, [half], 0)
    through = through._learner
    loaded = loads(dumps(through))
    rest = slice_rows(batch, half, batch.n_rows)
    expected = in_chunks(through, rest, [rest.n_rows], 0)
    assert_same(in_chunks(loaded, rest, [rest.n_rows], 0), expected)
    assert dumps(loaded) == dumps(through)


def test_predictions_change_nothing(kind):
    """A prediction that counts as something learnt."""
    _, batch, _, params = kind
    model = learner_of(params)
    in_chunks(model._learner, batch, [700], 0)
    before = dumps(model)
    model._learner.answer(slice_rows(batch, 700, 900), predict=True, delay=-1)
    assert dumps(model) == before


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_threads_do_not_matter(kind, n_jobs):
    """Clusters that share room to work in, or answers that are put together in another order."""
    _, batch, delay, params = kind
    one, several = learner_of(params), learner_of(params | {"n_jobs": n_jobs})
    several._learner.gated.executor.least_pairs = 1
    expected = in_chunks(one._learner, batch, [400, batch.n_rows], delay)
    assert_same(in_chunks(several._learner, batch, [400, batch.n_rows], delay), expected)
    assert dumps(several) == dumps(one)


def test_a_threshold_asks_less_and_says_what_it_missed():
    """A gate that asks all whatever its threshold, or counts no misses."""
    batch = random_rows(np.random.default_rng(6), 1100, 200)
    found = {}
    for threshold in (0.0, 0.05, 0.9):
        model = learner_of({"gate_threshold": threshold, "window": 0, "past": False})
        in_chunks(model._learner, batch, [1100], 0)
        found[threshold] = model.gate
    assert found[0.9]["asked"] < found[0.05]["asked"] < found[0.0]["asked"]
    assert found[0.0]["missed"] == 0.0 < found[0.05]["missed"] < found[0.9]["missed"] <= 1.0


def test_the_best_labels_by_name():
    """Labels of other rows, in another order, or more than there are."""
    model, (x, y) = DriftHOMER(seed=1), next(iter(open_source("yeast")))
    assert model.predict_top_one(x) == []
    for _ in range(20):
        model.learn_one(x, y)
    best = model.predict_top_one(x, 3)
    assert len(best) == 3
    assert {label for label, _ in best} <= {label for label, value in y.items() if value}
    probabilities = model.predict_proba_one(x)
    assert [p for _, p in best] == sorted((p for _, p in best), reverse=True)
    assert all(probabilities[label][True] == p for label, p in best)
    with pytest.raises(ParameterError, match="k"):
        model.predict_top_one(x, 0)
