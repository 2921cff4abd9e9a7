"""Alarms of CapyMOA's drift detectors; prints one line of JSON, rows by detector.

Run by an interpreter that has CapyMOA and finds Java 17 or later; imports nothing of DriftHOMER.
Standard input: the path of a NumPy archive with ``losses`` and ``errors`` [rows].
"""

from __future__ import annotations

import json
import os
import sys

import capymoa
import numpy as np
from capymoa.drift import detectors

# Of losses from 0 to 1, and of whether an answer was wrong; each with its defaults.
OF_LOSSES = ("ADWIN", "CUSUM", "GeometricMovingAverage", "PageHinkley", "SEED")
OF_ERRORS = ("DDM", "EWMAChart", "HDDMAverage", "HDDMWeighted", "RDDM", "STEPD")


def alarms(name: str, values: list[float]) -> list[int]:
    detector = getattr(detectors, name)()
    found = []
    for row, value in enumerate(values):
        detector.add_element(value)
        if detector.detected_change():
            found.append(row)
    return found


def main() -> None:
    with np.load(sys.stdin.readline().strip()) as archive:
        losses, errors = archive["losses"].tolist(), archive["errors"].astype(float).tolist()
    found = {f"CapyMOA {name}": alarms(name, losses) for name in OF_LOSSES}
    found |= {f"CapyMOA {name}": alarms(name, errors) for name in OF_ERRORS}
    print(json.dumps({"version": capymoa.__version__, "alarms": found}), flush=True)
    os._exit(0)  # the Java virtual machine may hold the process back


if __name__ == "__main__":
    main()
