"""Speed, start-up and memory beside River and CapyMOA: ratios measured in one run on one core.

Ours and a peer alternate, and medians are compared. Rows/s count the time spent inside the model
(test, then train) unless a line says otherwise. Everything is done through the public interface.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from peers.river_baselines import hoeffding_trees
from reporting import (
    HEADS,
    RESULTS,
    Finding,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    median,
    print_table,
    spread,
    use_one_core,
    write_results,
)
from river import tree

from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree, open_source, prequential
from stream.errors import NotAvailableError

PEER_SCRIPT = Path(__file__).resolve().parent / "peers" / "capymoa_speed.py"
RBF = "rbf:features=10,classes=5"
PARTS = ("yeast", "rbf", "text", "width", "start")
CHUNK = 10_000
# The models of the lines, as the tables call them.
TREE = "MultiLabelHoeffdingTree"
RBF_TREE = 'HoeffdingTreeClassifier(drift_detection=False, leaf_prediction="nba")'
WHOLE = "DriftHOMER"


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def alternate(repeats: int, **measure: Callable[[], float]) -> dict[str, list[float]]:
    """Call each in turn, ``repeats`` times."""
    found: dict[str, list[float]] = {name: [] for name in measure}
    for _ in range(repeats):
        for name, once in measure.items():
            found[name].append(once())
            say(f"{name}: {found[name][-1]:,.0f} rows/s")
    return found


def rbf_tree() -> HoeffdingTreeClassifier:
    """What River's and MOA's Hoeffding trees are: no drift detection, adaptive naive Bayes."""
    return HoeffdingTreeClassifier(drift_detection=False, leaf_prediction="nba")


# ---- the parts: each returns findings for the table and everything measured


def yeast(options: argparse.Namespace) -> tuple[list[Finding], dict[str, Any]]:
    """The whole Yeast stream, trees with drift detection and every leaf model."""
    limit = 500 if options.quick else None
    ours_found, river_found = {}, {}

    def ours() -> float:
        speeds = []
        for _ in range(3 if options.quick else 9):  # a pass takes a twentieth of a second
            result = prequential(open_source("yeast"), MultiLabelHoeffdingTree(), limit=limit)
            speeds.append(result.rows_per_second)
        ours_found.update(result.metrics)
        return median(speeds)

    def river() -> float:
        result = prequential(open_source("yeast"), hoeffding_trees(), limit=limit)
        river_found.update(result.metrics)
        return result.rows_per_second

    MultiLabelHoeffdingTree().warm_up()
    speeds = alternate(options.repeats, ours=ours, river=river)
    ratio = median(speeds["ours"]) / median(speeds["river"])
    one_row = one_row_speed(limit)
    memory = peak_memory()
    rows = "500 rows" if limit else "whole stream"
    finding = Finding(
        what=f"Yeast, {rows}, rows/s (peer: River, a Hoeffding tree per label)",
        model=TREE,
        ours=spread(speeds["ours"]),
        peer=spread(speeds["river"]),
        ratio=f"{ratio:.0f}×",
        target="≥ 100×",
        met=ratio >= 100,
    )
    by_row = Finding(
        what="Yeast, rows/s fed one dictionary at a time (same peer)",
        model=TREE,
        ours=f"{one_row:,.0f}",
        peer=spread(speeds["river"]),
        ratio=f"{one_row / median(speeds['river']):.0f}×",
    )
    room = Finding(
        what="Yeast, peak memory of the process, MB",
        model=TREE,
        ours=f"{memory:,.0f}",
        target="< 400",
        met=memory < 400,
    )
    details = {
        "rows_per_second": speeds,
        "ratio": ratio,
        "rows_per_second_one_dictionary_at_a_time": one_row,
        "peak_rss_mb": memory,
        "metrics": {"ours": ours_found, "river": river_found},
    }
    return [finding, by_row, room], details


def one_row_speed(limit: int | None) -> float:
    """Rows a second of ``predict_one`` and ``learn_one``."""
    rows = list(open_source("yeast"))[:limit]
    model = MultiLabelHoeffdingTree()
    began = time.perf_counter()
    for x, y in rows:
        model.predict_one(x)
        model.learn_one(x, y)
    return len(rows) / (time.perf_counter() - began)


def peak_memory() -> float:
    """Of a fresh process that evaluates Yeast with the tree, in MB."""
    command = ["prequential", "yeast", "--model", "multilabel-hoeffding-tree", "--json", "-"]
    run_command(*command)  # so that the kernels are cached
    return float(json.loads(run_command(*command))["peak_rss_mb"])


def rbf(options: argparse.Namespace) -> tuple[list[Finding], dict[str, Any]]:
    """RandomRBF with a single-label tree of naive Bayes leaves."""
    rows, peer_rows = (100_000, 20_000) if options.quick else (1_000_000, 100_000)
    accuracy: dict[str, float] = {}
    whole: list[float] = []

    def ours() -> float:
        began = time.perf_counter()
        result = prequential(open_source(f"{RBF},rows={rows}"), rbf_tree(), chunk_rows=CHUNK)
        whole.append(rows / (time.perf_counter() - began))
        accuracy["ours"] = result.metrics["accuracy"]
        return result.rows_per_second

    def river() -> float:
        source = open_source(f"{RBF},rows={peer_rows}")
        result = prequential(source, tree.HoeffdingTreeClassifier(), chunk_rows=CHUNK)
        accuracy["river_on_the_first_rows"] = result.metrics["accuracy"]
        return result.rows_per_second

    first = prequential(open_source(f"{RBF},rows={peer_rows}"), rbf_tree(), chunk_rows=CHUNK)
    accuracy["ours_on_the_first_rows"] = first.metrics["accuracy"]
    measured: dict[str, Callable[[], float]] = {"ours": ours, "river": river}
    peer: list[dict[str, Any]] = []
    if options.capymoa_python:
        with tempfile.TemporaryDirectory() as folder:
            same = Path(folder) / "rows.npy"
            save_rows(same, peer_rows)

            def capymoa() -> float:
                peer.append(capymoa_speed(options.capymoa_python, rows, same))
                return peer[-1]["rows_per_second"]

            speeds = alternate(options.repeats, **measured, capymoa=capymoa)
        accuracy["capymoa_on_the_first_rows"] = peer[-1]["accuracy_on_same_rows"] / 100
    else:
        say("CapyMOA is left out: name an interpreter that has it with --capymoa-python")
        speeds = alternate(options.repeats, **measured)
    ratio = median(speeds["ours"]) / median(speeds["river"])
    findings = [
        Finding(
            what=f"RandomRBF, {rows:,} rows, rows/s (peer: River's tree, {peer_rows:,} rows)",
            model=RBF_TREE,
            ours=spread(speeds["ours"]),
            peer=spread(speeds["river"]),
            ratio=f"{ratio:.0f}×",
            target="≥ 20×",
            met=ratio >= 20,
        ),
        Finding(
            what=f"RandomRBF, accuracy on the first {peer_rows:,} rows (peer: River)",
            model=RBF_TREE,
            ours=f"{accuracy['ours_on_the_first_rows']:.4f}",
            peer=f"{accuracy['river_on_the_first_rows']:.4f}",
        ),
    ]
    details = {
        "rows_per_second": speeds,
        "rows_per_second_with_generator_and_scoring": whole,
        "ratio_to_river": ratio,
        "accuracy": accuracy,
    }
    if peer:
        found, more = against_capymoa(speeds, whole, peer, accuracy)
        findings += found
        details |= more
    return findings, details


def against_capymoa(
    speeds: dict[str, list[float]],
    whole: list[float],
    peer: list[dict[str, Any]],
    accuracy: dict[str, float],
) -> tuple[list[Finding], dict[str, Any]]:
    """Whole loops: both make the rows, test, train and score."""
    ratio = median(whole) / median(speeds["capymoa"])
    findings = [
        Finding(
            what="RandomRBF, rows/s of the whole loop with generator and scoring "
            "(peer: CapyMOA's Java loop)",
            model=RBF_TREE,
            ours=spread(whole),
            peer=spread(speeds["capymoa"]),
            ratio=f"{ratio:.1f}×",
            target="≥ 2×",
            met=ratio >= 2,
        ),
        Finding(
            what="RandomRBF, accuracy on the same first rows (peer: CapyMOA)",
            model=RBF_TREE,
            ours=f"{accuracy['ours_on_the_first_rows']:.4f}",
            peer=f"{accuracy['capymoa_on_the_first_rows']:.4f}",
        ),
    ]
    return findings, {"ratio_of_whole_loops_to_capymoa": ratio, "capymoa": peer}


def save_rows(path: Path, rows: int) -> None:
    source = open_source(f"{RBF},rows={rows}")
    features, classes = source.schema.features, source.schema.labels
    table = [[*(x.get(name, 0.0) for name in features), float(classes.index(y))] for x, y in source]
    np.save(path, np.array(table))


def capymoa_speed(python: str, rows: int, same_rows: Path) -> dict[str, Any]:
    command = [python, str(PEER_SCRIPT), "--rows", str(rows), "--same-rows", str(same_rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"CapyMOA failed: {(done.stderr.splitlines() or ['no message'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def text(options: argparse.Namespace) -> tuple[list[Finding], dict[str, Any]]:
    """Sparse text: Imdb, from a folder of data files."""
    try:
        source = open_source("imdb", data_dir=options.data_dir, download=False)
    except NotAvailableError:
        say("Imdb is left out: name a folder that has Imdb.arff(.gz) with --data-dir")
        return [], {"skipped": "Imdb is not here"}
    limit = 5_000 if options.quick else None
    speeds, whole = [], []
    for _ in range(1 if options.quick else options.repeats):
        began = time.perf_counter()
        result = prequential(source, MultiLabelHoeffdingTree(), limit=limit)
        whole.append(result.rows / (time.perf_counter() - began))
        speeds.append(result.rows_per_second)
        say(f"imdb: {speeds[-1]:,.0f} rows/s")
    finding = Finding(
        what=f"Imdb, {result.rows:,} rows, 1,001 sparse features, 28 labels, rows/s",
        model=TREE,
        ours=spread(speeds),
        target="≥ 20,000",
        met=median(speeds) >= 20_000,
    )
    reading = Finding(
        what="Imdb, rows/s with decompression, parsing and scoring",
        model=TREE,
        ours=spread(whole),
    )
    details = {"rows_per_second": speeds, "with_reading": whole, "metrics": result.metrics}
    return [finding, reading], details


def width(options: argparse.Namespace) -> tuple[list[Finding], dict[str, Any]]:
    """Cost of a row against the number of features, with 50 of them non-zero."""
    rows = 5_000 if options.quick else 50_000
    widths = (1_000, 10_000, 100_000)
    spec = "syn-text:labels=20,blocks=4,nonzeros=50,rows={rows},features={features}"

    def once(features: int) -> float:
        source = open_source(spec.format(rows=rows, features=features))
        return prequential(source, MultiLabelHoeffdingTree(), chunk_rows=CHUNK).rows_per_second

    measured = {str(each): (lambda each=each: once(each)) for each in widths}
    speeds = alternate(options.repeats, **measured)
    reference = median(speeds[str(widths[0])])
    findings = [
        Finding(
            what=f"Sparse text, {int(each):,} features, 50 non-zeros, 20 labels, rows/s",
            model=TREE,
            ours=spread(found),
            ratio=f"{median(found) / reference:.2f}× (of 1,000)",
        )
        for each, found in speeds.items()
    ]
    return findings, {"rows": rows, "rows_per_second": speeds}


def start(options: argparse.Namespace) -> tuple[list[Finding], dict[str, Any]]:
    """The command, from nothing and from the cache."""
    with tempfile.TemporaryDirectory() as cache:
        first = json.loads(run_command("prequential", "yeast", "--json", "-", cache=cache))
        say(f"first run: {first['seconds']:.1f} s")
        later, used, version = [], [], []
        for _ in range(max(5, options.repeats)):
            began = cpu_seconds()
            later.append(seconds_of("prequential", "yeast", cache=cache))
            used.append(cpu_seconds() - began)
            version.append(seconds_of("--version", cache=cache))
        single = json.loads(
            run_command("prequential", "sea", "--limit", "1000", "--json", "-", cache=cache)
        )
    compiled = first["compile_seconds"] + single["compile_seconds"]
    findings = [
        Finding(
            what="First run on a new machine, seconds to compile",
            model=WHOLE,
            ours=f"{compiled:.1f}",
            target="< 60",
            met=compiled < 60,
        ),
        Finding(
            what="First run, peak memory while compiling, MB",
            model=WHOLE,
            ours=f"{first['peak_rss_mb']:,.0f}",
        ),
        Finding(
            what="Later runs, `drifthomer prequential yeast`, seconds in all",
            model=WHOLE,
            ours=f"{median(later):.2f} ({min(later):.2f}–{max(later):.2f})",
            target="< 3",
            met=median(later) < 3,
        ),
        Finding(
            what="Later runs, processor seconds of it",
            model=WHOLE,
            ours=f"{median(used):.2f} ({min(used):.2f}–{max(used):.2f})",
        ),
        Finding(what="`drifthomer --version`, seconds", ours=f"{median(version):.2f}"),
    ]
    details = {
        "compile_seconds": compiled,
        "first_run_peak_rss_mb": first["peak_rss_mb"],
        "later_seconds": later,
        "later_processor_seconds": used,
        "version_seconds": version,
    }
    return findings, details


def run_command(*args: str, cache: str | None = None) -> str:
    """Standard output of ``drifthomer ARGS``."""
    environment = {**os.environ, **({"DRIFTHOMER_CACHE_DIR": cache} if cache else {})}
    command = [sys.executable, "-m", "stream", *args]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def seconds_of(*args: str, cache: str) -> float:
    began = time.perf_counter()
    run_command(*args, cache=cache)
    return time.perf_counter() - began


def cpu_seconds() -> float:
    """Processor time of the processes that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def earlier(options: argparse.Namespace) -> dict[str, Any]:
    """Parts of the results that are there and are not measured now."""
    path = options.output / "speed.json"
    if options.quick or not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))["parts"]
    return {name: part for name, part in found.items() if name not in options.only}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short streams: a minute, no verdict")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data-dir", help="folder with Imdb.arff(.gz), besides DRIFTHOMER_DATA")
    parser.add_argument("--capymoa-python", help="interpreter that has CapyMOA and finds Java")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of speed.json, .md")
    options = parser.parse_args()
    if options.quick:
        options.repeats = 1
    core = use_one_core()
    about = machine()
    parts = earlier(options)
    for name in options.only:
        say(f"{name} ...")
        found, details = globals()[name](options)
        parts[name] = {
            "command": command_line(),
            "findings": [vars(finding) for finding in found],
            "machine": about,
            "core": core,
            **details,
        }
    parts = {name: parts[name] for name in PARTS if name in parts}
    findings = [finding for part in parts.values() for finding in part["findings"]]
    rows = [Finding(**finding).cells() for finding in findings]
    print_table("Speed on one core", HEADS, rows)
    commands = dict.fromkeys(part["command"] for part in parts.values())
    markdown = (
        f"# Speed\n\n{machine_markdown(about)}\n```sh\n"
        + "".join(f"{command}\n" for command in commands)
        + "```\n\nOne core; ours and the peer alternate in one run; medians (range). Rows/s count "
        "the time inside the model (test, then train) unless a line says otherwise.\n\n"
    ) + markdown_table(HEADS, rows)
    write_results("speed", {"findings": findings, "parts": parts}, markdown, options.output)


if __name__ == "__main__":
    main()
