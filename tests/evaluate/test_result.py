"""Files that are complete or absent, strict JSON, and tables and bars that suit their console."""

import csv
import io
import json
import math
import os
import threading

import numpy as np
import pytest
from evaluation_streams import BatchSpy, MemorySource, numbered
from rich.console import Console

from stream.evaluate import prequential
from stream.evaluate.calibration import CALIBRATION_METRICS
from stream.evaluate.progress import TerminalProgress
from stream.evaluate.ranking import RANKING_METRICS
from stream.evaluate.report import print_report, sparkline
from stream.evaluate.result import describe, write_text
from stream.evaluate.tally import metric_names

DOCUMENTED_KEYS = {
    *("dataset", "model", "params", "seed", "rows", "features", "labels", "metrics", "seconds"),
    *("compile_seconds", "rows_per_second", "peak_rss_mb", "clusters", "restructures", "drifts"),
    "windows",
}


@pytest.fixture
def result():
    truth = (np.random.default_rng(1).random((95, 3)) < 0.5).astype(int)
    return prequential(MemorySource(truth, numbered(95)), BatchSpy(), window=10)


@pytest.fixture
def single_label_result():
    truth = np.eye(3, dtype=int)[np.random.default_rng(1).integers(0, 3, 95)]
    source = MemorySource(truth, numbered(95), task="single-label")
    return prequential(source, BatchSpy(), window=10)


def strict(text):
    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_holds_the_documented_keys(result, tmp_path):
    path = tmp_path / "out.json"
    result.to_json(path)
    found = strict(path.read_text())
    assert set(found) >= DOCUMENTED_KEYS
    names = (*metric_names("multi-label"), *RANKING_METRICS, *CALIBRATION_METRICS)
    assert tuple(found["metrics"]) == names
    assert found["rows"] == 95
    assert found["versions"]["river"]
    assert [each["label"] for each in found["per_label"]] == ["label0", "label1", "label2"]


def test_json_is_strict_whatever_a_model_tells(result):
    result.params = {"rate": math.nan, "kind": {1, 2}, "made_of": (int, {"a": np.float32(0.5)})}
    result.drifts = np.array([3, 9])
    result.metrics["micro_f1"] = math.inf
    found = strict(result.json_text())
    assert found["params"] == {"rate": None, "kind": [1, 2], "made_of": {"int": {"a": 0.5}}}
    assert found["drifts"] == [3, 9]
    assert found["metrics"]["micro_f1"] is None


def test_describe_keeps_what_json_knows():
    value = {"a": [1, 2.5, None, True, "text"], "b": {"c": []}}
    assert describe(value) == value


def test_csv_holds_the_windows(result, tmp_path):
    path = tmp_path / "out.csv"
    result.to_csv(path)
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [int(row["stop"]) for row in rows] == [*range(10, 95, 10), 95]
    for row, window in zip(rows, result.windows, strict=True):
        assert float(row["micro_f1"]) == window["metrics"]["micro_f1"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "out.json"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.json"]


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "text")
    reader.join()
    assert found == ["text"]
    assert pipe.is_fifo()


def printed(result, **options):
    console = Console(file=io.StringIO(), width=80, **options)
    print_report(result, console)
    return console.file.getvalue()


def test_report_of_a_multi_label_stream(result):
    text = printed(result)
    assert "BatchSpy on memory: 95 rows × 1 feature, 3 labels" in text
    for name in (
        "subset_accuracy",
        "hamming_loss",
        "example_f1",
        "micro_precision",
        "macro_recall",
    ):
        assert f"{result.metrics[name]:.4f}" in text
    assert "micro-F1 in windows of 10 rows" in text
    assert "\x1b" not in text
    assert "Interrupted" not in text


def test_report_of_a_single_label_stream(single_label_result):
    text = printed(single_label_result)
    for name in ("accuracy", "kappa", "kappa_m", "kappa_t"):
        assert f"{single_label_result.metrics[name]:.4f}" in text
    assert "3 classes" in text


def test_report_says_when_it_is_partial(result):
    result.interrupted = True
    assert "first 95 rows" in printed(result)
    result.interrupted, result.error = False, "rows.csv, line 3: no"
    assert "Ended by bad data" in printed(result)


def test_report_tells_the_structure(result):
    result.clusters, result.restructures, result.drifts = 4, [10, 20], 0
    assert "4 clusters · 2 restructures" in printed(result)
    result.clusters, result.restructures, result.drifts = [["a", "b"]], [], 1
    assert "\n1 cluster · 1 drift\n" in printed(result)


def test_report_on_a_console_that_only_knows_ascii(result):
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_report(result, Console(file=file, width=80))
    file.flush()
    text = file.buffer.getvalue().decode("ascii")
    assert "95 rows x 1 feature," in text


def test_sparkline():
    assert sparkline([]) == ""
    assert sparkline([0.5, 0.5]) == "▁▁"
    assert sparkline([0, 7, 3]) == "▁█▄"
    assert len(sparkline(list(range(1000)), width=60)) == 60


def drawn(progress):
    return progress.console.file.getvalue()


def make_progress(**options):
    return TerminalProgress(Console(file=io.StringIO(), width=120, **options), interval=0.0)


def test_progress_on_a_terminal(result):
    progress = make_progress(force_terminal=True)
    progress.start(100, "multi-label")
    progress.update(40, lambda: {"micro_f1": 0.25, "subset_accuracy": 0.125})
    progress.stop()
    for text in ("40 of 100 rows", "rows/s", "micro-F1", "0.250", "subset acc.", "0.125"):
        assert text in drawn(progress)


def test_progress_is_silent_elsewhere():
    progress = make_progress(force_terminal=False)
    with progress.compiling():
        pass
    progress.start(100, "multi-label")
    progress.update(40, lambda: pytest.fail("metrics were computed for nobody"))
    progress.stop()
    assert drawn(progress) == ""


def test_progress_does_not_compute_between_drawings():
    progress = make_progress(force_terminal=True)
    progress.interval = 3600.0
    progress.start(None, "single-label")
    calls = []

    def brief():
        calls.append(1)
        return {"accuracy": 0.5}

    for rows in range(100):
        progress.update(rows, brief)
    progress.stop()
    assert len(calls) == 1
