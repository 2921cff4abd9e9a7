"""Takes random models through random streams in two ways, which must give the same answers and the
same bytes.

A case is a model with random parameters and a stream whose features and labels appear, vanish and
return, with missing values, unknown labels and a delay. Small limits of memory are reached. One
model learns row by row; the other in random chunks, with single rows, deep copies, and saving and
loading in between::

    python tools/random_models.py --count 100000 --seed 1

Of 5,164 cases from seed 600000 on, no two ways differed; 2 gave answers that are not finite, and 1
a snapshot that its model could not read for that reason. Two of the three were one fault, which was
mended (features whose first values are missing, in naive Bayes); the third does not come again. Of
23,000 from seed 700000 on, no two ways differed, and 1 gave a snapshot that its model could not
read (rows too short for single precision, mended since); of 4,000 from seed 800000 on, with kernels
that do several labels at a time, none.
"""

from __future__ import annotations

import argparse
import copy
import inspect
import json
import sys
import time
import traceback
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

import numpy as np

from stream import (
    IHOMER,
    DriftHOMER,
    DriftMoE,
    HoeffdingTreeClassifier,
    LabelPartitioner,
    MultiLabelHoeffdingTree,
    open_source,
)
from stream.rows.batch import Batch, concatenate, slice_rows
from stream.rows.schema import Schema
from stream.snapshot import dumps, loads

KINDS = {
    kind.__name__: kind
    for kind in (
        MultiLabelHoeffdingTree,
        HoeffdingTreeClassifier,
        IHOMER,
        DriftHOMER,
        DriftMoE,
        LabelPartitioner,
    )
}
SINGLE_LABEL = (HoeffdingTreeClassifier, DriftMoE)
Draw = Callable[[np.random.Generator], Any]
Row = tuple[dict[Hashable, Any], Any]


def _whole(low: int, high: int) -> Draw:
    return lambda rng: int(rng.integers(low, high + 1))


def _real(low: float, high: float) -> Draw:
    """Between two positive numbers, evenly by their logarithms."""
    return lambda rng: float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _either(*values: Any) -> Draw:
    return lambda rng: values[int(rng.integers(len(values)))]


def _one_or_more(rng: np.random.Generator) -> Any:
    if rng.random() < 0.5:
        return _real(0.01, 2.0)(rng)
    return tuple(_real(0.01, 2.0)(rng) for _ in range(int(rng.integers(1, 5))))


# Numbers that a feature may have all the same.
EXTREMES = [np.finfo(float).max, 1e308, 1e160, 1e150, 1e20, 1.0, 1e-20, 1e-160, 1e-310, 5e-324]
_BOOLEAN = _either(True, False)
_LIMIT = _either(0.002, 0.01, 0.03, 0.1, 0.3, 500.0)
# How every parameter of every model is drawn: such that some hundred rows go through all that there
# is.
DRAWS: dict[str, Draw] = {
    "batch_size": _whole(1, 40),
    "beta": _either(0.0, 0.3, 0.65, 1.0),
    "class_head": _BOOLEAN,
    "cluster_drift": _BOOLEAN,
    "cluster_size": _whole(1, 20),
    "coherence_drift": _BOOLEAN,
    "decode": _either("balanced", "f1", "subset", "marginal", "independent"),
    "delta": _real(1e-7, 0.9),
    "drift_delta": _real(0.001, 0.9),
    "drift_detection": _BOOLEAN,
    "drift_window_threshold": _whole(1, 60),
    "dropout": _either(0.0, 0.2, 0.5),
    "concepts": _whole(0, 4),
    "experts": _whole(1, 5),
    "gate_threshold": _either(0.0, 0.03, 0.3, 1.0),
    "gating": _either("best", "soft"),
    "grace_period": _whole(1, 60),
    "hidden": _whole(2, 20),
    "label_past": _BOOLEAN,
    "leaf_learning_rate": _real(0.01, 2.0),
    "leaf_prediction": _either("mc", "nb", "nba", "lr", "adaptive"),
    "learning_rate": _real(0.001, 1.0),
    "max_clusters": _either(None, 1, 2, 5),
    "max_depth": _either(None, 0, 1, 3),
    "max_features": _either(0.2, 0.7, 1.0),
    "max_pairs": _either(8, 50, 2_000_000),
    "max_share_to_split": _real(0.5, 1.0),
    "max_size": _LIMIT,
    "max_subsets": _whole(1, 30),
    "merit_preprune": _BOOLEAN,
    "min_branch_fraction": _either(0.0, 0.01, 0.2),
    "min_cluster_size": _either("safe", 1, 3),
    "min_observations": _whole(1, 30),
    "mixer": _BOOLEAN,
    "mixer_rate": _real(0.001, 1.0),
    "n_experts": _whole(1, 6),
    "n_jobs": _either(1, 2),
    "n_neighbors": _whole(1, 12),
    "n_split_points": _whole(1, 12),
    "partition": _either("jaccard", "random", "single", "singletons", [["l0", "l1"], ["l2"]]),
    "partition_delta": _real(0.01, 0.9),
    "partition_drift": _BOOLEAN,
    "partition_period": _whole(1, 60),
    "partition_tau": _real(0.01, 1.0),
    "past": _BOOLEAN,
    "patience": _whole(1, 100),
    "router_rate": _real(1e-4, 0.1),
    "seed": _either(None, 0, 7, 2**63 - 1),
    "shared_expert": _BOOLEAN,
    "standardise": _BOOLEAN,
    "switch_significance": _real(0.01, 0.9),
    "tau": _real(0.01, 1.0),
    "temperature": _real(0.1, 10.0),
    "top_k": _whole(1, 7),
    "variant": _either("data", "task"),
    "window": _either(0, 5, 50, 3000),
}


def random_model(rng: np.random.Generator, kind: type) -> Any:
    """A model, each of its parameters drawn or left alone."""
    given = {}
    for name in inspect.signature(kind).parameters:
        draw = _one_or_more if (kind, name) == (DriftHOMER, "learning_rate") else DRAWS[name]
        if rng.random() < 0.6:
            given[name] = draw(rng)
    return kind(**given)


# ---- streams


def _alive(rng: np.random.Generator, n: int, n_rows: int, ever: float) -> np.ndarray:
    """[rows, n] whether something is there: each of n from a row on, some until a row, some of
    these again later; ``ever`` is the share of those that are always there."""
    alive = np.ones((n_rows, n), np.bool_)
    for j in np.flatnonzero(rng.random(n) >= ever):
        first, gone, again = np.sort(rng.integers(0, n_rows + 1, 3))
        alive[:first, j] = False
        alive[gone : again if rng.random() < 0.5 else n_rows, j] = False
    return alive


def random_rows(rng: np.random.Generator, n_rows: int, single_label: bool) -> list[Row]:
    """Rows of features and truth."""
    sparse = rng.random() < 0.5
    n_features = int(rng.integers(1, 60 if sparse else 9))
    n_labels = int(rng.integers(1, 9)) if rng.random() < 0.8 else int(rng.integers(60, 90))
    density = rng.uniform(0.05, 0.3) if sparse else rng.uniform(0.6, 1.0)
    there = rng.random((n_rows, n_features)) < density
    there &= _alive(rng, n_features, n_rows, 0.5)
    values = rng.normal(size=(n_rows, n_features)) * rng.choice([1.0, 1e-3, 1e3], n_features)
    if rng.random() < 0.3:
        values = np.sign(values)
    if rng.random() < 0.25:
        wild = rng.random(n_features) < 0.5
        values[:, wild] = rng.choice(EXTREMES, (n_rows, int(wild.sum()))) * np.sign(values[:, wild])
    named = _alive(rng, n_labels, n_rows, 0.6)
    lean = rng.normal(size=(n_features, n_labels)) * (rng.random((n_features, n_labels)) < 0.4)
    score = np.where(there, np.sign(values), 0.0) @ lean + 0.5 * rng.normal(size=named.shape)
    turn = n_rows // 2 if rng.random() < 0.5 else n_rows
    score[turn:] *= -1.0
    present = score > np.quantile(score, 1.0 - min(0.4, 3.0 / n_labels))
    unknown, missing = rng.choice([0.0, 0.1, 0.5]), rng.choice([0.0, 0.1])
    names: list[Hashable] = [f"f{j}" if j % 5 else (j, "f") for j in range(n_features)]
    rows = []
    for i in range(n_rows):
        x: dict[Hashable, Any] = {
            names[j]: None if rng.random() < missing else float(values[i, j])
            for j in rng.permutation(np.flatnonzero(there[i])).tolist()
        }
        if rng.random() < 0.2:
            x["colour"] = ["red", "blue", "green"][int(rng.integers(3))]
        y: Any = {f"l{j}": bool(present[i, j]) for j in np.flatnonzero(named[i]).tolist()}
        if single_label:
            known = y and rng.random() >= unknown
            y = max(y, key=lambda name: score[i, int(name[1:])]) if known else None
        else:
            y = {name: truth for name, truth in y.items() if rng.random() >= unknown}
        rows.append((x, y))
    return rows


# ---- two ways through a stream


class Stream(NamedTuple):
    """Rows, and the same as a batch."""

    rows: list[Row]
    batch: Batch
    schema: Schema


def _stream(rows: list[Row], single_label: bool) -> Stream:
    source = open_source(rows, task="single-label" if single_label else "multi-label")
    return Stream(rows, concatenate(list(source.batches())), source.schema)


def _chunks(rng: np.random.Generator, n_rows: int) -> Iterator[tuple[int, int]]:
    """Where random chunks begin and end."""
    start, typical = 0, int(rng.choice([2, 10, 50, n_rows]))
    while start < n_rows:
        stop = min(n_rows, start + int(rng.integers(1, 2 * typical)))
        yield start, stop
        start = stop


def _predicted_one(model: Any, x: dict[Hashable, Any], schema: Schema) -> np.ndarray:
    told = model.predict_proba_one(x)
    said = [told.get(label, 0.0) for label in schema.labels]
    return np.array([each[True] if isinstance(each, dict) else each for each in said])


def _one_by_one(model: Any, stream: Stream) -> np.ndarray:
    out = []
    for x, y in stream.rows:
        out.append(_predicted_one(model, x, stream.schema))
        model.learn_one(x, y)
    return np.array(out)


def _test_then_train(
    model: Any, stream: Stream, start: int, stop: int, pending: int, delay: int
) -> np.ndarray:
    part = slice_rows(stream.batch, start - pending, stop)
    return model.test_then_train_many(
        part, stream.schema, pending=pending, delay=delay
    ).probabilities


def _copied(rng: np.random.Generator, model: Any) -> Any:
    """The model; or a copy, by one of the ways that there are."""
    way = rng.random()
    if way < 0.2:
        return copy.deepcopy(model)
    return loads(dumps(model)) if way < 0.4 else model


def _in_chunks(
    rng: np.random.Generator, model: Any, stream: Stream, delay: int
) -> tuple[Any, np.ndarray]:
    out, pending = [], 0
    for start, stop in _chunks(rng, len(stream.rows)):
        model = _copied(rng, model)
        if delay == 0 and stop - start < 5 and rng.random() < 0.5:
            out.append(_one_by_one(model, stream._replace(rows=stream.rows[start:stop])))
            continue
        out.append(_test_then_train(model, stream, start, stop, pending, delay))
        pending = min(delay, pending + stop - start)
    return model, np.concatenate(out)


def _partitioners_differ(rng: np.random.Generator, one: Any, other: Any, n_rows: int) -> str:
    truth = (rng.random((n_rows, 12)) < rng.uniform(0.05, 0.5, 12)).astype(float)
    truth[:, 1] = truth[:, 0]
    if rng.random() < 0.5:
        truth[rng.random(truth.shape) < 0.1] = np.nan
    for row in truth:
        one.learn_one({j: bool(row[j]) for j in np.flatnonzero(~np.isnan(row)).tolist()})
    for start, stop in _chunks(rng, n_rows):
        other = _copied(rng, other)
        other.learn_many(truth[start:stop])
    return "bytes" if dumps(one) != dumps(other) else ""


def difference(seed: int, n_rows: int = 120) -> str:
    """What differs between two ways through a case, and of which model; empty: nothing does."""
    rng = np.random.default_rng(seed)
    kind = KINDS[list(KINDS)[seed % len(KINDS)]]
    model = random_model(rng, kind)
    if kind is LabelPartitioner:
        found = _partitioners_differ(rng, model, model.clone(), 3 * n_rows)
        return f"{found} of {model}" if found else ""
    single = kind in SINGLE_LABEL
    stream = _stream(random_rows(rng, n_rows, single), single)
    other, delay = model.clone(), int(rng.choice([0, 0, 1, 7, 200]))
    if delay:
        single_rows = [(i, min(delay, i)) for i in range(n_rows)]
        expected = np.concatenate(
            [
                _test_then_train(model, stream, i, i + 1, waiting, delay)
                for i, waiting in single_rows
            ]
        )
    else:
        expected = _one_by_one(model, stream)
    other, found_answers = _in_chunks(rng, other, stream, delay)
    if not np.isfinite(expected).all():
        return f"not finite: answers of {model}"
    if not np.array_equal(expected, found_answers):
        row = int(np.flatnonzero((expected != found_answers).any(axis=1))[0])
        return f"answers from row {row} on (delay {delay}) of {model}"
    if dumps(model) != dumps(other):
        return f"bytes (delay {delay}) of {model}"
    return "" if dumps(loads(dumps(model))) == dumps(model) else f"bytes of {model}, loaded"


def main() -> int:
    """Run cases, and tell those in which something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="cases")
    parser.add_argument("--seed", type=int, default=0, help="of the first case")
    parser.add_argument("--rows", type=int, default=120, help="of a case")
    options = parser.parse_args()
    began, bad = time.monotonic(), []
    for seed in range(options.seed, options.seed + options.count):
        try:
            found = difference(seed, options.rows)
        except Exception:
            found = "".join(traceback.format_exc().splitlines(keepends=True)[-6:])
        if found:
            bad.append(seed)
            sys.stdout.write(f"case {seed}: {found}\n")
        done = seed - options.seed + 1
        if done % 1000 == 0 or found:
            sys.stdout.write(f"{done} cases, {len(bad)} differ\n")
            sys.stdout.flush()
    seconds = time.monotonic() - began
    outcome = {"count": options.count, "seed": options.seed, "rows": options.rows, "differ": bad}
    sys.stdout.write(json.dumps(outcome | {"seconds": round(seconds)}) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
