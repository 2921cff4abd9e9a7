"""How soon drift detectors see known changes, and how often they are wrong, on the same losses.

The losses are those of a tree without detectors, so that no detector changes what it watches. Every
generator with known changes is used, of label sets and of classes.

Run: python experiments/drift_detection.py [--seeds 3] [--rows 50000] [--capymoa]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness.detections import HORIZON, Detections, detections, pooled
from harness.environments import python_of
from peers import river_detectors
from reporting import (
    RESULTS,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    print_table,
    write_results,
)

from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.data.synthetic import SyntheticSource, create, names
from stream.engine.adwin import Adwins, adwin_mean, adwin_update
from stream.engine.arrays import allocate

DELTA = 0.002  # of our detectors, as the estimators have it by default
OURS = "ADWIN, rises only (ours)"
CAPYMOA = Path(__file__).resolve().parent / "peers" / "capymoa_detectors.py"
KINDS = ("sudden", "recurring", "gradual", "incremental")


@dataclasses.dataclass(frozen=True)
class Losses:
    """What a model lost on every row."""

    losses: np.ndarray  # [rows] one less the Jaccard similarity; of classes: as ``errors``
    errors: np.ndarray  # [rows] whether the answer was not exactly right


@dataclasses.dataclass(frozen=True)
class Run:
    """One detector on the losses of one stream."""

    stream: str
    kind: str
    seed: int
    detector: str
    alarms: list[int]
    found: Detections


def streams() -> list[str]:
    """The generators whose changes are known."""
    return [name for name in names() if create(name).description.change_points]


def losses_on(source: SyntheticSource) -> Losses:
    """Losses of a tree without detectors, predict then learn."""
    classes = source.schema.task == "single-label"
    kind = HoeffdingTreeClassifier if classes else MultiLabelHoeffdingTree
    model = kind(drift_detection=False, seed=1)
    losses, errors = [], []
    for batch in source.batches(1000):
        predicted = model.test_then_train_many(batch, source.schema).labels.astype(bool)
        true = np.zeros(predicted.shape, bool)
        true[np.repeat(np.arange(batch.n_rows), np.diff(batch.y_indptr)), batch.y_indices] = True
        common, union = (predicted & true).sum(axis=1), (predicted | true).sum(axis=1)
        wrong = (predicted != true).any(axis=1)
        jaccard = 1.0 - common / np.maximum(union, 1)
        losses.append(wrong.astype(float) if classes else np.where(union > 0, jaccard, 0.0))
        errors.append(wrong)
    return Losses(np.concatenate(losses), np.concatenate(errors))


def our_alarms(losses: np.ndarray) -> list[int]:
    """Rows after which the detector of trees and clusters saw the loss rise."""
    adwins, found = allocate(Adwins, {"detectors": 1}), []
    for row, loss in enumerate(losses.tolist()):
        before = adwin_mean(adwins, 0)
        if adwin_update(adwins, 0, loss, DELTA) and adwin_mean(adwins, 0) > before:
            found.append(row)
    return found


def capymoa_alarms(losses: Losses) -> tuple[str, dict[str, list[int]]]:
    """CapyMOA's version, and the alarms of its detectors, found in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "losses.npz")
        np.savez(path, losses=losses.losses, errors=losses.errors)
        done = subprocess.run(
            [python_of("capymoa"), "-I", str(CAPYMOA)],
            input=f"{path}\n",
            capture_output=True,
            text=True,
            check=True,
        )
    told = json.loads(done.stdout.splitlines()[-1])
    return told["version"], told["alarms"]


def alarms_of_all(losses: Losses, seed: int, capymoa: bool) -> tuple[str, dict[str, list[int]]]:
    """Alarms by detector, and the version of CapyMOA where it was asked."""
    found = {OURS: our_alarms(losses.losses)}
    for name, make in river_detectors.OF_LOSSES.items():
        found[name] = river_detectors.alarms(make(seed), losses.losses.tolist())
    for name, make in river_detectors.OF_ERRORS.items():
        found[name] = river_detectors.alarms(make(seed), losses.errors.tolist())
    if not capymoa:
        return "", found
    version, theirs = capymoa_alarms(losses)
    return version, found | theirs


def table_of(runs: Sequence[Run], columns: Sequence[str]) -> list[list[str]]:
    """A row for each detector: its scores by kind of change, and over all runs."""
    rows = []
    for detector in dict.fromkeys(run.detector for run in runs):
        own = [run for run in runs if run.detector == detector]
        groups = [[run.found for run in own if run.kind == column] for column in columns]
        cells = [pooled(group).cell() if group else "" for group in groups]
        rows.append([detector, *cells, pooled([run.found for run in own]).cell()])
    return rows


def table_of_streams(runs: Sequence[Run]) -> tuple[list[str], list[list[str]]]:
    """The detectors, and a row for each stream: the scores of every detector."""
    detectors = list(dict.fromkeys(run.detector for run in runs))
    rows = []
    for stream in dict.fromkeys(run.stream for run in runs):
        own = [run for run in runs if run.stream == stream]
        groups = [[run.found for run in own if run.detector == each] for each in detectors]
        rows.append([stream, *(pooled(group).cell() for group in groups)])
    return detectors, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="of the streams, from 1")
    parser.add_argument("--rows", type=int, default=50_000, help="of each stream")
    parser.add_argument("--streams", nargs="+", help="generators; all that have known changes")
    parser.add_argument("--capymoa", action="store_true", help="also CapyMOA's detectors")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    runs: list[Run] = []
    version = ""
    chosen = options.streams or streams()
    for name in chosen:
        for seed in range(1, options.seeds + 1):
            source = create(name, n_rows=options.rows, seed=seed)
            about = source.description
            version, alarms = alarms_of_all(losses_on(source), seed, options.capymoa)
            for detector, rows in alarms.items():
                found = detections(rows, about.change_points, about.width, options.rows)
                runs.append(Run(name, about.drift.kind, seed, detector, rows, found))
    kinds = [kind for kind in KINDS if any(run.kind == kind for run in runs)]
    by_kind = table_of(runs, kinds)
    print_table(
        "delay / false alarms per 10,000 rows (missed)", ("detector", *kinds, "all"), by_kind
    )
    about_machine: dict[str, Any] = {"command": command_line(), "machine": machine()}
    text = report(runs, kinds, options)
    if version:
        about_machine["capymoa"] = version
        text += f"CapyMOA {version}. "
    text += machine_markdown(about_machine["machine"])
    write_results("drift_detection", {**about_machine, "runs": told(runs)}, text, options.out)


def report(runs: Sequence[Run], kinds: Sequence[str], options: argparse.Namespace) -> str:
    """The page of results."""
    detectors, by_stream = table_of_streams(runs)
    return (
        f"# Drift detectors on the same losses\n\n`{command_line()}`\n\n"
        f"Generated streams of {options.rows:,} rows, seeds 1 to {options.seeds}, whose changes "
        "are known. The losses are those of our tree without detectors (one less the Jaccard "
        "similarity of true and predicted labels; of classes, and for detectors that take only "
        "right and wrong, whether the answer was exactly right). Detectors have their defaults.\n\n"
        "A cell tells the mean rows from the beginning of a change to its detection, false alarms "
        "per 10,000 rows, and changes that were missed. A change is detected by the first alarm "
        f"until {HORIZON:,} rows after its end; more alarms in this time count nowhere, all others "
        "are false.\n\n## By kind of change\n\n"
        + markdown_table(("delay / false alarms (missed)", *kinds, "all"), table_of(runs, kinds))
        + "\n## By stream\n\n"
        + markdown_table(("delay / false alarms (missed)", *detectors), by_stream)
        + "\n"
    )


def told(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The runs as JSON knows them."""
    return [
        {
            "stream": run.stream,
            "kind": run.kind,
            "seed": run.seed,
            "detector": run.detector,
            "delays": list(run.found.delays),
            "false_alarms": run.found.n_false,
            "quiet_rows": run.found.quiet_rows,
            "alarms": len(run.alarms),
        }
        for run in runs
    ]


if __name__ == "__main__":
    main()
