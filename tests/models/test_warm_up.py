"""What warming a model up is good for: its first rows wait for nothing."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
import numpy as np
import stream
from stream.engine.kernel_cache import KernelCache

model = getattr(stream, sys.argv[1])()
model.warm_up()
late, load = [], KernelCache.load_overload

def noted(self, signature, context):
    late.append(self.file_name(signature, ("", "", "")))
    return load(self, signature, context)

KernelCache.load_overload = noted
rng = np.random.default_rng(1)
for row in range(60):
    x = {f"w{word}": 1.0 for word in rng.integers(0, 2000, 40).tolist()}
    if sys.argv[2] == "dense":
        x = dict(enumerate(rng.random(40).tolist()))
    y = {f"t{rng.integers(6)}", f"t{rng.integers(6)}"}
    y = y if sys.argv[1] != "DriftMoE" else min(y)
    model.predict_one(x)
    model.learn_one(x, y)
print(json.dumps(late))
"""


@pytest.mark.parametrize("rows", ["sparse", "dense"])
@pytest.mark.parametrize("model", ["DriftHOMER", "IHOMER", "MultiLabelHoeffdingTree", "DriftMoE"])
def test_no_kernel_is_loaded_once_a_model_is_warm(model, rows):
    """A kernel that only wide rows need, or rows of many zeros: the first rows would wait for it,
    in an evaluation as part of the time inside the model."""
    words = [sys.executable, "-c", SCRIPT, model, rows]
    told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    assert json.loads(told.stdout.splitlines()[-1]) == []
