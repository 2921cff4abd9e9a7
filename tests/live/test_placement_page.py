"""Which worker has which clusters stands on the page, live and kept."""

from browser import open_browser, open_tab

from stream import DriftHOMER, prequential
from stream.clusters.executor import Moved, WorkerState
from stream.live import LivePage, write_report
from stream.live.workers import ASK_SECONDS, MOST_CLUSTERS_NAMED, Placement

ROWS = "syn-blocks-sud:rows=1000,seed=3"


class OnWorkers(DriftHOMER):
    """A model that says that its clusters are elsewhere."""

    asked = 0

    @property
    def worker_states(self):
        OnWorkers.asked += 1
        return [
            WorkerState("east", 11, [0, 2], 3_400_000, 1.25, 0),
            WorkerState("west", 12, [1], 1_000_000, 2.0, 1),
        ]

    @property
    def worker_moves(self):
        return [Moved(100, 0, 1, [1], 1.4)]


def test_the_page_shows_who_has_what(tmp_path):
    """The table is empty, or the kept page has none."""
    with LivePage() as live:
        found = prequential(ROWS, OnWorkers(seed=1), watcher=live)
    path = tmp_path / "report.html"
    write_report(found, path)
    with open_browser() as browser:
        page = open_tab(browser, 400)
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready=finished]")
        rows = page.locator("#workers tr").all_inner_texts()
        assert [row.split("\t") for row in rows] == [
            ["east, process 11", "2: 0, 2", "3.4", "1.3", "0"],
            ["west, process 12", "1: 1", "1.0", "2.0", "1"],
        ]
        assert "another worker once" in page.text_content("#workers-note")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_threads_are_told_where_there_are_no_workers(tmp_path):
    """A run with threads looks like one without."""
    with LivePage() as live:
        found = prequential(ROWS, DriftHOMER(seed=1, n_jobs=2), limit=300, watcher=live)
    assert found.watched["placement"] == {"threads": 2, "workers": [], "n_moves": None}


def test_workers_are_asked_now_and_then():
    """Each look at the page waits for answers of other machines."""
    now, OnWorkers.asked = [0.0], 0
    placement = Placement(OnWorkers(seed=1), clock=lambda: now[0])
    for _ in range(5):
        assert len(placement.tell()["workers"]) == 2
    assert OnWorkers.asked == 1
    now[0] = ASK_SECONDS
    placement.tell()
    assert OnWorkers.asked == 2
    placement.tell(now=True)
    assert OnWorkers.asked == 3


def test_a_model_without_clusters_tells_nothing():
    """A plain River model has no page, or one of 10,000 clusters a page that is too long."""
    assert Placement(object()).tell() == {"threads": None, "workers": [], "n_moves": None}

    class Many:
        worker_states = (WorkerState("here", 1, list(range(10_000)), 0, 0.0, 0),)
        worker_moves = ()

    (told,) = Placement(Many()).tell()["workers"]
    assert told["n_clusters"] == 10_000
    assert len(told["clusters"]) == MOST_CLUSTERS_NAMED
