"""Metrics at k by their definitions, row by row, with dictionaries."""

from __future__ import annotations

import math

A, B = 0.55, 1.5


def ranked_columns(probabilities):
    """Columns of a row from the most probable on; those of probability zero are left out."""
    order = sorted(range(len(probabilities)), key=lambda j: (-probabilities[j], j))
    return [j for j in order if probabilities[j] > 0]


def weight(n, n_rows):
    """The inverse propensity of a label."""
    if n_rows == 0 or math.log(n_rows) < 1:
        return 1.0
    return 1 + (math.log(n_rows) - 1) * (B + 1) ** A * (n + B) ** -A


def metrics_at_k(truth, rankings, first=0):
    """The metrics of the rows from ``first`` on; ``truth`` is 1, 0 or -1 (unknown)."""
    names = [f"{name}_at_{k}" for name in ("precision", "ndcg", "psp") for k in (1, 3, 5)]
    sums = dict.fromkeys(names, 0.0)
    most = {1: 0.0, 3: 0.0, 5: 0.0}
    counts, n_before, n = {}, 0, 0
    for i, (row, ranking) in enumerate(zip(truth, rankings, strict=True)):
        if all(value == -1 for value in row):
            continue
        present = [j for j, value in enumerate(row) if value == 1]
        ranking = [j for j in ranking if row[j] != -1]
        weights = {j: weight(counts.get(j, 0), n_before) for j in range(len(row))}
        for k in (1, 3, 5) if i >= first else ():
            hits = [j in present for j in ranking[:k]]
            sums[f"precision_at_{k}"] += sum(hits) / k
            ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(present))))
            gain = sum(1 / math.log2(place + 2) for place, hit in enumerate(hits) if hit)
            sums[f"ndcg_at_{k}"] += gain / ideal if present else 0.0
            sums[f"psp_at_{k}"] += sum(weights[j] for j in ranking[:k] if j in present)
            most[k] += sum(sorted((weights[j] for j in present), reverse=True)[:k])
        n += i >= first
        n_before += 1
        for j in present:
            counts[j] = counts.get(j, 0) + 1
    for name in names:
        k = int(name[-1])
        whole = most[k] if name.startswith("psp") else n
        sums[name] = sums[name] / whole if whole else 0.0
    return sums
