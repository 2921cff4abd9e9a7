"""Risk and size of prediction sets on every stream of the catalogue, beside the bound.

Run: python experiments/conformal_sets.py --data-dir DATA [--limit 10000] [--level 0.1]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from reporting import (
    RESULTS,
    command_line,
    machine,
    machine_markdown,
    markdown_table,
    print_table,
    write_results,
)

from stream import (
    ConformalLabelSets,
    HoeffdingTreeClassifier,
    MultiLabelHoeffdingTree,
    open_source,
    prequential,
)
from stream.data.catalogue import entries
from stream.errors import DriftHomerError

RISKS = ("fnr", "miscoverage")
HEADS = ("stream", "labels", "rows", "labels a row", "risk", "measured", "bound", "labels a set")


def run(name: str, risk: str, options: argparse.Namespace) -> dict[str, Any]:
    """What the sets around a tree came to on a stream.

    Raises
    ------
    DriftHomerError
        When the stream is not here.
    """
    source = open_source(name, data_dir=options.data_dir, download=False)
    classes = source.schema.task == "single-label"
    tree = (HoeffdingTreeClassifier if classes else MultiLabelHoeffdingTree)(seed=1)
    sets = ConformalLabelSets(tree, risk=risk, level=options.level)
    found = prequential(source, sets, limit=options.limit)
    assert found.sets is not None
    return {
        "stream": name,
        "labels": found.labels,
        "rows": found.rows,
        "cardinality": found.cardinality,
        "risk": risk,
        "level": options.level,
        "measured": found.metrics[f"set_{risk}"],
        "bound": found.sets["bound"],
        "rows_counted": found.sets["rows"],
        "set_size": found.metrics["set_size"],
    }


def holds(each: dict[str, Any]) -> bool:
    """Whether the risk is within the bound of the level."""
    return abs(each["measured"] - each["level"]) <= each["bound"]


def cells(each: dict[str, Any]) -> list[str]:
    return [
        each["stream"],
        f"{each['labels']:,}",
        f"{each['rows']:,}",
        f"{each['cardinality']:.2f}",
        each["risk"],
        f"{each['measured']:.4f}" + ("" if holds(each) else " **outside**"),
        f"{each['bound']:.4f}",
        f"{each['set_size']:.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", help="folder of the benchmark streams")
    parser.add_argument("--streams", nargs="+", help="of the catalogue; all that are here")
    parser.add_argument("--limit", type=int, default=10_000, help="rows of a stream at most")
    parser.add_argument("--level", type=float, default=0.1)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    runs, absent = [], []
    for name in options.streams or [entry.name for entry in entries()]:
        try:
            runs += [run(name, risk, options) for risk in RISKS]
        except DriftHomerError:
            absent.append(name)
    rows = [cells(each) for each in runs]
    print_table("Prediction sets", HEADS, rows)
    n_held = sum(map(holds, runs))
    text = (
        f"# Prediction sets with a guarantee\n\n`{command_line()}`\n\n"
        f"`ConformalLabelSets(tree, risk, level={options.level:g})` around our Hoeffding trees "
        f"(seed 1), the first {options.limit:,} rows of every stream of the catalogue that is "
        "here. The measured risk must be within the bound of the level, which holds for every "
        f"sequence of rows: {n_held} of {len(runs)} are.\n\n"
        + markdown_table(HEADS, rows)
        + (f"\nNot here: {', '.join(absent)}.\n" if absent else "")
        + "\n"
        + machine_markdown(machine())
    )
    about = {"command": command_line(), "machine": machine()}
    write_results("conformal_sets", {**about, "runs": runs}, text, options.out)


if __name__ == "__main__":
    main()
