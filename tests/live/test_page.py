"""The page in a real browser shows the numbers of the result, and asks nobody for anything."""

import json
import threading

import numpy as np
import pytest
from browser import open_browser, open_tab

from stream import IHOMER, DriftHOMER, MultiLabelHoeffdingTree, open_source, prequential
from stream.data.source import Source
from stream.live import LivePage, report_html, write_report

PATIENCE = 300  # seconds
EVIL = "</script><script>document.title='broken'</script>"


@pytest.fixture(scope="module")
def browser():
    with open_browser() as found:
        yield found


@pytest.fixture(params=[1280, 400])
def page(browser, request):
    page = open_tab(browser, request.param)
    page.problems, page.asked = [], []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("request", lambda asked: page.asked.append(asked.url))
    yield page
    page.context.close()
    assert page.problems == []


@pytest.fixture(scope="module")
def drifting():
    return prequential(
        "syn-blocks-sud:rows=12000,seed=3", IHOMER(), window=500, model_name="ihomer"
    )


def text_of(page, key):
    return page.text_content(f"[data-key='{key}']")


def points_drawn(page):
    return json.loads(page.text_content("#state"))["history"]


def check_against(page, result):
    """What is on the page is what the result says."""
    for name, value in result.metrics.items():
        assert text_of(page, name) == f"{value:.4f}"
    assert text_of(page, "rows") == f"{result.rows:,}"
    marks = page.locator("#marks-note")
    assert json.loads(marks.get_attribute("data-drifts")) == sorted(set(result.drifts))
    rows = sorted({each["row"] for each in result.restructures})
    assert json.loads(marks.get_attribute("data-restructures")) == rows
    frame = result.labels_frame("pyarrow")
    f1 = dict(zip(map(str, frame["label"].to_pylist()), frame["f1"].to_pylist(), strict=True))
    shown = page.eval_on_selector_all(
        "#labels tr", "rows => rows.map(r => [r.dataset.label, r.lastChild.textContent])"
    )
    assert dict(shown) == {label: f"{value:.4f}" for label, value in f1.items()}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_kept_page_opens_offline_with_the_results_numbers(page, drifting, tmp_path):
    """A number is rounded, shifted or from another row, or the page needs a network."""
    assert drifting.drifts
    assert drifting.restructures
    drifting.to_json(tmp_path / "result.json")
    path = tmp_path / "report.html"
    write_report(tmp_path / "result.json", path)
    page.context.set_offline(True)
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready=finished]")
    check_against(page, drifting)
    history = points_drawn(page)
    assert history["stop"] == [window["stop"] for window in drifting.windows]
    assert history["metrics"]["micro_f1"] == [w["metrics"]["micro_f1"] for w in drifting.windows]
    assert page.asked == [path.as_uri()]
    assert history["clusters"] == [window["clusters"] for window in drifting.windows]
    assert page.locator(".u-over").count() == 3  # metrics, speed, clusters
    clusters = page.eval_on_selector_all("#clusters [data-cluster]", "all => all.length")
    assert clusters == len(drifting.clusters)


def test_keys_move_through_the_windows(page, drifting, tmp_path):
    """Who has no mouse cannot read a window."""
    path = tmp_path / "report.html"
    write_report(drifting, path)
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready=finished]")
    page.focus("#chart")
    page.keyboard.press("End")
    last = drifting.windows[-1]
    page.wait_for_function("document.getElementById('reading').textContent")
    said = page.text_content("#reading")
    assert said.startswith(f"to row {last['stop']:,} · micro F1 {last['metrics']['micro_f1']:.4f}")
    page.keyboard.press("ArrowLeft")
    before = drifting.windows[-2]
    page.wait_for_function(
        "text => document.getElementById('reading').textContent.startsWith(text)",
        arg=f"to row {before['stop']:,} ",
    )


def test_a_label_is_text_whatever_it_holds(page, tmp_path):
    """A label named like a tag runs on the page of whoever opens the report."""
    rows = [({"x": float(i % 2)}, {EVIL: bool(i % 2), "@@state@@": True}) for i in range(300)]
    found = prequential(rows, DriftHOMER(seed=1), window=100)
    path = tmp_path / "report.html"
    path.write_text(report_html(found), encoding="utf-8")
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready=finished]")
    assert "DriftHOMER" in page.title()
    labels = page.eval_on_selector_all("#labels tr", "rows => rows.map(r => r.dataset.label)")
    assert sorted(labels) == sorted([EVIL, "@@state@@"])


def test_a_hundred_thousand_labels_are_searched(page, drifting, tmp_path):
    """All labels are put into the page at once, and it hangs."""
    found = drifting.as_dict()
    found["per_label"] = [
        {"label": f"tag {i}", "tp": i % 7, "fp": 1, "fn": i % 3, "tn": 0, "support": i % 7 + i % 3}
        for i in range(100_000)
    ]
    path = tmp_path / "report.html"
    write_report(found, path)
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready=finished]")
    assert page.locator("#labels tr").count() == 50
    page.fill("#search", "TAG 9999")
    page.wait_for_function("document.getElementById('labels').rows.length === 11")
    page.select_option("#order", "name")
    first = page.eval_on_selector("#labels tr", "row => row.dataset.label")
    assert first == "tag 9999"


class Gated(Source):
    """A stream that stops at some rows until it may go on."""

    def __init__(self, inner, stops):
        self.inner, self.name, self.schema = inner, inner.name, inner.schema
        self.n_rows = inner.n_rows
        self.gates = {row: (threading.Event(), threading.Event()) for row in stops}

    def batches(self, chunk_rows=100):
        for i, batch in enumerate(self.inner.batches(100)):
            if i * 100 in self.gates:
                reached, go = self.gates[i * 100]
                reached.set()
                assert go.wait(PATIENCE)
            yield batch


@pytest.mark.parametrize("make_model", [IHOMER, lambda: DriftHOMER(seed=1)])
def test_live_page_follows_and_ends_with_the_result(page, make_model):
    """The page's marks stand elsewhere, its numbers are not the result's, or it stands still before
    the last row of a stream that rests."""
    inner = open_source("syn-blocks-sud:rows=12000,seed=3")
    source = Gated(inner, [3000, 9000])
    found = []
    with LivePage() as live:
        running = threading.Thread(
            target=lambda: found.append(
                prequential(source, make_model(), window=500, watcher=live, chunk_rows=100)
            )
        )
        running.start()
        page.goto(live.url)
        for row, (reached, go) in source.gates.items():
            assert reached.wait(PATIENCE)
            page.wait_for_function(
                "n => document.querySelector('#chart').dataset.points === n",
                arg=str(row // 500),
            )
            assert page.get_attribute("body", "data-ready") == "running"
            assert text_of(page, "rows") == f"{row:,}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            go.set()
        page.wait_for_selector("body[data-ready=finished]")
        running.join(PATIENCE)
        check_against(page, found[0])
        assert {url.split("?")[0] for url in page.asked} <= {
            live.url + name for name in ("", "state", "labels")
        }
    if found[0].watched["predictions"][0].get("why"):
        page.locator("#predictions summary").last.click()
        first = found[0].watched["predictions"][0]
        told = page.locator("#predictions details").last.text_content()
        assert f"row {first['row']:,}" in told
        assert f"{first['why'][0]['probability']:.3f}" in told


def test_colours_have_contrast(browser, drifting, tmp_path):
    """Text is too faint to read (WCAG 2.1, success criterion 1.4.3: 4.5 to 1), in light or dark."""

    def luminance(colour):
        parts = [int(part) / 255 for part in colour[4:-1].split(",")[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    path = tmp_path / "report.html"
    write_report(drifting, path)
    for scheme in ("light", "dark"):
        page = open_tab(browser, color_scheme=scheme)
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready=finished]")
        pairs = page.evaluate(
            """() => [...document.querySelectorAll('h1,.note,dt,dd,th,td,label,summary')].map(n => {
              let b = n; while (b && getComputedStyle(b).backgroundColor === 'rgba(0, 0, 0, 0)')
                b = b.parentElement;
              return [getComputedStyle(n).color, getComputedStyle(b).backgroundColor]; })"""
        )
        assert len(pairs) > 50
        for text, behind in {tuple(pair) for pair in pairs}:
            bright, dark = sorted((luminance(text), luminance(behind)), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, (scheme, text, behind)
        page.context.close()


def test_a_tree_alone_has_a_page_too(page, tmp_path):
    """A model without clusters or explanations has no page."""
    found = prequential("yeast", MultiLabelHoeffdingTree(), limit=300, window=100)
    path = tmp_path / "report.html"
    write_report(found, path)
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready=finished]")
    assert not page.is_visible("#clusters-section")
    assert text_of(page, "micro_f1") == f"{found.metrics['micro_f1']:.4f}"
