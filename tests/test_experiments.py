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


def test_pages_hold_the_results(monkeypatch):
    """A table that was typed, or not updated, tells what nobody measured."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    update = importlib.import_module("update_readme")
    pages = "".join(page.read_text(encoding="utf-8") for page in update.PAGES)
    for name in update.FROM_RESULTS:
        made = f"<!-- {name} -->\n{getattr(update, name)()}<!-- /{name} -->"
        assert made in pages, f"run experiments/update_readme.py: {name}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo", "clusters", "errors"])
def test_the_readme_shows_what_the_command_prints(name, monkeypatch):
    """Output of an earlier version, or that nobody saw; the line of speeds differs in each run."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    update = importlib.import_module("update_readme")
    pages = "".join(page.read_text(encoding="utf-8") for page in update.PAGES)
    (shown,) = re.findall(f"<!-- {name} -->\n(.*?)<!-- /{name} -->", pages, flags=re.S)
    made = getattr(update, name)()
    assert without_speeds(shown) == without_speeds(made), "run experiments/update_readme.py"


def without_speeds(text):
    return [line for line in text.splitlines() if " rows/s · " not in line]


def test_results_name_no_folder_of_the_machine():
    for path in (ROOT / "experiments" / "results").rglob("*.*"):
        text = path.read_bytes().decode("utf-8", errors="replace")
        assert not re.search(r"/(home|root|tmp|work|Users)/", text), path
