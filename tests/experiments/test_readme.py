"""The README's sections for those who add a model or a stream, followed to the letter."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness.table import read_rows

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
# The name of a file is in the first line, or at the end of the sentence before.
BLOCK = re.compile(r"(?:`([\w.]+)`:\n\n)?^```(\w+)\n(?:# ([\w.]+)\n)?(.*?)^```$", re.M | re.S)


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    text = (EXPERIMENTS / "README.md").read_text(encoding="utf-8")
    return dict(part.split("\n", 1) for part in text.split("\n## ")[1:])


def follow(section: str, folder: Path) -> None:
    """Write the files that the section shows, and run its commands."""
    for before, kind, first, text in BLOCK.findall(section):
        if kind != "sh":
            (folder / (before or first)).write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            program, *words = shlex.split(line)
            assert program == "python"
            environment = {**os.environ, "PYTHONPATH": str(EXPERIMENTS.parent)}
            command = [sys.executable, *words]
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr


def test_a_model_and_a_stream_are_added_as_the_readme_says(sections, tmp_path):
    """Advice that was right before something was renamed."""
    ignored = shutil.ignore_patterns(".records", "results", "__pycache__")
    shutil.copytree(EXPERIMENTS, tmp_path / "experiments", ignore=ignored)
    follow(sections["Add your model"], tmp_path)
    rows = read_rows(tmp_path / "my_experiment.csv")
    assert [(row.model, row.status) for row in rows] == [("Sunny", "ok")] * 2 + [("tree", "ok")] * 2
    assert "| tree |" in (tmp_path / "my_experiment.md").read_text(encoding="utf-8")
    follow(sections["Add your stream"], tmp_path)
    rows = read_rows(tmp_path / "my_streams.csv")
    assert [(row.stream, row.status) for row in rows] == [
        ("weather.csv", "ok"),
        ("weather.csv", "ok"),
        ("drifting clouds", "ok"),
    ]
    assert [row.rows for row in rows] == [5, 5, 400]


def test_every_experiment_and_result_is_listed():
    """An experiment that nobody can find, or a link to a result that is not there."""
    text = (EXPERIMENTS / "README.md").read_text(encoding="utf-8")
    for path in (EXPERIMENTS / "definitions").glob("*.toml"):
        assert f"`{path.stem}`" in text
    for link in re.findall(r"\]\(((?:results|published|definitions)[^)#]*)\)", text):
        assert (EXPERIMENTS / link).exists(), link
