"""Snapshots that are changed at random, with a checksum that is right: refused, or they go on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "mutate_snapshots.py"
FILES = 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="tries files in forked processes")
def test_no_change_ends_in_a_signal_or_a_bad_answer():
    """Kernels that write outside of arrays; probabilities that are none; exceptions that come only
    when a row is learnt.

    In a process of its own, as the tool is used: the one of the tests has more memory mapped than
    the tool allows, once Ray was imported there, and signal handlers of others.
    """
    command = [sys.executable, str(TOOL), "--count", str(FILES), "--seed", "3000000"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["refused"] > 0
    assert told["goes on"] > 0
    kinds = ("refused", "goes on", "UNREADABLE")
    assert sum(told.get(kind, 0) for kind in kinds) == told["count"] == FILES
