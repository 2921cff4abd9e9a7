"""A comparison's tables, tests and figures hold the numbers of the runs themselves."""

import csv
import io
import itertools
import os
import statistics
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner
from rich.console import Console
from scipy import stats

from stream import open_source, prequential
from stream.cli import cli
from stream.compare import compare
from stream.compare.figures import figures_of, svg_text
from stream.compare.tables import csv_text, html_text, latex, markdown, print_comparison
from stream.errors import NotAvailableError, ParameterError
from stream.evaluate.prequential import window_for
from stream.models.registry import create_model

STREAMS = [f"syn-{kind}:rows=600,seed=4" for kind in ("rbf-grad", "blocks-sud", "tree-rec")]
TREES = ["drifthomer", "ihomer"]


@pytest.fixture(scope="module")
def found():
    return compare(STREAMS, TREES, seeds=2)


def test_numbers_are_those_of_single_runs(found):
    """Runs share a model or a stream that was read already, or the seed is lost."""
    assert len(found.runs) == 3 * 2 * 2
    for run in found.runs:
        data = next(each for each in STREAMS if open_source(each).name == run.stream)
        source = open_source(data)
        alone = prequential(
            source, create_model(run.model, seed=run.seed), window=window_for(source.n_rows)
        )
        assert run.result.metrics == alone.metrics


def test_the_direction_of_a_metric_is_told(found):
    """A column 'Hamming' whose smallest number is bold, in a table for people who do not know."""
    for page in (markdown(found), latex(found), html_text(found)):
        assert "Hamming loss (lower is better)" in page
        assert "subset accuracy" in page


def test_every_form_has_the_same_numbers(found):
    """A table for the paper says something else than the terminal."""
    text = io.StringIO()
    print_comparison(found, Console(file=text, width=60, color_system=None))
    pages = [text.getvalue(), markdown(found), latex(found), html_text(found)]
    assert max(len(line) for line in pages[0].splitlines()) <= 60
    for stream in found.streams:
        for model in found.models:
            values = [each.metrics["micro_f1"] for each in found.of(stream, model)]
            assert len(values) == 2
            for page in pages:
                assert f"{statistics.fmean(values):.3f}" in page
    rows = list(csv.DictReader(io.StringIO(csv_text(found.run_columns()))))
    assert [float(row["micro_f1"]) for row in rows] == [
        run.result.metrics["micro_f1"] for run in found.runs
    ]
    assert [row["seed"] for row in rows[:3]] == ["1", "2", "1"]
    labels = list(csv.DictReader(io.StringIO(csv_text(found.label_columns()))))
    assert len(labels) == sum(len(run.result.per_label) for run in found.runs)
    assert found.labels_frame("pandas")["f1"].tolist() == [float(row["f1"]) for row in labels]


def test_tests_are_scipys(found):
    """Ranks are of other values than those of the table."""
    values = {
        model: [found.mean(stream, model, "micro_f1") for stream in found.streams]
        for model in found.models
    }
    p = stats.wilcoxon([a - b for a, b in zip(*values.values(), strict=True)]).pvalue
    assert f"p = {p:.3f} (Wilcoxon, Holm)" in markdown(found)


def test_special_letters_are_escaped(found):
    """A stream's name breaks the table that it stands in."""
    run = found.runs[0]
    odd = type(found)([type(run)("a_b&<c>|d", run.model, 1, run.result)])
    assert r"a\_b\&<c>|d" in latex(odd)
    assert "a_b&amp;&lt;c&gt;|d" in html_text(odd)
    assert r"a_b&<c>\|d" in markdown(odd)


def test_figures_have_complete_legends_and_fit(found):
    """A model is missing from the legend, or the text of an axis stands on another's."""
    figures = figures_of(found)
    assert set(figures) == {"ranks_micro_f1", "course_1", "course_2", "course_3"}
    for name, figure in figures.items():
        assert ET.fromstring(svg_text(figure)).tag.endswith("svg")
        if name.startswith("course"):
            (legend,) = figure.legends
            assert [text.get_text() for text in legend.get_texts()] == found.models
            figure.canvas.draw()
            boxes = [
                label.get_window_extent()
                for label in figure.axes[0].get_xticklabels()
                if label.get_text()
            ]
            for left, right in itertools.pairwise(boxes):
                assert left.x1 < right.x0


@pytest.mark.parametrize(
    ("data", "models", "error", "said"),
    [
        (["yeats"], TREES, NotAvailableError, "Did you mean 'yeast'"),
        (["yeast"], ["ihomr"], NotAvailableError, "ihomer"),
        (["yeast", "yeast"], TREES, ParameterError, "twice"),
        (["yeast", "sea-a:rows=100"], TREES, ParameterError, "single-label"),
        (["yeast"], [], ParameterError, "at least one"),
    ],
)
def test_what_cannot_be_compared_is_said_before_the_first_run(data, models, error, said):
    """A mistyped name is told after an hour of runs."""
    with pytest.raises(error, match=said):
        compare(data, models, progress=lambda *run: pytest.fail("a run began"))


def test_the_command_writes_all_files(tmp_path):
    """A form is missing, or the command leaves a draft behind."""
    told = CliRunner().invoke(
        cli,
        ["compare", *STREAMS[:2], "--models", ",".join(TREES), "-o", str(tmp_path / "out")],
        env={"COLUMNS": "60"},
        catch_exceptions=False,
    )
    assert told.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("course_1.svg", "course_2.svg", "labels.csv", "ranks_micro_f1.svg", "runs.csv"),
        *("table.html", "table.md", "table.tex"),
    ]
    page = (tmp_path / "out" / "table.html").read_text()
    assert page.count("<svg") == 3


def test_a_mistyped_stream_gets_a_suggestion():
    """The command ends in a traceback, or leaves the user to search the list."""
    told = subprocess.run(
        [sys.executable, "-m", "stream", "compare", "scen", "--models", "ihomer"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DRIFTHOMER_DATA": ""},
    )
    assert told.returncode == 2
    assert "Did you mean 'scene'" in told.stderr
    assert len(told.stderr.splitlines()) == 1
