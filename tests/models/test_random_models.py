"""Random models on random streams: one answer, whatever the chunks and whatever lies in between."""

import importlib.util
import inspect
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "random_models.py"
GROUPS, CASES = 8, 25


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("random_models", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["random_models"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("group", range(GROUPS))
def test_chunks_copies_and_snapshots_change_nothing(tool, group):
    """A limit that is reached at another row, columns numbered twice, labels placed in another
    order, a snapshot that its own model cannot read.

    ``tools/random_models.py`` does the same for as many cases as one likes.
    """
    for seed in range(CASES * group, CASES * (group + 1)):
        assert not tool.difference(seed, n_rows=100), f"case {seed}"


def test_every_parameter_of_every_model_is_drawn(tool):
    for kind in tool.KINDS.values():
        missing = set(inspect.signature(kind).parameters) - set(tool.DRAWS)
        assert not missing, kind.__name__
