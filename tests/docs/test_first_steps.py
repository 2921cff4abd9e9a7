"""The first steps of the README and of docs/ go as they are written, with what they install."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from stream.cli.program import cli, main

ROOT = Path(__file__).resolve().parents[2]
DATA_PAGE = ROOT / "docs" / "data.md"
# What the page's own command does not install: only the extras and the reader's own choice.
EXTRAS = ("pandas", "polars", "pyarrow", "matplotlib", "ray", "sklearn", "confluent_kafka")


@pytest.mark.parametrize("page", ["README.md", "docs/using.md"])
def test_examples_need_no_extras(page, tmp_path):
    """'pip install .' and the ten lines after it: the last one wanted a library of data frames."""
    program = (
        "import doctest, sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRAS!r}))\n"
        "found = doctest.testfile(sys.argv[1], module_relative=False, encoding='utf-8')\n"
        "sys.exit(found.failed or not found.attempted)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT / page)],
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_table_of_ones_own(tmp_path, monkeypatch, capsys):
    """The page's file does not bring the warnings, or what they advise does not end them."""
    monkeypatch.chdir(tmp_path)
    page = DATA_PAGE.read_text("utf-8")
    make, use = re.findall(r"```python\n(.*?)```", page, re.S)
    lines = re.findall(r"(?m)^\$ drifthomer (.*)$", page)
    assert len(lines) == 2
    exec(make, {})
    capsys.readouterr()
    said = []
    for line in lines:
        assert main(shlex.split(line)) == 0
        said.append(capsys.readouterr().err)
    assert "--text text (text=['text'])" in said[0]
    assert "--ignore ticket (ignore=['ticket'])" in said[0]
    assert "warning" not in said[1]
    exec(use, {})
    out, err = capsys.readouterr()
    assert float(out) > 0.9
    assert not err


def test_the_table_of_options_is_true():
    """An option of the table is no option of a command that reads data."""
    text = DATA_PAGE.read_text("utf-8")
    named = set(re.findall(r"(?<![|-])--[a-z][a-z-]+", text)) - {"--data-dir"}
    assert len(named) >= 9
    for command in ("prequential", "compare", "produce"):
        params = cli.commands[command].params
        assert named <= {o for each in params for o in (*each.opts, *each.secondary_opts)}
