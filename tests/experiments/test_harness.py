"""Cells are run once, survive each other, and give the same file however often they are stopped."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.definition import load
from harness.runner import Options, plan, run
from harness.store import Store
from harness.table import COST, read_rows, rows_of, write_rows

from stream.errors import ParameterError

HERE = Path(__file__).resolve().parent
RUN = HERE.parents[1] / "experiments" / "run.py"
DEFINITION = """
title = "a trial"
[protocol]
seeds = [1, 2]
timeout = 300
[quick]
limit = 10
models = ["repeat"]
[[streams]]
names = ["rain.csv", "sun.csv"]
options = {{ labels = ["a", "b"] }}
[[models]]
title = "repeat"
use = "harness_models:Repeat"
[[models]]
title = "forget"
use = "harness_models:Repeat"
params = {{ forget = 0.5, seconds = {seconds} }}
{more}
"""


def write_definition(folder: Path, seconds: float = 0.0, more: str = "") -> Path:
    for name, step in (("rain", 3), ("sun", 5)):
        lines = ["x,a,b", *(f"{i},{int(i % step == 0)},{int(i % 7 < 4)}" for i in range(40))]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder / "trial.toml"
    path.write_text(DEFINITION.format(seconds=seconds, more=more), encoding="utf-8")
    return path


def run_here(path: Path, records: Path, **how):
    """Run an experiment in this process; its rows."""
    store = Store(records)
    planned = run(load(path), Options(data_dir=None, store=store, **how), lambda _: None)
    return rows_of(planned, store)


def without_cost(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k not in COST} for row in csv.DictReader(file)]


def test_the_same_seeds_give_the_same_numbers(tmp_path):
    """A source of chance that the seed does not reach, or a cell that answers for another one."""
    path = write_definition(tmp_path)
    for name in ("one", "two"):
        write_rows(tmp_path / f"{name}.csv", run_here(path, tmp_path / name))
    assert without_cost(tmp_path / "one.csv") == without_cost(tmp_path / "two.csv")
    rows = read_rows(tmp_path / "one.csv")
    assert [row.status for row in rows] == ["ok"] * 8
    forgetting = [row.values["subset_accuracy"] for row in rows if row.model == "forget"]
    assert len(set(forgetting)) > 1  # streams and seeds differ
    assert write_rows(tmp_path / "again.csv", rows) is None
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


def test_a_finished_cell_is_not_run_again_unless_it_changes(tmp_path):
    """Hours of work done twice, or a result of code that is no more."""
    path, records = write_definition(tmp_path), tmp_path / "records"

    def changed_since(before: dict) -> int:
        return sum(before.get(file) != file.stat().st_mtime_ns for file in records.glob("*.json"))

    def times() -> dict:
        return {file: file.stat().st_mtime_ns for file in records.glob("*.json")}

    run_here(path, records)
    before = times()
    assert len(before) == 8
    run_here(path, records)
    assert changed_since(before) == 0
    path.write_text(path.read_text().replace("forget = 0.5", "forget = 0.25"))
    run_here(path, records)
    assert changed_since(before) == 4  # both streams and seeds of one model
    before = times()
    lines = (tmp_path / "sun.csv").read_text().splitlines()
    (tmp_path / "sun.csv").write_text("\n".join([*lines[:-1], "7,1,1"]) + "\n")
    run_here(path, records)
    assert changed_since(before) == 4  # both models and seeds on one stream


def test_a_long_stream_takes_fewer_seeds(tmp_path):
    """A stream that is run with seeds that nobody asked for, or that holds up the others."""
    more = '[[streams]]\nname = "rain.csv"\ntitle = "long"\nseeds = [2, 3]\n'
    cells = list(load(write_definition(tmp_path, more=more)).cells())
    seeds = {}
    for cell in cells:
        seeds.setdefault(cell.stream.title, set()).add(cell.seed)
    assert seeds == {"rain.csv": {1, 2}, "sun.csv": {1, 2}, "long": {2}}


def start(path: Path, output: Path, records: Path) -> subprocess.Popen:
    command = [sys.executable, str(RUN), str(path), "--output", str(output)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    return subprocess.Popen(
        [*command, "--records", str(records)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def test_a_run_that_is_killed_goes_on_to_the_same_file(tmp_path):
    """A cell lost or counted twice, or a half-written record that is taken for a whole one."""
    path = write_definition(tmp_path, seconds=0.02)
    records = tmp_path / "killed"
    for n_finished in (1, 4):
        process = start(path, tmp_path / "killed.out", records)
        deadline = time.monotonic() + 600
        while len(list(records.glob("*.json"))) < n_finished and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = {file: file.stat().st_mtime_ns for file in records.glob("[!.]*.json")}
    assert start(path, tmp_path / "killed.out", records).wait(timeout=900) == 0
    assert start(path, tmp_path / "whole.out", tmp_path / "whole").wait(timeout=900) == 0
    assert all(file.stat().st_mtime_ns == changed for file, changed in kept.items())
    found = without_cost(tmp_path / "killed.out" / "trial.csv")
    assert found == without_cost(tmp_path / "whole.out" / "trial.csv")
    assert {row["status"] for row in found} == {"ok"}


@pytest.mark.parametrize(
    ("trouble", "bounds", "status", "words"),
    [
        ("error", "", "failed", "ValueError: the fifth row is too much"),
        ("crash", "", "failed", "SIGSEGV"),
        ("exit", "", "failed", "exit code 3"),
        ("memory", "memory_mb = 900", "bounds", "needed more than 900 MB"),
        ("time", "timeout = 10", "bounds", "did not finish in 10 seconds"),
    ],
)
def test_a_cell_that_fails_is_reported_and_the_others_run(tmp_path, trouble, bounds, status, words):
    """One bad model takes the night's work with it, or a failure that reads like a result."""
    more = (
        f'[[models]]\ntitle = "bad"\nuse = "harness_models:Troubled"\nonly = ["sun.csv"]\n'
        f'params = {{ trouble = "{trouble}" }}\nseeds = [1]\n'
    )
    path = write_definition(tmp_path, more=more)
    text = path.read_text().replace("timeout = 300", bounds or "timeout = 300")
    path.write_text(text.replace("seeds = [1, 2]", "seeds = [1]"))
    rows = run_here(path, tmp_path / "records")
    assert [row.status for row in rows] == ["ok", "ok", "ok", "ok", status]
    assert words in rows[-1].error
    assert "subset_accuracy" not in rows[-1].values


def test_an_absent_stream_and_an_absent_model_are_told_apart(tmp_path):
    more = '[[models]]\ntitle = "no such"\nuse = "harness_models:Nothing"\nseeds = [1]\n'
    path = write_definition(tmp_path, more=more)
    text = path.read_text().replace('"rain.csv", "sun.csv"', '"rain.csv", "nowhere"')
    path.write_text(text.replace("seeds = [1, 2]", "seeds = [1]"))
    rows = {(row.stream, row.model): row for row in run_here(path, tmp_path / "records")}
    assert rows["rain.csv", "repeat"].status == "ok"
    assert rows["rain.csv", "no such"].status == "failed"
    assert rows["nowhere", "repeat"].status == "absent"


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ("metric = []", "must hold only metrics, ranks.*Got 'metric'. Did you mean 'metrics'"),
        ('metrics = ["micro_f2"]', "'metrics' of .report. must name a metric.*'micro_f1'"),
        ('metrics = "micro_f1"', "must be a list"),
        ('ranks = "yes"', "must be true or false"),
        ('against = "forgets"', "must be one of repeat, forget. Got 'forgets'.*'forget'"),
        ('published = "nobody"', "must be one of driftmoe_code"),
        ("recovery = 95", "between 0 and 1"),
        ('hierarchy = { "rain.csv" = "oak" }', "must name one of repeat, forget. Got 'oak'"),
        ('hierarchy = { "snow.csv" = "repeat" }', "must be of rain.csv, sun.csv"),
    ],
)
def test_what_a_report_may_say_is_checked(tmp_path, report, words):
    """A slip of the pen leaves a table or a figure out, after a night of work."""
    path = write_definition(tmp_path, more=f"[report]\n{report}\n")
    with pytest.raises(ParameterError, match=words):
        load(path)


def test_the_quick_version_is_made_of_prefixes(tmp_path):
    quick = load(write_definition(tmp_path), quick=True)
    assert [cell.limit for cell in quick.cells()] == [10] * 4
    assert {cell.model.title for cell in quick.cells()} == {"repeat"}


def test_keys_depend_on_what_decides_the_numbers_only(tmp_path):
    """Another title or a longer time limit makes nothing run again; another seed does."""
    path = write_definition(tmp_path)
    keys = keys_of(path)
    assert len(set(keys)) == len(keys)
    text = path.read_text()
    path.write_text(text.replace('title = "repeat"', 'title = "again"').replace("300", "200"))
    path.write_text(path.read_text().replace('models = ["repeat"]', ""))
    assert keys_of(path) == keys


def keys_of(path: Path) -> list[str | None]:
    return [each.key for each in plan(load(path), None, Store(path.parent / "records"))]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds = [1, 2]", "seed = 1", "'seed'"),
        ('use = "harness_models:Repeat"\n[[models]]', "[[models]]", "use"),
        ('title = "forget"', 'title = "repeat"', "title of its own"),
        ("{more}", 'skip = ["moon.csv"]', "moon.csv"),
        ('title = "a trial"', "title = ", "TOML"),
    ],
)
def test_a_slip_in_a_definition_is_told(tmp_path, old, new, words):
    """A misspelt name that is passed over changes the experiment and nobody sees it."""
    path = write_definition(tmp_path, more="{more}")
    path.write_text(path.read_text().replace(old, new).replace("{more}", ""))
    with pytest.raises(ParameterError, match=words):
        load(path)
