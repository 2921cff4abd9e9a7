"""A narrow terminal shows whole words and no line that is cut."""

import io
import re

import pytest
from rich.console import Console

from stream import IHOMER, prequential
from stream.evaluate.listing import list_streams, print_streams
from stream.evaluate.progress import TerminalProgress
from stream.evaluate.report import print_report


def printed(result, width):
    file = io.StringIO()
    print_report(result, Console(file=file, width=width, force_terminal=True, color_system=None))
    return file.getvalue().splitlines()


@pytest.fixture(scope="module")
def result():
    return prequential("syn-blocks-sud:rows=1500,seed=3", IHOMER(), window=100)


@pytest.mark.parametrize("width", [60, 80])
def test_lines_fit_and_keep_their_words(result, width):
    """Lines run over the edge and are broken within a word."""
    lines = printed(result, width)
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for words in ("subset accuracy", "Hamming loss", "calibration error", "rows/s", "peak memory"):
        assert words in text
    assert f"{result.metrics['hamming_loss']:.4f}" in text


def test_a_hundred_thousand_labels_take_no_more_lines(result):
    """A list of labels fills the screen, or a line of bars becomes as long as the labels."""
    few = len(printed(result, 60))
    result.per_label = [
        {"label": f"tag {i}", "support": 3, "tp": 1, "fp": 1, "fn": 2, "tn": 0}
        for i in range(100_000)
    ]
    result.labels = 100_000
    leaf = {"id": 1, "parent": 0, "n_labels": 50_000, "labels": [f"tag {i}" for i in range(50_000)]}
    root = {"id": 0, "parent": None, "n_labels": 100_000}
    result.hierarchy = [root, leaf, leaf | {"id": 2}]
    lines = printed(result, 60)
    assert max(map(len, lines)) <= 60
    assert len(lines) < few + 25


def test_the_list_of_streams_fits(monkeypatch, capsys):
    """The column that says whether a stream is here is pushed off the edge."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(Console, "is_terminal", property(lambda self: True))
    print_streams(list_streams())
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].split() == ["name", "task", "rows", "labels", "here"]


@pytest.mark.parametrize("width", [60, 120])
def test_the_progress_fits(width):
    """Everything that the line says ends in dots."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system=None)
    progress = TerminalProgress(console, interval=0.0)
    progress.start(1_000_000, "multi-label")
    progress.update(500_000, lambda: {"micro_f1": 0.5, "subset_accuracy": 0.25})
    progress.stop()
    assert "500,000" in file.getvalue()
    assert "micro-F1" in file.getvalue()
    assert "…" not in file.getvalue()
