"""The order of testing and training, and what ends an evaluation."""

import json
import signal
import threading

import numpy as np
import pytest
from evaluation_streams import BatchSpy, GrowingSource, MemorySource, RowSpy, numbered
from hypothesis import given, settings
from hypothesis import strategies as st
from river import evaluate as river_evaluate
from river import linear_model, metrics, multioutput, naive_bayes, preprocessing, tree

from stream.errors import DataError, ParameterError
from stream.evaluate import BatchEstimator, PartialResultError, prequential
from stream.evaluate.calibration import CALIBRATION_METRICS
from stream.evaluate.prequential import default_chunk_rows, warm_up


def random_truth(n_rows, n_labels, seed=0):
    return (np.random.default_rng(seed).random((n_rows, n_labels)) < 0.4).astype(int)


def without_times(result):
    found = result.as_dict()
    for name in ("model", "seconds", "compile_seconds", "rows_per_second", "peak_rss_mb"):
        del found[name]
    for window in found["windows"]:
        del window["rows_per_second"]
    return found


def uncalibrated(found):
    """Without what only models have that give probabilities with their answers."""
    for told in (found, *found["windows"]):
        told["metrics"] = {n: v for n, v in told["metrics"].items() if n not in CALIBRATION_METRICS}
    for label in found["per_label"]:
        label.pop("brier_score", None)
    return found


@settings(deadline=None, max_examples=40)
@given(
    n_rows=st.integers(1, 40),
    delay=st.integers(0, 45),
    chunk_rows=st.integers(1, 45),
    window=st.integers(1, 45),
    limit=st.none() | st.integers(1, 45),
)
@pytest.mark.parametrize("spy_class", [BatchSpy, RowSpy])
def test_newest_row_learnt_is_delay_rows_ago(spy_class, n_rows, delay, chunk_rows, window, limit):
    """Would catch peeking (a label used too early), and a late label lost between two chunks."""
    spy = spy_class()
    source = MemorySource(random_truth(n_rows, 3), numbered(n_rows))
    result = prequential(
        source, spy, limit=limit, delay=delay, chunk_rows=chunk_rows, window=window
    )
    n = min(n_rows, limit or n_rows)
    expected = []
    for i in range(n):
        expected.append(("predict", i))
        if i >= delay:
            expected.append(("learn", i - delay))
    assert spy.events == expected
    assert result.rows == n
    assert [w["stop"] for w in result.windows] == [*range(window, n, window), n]


@settings(deadline=None, max_examples=40)
@given(
    delay=st.integers(0, 9),
    chunk_rows=st.integers(1, 45),
    window=st.integers(1, 45),
    seed=st.integers(0, 99),
)
def test_batches_and_rows_agree(delay, chunk_rows, window, seed):
    truth = random_truth(40, 4, seed)
    source = MemorySource(truth, numbered(40))
    options = {"delay": delay, "window": window}
    expected = without_times(prequential(source, BatchSpy(), **options))
    again = prequential(source, BatchSpy(), chunk_rows=chunk_rows, **options)
    assert without_times(again) == expected
    by_rows = prequential(source, RowSpy(), chunk_rows=chunk_rows, **options)
    assert without_times(by_rows) == uncalibrated(expected)


def test_metrics_are_those_of_the_predictions():
    """The spy repeats the last label set: it is right on rows that are like the one before."""
    truth = random_truth(200, 2)
    result = prequential(MemorySource(truth, numbered(200)), BatchSpy())
    first = not truth[0].any()
    same = (truth[1:] == truth[:-1]).all(axis=1).sum() + first
    assert result.metrics["subset_accuracy"] == same / 200


@pytest.mark.parametrize("spy_class", [BatchSpy, RowSpy])
@pytest.mark.parametrize("chunk_rows", [1, 7, 100])
def test_labels_that_appear_while_reading(spy_class, chunk_rows):
    """A label counts as absent before it appears, whatever the size of the chunks."""
    truth = np.zeros((60, 5), int)
    for j, begin in enumerate((3, 10, 11, 30, 59)):
        truth[begin::3, j] = 1
    fixed = prequential(MemorySource(truth, numbered(60)), spy_class(), window=9)
    source = GrowingSource(truth, numbered(60))
    for _ in range(2):  # in a second pass the schema holds every label from the start
        grown = prequential(source, spy_class(), window=9, chunk_rows=chunk_rows)
        assert without_times(grown) == without_times(fixed)
    few = prequential(source, spy_class(), chunk_rows=chunk_rows, limit=20)
    assert few.labels == 3
    alone = prequential(MemorySource(truth[:20, :3], numbered(20)), spy_class())
    assert few.metrics == alone.metrics


@pytest.mark.parametrize("chunk_rows", [1, 4, 100])
def test_a_row_tells_nothing_of_columns_that_appear_later(chunk_rows):
    """Would catch a name that gets into a dictionary because its chunk was read as a whole."""
    seen = []

    class Looks(RowSpy):
        def predict_one(self, x):
            seen.append(list(x))
            return {}

        def learn_one(self, x, y):
            seen.append(list(y))

    truth = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]]
    x = [[1, 0], [1, 0], [0, 2], [3, 0]]
    prequential(GrowingSource(truth, x), Looks(), chunk_rows=chunk_rows)
    one, two = ["x0"], ["x0", "x1"]
    labels = ["label0", "label1", "label2"]
    assert seen == [one, labels[:1], one, labels[:2], two, labels[:2], two, labels]


@pytest.mark.parametrize("chunk_rows", [1, 4, 100])
def test_unknown_rows_among_labels_that_appear_later(chunk_rows):
    """A row of which nothing was known is not scored, although later labels were absent in it."""
    truth = np.array([[1, 0, 0], [-1, 0, 0], [1, 1, 0], [-1, -1, 0], [0, -1, 0], [0, 0, 1]])
    result = prequential(GrowingSource(truth, numbered(6)), BatchSpy(), chunk_rows=chunk_rows)
    scored = [each["tp"] + each["fp"] + each["fn"] + each["tn"] for each in result.per_label]
    assert scored == [4, 3, 4]


def classification_source(n_rows=600, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, 4))
    classes = (x[:, 0] + rng.normal(size=n_rows) * 0.3 > 0).astype(int) + (x[:, 1] > 1)
    return MemorySource(np.eye(3, dtype=int)[classes], x, task="single-label")


@pytest.mark.parametrize("delay", [0, 5])
@pytest.mark.parametrize(
    "make",
    [
        naive_bayes.GaussianNB,
        lambda: tree.HoeffdingTreeClassifier(grace_period=50),
        lambda: preprocessing.StandardScaler() | tree.HoeffdingTreeClassifier(grace_period=50),
    ],
)
def test_accuracy_equals_river(make, delay):
    """River does not score a row for which there is no prediction; we count it as wrong."""
    source = classification_source()
    scored = metrics.Accuracy() + metrics.CohenKappa()
    # River learns what has arrived before it asks the next question, we learn it afterwards.
    river_evaluate.progressive_val_score(source, make(), scored, delay=delay + 1 if delay else None)
    result = prequential(source, make(), delay=delay)
    n_scored = scored[0].cm.n_samples
    assert result.rows == 600
    assert result.metrics["accuracy"] * 600 == pytest.approx(scored[0].get() * n_scored, abs=1e-9)
    assert result.metrics["kappa"] == pytest.approx(scored[1].get(), abs=0.02)


def test_multi_label_equals_river():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    truth = (x[:, :3] + rng.normal(size=(300, 3)) * 0.5 > 0.3).astype(int)
    source = MemorySource(truth, x)

    def make():
        return preprocessing.StandardScaler() | multioutput.ClassifierChain(
            linear_model.LogisticRegression()
        )

    scored = metrics.multioutput.MicroAverage(metrics.F1())
    model = make()
    for x_row, y in source:
        answer = model.predict_one(x_row)
        scored.update(y, {label: answer.get(label, False) for label in y})
        model.learn_one(x_row, y)
    result = prequential(source, make())
    assert result.metrics["micro_f1"] == pytest.approx(scored.get(), abs=1e-12)


def test_river_models_get_every_feature():
    """A feature of value 0 is in the dictionary: models that read it by name depend on that."""
    seen = []

    class Looks(RowSpy):
        def predict_one(self, x):
            seen.append(x)
            return {}

    x = np.array([[1.0, 0.0], [2.0, 5.0]])
    prequential(MemorySource([[1], [0]], x), Looks())
    assert seen == [{"x0": 1.0, "x1": 0.0}, {"x0": 2.0, "x1": 5.0}]


def test_rows_without_any_truth_are_neither_learnt_nor_scored():
    spy = RowSpy()
    truth = [[1, 0], [-1, -1], [1, 0]]
    result = prequential(MemorySource(truth, numbered(3)), spy)
    assert ("learn", 1) not in spy.events
    assert result.rows == 3
    assert result.metrics["subset_accuracy"] == 0.5
    classes = MemorySource([[1, 0], [0, 0], [1, 0]], numbered(3), task="single-label")

    class Classifies(RowSpy):
        def predict_one(self, x):
            super().predict_one(x)
            return self.newest or None

    spy = Classifies()
    assert prequential(classes, spy).metrics["accuracy"] == 0.5
    assert [number for what, number in spy.events if what == "learn"] == [0, 2]


@pytest.mark.parametrize("spy_class", [BatchSpy, RowSpy])
def test_keyboard_interrupt_keeps_the_counts(spy_class):
    source = MemorySource(random_truth(50, 2), numbered(50))
    spy = spy_class(fails_at=30, error=KeyboardInterrupt())
    result = prequential(source, spy, chunk_rows=10)
    assert result.interrupted
    assert result.rows == 30
    assert result.windows[-1]["stop"] == 30
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("spy_class", [BatchSpy, RowSpy])
def test_ctrl_c_stops_between_rows(spy_class):
    """The row in the model is finished and counted, so that model and counts agree."""

    class Signals(spy_class):
        def test_then_train_many(self, batch, schema, **kwargs):
            answer = super().test_then_train_many(batch, schema, **kwargs)
            if len(self.events) > 50:
                signal.raise_signal(signal.SIGINT)
            return answer

        def learn_one(self, x, y):
            super().learn_one(x, y)
            if len(self.events) > 50:
                signal.raise_signal(signal.SIGINT)

    if spy_class is RowSpy:
        del Signals.test_then_train_many
    spy = Signals()
    result = prequential(MemorySource(random_truth(90, 2), numbered(90)), spy, chunk_rows=10)
    assert result.interrupted
    assert result.rows == len([each for each in spy.events if each[0] == "predict"])
    assert 0 < result.rows < 90


def test_ctrl_c_while_reading():
    source = MemorySource(random_truth(50, 2), numbered(50), fails_at=20, error=KeyboardInterrupt())
    result = prequential(source, BatchSpy(), chunk_rows=8)
    assert result.interrupted
    assert result.rows == 20


def test_bad_data_keeps_the_results_so_far():
    error = DataError("expected a number, got 'abc'", source="rows.csv", line=22)
    source = MemorySource(random_truth(50, 2), numbered(50), fails_at=20, error=error)
    with pytest.raises(PartialResultError) as caught:
        prequential(source, BatchSpy(), chunk_rows=8)
    assert str(caught.value) == "rows.csv, line 22: expected a number, got 'abc'"
    assert isinstance(caught.value, DataError)
    assert caught.value.result.rows == 20
    assert caught.value.result.error == str(error)


def test_a_limit_stops_before_bad_data():
    error = DataError("never read")
    source = MemorySource(random_truth(50, 2), numbered(50), fails_at=20, error=error)
    assert prequential(source, BatchSpy(), limit=20).rows == 20


def test_works_outside_of_the_main_thread():
    """Signals can only be handled in the main thread."""
    found = []
    source = MemorySource(random_truth(20, 2), numbered(20))
    thread = threading.Thread(target=lambda: found.append(prequential(source, BatchSpy())))
    thread.start()
    thread.join()
    assert found[0].rows == 20


def test_progress_is_told_everything():
    class Recorder:
        interval = 0.0

        def __init__(self):
            self.calls = []

        def compiling(self):
            import contextlib

            self.calls.append("compiling")
            return contextlib.nullcontext()

        def start(self, total, task):
            self.calls.append((total, task))

        def update(self, rows, metrics):
            self.calls.append((rows, sorted(metrics())))

        def stop(self):
            self.calls.append("stop")

    progress = Recorder()
    source = MemorySource(random_truth(25, 2), numbered(25))
    prequential(source, BatchSpy(), chunk_rows=10, limit=20, progress=progress)
    names = ["micro_f1", "subset_accuracy"]
    assert progress.calls == [
        "compiling",
        (20, "multi-label"),
        (10, names),
        (20, names),
        "stop",
    ]


def test_structure_is_read_at_the_end_of_each_window():
    class Structured(BatchSpy):
        def structure(self):
            return {"clusters": len(self.events), "restructures": [3, 7], "drifts": 0}

    source = MemorySource(random_truth(25, 2), numbered(25))
    result = prequential(source, Structured(), window=10)
    assert [window["clusters"] for window in result.windows] == [20, 40, 50]
    assert (result.clusters, result.restructures, result.drifts) == (50, [3, 7], 0)
    assert "clusters" not in prequential(source, BatchSpy(), window=10).windows[0]


def test_windows_hold_counts_and_the_long_lists_are_read_once():
    """A model with many events is asked for all of them after every window: quadratic."""

    class Eventful(BatchSpy):
        asked = 0

        def structure(self):
            self.asked += 1
            return {"clusters": [["a"], ["b"]], "restructures": [{"kind": "split"}], "drifts": [4]}

        def structure_counts(self):
            return {"clusters": 2, "restructures": len(self.events), "drifts": 1}

    model = Eventful()
    result = prequential(MemorySource(random_truth(25, 2), numbered(25)), model, window=10)
    assert model.asked == 1
    assert [window["restructures"] for window in result.windows] == [20, 40, 50]
    assert result.restructures == [{"kind": "split"}]
    assert {window["clusters"] for window in result.windows} == {2}


def test_lists_are_counted_for_the_windows():
    class Structured(BatchSpy):
        def structure(self):
            return {"clusters": [["a"], ["b"]], "restructures": [3] * len(self.events)}

    source = MemorySource(random_truth(25, 2), numbered(25))
    windows = prequential(source, Structured(), window=10).windows
    assert [window["restructures"] for window in windows] == [20, 40, 50]
    assert (windows[0]["clusters"], windows[0]["drifts"]) == (2, None)


def test_warm_up_is_not_model_time():
    class Warm(BatchSpy):
        warmed = 0

        def warm_up(self):
            self.warmed += 1
            assert not self.events
            return 0.0

    model = Warm()
    result = prequential(MemorySource(random_truth(5, 2), numbered(5)), model)
    assert model.warmed == 1
    assert 0 <= result.compile_seconds <= result.seconds
    assert warm_up(RowSpy()) >= 0


ODD = [-1, 2**63, 10**5_000, 0.5, float("nan"), float("inf"), True, "7", [1]]


@pytest.mark.parametrize("value", ODD, ids=lambda value: str(type(value).__name__))
@pytest.mark.parametrize("name", ["limit", "delay", "window", "chunk_rows"])
def test_parameters_out_of_range(name, value):
    """A value that ends in a TypeError, an array of its length, or kernels compiled for it."""
    with pytest.raises(ParameterError, match=f"The '{name}' parameter of prequential must be an"):
        prequential(MemorySource([[1]]), BatchSpy(), **{name: value})


@pytest.mark.parametrize("name", ["limit", "window", "chunk_rows"])
def test_no_rows_are_too_few(name):
    with pytest.raises(ParameterError, match=rf"'{name}'.*range \[1, .*Got 0 instead"):
        prequential(MemorySource([[1]]), BatchSpy(), **{name: 0})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (object(), "must have the methods"),
        (RowSpy, "must have the methods"),
        (BatchSpy, "must have the methods"),
        (naive_bayes.GaussianNB(), "must be a MultiLabelClassifier"),
        (preprocessing.StandardScaler() | naive_bayes.GaussianNB(), "Got GaussianNB"),
    ],
)
def test_models_that_do_not_fit(model, message):
    with pytest.raises(ParameterError, match=message):
        prequential(MemorySource([[1]]), model)


def test_a_foreign_label_is_an_error():
    """Counting it as nothing would flatter the model."""
    spy = RowSpy()
    spy.newest = {"other": True}
    with pytest.raises(ParameterError, match="'other'"):
        prequential(MemorySource([[1]]), spy)


def test_parameters_and_seed_are_reported():
    model = tree.HoeffdingAdaptiveTreeClassifier(grace_period=33, seed=5)
    result = prequential(classification_source(50), model)
    assert result.seed == 5
    assert result.params["grace_period"] == 33
    assert result.model == "HoeffdingAdaptiveTreeClassifier"
    json.loads(result.json_text())


def test_spies_are_what_they_seem():
    assert isinstance(BatchSpy(), BatchEstimator)
    assert not isinstance(RowSpy(), BatchEstimator)


def test_chunks_stay_moderate():
    assert default_chunk_rows(0) == default_chunk_rows(100) == 1000
    assert default_chunk_rows(10**9) == 1
