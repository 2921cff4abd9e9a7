"""Run experiments: what has run already, with the same code, rows and parameters, is kept.

Stop it when you like: the same command goes on where it was. Results are in ``results/NAME.csv``;
``python experiments/report.py NAME`` makes the tables and figures of it.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from pathlib import Path

from harness.curves import courses_of, write_courses
from harness.definition import Experiment, all_names, find_definition, load
from harness.runner import Options, Planned, run
from harness.store import Store
from harness.table import rows_of, write_rows
from reporting import RESULTS

from stream.errors import DriftHomerError

HERE = Path(__file__).resolve().parent
RECORDS = HERE / ".records"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a definition, or a TOML file; none: all of them"
    )
    parser.add_argument("--data-dir", help="folder of data files, besides DRIFTHOMER_DATA")
    parser.add_argument("--quick", action="store_true", help="prefixes of streams: minutes")
    parser.add_argument("--workers", type=int, help="cells side by side, instead of as defined")
    parser.add_argument("--retry", action="store_true", help="run again what failed")
    parser.add_argument("--fresh", action="store_true", help="run again everything")
    parser.add_argument("--records", type=Path, default=RECORDS, help="folder of finished cells")
    parser.add_argument("--output", type=Path, help="folder of the results; default: results/")
    given = parser.parse_args()
    sys.path.append(os.getcwd())  # for models in the user's own folder
    output = given.output or (RECORDS / "quick" if given.quick else RESULTS)
    options = Options(
        data_dir=given.data_dir,
        store=Store(given.records),
        workers=given.workers,
        retry=given.retry,
        fresh=given.fresh,
    )
    failed = 0
    try:
        for path in [find_definition(name) for name in given.names or all_names()]:
            failed += run_one(load(path, quick=given.quick), options, output)
    except DriftHomerError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return int(failed > 0)


def run_one(experiment: Experiment, options: Options, folder: Path) -> int:
    """Run an experiment and write its results; how many cells failed."""
    path = folder / f"{experiment.name}.csv"
    planned = run(experiment, options, functools.partial(save, path, options.store))
    if experiment.protocol.curves:
        metric = experiment.report.get("curves", "micro_f1")
        courses = courses_of(planned, options.store, metric)
        write_courses(folder / f"{experiment.name}_curves.json", courses)
    rows = rows_of(planned, options.store)
    absent = sorted({row.stream for row in rows if row.status == "absent"})
    bad = [row for row in rows if row.status in ("failed", "bounds")]
    print(f"{path}: {sum(row.status == 'ok' for row in rows)} of {len(rows)} cells")
    print(f"  tables and figures: {report_command(experiment, folder)}")
    if absent:
        print(f"  not here: {', '.join(absent)}")
    for row in bad:
        print(f"  {row.model} on {row.stream}, seed {row.seed}: {row.error}")
    return len(bad)


def report_command(experiment: Experiment, folder: Path) -> str:
    """The command that makes tables and figures of what ran."""
    words = ["python experiments/report.py"]
    words += ["--quick"] if experiment.quick else []
    usual = RECORDS / "quick" if experiment.quick else RESULTS
    words += [] if folder == usual else ["--results", str(folder)]
    return " ".join([*words, experiment.name])


def save(path: Path, store: Store, planned: list[Planned]) -> None:
    """Write what is known so far."""
    write_rows(path, rows_of(planned, store))


if __name__ == "__main__":
    sys.exit(main())
