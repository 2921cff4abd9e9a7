"""The examples in the docstrings of the harness."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import harness
import pytest

FOLDER = Path(harness.__file__).parent
MODULES = [
    ".".join(["harness", *path.relative_to(FOLDER).with_suffix("").parts])
    for path in sorted(FOLDER.rglob("*.py"))
    if path.stem not in ("__init__", "worker")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    """An example that shows what the code no longer does."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0
