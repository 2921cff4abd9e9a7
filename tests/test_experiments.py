"""The scripts that reproduce the published figures, as far as that is quick."""

import importlib
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path.name for path in (ROOT / "experiments").glob("*.py"))


@pytest.mark.parametrize(
    "script", [name for name in SCRIPTS if name not in ("reporting.py", "update_readme.py")]
)
def test_a_script_tells_its_options(script):
    """A script that is never run breaks when what it imports is renamed."""
    command = [sys.executable, str(ROOT / "experiments" / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_the_readme_holds_the_results(monkeypatch):
    """A table that was typed, or not updated, tells what nobody measured."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    update = importlib.import_module("update_readme")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- speed -->\n{update.speed()}<!-- /speed -->" in readme
    assert f"<!-- accuracy -->\n{update.accuracy()}<!-- /accuracy -->" in readme


def test_the_picture_shows_the_results(monkeypatch):
    """Every method of the results has its mark in the picture that is committed."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    plot = importlib.import_module("plot_results")
    folder = ROOT / "experiments" / "results"
    compared = json.loads((folder / "accuracy.json").read_text(encoding="utf-8"))["compared"]
    drawn = plot.draw(compared)
    assert drawn == (folder / "speed_accuracy.svg").read_text(encoding="utf-8")
    marks = [each for each in ET.fromstring(drawn).iter() if re.search("circle|polygon", each.tag)]
    assert len(marks) == (len(plot.PANELS) + 1) * len(plot.STYLES)


def test_results_name_no_folder_of_the_machine():
    for path in (ROOT / "experiments" / "results").iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|tmp|work|Users)/", text), path
