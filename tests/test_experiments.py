"""The scripts that reproduce the published figures, as far as that is quick."""

import importlib
import re
import subprocess
import sys
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
    readme = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert f"<!-- speed -->\n{update.speed()}<!-- /speed -->" in readme
    assert f"<!-- accuracy -->\n{update.accuracy()}<!-- /accuracy -->" in readme


def test_results_name_no_folder_of_the_machine():
    for path in (ROOT / "experiments" / "results").rglob("*.*"):
        text = path.read_bytes().decode("utf-8", errors="replace")
        assert not re.search(r"/(home|root|tmp|work|Users)/", text), path
