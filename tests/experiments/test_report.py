"""Tables and figures: what is marked is marked, and the same results give the same files."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import report
from harness.curves import rows_to_recover, write_courses
from harness.definition import Experiment, ModelChoice, Protocol, StreamChoice
from harness.summary import prefixes, values_table
from harness.table import Row, write_rows
from report import Report

STREAMS = ("yeast", "scene", "emotions")
MODELS = {"ours": 0.7, "peer": 0.6, "slow": 0.5, "other": 0.4}


def row(stream: str, model: str, **other) -> Row:
    value = MODELS[model] + 0.01 * len(stream)
    given = {
        "stream": stream,
        "model": model,
        "ours": model == "ours",
        "seed": 1,
        "params": {},
        "limit": None,
        "delay": 0,
        "tail": None,
        "status": "ok",
        "rows": 1000,
        "values": {
            "micro_f1": value,
            "hamming_loss": 1 - value,
            "rows_per_second": 1000.0 * value,
            "peak_rss_mb": 100.0,
        },
    }
    return Row(**{**given, **other})


def rows() -> list[Row]:
    found = [row(stream, model) for stream in STREAMS for model in MODELS]
    found[2] = row("yeast", "slow", limit=500, rows=500)
    found[6] = row("scene", "slow", status="failed", error="ValueError: no", values={}, rows=None)
    return found


def experiment(**report) -> Experiment:
    return Experiment(
        name="trial",
        title="A trial",
        about="",
        protocol=Protocol(workers=1),
        streams=tuple(StreamChoice(name=name, title=name) for name in STREAMS),
        models=tuple(ModelChoice(title=name, use=name) for name in MODELS),
        report={"metrics": ["micro_f1", "hamming_loss"], **report},
    )


def test_a_prefix_is_marked_and_not_ranked(tmp_path):
    """Half a stream beside whole ones, as if they were the same task."""
    assert prefixes(rows()) == {("yeast", "slow")}
    write_rows(tmp_path / "trial.csv", rows())
    text = Report(experiment(ranks=True, against="ours"), tmp_path).text()
    assert "0.550†" in text
    assert "the first 500 rows of yeast; not ranked" in text
    ranked = text.split("## Ranks of the measured methods")[1].split("## Cost")[0]
    assert "slow" not in ranked


def test_a_failure_is_a_failure_and_the_best_is_bold(tmp_path):
    table = values_table(rows(), [], "micro_f1", STREAMS)
    assert "| slow | 0.550† | failed | 0.580 |" in table
    assert "| ours | **0.750** | **0.750** | **0.780** |" in table
    losses = values_table(rows(), [], "hamming_loss", STREAMS)
    assert "| ours | **0.250** | **0.250** | **0.220** |" in losses
    write_rows(tmp_path / "trial.csv", rows())
    assert "slow failed on scene: ValueError: no" in Report(experiment(), tmp_path).text()


def test_quoted_values_are_marked_everywhere(tmp_path):
    """A number of others that looks measured here."""
    write_rows(tmp_path / "trial.csv", rows())
    about = {"published": "mlhat", "quoted": ["MLHAT"], "ranks": True, "against": "ours"}
    text = Report(experiment(**about), tmp_path).text()
    assert all("(quoted)" in line for line in text.splitlines() if "MLHAT" in line)
    measured = text.split("## Ranks of the measured methods")[1].split("## ours among")[0]
    assert "quoted" not in measured
    assert "KNN (quoted)" in text.split("## ours among the quoted methods")[1]


def test_a_quick_report_says_what_ran_and_compares_nothing(tmp_path):
    """Prefixes beside published values of whole streams, or ranked."""
    found = [row(stream, model, limit=100, rows=100) for stream in STREAMS for model in MODELS]
    write_rows(tmp_path / "trial.csv", found)
    about = {"published": "mlhat", "ranks": True, "against": "ours", "diagrams": ["micro_f1"]}
    quick = dataclasses.replace(experiment(**about), quick=True)
    text = Report(quick, tmp_path).text()
    assert "# A trial (quick version)" in text
    assert "the first 100 rows of each stream, seeds 1." in text
    assert "report.py --quick trial" in text
    assert "(quoted)" not in text
    assert "anks of" not in text
    assert "| ours |" in text


def test_the_report_of_a_quick_run_reads_the_quick_run(tmp_path, monkeypatch, capsys):
    """Tables of the full results under the name of what has just run."""
    monkeypatch.setattr(report, "RECORDS", tmp_path)
    monkeypatch.setattr("sys.argv", ["report.py", "--quick", "speed_accuracy"])
    assert report.main() == 2
    assert "run.py --quick speed_accuracy" in capsys.readouterr().err
    found = [row("yeast", "ours", limit=100, rows=100)]
    write_rows(tmp_path / "quick" / "speed_accuracy.csv", found)
    assert report.main() == 0
    written = tmp_path / "quick" / "speed_accuracy.md"
    assert capsys.readouterr().out == f"{written}\n"
    assert "first 100 rows" in written.read_text()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.*")}


def test_the_same_results_give_the_same_files(tmp_path):
    """Figures that change with the clock fill the history."""
    about = {
        "ranks": True,
        "diagrams": ["micro_f1"],
        "against": "ours",
        "scatter": ["micro_f1"],
        "curves": "micro_f1",
        "recovery": 0.95,
        "detections": True,
        "hierarchy": {"yeast": "ours"},
        "published": "run_separately",
    }
    nodes = [
        {"id": 0, "parent": None, "n_labels": 3, "diameter": 0.9},
        {"id": 1, "parent": 0, "n_labels": 2, "labels": ["a", "b"]},
        {"id": 2, "parent": 0, "n_labels": 1, "labels": ["c"]},
    ]
    course = {
        "stops": [100, 200, 300],
        "values": [0.5, 0.2, 0.5],
        "restructures": [150],
        "drifts": [140],
        "hierarchy": nodes,
    }
    for name in ("one", "two"):
        write_rows(tmp_path / name / "trial.csv", rows())
        told = {"change_points": [100], "width": 1.0}
        courses = {"yeast": {**told, "models": {"ours": course, "peer": course}}}
        write_courses(tmp_path / name / "trial_curves.json", courses)
        Report(experiment(**about), tmp_path / name).write()
    assert files(tmp_path / "one") == files(tmp_path / "two")
    names = set(files(tmp_path / "one"))
    for figure in ("ranks_micro_f1", "scatter_micro_f1", "curves", "hierarchy_yeast"):
        assert f"trial_{figure}.svg" in names
        assert ET.fromstring(files(tmp_path / "one")[f"trial_{figure}.svg"]).tag.endswith("svg")
    text = (tmp_path / "one" / "trial.md").read_text()
    assert "| ours | 200 |" in text
    assert "| ours | 41 / 0.0 |" in text
    linked = [part.split(")")[0] for part in text.split("](")[1:]]
    assert all((tmp_path / "one" / link).is_file() for link in linked)


def test_cost_curves_read_titles_as_property_and_number(tmp_path):
    found = [
        dataclasses.replace(row("yeast", "ours"), stream=f"features {n}") for n in ("10", "1,000")
    ]
    write_rows(tmp_path / "trial.csv", found)
    assert "figures/trial_costs.svg" in Report(experiment(metrics=[], costs=True), tmp_path).text()


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 0.2, 0.96], [200]), ([1.0, 0.99, 0.2], [100]), ([1.0, 0.2, 0.9], [None])],
)
def test_rows_to_recover(values, expected):
    course = {"stops": [100, 200, 300], "values": values}
    assert rows_to_recover(course, [100], 0.95) == expected
