"""Watching changes nothing, costs a bounded share, and never grows with the stream."""

import json
import urllib.error
import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream import IHOMER, DriftHOMER, prequential
from stream.errors import DataError, NotAvailableError
from stream.evaluate import MultiLabelMetrics
from stream.live import LivePage
from stream.live.history import History
from stream.live.report import read_result
from stream.live.watching import Budget

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
        found = prequential(ROWS, DriftHOMER(seed=2), limit=1500, watcher=page, chunk_rows=25)
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
    """A dear task runs as often as a cheap one and eats the throughput."""
    now = [0.0]
    budget = Budget(share=0.01, least=0.5, clock=lambda: now[0])
    spent = 0.0

    def task():
        nonlocal spent
        now[0] += 0.2
        spent += 0.2

    while now[0] < 1000:
        budget.run(task)
        now[0] += 0.05
    assert 0.005 < spent / now[0] <= 0.0101


def test_last_window_is_that_of_the_windows():
    """The live page's newest point is computed otherwise than the result's."""
    metrics = MultiLabelMetrics(["a", "b"], window=2)
    assert metrics.last_window() is None
    for i in range(5):
        metrics.update_one({"a": bool(i % 2), "b": True}, {"a": True, "b": bool(i % 3)})
    assert metrics.last_window() == metrics.windows()[1]
    counts = metrics.label_counts()
    assert [counts[name].tolist() for name in ("tp", "fp", "fn")] == [
        [each[name] for each in metrics.per_label()] for name in ("tp", "fp", "fn")
    ]


def get(url, **headers):
    asked = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(asked, timeout=10) as reply:
        return reply.headers, reply.read()


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
