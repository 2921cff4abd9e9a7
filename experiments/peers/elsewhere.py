"""Predict, then learn, every row of a file with a learner of CapyMOA or scikit-multiflow.

Run by an interpreter that has them; imports nothing of DriftHOMER. Standard input: one line of JSON
with ``model`` (module:class), ``params``, ``seed`` and the files ``rows`` and ``predictions``.
Standard output: one line of JSON with seconds inside the learner, memory and versions.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

Answer = Callable[[np.ndarray], np.ndarray | None]
Learn = Callable[[np.ndarray, np.ndarray], None]


class Multiflow:
    """A learner of scikit-multiflow: of label sets, or a regressor whose 0.5 is the threshold."""

    def __init__(self, made: type, params: dict[str, Any], labels: np.ndarray, single_label: bool):
        if single_label:
            raise ValueError("scikit-multiflow's learners are run on multi-label streams only")
        if "n_labels" in inspect.signature(made).parameters:
            params = {**params, "n_labels": labels.shape[1]}
        self.model = made(**params)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.ravel(self.model.predict(x[None, :])) > 0.5

    def learn(self, x: np.ndarray, y: np.ndarray) -> None:
        self.model.partial_fit(x[None, :], y[None, :].astype(int))


class Capymoa:
    """A classifier of CapyMOA."""

    def __init__(self, made: type, params: dict[str, Any], x: np.ndarray, labels: np.ndarray):
        from capymoa.stream import NumpyStream

        # Every class has to be there once for the stream to know it.
        n_classes = labels.shape[1]
        head = np.resize(x, (n_classes, x.shape[1]))
        classes = np.concatenate([np.arange(n_classes), labels.argmax(axis=1)])
        self.stream = NumpyStream(np.vstack([head, x]), classes, target_type="categorical")
        for _ in range(n_classes):
            self.stream.next_instance()
        self.n_classes = n_classes
        self.model = made(schema=self.stream.get_schema(), **params)


def run_capymoa(made: type, params: dict[str, Any], x: np.ndarray, labels: np.ndarray) -> tuple:
    peer = Capymoa(made, params, x, labels)
    predicted = np.zeros(labels.shape, np.uint8)
    seconds, clock = 0.0, time.perf_counter
    for row in range(len(x)):
        instance = peer.stream.next_instance()
        began = clock()
        answer = peer.model.predict(instance)
        peer.model.train(instance)
        seconds += clock() - began
        if answer is not None and row:
            predicted[row, answer] = 1
    return predicted, seconds


def run_multiflow(peer: Multiflow, x: np.ndarray, labels: np.ndarray) -> tuple:
    predicted = np.zeros(labels.shape, np.uint8)
    seconds, clock = 0.0, time.perf_counter
    for row in range(len(x)):
        began = clock()
        if row:  # before anything was learnt the prediction is the empty set
            predicted[row] = peer.predict(x[row])
        peer.learn(x[row], labels[row])
        seconds += clock() - began
    return predicted, seconds


def dense(rows: Any) -> np.ndarray:
    """Features [rows, features] out of compressed sparse rows."""
    indptr = rows["indptr"]
    x = np.zeros((len(indptr) - 1, int(rows["n_features"])))
    x[np.repeat(np.arange(len(x)), np.diff(indptr)), rows["indices"]] = rows["values"]
    return x


def peak_rss_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    with np.load(asked["rows"]) as rows:
        x, labels, single_label = dense(rows), rows["labels"], bool(rows["single_label"])
    module, _, name = asked["model"].partition(":")
    made, params = getattr(importlib.import_module(module), name), dict(asked["params"])
    package = module.partition(".")[0]
    for seed in ("random_seed", "random_state"):
        if seed in inspect.signature(made).parameters:
            params.setdefault(seed, asked["seed"])
    if package == "capymoa":
        predicted, seconds = run_capymoa(made, params, x, labels)
    else:
        peer = Multiflow(made, params, labels, single_label)
        predicted, seconds = run_multiflow(peer, x, labels)
    np.save(asked["predictions"], predicted)
    distribution = {"skmultiflow": "scikit-multiflow"}.get(package, package)
    versions = {"python": platform.python_version(), distribution: metadata.version(distribution)}
    told = {"seconds": seconds, "peak_rss_mb": peak_rss_mb(), "versions": versions}
    print(json.dumps(told), flush=True)
    os._exit(0)  # the Java virtual machine may hold the process back


if __name__ == "__main__":
    main()
