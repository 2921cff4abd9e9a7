"""Speed of CapyMOA's Hoeffding tree in its native Java loop; prints one line of JSON.

Run by an interpreter that has CapyMOA and finds Java 17 or later. It imports nothing of DriftHOMER:
the rows of the accuracy comparison come from a file.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import capymoa
import numpy as np
from capymoa.classifier import HoeffdingTree, MajorityClass
from capymoa.evaluation import prequential_evaluation
from capymoa.stream import NumpyStream
from capymoa.stream.generator import RandomRBFGenerator

# The settings of the trees it is compared with (and MOA's own); CapyMOA's default is 0.001.
SETTINGS = {HoeffdingTree: {"confidence": 1e-7}}


def native_loop(learner: type, rows: int) -> tuple[float, float]:
    """Rows a second and accuracy (%); the Java loop makes the rows, tests and trains."""
    stream = RandomRBFGenerator(
        number_of_classes=5, number_of_attributes=10, number_of_centroids=50
    )
    model = learner(schema=stream.get_schema(), **SETTINGS.get(learner, {}))
    began = time.perf_counter()
    result = prequential_evaluation(
        stream, model, max_instances=rows, window_size=rows, optimise=True
    )
    return rows / (time.perf_counter() - began), float(result.cumulative.accuracy())


def accuracy_on(path: str) -> float:
    """Accuracy (%) on the rows of a NumPy file whose last column is the class."""
    table = np.load(path)
    stream = NumpyStream(table[:, :-1], table[:, -1].astype(int), target_type="categorical")
    model = HoeffdingTree(schema=stream.get_schema(), **SETTINGS[HoeffdingTree])
    result = prequential_evaluation(stream, model, window_size=len(table))
    return float(result.cumulative.accuracy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--warm-up", type=int, default=100_000, help="rows before the clock starts")
    parser.add_argument("--same-rows", help="NumPy file, class last: report the accuracy on it")
    arguments = parser.parse_args()
    native_loop(HoeffdingTree, arguments.warm_up)
    speed, accuracy = native_loop(HoeffdingTree, arguments.rows)
    made, _ = native_loop(MajorityClass, arguments.rows)
    found = {
        "capymoa": capymoa.__version__,
        "rows": arguments.rows,
        "rows_per_second": speed,
        "accuracy": accuracy,
        "rows_per_second_of_the_loop_with_a_majority_class": made,
    }
    if arguments.same_rows:
        found["accuracy_on_same_rows"] = accuracy_on(arguments.same_rows)
    print(json.dumps(found), flush=True)
    os._exit(0)  # the Java virtual machine may hold the process back


if __name__ == "__main__":
    main()
