"""One answer however a stream is chunked: bit for bit, and the same model in the end."""

import functools
import pickle

import numpy as np
import pytest
import scipy.sparse
from model_streams import (
    concept_drift,
    from_arrays,
    in_chunks,
    many_at_a_time,
    one_at_a_time,
    opened,
    patchy,
)

from stream import DriftHOMER, HoeffdingTreeClassifier, MultiLabelHoeffdingTree

EAGER = {"grace_period": 25, "tau": 0.3, "delta": 0.01, "drift_window_threshold": 50, "seed": 5}
CHUNKS = [1, 7, 1000, 10**9]


def multi(**params):
    return MultiLabelHoeffdingTree(**EAGER | params)


def single(**params):
    return HoeffdingTreeClassifier(**EAGER | params)


def homer(**params):
    """All parts at work, and a partition that changes often."""
    changing = {"partition_delta": 0.3, "partition_tau": 0.1, "partition_period": 60}
    changing |= {"drift_delta": 0.05, "max_subsets": 30, "grace_period": 25, "tau": 0.3, "seed": 5}
    return DriftHOMER(**changing | params)


@functools.cache
def stream_of(name, data_dir=None):
    if name == "yeast":
        return opened("yeast", 1200)
    if name == "enron":
        return opened("enron", 500, data_dir=data_dir)
    if name == "text":
        return opened("syn-text-sud", 700)
    if name == "classes":
        return opened("rbf-f", 2500)
    return {"drift": concept_drift, "patchy": patchy}[name]()


CASES = [
    ("yeast", multi, {}),
    ("yeast", multi, {"leaf_prediction": "nb", "max_features": 0.4}),
    ("enron", multi, {}),
    ("text", multi, {}),
    ("text", multi, {"max_size": 1.0}),
    ("drift", multi, {}),
    ("drift", multi, {"leaf_prediction": "mc"}),
    ("patchy", multi, {}),
    ("patchy", multi, {"leaf_prediction": "lr"}),
    ("patchy", multi, {"max_size": 0.05}),
    ("yeast", homer, {}),
    ("yeast", homer, {"experts": 4, "decode": "f1"}),
    ("text", homer, {"experts": 3}),
    ("drift", homer, {"experts": 3, "decode": "subset"}),
    ("patchy", homer, {"experts": 3, "decode": "marginal"}),
    ("patchy", homer, {"partition": "random", "decode": "independent", "mixer": False}),
    ("classes", single, {}),
    ("classes", single, {"leaf_prediction": "nba", "drift_detection": False}),
]
IDS = [f"{name}-{'-'.join(map(str, params.values())) or 'defaults'}" for name, _, params in CASES]


@pytest.fixture(params=CASES, ids=IDS)
def case(request):
    name, make, params = request.param
    data_dir = request.getfixturevalue("data_dir") if name == "enron" else None
    return stream_of(name, data_dir), functools.partial(make, **params)


@pytest.mark.parametrize("delay", [0, 3])
def test_chunks_and_single_rows_agree_bit_for_bit(case, delay):
    stream, make = case
    model = make()
    # A row that DriftHOMER learns with learn_one did not wait; one that waited is learnt with what
    # was known when it was predicted.
    waits = delay and isinstance(model, DriftHOMER)
    one_by_one = functools.partial(in_chunks, chunk_rows=1) if waits else one_at_a_time
    expected = one_by_one(model, stream, delay=delay)
    assert expected.any()
    for chunk_rows in CHUNKS:
        other = make()
        found = in_chunks(other, stream, chunk_rows, delay)
        np.testing.assert_array_equal(found, expected, err_msg=f"chunks of {chunk_rows}")
        if not delay:
            assert pickle.dumps(other) == pickle.dumps(model)


@pytest.mark.parametrize("name", ["yeast", "patchy", "drift", "text"])
@pytest.mark.parametrize("chunk_rows", [1, 7, 1000])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
def test_learn_many_agrees_bit_for_bit(name, chunk_rows, kind):
    stream = stream_of(name).part(0, 120 if name == "text" else 300)
    stream.schema = type(stream.schema)(
        range(len(stream.schema.features)), range(len(stream.schema.labels))
    )
    model, other = multi(), multi()
    expected = one_at_a_time(model, stream)
    found = many_at_a_time(other, stream, chunk_rows, kind)
    predicted = ~np.isnan(found)
    np.testing.assert_array_equal(found[predicted], expected[predicted])
    assert pickle.dumps(other) == pickle.dumps(model)


def test_the_streams_hold_what_they_are_for():
    drifted, patched = multi(), multi()
    in_chunks(drifted, stream_of("drift"), 1000)
    assert drifted.summary.n_replaced > 0
    assert drifted.summary.n_splits > 3
    in_chunks(patched, stream_of("patchy"), 1000)
    assert patched.summary.n_splits > 0
    full = multi(max_size=1.0)
    in_chunks(full, stream_of("text"), 1000)
    assert full._learner.growing.full


@pytest.mark.parametrize("make", [multi, single])
def test_changing_the_future_changes_no_prediction(make):
    stream = stream_of("patchy" if make is multi else "classes").part(0, 400)
    changed = from_arrays(stream.features, stream.truth, stream.schema.task)
    changed.schema = stream.schema
    half, rng = 200, np.random.default_rng(0)
    x, y = stream.features, stream.truth
    x[half:] = rng.normal(size=x[half:].shape) * 100
    y[half:] = np.eye(y.shape[1])[rng.integers(0, y.shape[1], len(y) - half)]
    changed.batch = from_arrays(x, y).batch
    for delay in (0, 9):
        before = in_chunks(make(), stream, 10**9, delay)[: half + 1 if delay else half]
        after = in_chunks(make(), changed, 10**9, delay)[: half + 1 if delay else half]
        np.testing.assert_array_equal(after[:half], before[:half])


@pytest.mark.parametrize("name", ["yeast", "text", "patchy"])
def test_zero_and_absent_are_the_same(name):
    """The same rows as dictionaries with every feature, and with those that are not zero."""
    stream = stream_of(name).part(0, 300)
    sparse, dense = multi(), multi()
    zeros = dict.fromkeys(stream.schema.features, 0.0)
    for x, y in stream:
        a, b = sparse.predict_proba_one(x), dense.predict_proba_one(zeros | x)
        assert list(a) == list(b)
        for label in a:
            assert abs(a[label][True] - b[label][True]) <= 1e-9
        sparse.learn_one(x, y)
        dense.learn_one(zeros | x, y)


@pytest.mark.parametrize("cut", [1, 150, 299])
@pytest.mark.parametrize("name", ["patchy", "drift", "text"])
def test_pickled_on_the_way_goes_on_bit_for_bit(name, cut):
    stream = stream_of(name).part(0, 600)
    model = multi()
    expected = in_chunks(model, stream, 10**9)
    stopped = multi()
    first = in_chunks(stopped, stream.part(0, cut), 10**9)
    restored = pickle.loads(pickle.dumps(stopped))
    rest = in_chunks(restored, stream.part(cut, 600), 10**9)
    np.testing.assert_array_equal(np.concatenate([first, rest]), expected)
    assert pickle.dumps(restored) == pickle.dumps(model)
