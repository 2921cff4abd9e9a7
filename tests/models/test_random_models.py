"""Random models on random streams: one answer, whatever the chunks and whatever lies in between."""

import importlib.util
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import DriftHOMER
from stream.snapshot import dumps, loads

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


@pytest.mark.parametrize("share", [1.0, 0.4, 0.15])
@given(data=st.data())
@settings(max_examples=20)
def test_rows_of_any_size_leave_a_snapshot_that_can_be_read(share, data):
    """The length of a row whose square is no number, or whose inverse is none, in single
    precision."""
    sizes = st.sampled_from([1e-308, 1e-162, 1e-45, 1e-38, 1e-6, 1.0, 1e19, 1e154, 1.7e308])
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    names = [f"f{j}" for j in range(4)]
    model = DriftHOMER(seed=1, window=20)
    for row in range(80):
        size = data.draw(sizes) if row > 50 else 1.0
        kept = [name for name in names if rng.random() < share]
        x = {name: size * float(rng.uniform(-1.0, 1.0)) for name in kept}
        assert all(0.0 <= p[True] <= 1.0 for p in model.predict_proba_one(x).values())
        model.learn_one(x, {label: bool(rng.random() < 0.4) for label in "abc"})
    assert dumps(loads(dumps(model))) == dumps(model)
