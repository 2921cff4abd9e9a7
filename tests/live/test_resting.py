"""A stream that rests is shown to its last row, between two pieces and never beside one."""

import json
import threading
import time
import urllib.request

import pytest

from stream import DriftHOMER, MultiLabelHoeffdingTree, open_source, prequential
from stream.data.source import Source
from stream.live import LivePage
from stream.live.budget import Budget
from stream.live.resting import LOOK_SECONDS, Rest

ROWS = "syn-blocks-sud:rows=2000,seed=3"
PATIENCE = 300  # seconds


class Stopping(Source):
    """A stream that stops before one of its pieces of 100 rows until it may go on."""

    def __init__(self, at):
        inner = open_source(ROWS)
        self.inner, self.name, self.schema, self.n_rows = inner, inner.name, inner.schema, None
        self.at, self.go = at, threading.Event()

    def batches(self, chunk_rows=100):
        for i, batch in enumerate(self.inner.batches(100)):
            if i * 100 == self.at:
                assert self.go.wait(PATIENCE)
            yield batch


def states(page):
    """The states of a page, as a browser asks for them."""
    version, until = -1, time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with urllib.request.urlopen(f"{page.url}state?since={version}", timeout=PATIENCE) as reply:
            state = json.loads(reply.read())
        if state["version"] > version:
            yield state
        version = state["version"]


def evaluate(page, source, model, found):
    thread = threading.Thread(
        target=lambda: found.append(prequential(source, model, window=500, watcher=page))
    )
    thread.start()
    return thread


@pytest.mark.parametrize("make_model", [lambda: DriftHOMER(seed=1), MultiLabelHoeffdingTree])
def test_the_last_row_is_shown_though_no_other_comes(make_model, monkeypatch):
    """A page whose budget was spent just before the stream stops stands still for as long."""
    monkeypatch.setattr(Budget, "is_due", lambda self: self._paid_at == 0.0)  # once, and never more
    source, found = Stopping(at=1100), []
    with LivePage() as page:
        running = evaluate(page, source, make_model(), found)
        try:
            state = next(each for each in states(page) if each["rows"] == 1100)
        finally:
            source.go.set()
            running.join(PATIENCE)
        assert state["history"]["stop"] == [500, 1000]
        assert state["labels"] == 20
        assert len(state["hierarchy"]) > 0 or make_model is MultiLabelHoeffdingTree
        last = next(each for each in states(page) if each["status"] == "finished")
        assert last["rows"] == found[0].rows == 2000


def test_nothing_is_left_behind():
    """A thread goes on looking at a model whose evaluation has ended, or has failed."""

    def looking():
        return [each for each in threading.enumerate() if each.name == "page at rest"]

    class Failing(MultiLabelHoeffdingTree):
        def structure(self):
            raise ZeroDivisionError

    with LivePage() as page:
        prequential(ROWS, MultiLabelHoeffdingTree(), limit=300, watcher=page)
        assert not looking()
        prequential(ROWS, MultiLabelHoeffdingTree(), limit=300, watcher=page)
        assert not looking()
        with pytest.raises(ZeroDivisionError):
            prequential(ROWS, Failing(), limit=300, watcher=page)
        assert len(looking()) == 1
    assert not looking()


def test_an_error_is_told_and_the_next_rest_is_used(caplog):
    """The thread ends in silence, and the page stands still from then on."""
    now, done = [0.0], []

    def task():
        done.append(now[0])
        if len(done) == 1:
            raise ZeroDivisionError("of this test")

    rest = Rest(task, clock=lambda: now[0])
    for _ in range(2):
        rest.begin()
        now[0] += 10
        rest.look()
        rest.look()
    assert done == [10.0, 20.0]
    (record,) = caplog.records
    assert "rests" in record.message
    assert "of this test" in caplog.text


def test_a_piece_waits_for_the_page():
    """The page reads a model while it learns."""
    inside, leave, ended = threading.Event(), threading.Event(), threading.Event()

    def task():
        inside.set()
        assert leave.wait(PATIENCE)

    now = [0.0]
    rest = Rest(task, clock=lambda: now[0])
    rest.begin()
    now[0] = 10.0
    looking = threading.Thread(target=rest.look)
    looking.start()
    assert inside.wait(PATIENCE)
    piece = threading.Thread(target=lambda: (rest.end(), ended.set()))
    piece.start()
    assert not ended.wait(2 * LOOK_SECONDS)
    leave.set()
    assert ended.wait(PATIENCE)
    looking.join(PATIENCE)
    piece.join(PATIENCE)
    rest.look()  # nothing rests any more: the task would wait for nobody
