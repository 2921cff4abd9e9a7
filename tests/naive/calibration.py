"""Calibration cell by cell, as it is defined."""

from __future__ import annotations

import numpy as np

LEAST_SHARE = {"frequent": 0.1, "medium": 0.01, "rare": 0.0}


def calibration(truth, probabilities, n_bins=10):
    """Brier scores and calibration errors of matrices [rows, labels]; truth -1: unknown."""
    scored = [row for row in range(len(truth)) if (truth[row] >= 0).any()]
    groups = {"": [], **{f"_{name}": [] for name in LEAST_SHARE}}
    for label in range(truth.shape[1]):
        cells = [
            (probabilities[row, label], truth[row, label])
            for row in scored
            if truth[row, label] >= 0
        ]
        share = sum(y for _, y in cells) / max(len(scored), 1)
        group = next(name for name, least in LEAST_SHARE.items() if share >= least)
        groups[""] += cells
        groups[f"_{group}"] += cells
    found = {}
    for name, cells in groups.items():
        found[f"brier_score{name}"] = np.mean([(p - y) ** 2 for p, y in cells]) if cells else 0.0
        error = 0.0
        for b in range(n_bins):
            inside = [(p, y) for p, y in cells if min(int(p * n_bins), n_bins - 1) == b]
            if inside:
                gap = np.mean([p for p, _ in inside]) - np.mean([y for _, y in inside])
                error += len(inside) / len(cells) * abs(gap)
        found[f"calibration_error{name}"] = error
    return found
