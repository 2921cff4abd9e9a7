"""Rows of label sets for the tests of the partition."""

import numpy as np


def csr(sets):
    """Label sets as compressed sparse rows."""
    rows = [sorted(labels) for labels in sets]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return indptr, np.array([label for row in rows for label in row], np.int32)


def block_sets(seed, n_rows, blocks, within=0.9, noise=0.02):
    """Rows with one active block each, and labels that appear by chance."""
    rng = np.random.default_rng(seed)
    n_labels = sum(len(block) for block in blocks)
    sets = []
    for _ in range(n_rows):
        block = blocks[rng.integers(len(blocks))]
        labels = {label for label in block if rng.random() < within}
        labels |= {label for label in range(n_labels) if rng.random() < noise}
        sets.append(labels)
    return sets


def nested_sets(seed, n_rows):
    """Eight labels in a hierarchy: 0–3 and 4–7 hardly meet, within each pairs are close."""
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.75, 0.95, 8)
    sets = []
    for _ in range(n_rows):
        half = 4 * int(rng.random() < 0.5)
        quarters = [half] if rng.random() < 0.35 else [half + 2] if rng.random() < 0.5 else []
        quarters = quarters or [half, half + 2]
        labels = {q + i for q in quarters for i in (0, 1) if rng.random() < rates[q + i]}
        if rng.random() < 0.1 + 0.2 * (half > 0):
            labels.add(int(rng.integers(4)))
        sets.append(labels)
    return sets


def naive_counts(sets, n_labels):
    """Labels [labels] and pairs [labels, labels] by plain addition."""
    present = np.zeros((len(sets), n_labels), np.int64)
    for row, labels in enumerate(sets):
        present[row, list(labels)] = 1
    return present.sum(axis=0), present.T @ present
