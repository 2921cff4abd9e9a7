"""Frames, pictures and HTML of a result hold the result's own numbers."""

import xml.etree.ElementTree as ET

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from river import datasets
from river.tree import HoeffdingTreeClassifier

from stream import LabelPartitioner, MultiLabelHoeffdingTree, open_source, prequential
from stream.errors import ParameterError
from stream.evaluate import notebook
from stream.evaluate.marks import rows_of
from stream.evaluate.notebook import NotebookProgress, course_svg, result_html
from stream.partition.drawing import hierarchy_svg

LABELS = ["zebra", "ant", "<b>&"]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 3))
    frame = pd.DataFrame(X, columns=["u", "v", "w"])
    for i, label in enumerate(LABELS):
        frame[label] = (X[:, i] > 0).astype(int)
    return frame


@pytest.fixture(scope="module")
def result(frame):
    return prequential(frame, MultiLabelHoeffdingTree(seed=1), labels=LABELS, window=50)


@pytest.mark.parametrize("backend", ["pandas", "pyarrow"])
def test_frames_hold_the_result(result, backend):
    """A column is lost or shifted on the way into a frame."""
    windows = nw.from_native(result.windows_frame(backend))
    assert windows["stop"].to_list() == [window["stop"] for window in result.windows]
    for name in result.metrics:
        assert windows[name].to_list() == [w["metrics"][name] for w in result.windows]
    summary = nw.from_native(result.to_frame(backend))
    assert len(summary) == 1
    assert summary["micro_f1"][0] == result.metrics["micro_f1"]
    assert summary["rows"][0] == 400
    labels = nw.from_native(result.labels_frame(backend))
    assert labels["f1"].mean() == pytest.approx(result.metrics["macro_f1"], abs=1e-12)
    assert labels["support"].to_list() == [each["support"] for each in result.per_label]


def test_labels_stand_in_the_order_given(result):
    """Labels are sorted by name, and no longer fit the columns that the user named."""
    assert list(result.labels_frame()["label"]) == LABELS


def test_labels_of_mixed_types_make_a_frame():
    """Label names that are numbers and texts cannot share a column."""
    pairs = [({"x": float(i % 2)}, {"a": bool(i % 2), 7: True}) for i in range(20)]
    found = prequential(pairs, MultiLabelHoeffdingTree(), window=10)
    for backend in ("pandas", "pyarrow"):
        labels = nw.from_native(found.labels_frame(backend))
        assert set(labels["label"].to_list()) == {"a", "7"}


def test_prequential_opens_what_people_have(frame, tmp_path):
    """A name, a file, a frame or a dataset has to be opened by hand, or gives other numbers."""
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)

    def scores(data, **options):
        return prequential(data, MultiLabelHoeffdingTree(), limit=300, **options).metrics

    of_frame = scores(frame, labels=LABELS)
    assert scores(str(path), labels=LABELS) == of_frame
    assert scores(open_source(frame, labels=LABELS)) == of_frame
    assert scores("yeast") == scores(open_source("yeast"))
    assert scores(datasets.Yeast()) != of_frame
    assert (
        prequential(datasets.Phishing(), HoeffdingTreeClassifier(), limit=300).task
        == "single-label"
    )


def test_options_do_not_silence_a_mistyped_parameter(frame):
    """``windw=10`` is taken for an option of the file and ignored."""
    with pytest.raises(ParameterError, match="windw"):
        prequential(frame, MultiLabelHoeffdingTree(), labels=LABELS, windw=10)


def test_html_is_well_formed_and_escapes_names(result):
    """A label or stream named like a tag breaks the notebook, or runs there."""
    page = result_html(result)
    ET.fromstring(page)
    assert f"{result.metrics['micro_f1']:.4f}" in page
    assert "<b>" not in page
    assert result._repr_html_() == page


def test_html_of_one_window_and_of_nothing():
    """A short stream has no course to draw; drawing it divides by nothing."""
    found = prequential([({"x": 1.0}, {"a": True})] * 3, MultiLabelHoeffdingTree())
    ET.fromstring(found._repr_html_())
    ET.fromstring(f"<p>{course_svg([5, 10], [0.5, 0.5], 'flat')}</p>")


def test_long_courses_stay_small():
    """A picture grows with the stream."""
    svg = course_svg(range(1, 100_001), [0.5] * 99_999 + [0.75], "x")
    assert len(svg) < 20_000


def test_plot_draws_windows_and_marks(result):
    """The curve is not the windows', or marks are missing from the figure."""
    import matplotlib

    matplotlib.use("agg")
    result.drifts, before = [120, 120, 330], result.drifts
    try:
        axes = result.plot(["macro_f1"])
    finally:
        result.drifts = before
    curve, *marks = axes.lines
    assert list(curve.get_ydata()) == [w["metrics"]["macro_f1"] for w in result.windows]
    assert [line.get_xdata()[0] for line in marks if line.get_linestyle() == ":"] == [120, 330]
    assert "drift seen" in [text.get_text() for text in axes.get_legend().get_texts()]
    with pytest.raises(ParameterError, match="hit_rate"):
        result.plot(["hit_rate"])


def test_counted_events_stand_where_the_count_rose():
    """A model that counts drifts has no marks, or has them in every window."""
    windows = [{"stop": 100 * i, "drifts": n} for i, n in enumerate((0, 2, 2, 3), 1)]
    assert rows_of(3, "drifts", windows) == [200, 400]
    assert rows_of(None, "drifts", windows) == []


def test_hierarchy_is_a_picture():
    """A notebook shows a wall of text, or half of a tree that is too large."""
    model = LabelPartitioner()
    for i in range(2_000):
        model.learn_one({"sun", "<i>"} if i % 3 else {"snow", "ice"})
    svg = model.hierarchy._repr_svg_()
    texts = [node.text for node in ET.fromstring(svg).iter() if node.tag.endswith("text")]
    assert texts == ["4 labels", "1: ice, snow", "2: <i>, sun"]
    assert [node["parent"] for node in model.hierarchy.nodes()] == [None, 0, 0]
    leaves = [{"id": i, "parent": 0, "n_labels": 1, "labels": [i]} for i in range(1, 1_000)]
    large = hierarchy_svg([{"id": 0, "parent": None, "n_labels": 999}, *leaves])
    ET.fromstring(large)
    assert "and 800 more nodes" in large


def test_notebook_progress_redraws_one_output(monkeypatch):
    """Every update prints another line into the notebook."""
    pytest.importorskip("IPython")
    shown = []

    class Handle:
        def update(self, page):
            shown.append(page.data)

    monkeypatch.setattr(
        "IPython.display.display", lambda page, display_id: shown.append(page.data) or Handle()
    )
    bar = NotebookProgress(interval=0)
    pairs = [({"x": float(i % 2)}, {"a": bool(i % 2)}) for i in range(200)]
    found = prequential(pairs, MultiLabelHoeffdingTree(), progress=bar, window=100, chunk_rows=50)
    assert len(shown) == 1 + 4
    assert "200 rows" in shown[-1]
    assert f"{found.metrics['micro_f1']:.3f}" in shown[-1]


def test_progress_true_fits_the_place(monkeypatch):
    """progress=True draws a terminal's bar in a notebook, where it becomes garbage."""
    assert not notebook.in_notebook()
    assert type(notebook.automatic_progress()).__name__ == "TerminalProgress"
    monkeypatch.setattr(notebook, "in_notebook", lambda: True)
    assert type(notebook.automatic_progress()).__name__ == "NotebookProgress"
