"""How much worse answers become where many labels of each row are unknown.

Of every row, each label that was seen before is unknown with some probability; what is answered is
compared with all labels. Run: python experiments/unknown_labels.py --data-dir DATA
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

import numpy as np
from reporting import can_be_read, parser_of_streams, print_table, rows_told, write_runs

import stream
from stream.data import open_source
from stream.rows.batch import Batch, slice_rows

STREAMS = ("debian_tags.txt.gz", "delicious", "stackex-cooking", "bibtex", "yeast")
SHARES = (0.0, 0.3, 0.7)
CHUNK_ROWS = 500
HEADS = ("stream", "rows", "unknown", "micro-F1", "less", "P@1", "clusters asked", "missed")


def hidden(batch: Batch, share: float, seen: np.ndarray, rng: np.random.Generator) -> Batch:
    """The batch with labels that were seen before unknown at random; ``seen`` in place."""
    present, unknown = [], []
    for row in range(batch.n_rows):
        labels = batch.y_indices[batch.y_indptr[row] : batch.y_indptr[row + 1]]
        hide = seen & (rng.random(len(seen)) < share)
        unknown.append(np.flatnonzero(hide).astype(np.int32))
        present.append(labels[~hide[labels]])
        seen[labels] = True

    def csr(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.cumsum([0, *(len(part) for part in parts)]).astype(np.int64)
        return lengths, np.concatenate([np.zeros(0, np.int32), *parts])

    y, u = csr(present), csr(unknown)
    return batch._replace(y_indptr=y[0], y_indices=y[1], u_indptr=u[0], u_indices=u[1])


def measure(name: str, share: float, seed: int, limit: int | None, data_dir: Any) -> dict[str, Any]:
    """Micro-F1 and precision of the most probable label, over all labels of all rows."""
    source = open_source(name, data_dir=data_dir)
    model, rng = stream.DriftHOMER(seed=seed), np.random.default_rng(seed)
    seen = np.zeros(len(source.schema.labels), bool)
    rows = right = answered = present = first = 0
    for whole in source.batches(CHUNK_ROWS):
        left = whole.n_rows if limit is None else limit - rows
        batch = slice_rows(whole, 0, min(left, whole.n_rows))
        truth = np.zeros((batch.n_rows, len(seen)), bool)
        truth[np.repeat(np.arange(batch.n_rows), np.diff(batch.y_indptr)), batch.y_indices] = True
        told = model.test_then_train_many(hidden(batch, share, seen, rng), source.schema)
        labels = np.asarray(told.labels, bool)
        rows += batch.n_rows
        right += int((labels & truth).sum())
        answered += int(labels.sum())
        present += int(truth.sum())
        top = np.asarray(told.probabilities).argmax(axis=1)
        first += int(truth[np.arange(batch.n_rows), top].sum())
        if rows == limit:
            break
    return {
        "stream": name,
        "rows": rows,
        "unknown": share,
        "seed": seed,
        "micro_f1": 2 * right / max(answered + present, 1),
        "precision_at_1": first / rows,
        **model.gate,
    }


def lines_of(runs: list[dict[str, Any]]) -> list[list[str]]:
    """A line for each stream and share, with the mean over seeds."""
    lines, complete = [], 0.0
    for name, share in dict.fromkeys((run["stream"], run["unknown"]) for run in runs):
        own = [run for run in runs if (run["stream"], run["unknown"]) == (name, share)]

        def mean(what: str, own: list[dict[str, Any]] = own) -> float:
            return statistics.fmean(run[what] for run in own)

        f1 = mean("micro_f1")
        complete = complete if share else f1
        figures = f"{f1:.4f}", f"{f1 - complete:+.4f}", f"{mean('precision_at_1'):.4f}"
        gate = f"{mean('asked'):.1f}", f"{mean('missed'):.3f}"
        lines.append([name, f"{own[0]['rows']:,}", f"{share:.0%}", *figures, *gate])
    return lines


def main() -> int:
    parser = parser_of_streams(__doc__.splitlines()[0], STREAMS)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    if not can_be_read(given.streams, given.data_dir):
        return 2
    runs = []
    for name in given.streams:
        for share in SHARES:
            for seed in range(1, given.seeds + 1):
                runs.append(measure(name, share, seed, given.limit, given.data_dir))
                print(f"{name}, {share:.0%} unknown, seed {seed}", file=sys.stderr)
    lines = lines_of(runs)
    print_table("DriftHOMER with unknown labels", HEADS, lines)
    seeds = f"the mean over seeds 1 to {given.seeds}" if given.seeds > 1 else "seed 1"
    about = (
        f"`DriftHOMER` with its defaults, {rows_told(given.limit)}, {seeds}: predict, "
        "then learn. Of every row, each label that an earlier row had is unknown with the "
        "probability named; answers are compared with all labels."
    )
    title = "Rows of which many labels are unknown"
    write_runs("unknown_labels", title, about, (HEADS, lines), runs, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
