"""What holds for every generator."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from stream.data.synthetic import create, names, summaries
from stream.data.synthetic.rng import bits, permutation, row_state, uniforms
from stream.errors import NotAvailableError, ParameterError
from stream.rows.batch import Batch, concatenate

REQUIRED = [
    *("led-a", "led-g", "sea-a", "sea-g", "rbf-m", "rbf-f"),
    *(f"syn-{m}-{k}" for m in ("tree", "rbf", "hp") for k in ("sud", "grad", "inc", "rec")),
    *("syn-blocks", "syn-blocks-sud", "syn-text"),
]


def digest(batch: Batch) -> str:
    """One number for all bytes of a batch."""
    return hashlib.blake2b(
        b"|".join(array.tobytes() for array in batch[:-1]), digest_size=8
    ).hexdigest()


def read(source, chunk_rows: int) -> Batch:
    return concatenate(list(source.batches(chunk_rows)))


def test_required_names_exist():
    assert set(REQUIRED) <= set(names())


@pytest.mark.parametrize("name", names())
def test_rows_do_not_depend_on_the_chunks(name):
    """Catches state carried from row to row, draws numbered per chunk, and wrong offsets."""
    source = create(name, n_rows=1_203, seed=3)
    whole = read(source, 10_000)
    assert whole.n_rows == source.n_rows == 1_203
    for chunk_rows in (1, 7, 1_000):
        assert digest(read(source, chunk_rows)) == digest(whole)
    assert digest(source.rows(401, 402)) == digest(list(source.batches(1))[401])


@pytest.mark.parametrize("name", names())
def test_rows_follow_from_the_seed(name):
    """Catches global random state, and a seed that some part ignores."""
    first, again, other = (create(name, n_rows=300, seed=seed).rows(0, 300) for seed in (3, 3, 4))
    assert digest(first) == digest(again)
    features, others = (b.x_indices.tobytes() + b.x_values.tobytes() for b in (first, other))
    assert features != others
    assert first.y_indices.tobytes() != other.y_indices.tobytes()


@pytest.mark.parametrize("name", names())
def test_batches_keep_the_contract(name):
    """Strictly increasing indices in range, no stored zeros, exact dtypes, one class a row."""
    source = create(name, n_rows=2_000)
    batch = source.rows(0, 2_000)
    expected = [np.int64, np.int32, np.float64, np.int64, np.int32, np.int64, np.int32]
    assert [array.dtype for array in batch[:-1]] == expected
    for indptr, indices, width in (
        (batch.x_indptr, batch.x_indices, len(source.schema.features)),
        (batch.y_indptr, batch.y_indices, len(source.schema.labels)),
    ):
        assert indptr[0] == 0
        assert indptr[-1] == len(indices)
        inside = np.ones(len(indices), bool)
        inside[indptr[:-1][indptr[:-1] < len(indices)]] = False
        assert (np.diff(indices)[inside[1:]] > 0).all()
        assert indices.min() >= 0
        assert indices.max() < width
    assert len(batch.x_values) == len(batch.x_indices)
    assert np.isfinite(batch.x_values).all()
    assert (batch.x_values != 0).all()
    if source.schema.task == "single-label":
        assert (np.diff(batch.y_indptr) == 1).all()
        assert len(np.unique(batch.y_indices)) == len(source.schema.labels)


def test_a_zero_is_not_stored():
    """Agrawal's commission is 0 above a salary of 75,000: such rows hold no entry for it."""
    pairs = list(create("agrawal", n_rows=500))
    rich = [x for x, _ in pairs if x["salary"] >= 75_000]
    assert len(rich) > 100
    assert all("commission" not in x for x in rich)
    assert all("commission" in x for x, _ in pairs if x["salary"] < 75_000)


def test_river_view_gives_the_same_rows():
    """Catches columns named differently in the two views."""
    source = create("syn-text:labels=10,blocks=2,features=50,nonzeros=5", n_rows=40)
    batch = source.rows(0, 40)
    for row, (x, y) in enumerate(source):
        entries = slice(batch.x_indptr[row], batch.x_indptr[row + 1])
        assert list(x.items()) == [
            (int(i), v)
            for i, v in zip(batch.x_indices[entries], batch.x_values[entries], strict=True)
        ]
        present = batch.y_indices[batch.y_indptr[row] : batch.y_indptr[row + 1]]
        assert [label for label, on in y.items() if on] == present.tolist()
        assert len(y) == 10


COMPILED_OR_NOT = """
import hashlib, sys
from stream.data.synthetic import create, names
for name in names():
    batch = create(name, n_rows=60, seed=5).rows(0, 60)
    whole = b"|".join(a.tobytes() for a in (*batch[:2], *batch[3:-1]))
    values = ",".join(f"{v:.9g}" for v in batch.x_values).encode()
    print(name, hashlib.blake2b(whole + values, digest_size=8).hexdigest())
"""


def test_compiled_and_interpreted_agree():
    """The kernels as plain Python are their own slow twins; catches silent integer promotion."""

    def run(disable: str) -> str:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", COMPILED_OR_NOT],
            env={**os.environ, "NUMBA_DISABLE_JIT": disable},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    compiled, interpreted = run("0"), run("1")
    assert len(compiled.splitlines()) == len(names())
    assert compiled == interpreted


def test_published_rows_stay_what_they_are():
    """Results name a generator and a seed: their rows may not change between releases."""
    found = {name: digest(create(name, 5_000, 42).rows(0, 5_000)) for name in ("sea-a", "led-a")}
    assert found == {"sea-a": "dd930aa2382b8faa", "led-a": "51135a8e95f428c4"}


def test_splitmix_matches_its_reference():
    """First outputs of SplitMix64 with seed 0, as published with the generator."""
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [int(bits(np.uint64(0), draw)) for draw in range(3)] == expected


def test_draws_are_uniform_and_independent():
    """Catches overlapping draws of neighbouring rows, and a wrong range."""
    values = uniforms(5, "test", 50_000)
    counts = np.histogram(values, 50, (0, 1))[0]
    assert ((counts - 1_000) ** 2 / 1_000).sum() < 100  # chi-square, 49 degrees of freedom
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.02
    states = [int(row_state(np.uint64(9), row)) for row in range(1_000)]
    ahead = {int(bits(np.uint64(s), d)) for s in states for d in range(20)}
    assert len(ahead) == 20_000
    assert sorted(permutation(1, "p", 100).tolist()) == list(range(100))


def test_memory_is_bounded_for_many_labels():
    """10,000 labels: a dense chunk of labels alone would take 50 MB."""
    source = create("syn-text:labels=10000,blocks=2500,cardinality=3,features=100000", 60_000)
    source.rows(0, 10)
    tracemalloc.start()
    rows = present = 0
    for batch in source.batches(5_000):
        rows += batch.n_rows
        present += len(batch.y_indices)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 60_000
    assert present / rows == pytest.approx(3, rel=0.03)
    assert peak < 25e6


@pytest.mark.parametrize("name", names())
def test_descriptions_are_json_and_pickle(name):
    source = create(name, n_rows=100)
    described = json.loads(json.dumps(source.description.as_dict()))
    assert described["change_points"] == list(source.description.change_points)
    assert described["name"] == name == source.name
    assert digest(pickle.loads(pickle.dumps(source)).rows(0, 9)) == digest(source.rows(0, 9))


def test_summaries_give_the_default_shape():
    found = {summary.name: summary for summary in summaries()}
    assert sorted(found) == names()
    sea = found["sea-a"]
    assert (sea.rows, sea.features, sea.labels) == (1_000_000, 3, 2)
    assert sea.task == "single-label"
    assert found["syn-tree"].task == "multi-label"
    assert all(summary.text for summary in found.values())


def test_arguments_come_before_the_spec():
    source = create("sea:rows=50,seed=9")
    assert (source.n_rows, source.description.seed) == (50, 9)
    source = create("sea:rows=50,seed=9", n_rows=60, seed=10)
    assert (source.n_rows, source.description.seed) == (60, 10)
    assert create("sea").description.seed == 42


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("sea-a:foo=1", ["'foo'", "noise", "positions"]),
        ("sea-a:noise=2", ["'noise'", "[0, 1]", "'2'"]),
        ("sea-a:noise=nan", ["'noise'", "nan"]),
        ("sea-a:rows=0", ["'rows'", "[1,", "'0'"]),
        ("syn-rbf:labels=1.5", ["'labels'", "an int", "1.5"]),
        ("syn-rbf:labels=3,blocks=4", ["'blocks'", "at most", "3"]),
        ("syn-rbf:cardinality=30", ["'cardinality'", "at most 18.05", "30"]),
        ("syn-rbf:labels", ["name:key=value", "syn-rbf:labels"]),
        ("sea:noise=0,noise=0", ["twice", "'noise'"]),
        ("sea-a:functions=1-5-2-1", ["'functions'", "[1, 4]"]),
        ("sea-a:functions=1-2,positions=5-6", ["'functions'", "'positions'"]),
        ("sea-a:positions=9-3-4", ["'positions'", "(9, 3, 4)"]),
        ("syn-blocks:model=forest", ["'model'", "tree, rbf, hp, text", "forest"]),
        ("syn-rbf-sud:width=-1", ["'width'", "-1"]),
    ],
)
def test_wrong_parameters_are_named(spec, words):
    with pytest.raises(ParameterError) as error:
        create(spec)
    message = str(error.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_wrong_names_and_sizes_are_named():
    with pytest.raises(NotAvailableError, match=r"'sea-b'.*did you mean.*sea-a"):
        create("sea-b")
    with pytest.raises(ParameterError, match="'rows'"):
        create("sea", n_rows=-1)
    with pytest.raises(ParameterError, match="'seed'"):
        create("sea", seed=-1)
    with pytest.raises(ParameterError, match=r"'chunk_rows'.*Got 0"):
        next(create("sea").batches(0))
    with pytest.raises(ParameterError, match="numbered from 0 to 10"):
        create("sea", n_rows=10).rows(5, 11)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_tiny_streams_work(n_rows):
    """Change points of a stream shorter than the number of changes coincide."""
    for name in names():
        assert read(create(name, n_rows=n_rows), 1).n_rows == n_rows
