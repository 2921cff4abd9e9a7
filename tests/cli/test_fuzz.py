from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "fuzz_command_line.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs each command in a forked process")
def test_random_command_lines_end_as_they_may(tmp_path, monkeypatch):
    """A traceback, a signal, a hang or an exit code that means nothing, for what anyone can type.

    ``tools/fuzz_command_line.py`` does the same for as many as one likes.
    """
    spec = importlib.util.spec_from_file_location("fuzz_command_line", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setenv("DRIFTHOMER_DATA", "")
    tool.load()
    bad = tool.fuzz(tmp_path, seed=2026, count=60)
    assert not bad, [(outcome.problem(), outcome) for outcome in bad]
