"""Files of the version before are read.

The folder ``golden`` has models of version 1 that had learnt 600 rows of ``rows(900)``.
"""

import gzip
from pathlib import Path

import pytest
from snapshot_models import MODELS, learn, rows

import stream
from stream.snapshot import dumps, loads
from stream.snapshot.container import OLDEST_VERSION, VERSION, check_hash

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.gz"))
ROWS = rows(900)


def answers(model):
    """What a model says, as numbers."""
    if isinstance(model, stream.LabelPartitioner):
        return [hash(tuple(cluster)) for cluster in model.clusters]
    told = [model.predict_proba_one(x) for x, _ in ROWS[600:650]]
    return [p[True] if isinstance(p, dict) else p for row in told for p in row.values()]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name.split(".")[0])
def test_golden_files_go_on(path):
    """A change of what a model keeps, without a version of its own and an upgrade of the files that
    are there (stream/snapshot/classes.py)."""
    data = gzip.decompress(path.read_bytes())
    assert OLDEST_VERSION <= check_hash(data) < VERSION
    restored = loads(data)
    model = MODELS[path.name.split(".")[0].removeprefix("version-1-").replace("-", " ")]()
    learn(model, ROWS[:600])
    # to the last bit where the file was written, nearly so where another library computes exp
    assert answers(restored) == pytest.approx(answers(model), abs=1e-6)
    for each in (model, restored):
        learn(each, ROWS[600:])
    assert answers(restored) == pytest.approx(answers(model), abs=1e-6)
    assert len(dumps(restored)) == len(dumps(model))
