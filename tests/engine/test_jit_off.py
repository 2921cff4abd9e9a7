"""Kernels are plain Python, too: compiled or not, they give the same answers."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_streams import changing_rows, classes_as_labels, learner, make_batch

from stream.engine import layout as lay

REPOSITORY = Path(__file__).resolve().parents[2]
CASES = [(False, "adaptive", 1.0), (True, "nba", 1.0), (False, "lr", 0.6)]
PROGRAM = """
import sys
import numpy as np
from stream.engine.tree import advance
from test_jit_off import CASES, answers
assert not hasattr(advance, "py_func"), "the kernels are compiled"
np.savez(sys.argv[1], *[answers(*case) for case in CASES])
"""


def answers(single_label, leaf_prediction, feature_share):
    """Prequential answers for a small stream in which the tree splits and replaces branches."""
    x, truth = changing_rows(
        0, n=600, concepts=3, features=4, labels=3, density=0.8, missing=0.03, unknown=0.01
    )
    if single_label:
        truth = classes_as_labels(truth)
    model = learner(
        leaf_prediction,
        single_label=single_label,
        feature_share=feature_share,
        drift_detection=True,
        drift_delta=0.5,
        drift_window_threshold=15,
        grace_period=20.0,
        delta=0.3,
        tau=0.5,
    )
    out = model.run(make_batch(x, truth), predict=True)
    counts = model.tree.registers.astype(float)
    assert counts[lay.N_SPLITS] > 0
    assert counts[lay.N_DRIFTS] > 0
    assert counts[lay.N_REPLACED] > 0
    return np.concatenate([out.ravel(), counts])


@pytest.mark.slow
def test_answers_are_the_same_without_the_compiler(tmp_path):
    """A kernel that reads beyond an array, relies on overflow, or on a type the compiler infers:
    the interpreter raises an error or answers something else."""
    file = tmp_path / "answers.npz"
    environment = os.environ | {
        "NUMBA_DISABLE_JIT": "1",
        "PYTHONPATH": os.pathsep.join(
            str(path) for path in (REPOSITORY, REPOSITORY / "tests", Path(__file__).parent)
        ),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(file) as saved:
        assert len(saved.files) == len(CASES)
        for case, interpreted in zip(CASES, saved.values(), strict=True):
            compiled = answers(*case)
            np.testing.assert_allclose(interpreted, compiled, atol=1e-6)
