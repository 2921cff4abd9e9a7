"""Rank one model, on whole streams, against the 17 methods of MLHAT's published tables.

Runs what has not run yet. The published values are quoted, not measured here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from harness.definition import Experiment, ModelChoice, Protocol, StreamChoice
from harness.published import quoted
from harness.runner import Options, run
from harness.scores import scores_of
from harness.store import Store
from harness.table import Row, rows_of
from reporting import print_table
from run import RECORDS

from stream.cli.options import parse_literal
from stream.compare.ranking import LOWER_IS_BETTER, MARK, Ranks, Score, better, rank
from stream.data import entries, open_source
from stream.errors import DriftHomerError, NotAvailableError

METRICS = ("subset_accuracy", "micro_f1", "macro_f1", "example_f1", "hamming_loss")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, metavar="NAME", help="or package.module:object")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="parameter"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data-dir", help="folder of data files, besides DRIFTHOMER_DATA")
    parser.add_argument("--streams", nargs="+", metavar="STREAM", help="only these")
    parser.add_argument("--all", action="store_true", help="also streams without published values")
    parser.add_argument("--limit", type=int, help="only the first rows of each: for trials")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--records", type=Path, default=RECORDS, help="folder of finished cells")
    given = parser.parse_args()
    sys.path.append(os.getcwd())  # for models in the user's own folder
    published = quoted("mlhat")
    streams = streams_here(given.data_dir, given.streams)
    if not given.all:
        known = {score.stream for score in published}
        streams = [name for name in streams if name in known]
    if not streams:
        print("None of these streams is here: name a folder with --data-dir.", file=sys.stderr)
        return 2
    params = dict(each.split("=", 1) for each in given.set)
    experiment = Experiment(
        name="ranks",
        title="",
        about="",
        protocol=Protocol(seeds=(given.seed,), limit=given.limit, workers=given.workers),
        streams=tuple(StreamChoice(name=name, title=name) for name in streams),
        models=(
            ModelChoice(
                title=given.model,
                use=given.model,
                params={name: parse_literal(value) for name, value in params.items()},
            ),
        ),
        report={},
    )
    options = Options(data_dir=given.data_dir, store=Store(given.records), retry=True)
    try:
        rows = rows_of(run(experiment, options, lambda _: None), options.store)
    except KeyboardInterrupt:
        return 130
    except DriftHomerError as error:
        print(error, file=sys.stderr)
        return 2
    tell(given.model, rows, published)
    return int(any(row.status != "ok" for row in rows))


def streams_here(data_dir: str | None, wanted: Sequence[str] | None) -> list[str]:
    """Names of the multi-label streams of the catalogue that need no download."""
    found = []
    for entry in entries():
        if entry.task != "multi-label" or (wanted and entry.name not in wanted):
            continue
        try:
            open_source(entry.name, data_dir=data_dir, download=False)
        except NotAvailableError:
            continue
        found.append(entry.name)
    return [name for name in found if name != "solar-flare"]


def tell(model: str, rows: list[Row], published: list[Score]) -> None:
    """Print each stream beside the best published method, then the ranks."""
    done = [row for row in rows if row.status == "ok"]
    for metric in METRICS:
        print_table(
            f"{metric}: ours / best published (method)",
            ("stream", "ours", "best", "method", "", "rank of 18", "rows/s"),
            [line(row, metric, published) for row in done],
        )
    names = {row.stream for row in done}
    compared = [*scores_of(done), *(score for score in published if score.stream in names)]
    found = [rank(compared, metric, mark_quoted=True) for metric in METRICS]
    heads = (
        *("metric", "average rank", "place", "best of the 17", "method"),
        *("above all 17", "mean", "mean of the best"),
    )
    lines = [summary(ranks, ranks.methods.index(model)) for ranks in found]
    print_table(f"{model}: average ranks over {len(names)} streams", heads, lines)
    mean = statistics.fmean(ranks.average()[model] for ranks in found)
    print(f"mean of the average ranks: {mean:.3f}")


def summary(ranks: Ranks, column: int) -> list[str]:
    """A line on one metric: ours, which is a column of the table, against the quoted methods."""
    average = ranks.average()
    ours, best = ranks.methods[column], next(name for name in average if name.endswith(MARK))
    values = ranks.values[:, column]
    others = np.delete(ranks.values, column, axis=1)
    lower = ranks.metric in LOWER_IS_BETTER
    tops = others.min(axis=1) if lower else others.max(axis=1)
    above = np.count_nonzero(values < tops if lower else values > tops)
    return [
        *(ranks.metric, f"{average[ours]:.2f}", str(1 + list(average).index(ours))),
        *(f"{average[best]:.2f}", best.removesuffix(MARK), f"{above} of {len(values)}"),
        *(f"{values.mean():.4f}", f"{tops.mean():.4f}"),
    ]


def line(row: Row, metric: str, published: list[Score]) -> list[str]:
    """Ours beside the best published value of that stream and metric."""
    value = row.values[metric]
    found = [s for s in published if (s.stream, s.metric) == (row.stream, metric)]
    speed = f"{row.values['rows_per_second']:,.0f}"
    if not found:
        return [row.stream, f"{value:.4f}", "", "", "", "", speed]
    pick = min if metric in LOWER_IS_BETTER else max
    best = pick(found, key=lambda score: score.value)
    place = 1 + sum(better(metric, score.value, value) for score in found)
    verdict = "win" if better(metric, value, best.value) else "lose"
    return [
        *(row.stream, f"{value:.4f}", f"{best.value:.4f}", best.method),
        *(verdict, str(place), speed),
    ]


if __name__ == "__main__":
    sys.exit(main())
