"""Our metrics against scikit-learn, River and a slow twin, on random streams."""

import itertools
import json
import math

import numpy as np
import pytest
from evaluation_streams import make_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from river import metrics as river_metrics
from sklearn import metrics as sk

from stream.errors import ParameterError
from stream.evaluate import MultiLabelMetrics
from stream.evaluate.tally import metric_names
from stream.snapshot import dumps


@st.composite
def label_streams(draw, unknown=False, min_rows=1):
    """Truth (1, 0, and -1 where unknown) and prediction, as matrices; sparse and full ones."""
    n_rows = draw(st.integers(min_rows, 40))
    n_labels = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.0, 0.1, 0.5, 0.9]))
    truth = (rng.random((n_rows, n_labels)) < density).astype(int)
    predicted = np.where(rng.random(truth.shape) < 0.7, truth, 1 - truth).astype(np.uint8)
    if unknown:
        truth[rng.random(truth.shape) < draw(st.sampled_from([0.1, 0.6]))] = -1
    return truth, predicted


@st.composite
def class_streams(draw):
    """True and predicted classes; -1: unknown, no prediction."""
    n_rows = draw(st.integers(1, 60))
    n_classes = draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = draw(st.sampled_from([-1, 0]))
    return rng.integers(low, n_classes, n_rows), rng.integers(low, n_classes, n_rows), n_classes


def one_hot(classes, n_classes):
    return (classes[:, None] == np.arange(n_classes)).astype(np.uint8)


def evaluated(truth, predicted, cuts=(), **kwargs):
    """Metrics of a stream given in pieces."""
    found = MultiLabelMetrics(**kwargs)
    edges = [0, *sorted(cuts), len(truth)]
    for start, stop in itertools.pairwise(edges):
        found.update_many(predicted[start:stop], make_batch(truth[start:stop]), truth.shape[1])
    return found


@settings(deadline=None)
@given(label_streams())
def test_equal_to_sklearn(stream):
    truth, predicted = stream
    found = evaluated(truth, predicted).as_dict()
    assert tuple(found) == metric_names("multi-label")
    seen = truth.any(axis=0)
    expected = {
        "macro_f1_seen": sk.f1_score(
            truth, predicted, labels=np.flatnonzero(seen), average="macro", zero_division=0
        )
        if seen.any() and truth.shape[1] > 1
        else found["macro_f1"],
        "subset_accuracy": sk.accuracy_score(truth, predicted),
        "hamming_loss": sk.hamming_loss(truth, predicted),
    }
    empty = (truth.sum(axis=1) == 0) & (predicted.sum(axis=1) == 0)
    for name, function in (
        ("f1", sk.f1_score),
        ("precision", sk.precision_score),
        ("recall", sk.recall_score),
    ):
        for average in ("micro", "macro"):
            # average="binary" is what scikit-learn makes of one column
            expected[f"{average}_{name}"] = (
                function(truth, predicted, average=average, zero_division=0)
                if truth.shape[1] > 1
                else function(truth[:, 0], predicted[:, 0], average="binary", zero_division=0)
            )
        if truth.shape[1] > 1:
            # scikit-learn counts two empty sets 0, we count them 1
            samples = function(truth, predicted, average="samples", zero_division=0)
            expected[f"example_{name}"] = samples + empty.mean()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


@settings(deadline=None)
@given(label_streams())
def test_equal_to_river(stream):
    truth, predicted = stream
    outputs = river_metrics.multioutput
    oracles = {
        "subset_accuracy": outputs.ExactMatch(),
        "micro_f1": outputs.MicroAverage(river_metrics.F1()),
        "micro_precision": outputs.MicroAverage(river_metrics.Precision()),
        "micro_recall": outputs.MicroAverage(river_metrics.Recall()),
        "macro_f1": outputs.MacroAverage(river_metrics.F1()),
        "macro_precision": outputs.MacroAverage(river_metrics.Precision()),
        "macro_recall": outputs.MacroAverage(river_metrics.Recall()),
        "example_f1": outputs.SampleAverage(river_metrics.F1()),
        "example_precision": outputs.SampleAverage(river_metrics.Precision()),
        "example_recall": outputs.SampleAverage(river_metrics.Recall()),
    }
    for y_true, y_pred in zip(truth.astype(bool).tolist(), predicted.astype(bool), strict=True):
        for oracle in oracles.values():
            oracle.update(dict(enumerate(y_true)), dict(enumerate(y_pred.tolist())))
    empty = (truth.sum(axis=1) == 0) & (predicted.sum(axis=1) == 0)
    found = evaluated(truth, predicted).as_dict()
    for name, oracle in oracles.items():
        extra = empty.mean() if name.startswith("example") else 0.0
        assert found[name] == pytest.approx(oracle.get() + extra, abs=1e-12), name


def naive_metrics(truth, predicted):
    """The definitions, row by row and label by label, with sets."""
    rows = []
    for t, p in zip(truth, predicted, strict=True):
        if (t != -1).any():
            known = np.flatnonzero(t != -1)
            rows.append(({j for j in known if t[j] == 1}, {j for j in known if p[j]}, len(known)))
    n = len(rows)

    def safe(a, b):
        return a / b if b else 0.0

    def example(function):
        return safe(sum(1.0 if not t and not p else function(t, p) for t, p, _ in rows), n)

    tp, fp, fn = (np.zeros(truth.shape[1], int) for _ in range(3))
    for t, p, _ in rows:
        for j in t & p:
            tp[j] += 1
        for j in p - t:
            fp[j] += 1
        for j in t - p:
            fn[j] += 1
    macro = [
        np.mean([safe(a, b) for a, b in zip(part, whole, strict=True)])
        for part, whole in ((2 * tp, 2 * tp + fp + fn), (tp, tp + fp), (tp, tp + fn))
    ]
    values = (
        safe(sum(t == p for t, p, _ in rows), n),
        safe(sum(len(t ^ p) for t, p, _ in rows), sum(k for _, _, k in rows)),
        example(lambda t, p: 2 * len(t & p) / (len(t) + len(p))),
        example(lambda t, p: safe(len(t & p), len(p))),
        example(lambda t, p: safe(len(t & p), len(t))),
        safe(2 * tp.sum(), (2 * tp + fp + fn).sum()),
        safe(tp.sum(), (tp + fp).sum()),
        safe(tp.sum(), (tp + fn).sum()),
        *macro,
        safe(
            sum(2 * a / (2 * a + b + c) for a, b, c in zip(tp, fp, fn, strict=True) if a),
            sum(tp + fn > 0),
        ),
    )
    return dict(zip(metric_names("multi-label"), map(float, values), strict=True))


@settings(deadline=None)
@given(label_streams(unknown=True))
def test_unknown_labels_are_not_scored(stream):
    truth, predicted = stream
    found = evaluated(truth, predicted)
    assert found.as_dict() == pytest.approx(naive_metrics(truth, predicted), abs=1e-12)
    for j, counts in enumerate(found.per_label()):
        scored = truth[(truth != -1).any(axis=1), j]
        assert counts["tp"] + counts["fp"] + counts["fn"] + counts["tn"] == (scored != -1).sum()
        assert counts["support"] == (scored == 1).sum()


@settings(deadline=None)
@given(class_streams())
def test_single_label_equal_to_sklearn(stream):
    truth, predicted, n_classes = stream
    found = evaluated(
        one_hot(truth, n_classes), one_hot(predicted, n_classes), task="single-label"
    ).as_dict()
    assert tuple(found) == metric_names("single-label")
    known = truth >= 0
    truth, predicted = truth[known], predicted[known]
    if not len(truth):
        assert set(found.values()) == {0.0}
        return
    assert found["accuracy"] == found["subset_accuracy"] == np.mean(truth == predicted)
    chance = sum((truth == c).mean() * (predicted == c).mean() for c in range(n_classes))
    if not math.isclose(chance, 1.0):
        expected = sk.cohen_kappa_score(truth, predicted)
        assert found["kappa"] == pytest.approx(expected, abs=1e-9)
    every = list(range(n_classes))
    macro = sk.f1_score(truth, predicted, labels=every, average="macro", zero_division=0)
    assert found["macro_f1"] == pytest.approx(macro, abs=1e-12)


def naive_baselines(truth, delay):
    """Accuracy of the majority class and of the latest class, from the rows that have arrived."""
    right = [0, 0]
    for i, c in enumerate(truth):
        arrived = [a for a in truth[: max(0, i - delay)] if a >= 0]
        if not arrived or c < 0:
            continue
        leader, counts = None, {}
        for a in arrived:
            counts[a] = counts.get(a, 0) + 1
            if leader is None or counts[a] > counts[leader]:
                leader = a
        right[0] += leader == c
        right[1] += arrived[-1] == c
    return [each / (truth >= 0).sum() for each in right]


@settings(deadline=None)
@given(class_streams(), st.integers(0, 7))
def test_kappa_m_and_kappa_t(stream, delay):
    """Would catch a baseline that sees the truth of a row, or of one still on its way."""
    truth, predicted, n_classes = stream
    if not (truth >= 0).any():
        return
    matrices = one_hot(truth, n_classes), one_hot(predicted, n_classes)
    found = evaluated(*matrices, task="single-label", delay=delay).as_dict()
    for name, base in zip(("kappa_m", "kappa_t"), naive_baselines(truth, delay), strict=True):
        expected = (found["accuracy"] - base) / (1 - base) if base < 1 else 0.0
        assert found[name] == pytest.approx(expected, abs=1e-12)


@settings(deadline=None)
@given(label_streams(unknown=True), st.lists(st.integers(0, 40)), st.integers(1, 15))
def test_any_chunking_gives_the_same(stream, cuts, window):
    """Would catch a window that ends with a chunk instead of after its rows."""
    truth, predicted = stream
    cuts = [min(cut, len(truth)) for cut in cuts]
    whole = evaluated(truth, predicted, window=window)
    pieces = evaluated(truth, predicted, cuts, window=window)
    assert pieces.as_dict() == whole.as_dict()
    assert pieces.windows() == whole.windows()
    assert pieces.per_label() == whole.per_label()
    edges = [*range(0, len(truth), window), len(truth)]
    for each, start, stop in zip(whole.windows(), edges[:-1], edges[1:], strict=True):
        assert (each["start"], each["stop"]) == (start, stop)
        alone = evaluated(truth[start:stop], predicted[start:stop])
        assert each["metrics"] == alone.as_dict()


@settings(deadline=None)
@given(class_streams(), st.lists(st.integers(0, 60)), st.integers(0, 5))
def test_any_chunking_gives_the_same_kappas(stream, cuts, delay):
    truth, predicted, n_classes = stream
    matrices = one_hot(truth, n_classes), one_hot(predicted, n_classes)
    options = {"task": "single-label", "delay": delay, "window": 7}
    cuts = [min(cut, len(truth)) for cut in cuts]
    whole, pieces = evaluated(*matrices, **options), evaluated(*matrices, cuts, **options)
    assert pieces.as_dict() == whole.as_dict()
    assert pieces.windows() == whole.windows()


@settings(deadline=None)
@given(label_streams(unknown=True))
def test_one_at_a_time_gives_the_same(stream):
    truth, predicted = stream
    names = [f"label{j}" for j in range(truth.shape[1])]
    found = MultiLabelMetrics(names)
    for t, p in zip(truth, predicted, strict=True):
        y_true = {name: bool(v) for name, v in zip(names, t, strict=True) if v >= 0}
        found.update_one(y_true, {name: bool(v) for name, v in zip(names, p, strict=True)})
    assert found.as_dict() == evaluated(truth, predicted).as_dict()


@settings(deadline=None)
@given(class_streams())
def test_one_class_at_a_time_gives_the_same(stream):
    truth, predicted, n_classes = stream
    found = MultiLabelMetrics(range(n_classes), task="single-label")
    for t, p in zip(truth.tolist(), predicted.tolist(), strict=True):
        found.update_one(None if t < 0 else t, None if p < 0 else p)
    matrices = one_hot(truth, n_classes), one_hot(predicted, n_classes)
    assert found.as_dict() == evaluated(*matrices, task="single-label").as_dict()


@pytest.mark.parametrize("nothing", [None, {}])
def test_no_prediction_is_the_empty_set(nothing):
    found = MultiLabelMetrics(["a", "b"])
    found.update_one({"a": True, "b": False}, nothing)
    found.update_one({"a": False, "b": False}, nothing)
    assert found.as_dict()["subset_accuracy"] == 0.5
    assert found.as_dict()["example_f1"] == 0.5
    assert found.as_dict()["hamming_loss"] == 0.25


def test_labels_that_appear_later_count_from_the_start():
    """A label that nobody knew was absent until then; a prediction may lack its column."""
    truth = np.array([[1, 0, 0], [1, 0, 1]])
    predicted = np.array([[1, 0, 0], [1, 0, 0]], np.uint8)
    found = MultiLabelMetrics()
    found.update_many(predicted[:1, :1], make_batch(truth[:1, :1]), 1)
    found.update_many(predicted[1:, :1], make_batch(truth[1:]), 3)
    assert found.as_dict() == evaluated(truth, predicted).as_dict()


def test_without_rows_everything_is_zero():
    for task in ("multi-label", "single-label"):
        found = MultiLabelMetrics(task=task, window=10)
        assert set(found.as_dict().values()) == {0.0}
        assert found.windows() == []


def test_metrics_are_plain_numbers():
    found = evaluated(np.eye(3, dtype=int), np.eye(3, dtype=np.uint8), window=2)
    json.dumps([found.as_dict(), found.windows(), found.per_label()], allow_nan=False)


def test_predictions_must_fit_the_batch():
    with pytest.raises(ParameterError, match="a row for each row of the batch"):
        MultiLabelMetrics().update_many(np.zeros((2, 1), np.uint8), make_batch([[1]]), 1)


def test_window_must_hold_a_row():
    with pytest.raises(ParameterError, match="window"):
        MultiLabelMetrics(window=0)


@pytest.mark.parametrize("task", ["multi-label", "single-label"])
def test_a_long_delay_takes_no_memory_of_its_length(task):
    """A ring of ``delay`` rows that is made before the first one."""
    found = MultiLabelMetrics(task=task, delay=10**9)
    predicted, truth = ("a", "a") if task == "single-label" else ({"a": True}, {"a": True})
    for _ in range(100):
        found.update_one(truth, predicted)
    assert len(dumps(found)) < 100_000
    assert found.as_dict()


@pytest.mark.parametrize("given", [{"delay": -1}, {"delay": 1.5}, {"window": 0}, {"window": "7"}])
def test_parameters_that_are_refused(given):
    [name] = given
    with pytest.raises(ParameterError, match=f"The '{name}' parameter of MultiLabelMetrics must"):
        MultiLabelMetrics(**given)
