"""River's drift detectors, each with its defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from river import drift

# Of losses from 0 to 1, and of whether an answer was wrong.
OF_LOSSES: dict[str, Callable[[int], Any]] = {
    "River ADWIN": lambda seed: drift.ADWIN(),
    "River PageHinkley": lambda seed: drift.PageHinkley(),
    "River KSWIN": lambda seed: drift.KSWIN(seed=seed),
}
OF_ERRORS: dict[str, Callable[[int], Any]] = {
    "River DDM": lambda seed: drift.binary.DDM(),
    "River EDDM": lambda seed: drift.binary.EDDM(),
    "River FHDDM": lambda seed: drift.binary.FHDDM(),
    "River HDDM_A": lambda seed: drift.binary.HDDMA(),
    "River HDDM_W": lambda seed: drift.binary.HDDMW(),
}


def alarms(detector: Any, values: list[Any]) -> list[int]:
    """Rows after which a detector of River saw a change."""
    found = []
    for row, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            found.append(row)
    return found
