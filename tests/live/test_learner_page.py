"""The page of a learner between topics shows the learner's numbers, without a broker here."""

from __future__ import annotations

import copy
import json
import re
import threading
import time
import urllib.request

import msgspec
import pytest
from browser import open_browser, open_tab

from stream import DriftHOMER, open_source
from stream.cli import main
from stream.kafka import process
from stream.kafka.clients.interface import Record, TopicPartition
from stream.kafka.messages.decoding import FieldDecoder
from stream.kafka.messages.field_mapping import FieldMapping
from stream.kafka.messages.predictions import PredictionWriter
from stream.kafka.model_drivers import BatchDriver
from stream.kafka.service import Service
from stream.kafka.settings import Settings
from stream.kafka.topic_learner import TopicLearner
from stream.live import LearnerPage
from stream.live import learning as live_learning

WINDOW = 200
PATIENCE = 300  # seconds
ROWS = TopicPartition("rows", 0)


def make_learner(state):
    learner = TopicLearner(
        BatchDriver(DriftHOMER(seed=1)),
        FieldDecoder(FieldMapping()),
        PredictionWriter("predictions", 1),
        task="multi-label",
        window=WINDOW,
    )
    if state is not None:
        learner.set_state(state)
    return learner


def records(n, labelled=True, first=0):
    encode = msgspec.json.encode
    for i, (x, y) in enumerate(open_source("syn-blocks-sud:rows=4000,seed=3")):
        if first <= i < n:
            value = {"x": x, "y": y} if labelled else {"x": x}
            yield Record(offset=i, timestamp=1_000 + i, key=b"%d" % i, value=encode(value))


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A service without a broker, and its page."""
    monkeypatch.setattr(live_learning, "COUNT_SECONDS", 0.05)
    settings = Settings(name="songs", directory=tmp_path, topic="rows")
    service = Service(None, None, settings, make_learner)
    page = LearnerPage()
    page.watch(service)
    yield service, page
    page.close()


def state_of(page):
    with urllib.request.urlopen(page.url + "state", timeout=PATIENCE) as reply:
        return json.loads(reply.read())


def counted(state, name):
    return (state.get("counts") or {}).get(name)


def until(page, holds, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not holds(found := state_of(page)):
        assert time.monotonic() < deadline, found
    return found


def test_the_page_has_the_numbers_of_the_learner(served):
    """A window is lost or counted twice, or the metrics are those of another moment."""
    service, page = served
    learner = service.begin(None)
    taken = list(records(1_100))
    for start in range(0, len(taken), 70):
        learner.take([(ROWS, taken[start : start + 70])])
    found = until(page, lambda state: counted(state, "instances learnt") == 1_100)
    assert found["status"] == "running"
    assert (found["model"], found["dataset"]) == ("DriftHOMER", "rows")
    assert found["history"]["stop"] == [200, 400, 600, 800, 1000]
    last = {name: values[-1] for name, values in found["history"]["metrics"].items()}
    assert last == pytest.approx(learner.metrics.latest)
    assert found["history"]["clusters"][-1] == learner.driver.model.structure_counts()["clusters"]
    assert 1 <= found["history"]["asked"][-1] <= found["history"]["askable"][-1]
    assert found["counts"]["messages"] == 1_100
    assert found["labels"] == 20


def test_going_back_to_a_snapshot_begins_the_course_there(served):
    """The course has rows twice after a crash."""
    service, page = served
    learner = service.begin(None)
    learner.take([(ROWS, list(records(500)))])
    kept = copy.deepcopy(learner.get_state())
    learner.take([(ROWS, list(records(900, first=500)))])
    learner = service.begin(kept)
    learner.take([(ROWS, list(records(1_300, first=500)))])
    found = until(page, lambda state: counted(state, "instances learnt") == 1_300)
    assert found["history"]["stop"] == [600, 800, 1000, 1200]


def test_a_topic_without_labels_still_shows_what_comes(served):
    """The page stands still as if nothing came."""
    service, page = served
    learner = service.begin(None)
    learner.take([(ROWS, list(records(300, labelled=False)))])
    found = until(page, lambda state: counted(state, "instances predicted") == 300)
    assert found["counts"]["messages"] == 300
    assert found["counts"]["instances learnt"] == 0


def test_watching_does_not_change_the_learner(served):
    """What is written to the predictions topic differs because somebody looks."""
    service, _ = served
    watched, alone = service.begin(None), make_learner(None)
    told = [learner.take([(ROWS, list(records(700)))]) for learner in (watched, alone)]
    assert told[0] == told[1]
    assert watched.metrics.total.as_dict() == alone.metrics.total.as_dict()


def test_the_page_in_a_browser(served):
    """The counts of messages are nowhere to be seen, or the page needs an evaluation's state."""
    service, page = served
    learner = service.begin(None)
    learner.take([(ROWS, list(records(1_000)))])
    with open_browser() as browser:
        tab = open_tab(browser, 400, 800)
        problems = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.goto(page.url)
        tab.wait_for_selector("body[data-ready=running]")
        tab.wait_for_function(
            "(document.querySelector(\"[data-key='messages']\") || {}).textContent === '1,000'"
        )
        tab.wait_for_function("document.querySelector('#chart').dataset.points === '5'")
        assert "asked a row" in tab.text_content("#routing-note")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert problems == []


def test_consume_shows_the_page_at_its_port(tmp_path, monkeypatch, caplog):
    """The option is there and nothing is served, or the port stays taken afterwards."""
    settings = Settings(name="songs", directory=tmp_path, topic="rows")
    service = Service(None, None, settings, make_learner)
    seen = []

    def run():
        service.begin(None).take([(ROWS, list(records(WINDOW)))])
        url = re.search(r"The page is at (\S+)", caplog.text)[1]
        with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
            seen.append(reply.read())

    monkeypatch.setattr(service, "run", run)
    monkeypatch.setattr(process, "build", lambda **options: service)
    topics = ["--topic", "rows", "--predictions-topic", "predictions"]
    where = ["--bootstrap-servers", "localhost:1", "--name", "songs", "--live-port", "0"]
    assert main(["consume", *topics, *where, "--snapshot-dir", str(tmp_path)]) == 0
    assert b"<!doctype html>" in seen[0]
    assert not [each for each in threading.enumerate() if each.name == "page"]


def test_the_last_rows_are_shown_though_no_message_comes(served, monkeypatch):
    """The page of a topic that falls silent stands still before its last rows."""
    service, page = served
    learner = service.begin(None)
    monkeypatch.setattr(page._snapshots, "is_due", lambda: False)
    monkeypatch.setattr(page._briefs, "is_due", lambda: False)
    taken = list(records(1_150))
    for start in range(0, len(taken), 70):
        learner.take([(ROWS, taken[start : start + 70])])
    assert state_of(page)["rows"] < 1_150

    def shown(state):
        service.rest()
        return state["rows"] == 1_150

    until(page, shown)
