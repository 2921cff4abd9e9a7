"""The page about values says what the code does."""

from __future__ import annotations

import importlib.util
from pathlib import Path

TOOL = Path(__file__).parent.parent.parent / "tools" / "values_page.py"


def test_the_page_is_that_of_the_table():
    """A page that tells of rules of last year."""
    spec = importlib.util.spec_from_file_location("values_page", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    written = tool.PAGE.read_text(encoding="utf-8")
    assert written == tool.page(), "python tools/values_page.py writes it anew"
    for kind in tool.KINDS:
        assert f"| {kind.name} |" in written
