"""What better clusters could gain where labels are many: found ones beside random ones, and beside
those of hindsight, made of all rows before the first is learnt.

Run: python experiments/clusters_of_hindsight.py --data-dir DATA

Clusters of hindsight: each begins with the most frequent label that is in none, and takes the one
with the largest sum of Jaccard similarities to its labels until it is full. Nothing that moves
labels while the stream runs knows as much, so that what these gain bounds what moving could.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

import numpy as np
from reporting import can_be_read, parser_of_streams, print_table, rows_told, write_runs
from scipy.sparse import csr_matrix

import stream
from stream.data import open_source
from stream.evaluate import prequential

STREAMS = (
    "bibtex",
    "stackex-cooking",
    "delicious",
    "debian_tags.txt.gz",
    "debian_builddeps.txt.gz",
)
METRICS = ("precision_at_1", "precision_at_3", "precision_at_5", "micro_f1")
RANDOM_SEEDS = (1, 2, 3)
HEADS = ("stream", "rows", "clusters", "P@1", "P@3", "P@5", "micro-F1", "asked a row", "missed")


def together(name: str, limit: int | None, data_dir: Any) -> tuple[csr_matrix, list[Any]]:
    """How many rows have both of two labels [labels, labels], and the labels' names."""
    source = open_source(name, data_dir=data_dir)
    lengths, columns, rows = [], [], 0
    for batch in source.batches(1_000):
        stop = batch.n_rows if limit is None else min(batch.n_rows, limit - rows)
        lengths.append(np.diff(batch.y_indptr[: stop + 1]))
        columns.append(batch.y_indices[: batch.y_indptr[stop]])
        rows += stop
        if rows == limit:
            break
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    indices, names = np.concatenate(columns), list(source.schema.labels)
    present = csr_matrix((np.ones(len(indices)), indices, indptr), shape=(rows, len(names)))
    return (present.T @ present).tocsr(), names


def clusters_of_hindsight(both: csr_matrix, size: int) -> list[list[int]]:
    """Clusters of ``size`` labels; those that nothing is near share clusters.

    >>> pairs = csr_matrix([[3, 0, 3, 0], [0, 2, 0, 1], [3, 0, 3, 0], [0, 1, 0, 2]])
    >>> clusters_of_hindsight(pairs, 2)
    [[0, 2], [1, 3]]
    """
    count = both.diagonal()
    left = count > 0
    clusters: list[list[int]] = []
    alone: list[int] = []
    for first in np.argsort(-count, kind="stable").tolist():
        if not left[first]:
            continue
        own, nearness, newest = [first], np.zeros(len(count)), first
        left[first] = False
        while True:
            entries = slice(both.indptr[newest], both.indptr[newest + 1])
            others, shared = both.indices[entries], both.data[entries]
            nearness[others] += shared / (count[others] + count[newest] - shared)
            best = int(np.where(left, nearness, 0.0).argmax())
            if len(own) == size or not left[best] or nearness[best] == 0.0:
                break
            own.append(best)
            left[best] = False
            newest = best
        if len(own) > 1:
            clusters.append(own)
        else:
            alone += own
    return clusters + [alone[at : at + size] for at in range(0, len(alone), size)]


def measure(name: str, kind: str, limit: int | None, data_dir: Any) -> dict[str, Any]:
    """Metrics of a whole stream, and what the gate asked; means over seeds."""
    params: dict[str, Any] = {"random": {"partition": "random"}}.get(kind, {})
    if kind == "of hindsight":
        both, names = together(name, limit, data_dir)
        size = stream.DriftHOMER().cluster_size
        found = clusters_of_hindsight(both, size)
        params = {"partition": [[names[label] for label in cluster] for cluster in found]}
    runs = []
    for seed in RANDOM_SEEDS if kind == "random" else RANDOM_SEEDS[:1]:
        model = stream.DriftHOMER(seed=seed, **params)
        result = prequential(open_source(name, data_dir=data_dir), model, limit=limit)
        metrics = {metric: result.metrics[metric] for metric in METRICS}
        runs.append({"seed": seed, "rows": result.rows, **metrics, **model.gate})
    means = {key: statistics.fmean(run[key] for run in runs) for key in (*METRICS, *model.gate)}
    return {"stream": name, "clusters": kind, "rows": runs[0]["rows"], **means, "runs": runs}


def line_of(run: dict[str, Any]) -> list[str]:
    figures = [f"{run[metric]:.4f}" for metric in METRICS]
    gate = [f"{run['asked']:.1f}", f"{run['missed']:.3f}"]
    return [run["stream"], f"{run['rows']:,}", run["clusters"], *figures, *gate]


def main() -> int:
    parser = parser_of_streams(__doc__.partition("\n\n")[0], STREAMS)
    given = parser.parse_args()
    if not can_be_read(given.streams, given.data_dir):
        return 2
    runs = []
    for name in given.streams:
        for kind in ("random", "found", "of hindsight"):
            runs.append(measure(name, kind, given.limit, given.data_dir))
            print(*line_of(runs[-1]), file=sys.stderr)
    lines = [line_of(run) for run in runs]
    print_table("DriftHOMER with found and other clusters", HEADS, lines)
    about = (
        f"`DriftHOMER`, {rows_told(given.limit)}, the other parameters at their defaults: "
        f"clusters found at first sight of each label (the default), random ones (mean of seeds "
        f"{', '.join(map(str, RANDOM_SEEDS))}), and clusters of hindsight, made of all rows before "
        "the first is learnt."
    )
    title = "What better clusters could gain"
    write_runs("clusters_of_hindsight", title, about, (HEADS, lines), runs, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
