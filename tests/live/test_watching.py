"""Watching changes nothing, costs a bounded share, and never grows with the stream."""

import json
import urllib.error
import urllib.request

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream import IHOMER, DriftHOMER, prequential
from stream.errors import DataError, NotAvailableError
from stream.evaluate import MultiLabelMetrics
from stream.live import LivePage
from stream.live.budget import Budget
from stream.live.history import History
from stream.live.labels import LabelTable
from stream.live.report import read_result

ROWS = "syn-blocks-sud:rows=3000,seed=3"


def window(i, rows=10, value=None):
    return {
        "start": rows * i,
        "stop": rows * i + rows,
        "metrics": {"f1": float(i if value is None else value)},
        "rows_per_second": 10.0 + i,
        "drifts": i,
    }


@given(n=st.integers(1, 400), most=st.sampled_from([4, 10, 64]))
def test_history_is_bounded_and_keeps_means(n, most):
    """The page grows with the stream, or loses or repeats windows when it is thinned."""
    history = History(most)
    for i in range(n):
        history.add(window(i))
    columns = history.columns()
    stops = columns["stop"]
    assert len(stops) <= most
    assert stops == sorted(set(stops))
    assert stops[-1] == 10 * n
    assert columns["metrics"]["f1"][-1] == n - 1  # the newest window stands for itself
    assert columns["drifts"][-1] == n - 1
    lengths = [b - a for a, b in zip([0, *stops], stops, strict=False)]
    mean = sum(x * w for x, w in zip(columns["metrics"]["f1"], lengths, strict=True)) / (10 * n)
    assert mean == pytest.approx((n - 1) / 2)
    seconds = sum(w / v for w, v in zip(lengths, columns["rows_per_second"], strict=True))
    assert seconds == pytest.approx(sum(10 / (10.0 + i) for i in range(n)))


def test_a_published_state_does_not_change():
    """The page shows points that are newer than the numbers above them."""
    history = History(4)
    history.add(window(0))
    then = history.copy()
    for i in range(1, 9):
        history.add(window(i))
    assert then.columns()["stop"] == [10]


def test_ten_million_rows_do_not_grow_the_page():
    """A page of 10⁷ rows is larger than one of 10⁶."""
    sizes = []
    for n in (2_000, 10_000):
        history = History()
        for i in range(n):
            history.add(window(i, rows=1000))
        assert len(history._points) <= history.most
        sizes.append(len(json.dumps(history.columns())))
    assert sizes[1] < 1.2 * sizes[0]


@pytest.mark.parametrize("make_model", [IHOMER, lambda: DriftHOMER(seed=2)])
@pytest.mark.parametrize("delay", [0, 7])
def test_watching_changes_no_result(make_model, delay, monkeypatch):
    """Explaining a row teaches the model, or draws from its random numbers."""
    monkeypatch.setattr(Budget, "run", lambda self, task: task() or True)  # at every chance

    def found(**options):
        model = make_model()
        told = prequential(ROWS, model, limit=1500, window=100, delay=delay, **options).as_dict()
        for name in ("seconds", "compile_seconds", "rows_per_second", "peak_rss_mb", "watched"):
            del told[name]
        for each in told["windows"]:
            del each["rows_per_second"]
        return told

    with LivePage() as page:
        assert found(watcher=page, chunk_rows=50) == found(chunk_rows=50)


def test_explanations_are_of_the_answers_given(monkeypatch):
    """A row is explained after it was learnt, or the explanation is of another row."""
    monkeypatch.setattr(Budget, "run", lambda self, task: task() or True)
    with LivePage() as page:
        model = DriftHOMER(experts=3, seed=2)
        found = prequential(ROWS, model, limit=1500, watcher=page, chunk_rows=25)
    assert len(found.watched["predictions"]) == 20
    answered = 0
    for each in found.watched["predictions"]:
        explained = {why["label"]: why["answered"] for why in each["why"]}
        assert len(explained) == 12
        assert {label: label in each["answered"] for label in explained} == explained
        answered += len(each["answered"])
    assert answered
    assert set(found.watched["routing"]) >= {
        str(node["id"]) for node in found.hierarchy if "labels" in node
    }


def test_budget_is_a_share_of_the_time():
    """A dear task runs as often as a cheap one and eats the throughput, or takes five times its
    share where others have four fifths of the processor."""
    for load in (1, 5):
        used, wall = [0.0], [0.0]
        budget = Budget(0.01, clock=lambda used=used: used[0], wall=lambda wall=wall: wall[0])
        spent = 0.0

        def work(seconds, used=used, wall=wall, load=load):
            used[0] += seconds
            wall[0] += load * seconds

        def task():
            nonlocal spent
            work(0.02)
            spent += 0.02

        while used[0] < 1000:
            budget.run(task)
            work(0.05)
        assert 0.005 < spent / used[0] <= 0.0101


def test_an_idle_process_is_shown_all_the_same():
    """A learner that waits for messages uses no processor time, and its page stands still."""
    wall, runs = [0.0], []
    budget = Budget(0.001, clock=lambda: 0.0, wall=lambda: wall[0])
    for _ in range(1_000):
        wall[0] += 0.1
        budget.run(lambda: runs.append(wall[0]))
    assert len(runs) > 10


def test_whole_windows_are_those_of_the_windows():
    """The live page's points are computed otherwise than the result's."""
    metrics = MultiLabelMetrics(["a", "b"], window=2)
    assert metrics.whole_windows() == []
    for i in range(5):
        metrics.update_one({"a": bool(i % 2), "b": True}, {"a": True, "b": bool(i % 3)})
    assert metrics.whole_windows() == metrics.windows()[:2]
    assert metrics.whole_windows(1) == metrics.windows()[1:2]
    counts = metrics.label_counts()
    assert [counts[name].tolist() for name in ("tp", "fp", "fn")] == [
        [each[name] for each in metrics.per_label()] for name in ("tp", "fp", "fn")
    ]


def get(url, **headers):
    asked = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(asked, timeout=300) as reply:
        return reply.headers, reply.read()


def test_the_live_page_searches_a_hundred_thousand_labels():
    """All of them are sent to the browser, or the order is that of a part of them."""
    n = 100_000
    counts = {"tp": np.arange(n) % 7, "fp": np.ones(n, int), "fn": np.arange(n) % 3}
    with LivePage() as page:
        page._server.labels = LabelTable([f"tag {i}" for i in range(n)], counts)
        found = json.loads(get(page.url + "labels?query=TAG%209999&order=name")[1])
        assert (found["of"], found["found"], len(found["rows"])) == (n, 11, 11)
        assert found["rows"][0]["label"] == "tag 9999"
        found = json.loads(get(page.url + "labels?query=&order=support")[1])
        assert (found["found"], len(found["rows"])) == (n, 50)
        assert all(row["tp"] + row["fn"] == 8 for row in found["rows"])


def test_only_its_own_address_is_answered():
    """A page of another site reads the data through a name of its own (DNS rebinding)."""
    with LivePage() as page:
        headers, body = get(page.url)
        assert b"<!doctype html>" in body
        assert headers["X-Content-Type-Options"] == "nosniff"
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(page.url, Host="evil.example")
        assert refused.value.code == 403
        with pytest.raises(urllib.error.HTTPError) as absent:
            get(page.url + "../etc/passwd")
        assert absent.value.code == 404
    page.close()  # once more does no harm


def test_a_port_that_is_taken_is_said():
    """A second page ends in a traceback of sockets."""
    with LivePage() as page:
        port = int(page.url.rstrip("/").rpartition(":")[2])
        with pytest.raises(NotAvailableError, match=f"{port}.*--live-port"):
            LivePage(port)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rows": 3}'])
def test_files_that_hold_no_result_are_refused(text, tmp_path):
    """A wrong file ends in a KeyError."""
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(DataError, match="drifthomer prequential --json"):
        read_result(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_result(tmp_path / "absent.json")
