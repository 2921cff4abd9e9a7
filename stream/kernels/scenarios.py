"""Small uses of everything public, from which it is learnt what there is to compile.

A kernel is compiled for the types of its arguments, and these depend on how it is called, so each
scenario calls an estimator, a generator or a metric as users do. Whoever adds an estimator or a
kernel that no scenario reaches adds a line here; what is forgotten is compiled at its first use.
"""

from __future__ import annotations

import functools
import unittest.mock
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from stream.data import open_source
from stream.data.synthetic import names
from stream.engine import postings
from stream.evaluate import prequential
from stream.models import (
    IHOMER,
    DriftHOMER,
    DriftMoE,
    HoeffdingTreeClassifier,
    LabelPartitioner,
    MultiLabelHoeffdingTree,
)

N_ROWS = 16
CHANGE = 8  # rows after which the labels depend on the features in another way

# Small and eager, so that what a stream does in hours happens within a few rows: they run in the
# interpreter. The sizes of arrays do not change what is compiled.
ESTIMATORS: dict[str, Callable[[], Any]] = {
    "DriftHOMER": lambda: DriftHOMER(seed=1, grace_period=4, partition_period=8),
    "MultiLabelHoeffdingTree": lambda: MultiLabelHoeffdingTree(
        seed=1, grace_period=4, delta=0.5, tau=0.5
    ),
    "HoeffdingTreeClassifier": lambda: HoeffdingTreeClassifier(
        seed=1, grace_period=4, delta=0.5, tau=0.5
    ),
    "IHOMER": lambda: IHOMER(seed=1, grace_period=4, partition_period=8),
    "DriftMoE": lambda: DriftMoE(seed=1, n_experts=3, hidden=8, batch_size=4, grace_period=4),
}


FIRST = 2  # scenarios that call what `drifthomer prequential` needs with the default model


def scenarios() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name of each scenario and what it does."""
    default, *others = ESTIMATORS
    yield default, functools.partial(_learn, ESTIMATORS[default])
    yield "evaluation", _evaluate
    for name in others:
        yield name, functools.partial(_learn, ESTIMATORS[name])
    yield "wide rows", _learn_wide_rows
    yield "LabelPartitioner", _partition
    for name in names():
        yield f"rows of {name}", functools.partial(_generate, name)


def _rows(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.random.default_rng(1)
    x = numbers.normal(size=(n_rows, 3)).round(2)
    y = x + numbers.normal(size=x.shape) / 4 > 0
    y[CHANGE:, :2] = ~y[CHANGE:, :2]
    return x, y


def _learn(make: Callable[[], Any]) -> None:
    model = make()
    x, y = _rows(N_ROWS)
    classes = isinstance(model, HoeffdingTreeClassifier | DriftMoE)
    for features, labels in zip(x.tolist(), y.tolist(), strict=True):
        row = dict(enumerate(features))
        model.predict_one(row)
        model.learn_one(row, labels[0] if classes else dict(enumerate(labels)))
    model.predict_proba_many(x)


def _learn_wide_rows() -> None:
    # The index of recent rows has to grow, which a smaller one does sooner.
    with unittest.mock.patch.object(postings, "LEAST_POOL", 8):
        ESTIMATORS["DriftHOMER"]().learn_one(dict.fromkeys(range(9), 1.0), {"a": True})


def _evaluate() -> None:
    prequential(open_source("syn-blocks-sud:rows=12"), MultiLabelHoeffdingTree(seed=1), delay=2)
    prequential(open_source("sea-a:rows=12"), HoeffdingTreeClassifier(seed=1), delay=2)


def _partition() -> None:
    # Two blocks of labels that hold together, then four others: clusters are split and merged.
    partitioner = LabelPartitioner(delta=0.5, tau=0.5, grace_period=20, min_cluster_size=2)
    first = np.random.default_rng(1).random((400, 2)) < 0.5
    labels = np.where(np.arange(400)[:, None] < 200, first.repeat(4, 1), np.tile(first, 4))
    for row in labels.tolist():
        partitioner.learn_one(dict(enumerate(row)))


def _generate(name: str) -> None:
    source: Any = open_source(f"{name}:rows=8")
    for _ in source.batches(8):
        pass
