"""Accuracy of the multi-label tree on benchmark streams, beside River and published tables.

Whole streams in their own order, predict then learn, every row counts. River's methods run here on
the three streams that they finish in minutes. Streams that are not here are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from peers.river_baselines import BASELINES
from reporting import (
    RESULTS,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    print_table,
    use_one_core,
    write_results,
)

from stream import MultiLabelHoeffdingTree, open_source, prequential
from stream.errors import NotAvailableError
from stream.evaluate import PrequentialResult

PEERS = Path(__file__).resolve().parent / "peers"
STREAMS = (
    *("flags", "water-quality", "emotions", "virus-go", "birds", "yeast", "scene", "medical"),
    *("slashdot", "enron", "langlog", "stackex", "tmc", "ohsumed", "d20ng", "bibtex", "imdb"),
)
COMPARED = ("yeast", "scene", "emotions")
METRICS = ("subset_accuracy", "micro_f1", "macro_f1", "hamming_loss")
OURS = "DriftHOMER, multi-label Hoeffding tree"


def evaluate(name: str, model: Any, data_dir: str | None) -> PrequentialResult | None:
    try:
        source = open_source(name, data_dir=data_dir, download=False)
    except NotAvailableError:
        return None
    result = prequential(source, model)
    print(f"  {name}: {result.rows_per_second:,.0f} rows/s", file=sys.stderr, flush=True)
    return result


def numbers(result: PrequentialResult) -> dict[str, float]:
    kept = {name: round(result.metrics[name], 4) for name in METRICS}
    return {"rows_per_second": round(result.rows_per_second), **kept}


def against_peers(data_dir: str | None) -> dict[str, dict[str, dict[str, float]]]:
    """Methods by stream: ours, River's measured here, and those that were run separately."""
    separately = json.loads((PEERS / "run_separately.json").read_text(encoding="utf-8"))["methods"]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in COMPARED:
        for method, make in {OURS: MultiLabelHoeffdingTree, **BASELINES}.items():
            result = evaluate(name, make(), data_dir)
            if result is not None:
                found.setdefault(name, {})[method] = numbers(result)
        for method, streams in separately.items():
            if name in found:
                keys = ("rows_per_second", *METRICS)
                found[name][method] = dict(zip(keys, streams[name], strict=True))
    return found


def cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value < 2 else f"{value:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="folder of data files, besides DRIFTHOMER_DATA")
    parser.add_argument("--streams", nargs="+", choices=STREAMS, default=STREAMS)
    parser.add_argument("--no-peers", action="store_true", help="leave River's methods out")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    use_one_core()
    MultiLabelHoeffdingTree().warm_up()
    published = json.loads((PEERS / "published_mlhat.json").read_text(encoding="utf-8"))["streams"]
    ours, rows = {}, []
    for name in options.streams:
        result = evaluate(name, MultiLabelHoeffdingTree(), options.data_dir)
        if result is None:
            print(f"  {name} is not here", file=sys.stderr)
            continue
        ours[name] = numbers(result)
        beside = [
            f"{ours[name][metric]:.3f} / {published[name][metric]['mlhat']:.3f} / "
            f"{published[name][metric]['best']:.3f}"
            for metric in METRICS
        ]
        rows.append([name, f"{ours[name]['rows_per_second']:,.0f}", *beside])
    heads = ("stream", "rows/s", *(metric.replace("_", " ") for metric in METRICS))
    print_table("Ours / published MLHAT / best of 17 published methods", heads, rows)
    compared = {} if options.no_peers else against_peers(options.data_dir)
    markdown = (
        f"# Accuracy\n\n{machine_markdown(machine())}\n`{command_line()}`\n\n"
        "Multi-label Hoeffding tree with default parameters / published MLHAT / the best of the 17 "
        "published methods for that stream and metric. Whole streams.\n\n"
    ) + markdown_table(heads, rows)
    heads = ("method", "rows/s", *heads[2:])
    for name, methods in compared.items():
        table = [
            [method, *(cell(values[key]) for key in ("rows_per_second", *METRICS))]
            for method, values in methods.items()
        ]
        print_table(name, heads, table)
        markdown += f"\n## {name}\n\n{markdown_table(heads, table)}"
    if compared:
        markdown += (
            "\nMLHAT's and CapyMOA's rows come from separate runs on such a machine, see "
            "`peers/run_separately.json`.\n"
        )
    data = {"command": command_line(), "machine": machine(), "ours": ours, "compared": compared}
    write_results("accuracy", data, markdown, options.output)


if __name__ == "__main__":
    main()
