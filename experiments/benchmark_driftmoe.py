"""Accuracy of DriftMoE on the streams of its paper: as published, by default, and part by part.

Whole streams in their own order, predict then learn, every row counts. The figures of DriftMoE's
own code on the very same rows are quoted (`published/driftmoe_code.csv`). Files that are not here
are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reporting import (
    RESULTS,
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

from stream import DriftMoE, HoeffdingTreeClassifier, open_source, prequential
from stream.errors import NotAvailableError

QUOTED = Path(__file__).resolve().parent / "published" / "driftmoe_code.csv"
FILES = ("led-g", "led-a", "sea-g", "sea-a", "rbf-m", "rbf-f")
OTHERS = ("electricity", "airlines", "gmsc")
GENERATED = ("led-g", "sea-a", "rbf-m", "agrawal")
ROWS = 50_000  # of the streams that are longer or have no end
NO_EXPERTS = {"shared_expert": False, "n_experts": 1, "leaf_prediction": "mc", "max_depth": 0}

Make = Callable[[int], Any]
METHODS: dict[str, Make] = {
    "MoE-Data preset": lambda seed: DriftMoE.paper("data", seed),
    "MoE-Task preset": lambda seed: DriftMoE.paper("task", seed),
    "DriftMoE": lambda seed: DriftMoE(seed=seed),
    "one tree": lambda seed: HoeffdingTreeClassifier(seed=seed),
}
UNSEEDED = ("one tree",)
BESIDE = {name: make for name, make in METHODS.items() if name != "MoE-Task preset"}
PARTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "no shared expert": {"shared_expert": False},
    "one routed expert": {"n_experts": 1, "top_k": 1},
    "no outputs for classes": {"class_head": False},
    "no mixer": {"mixer": False},
    "no past classes": {"label_past": False},
    "raw inputs of the router": {"standardise": False},
    "router trained as published": {"batch_size": 256, "learning_rate": 2e-3, "hidden": 256},
    "experts without drift detection": {"drift_detection": False},
    "experts as published": {
        "drift_detection": False, "delta": 1e-7, "leaf_prediction": "nba",
    },
    "router alone": {**NO_EXPERTS, "label_past": False},
    "task variant": {"variant": "task"},
}  # fmt: skip


def source_of(name: str, data_dir: str | None) -> Any:
    """A stream of the paper's own rows (``name-50000``), of the catalogue, or a generator."""
    if name.endswith("-50000"):
        file = f"driftmoe/{name.replace('-', '_')}.csv.gz"
        return open_source(str(Path(data_dir or ".") / file), target="class")
    return open_source(name, data_dir=data_dir, download=False)


def measure(name: str, model: Any, data_dir: str | None, limit: int | None) -> Any:
    """The result of a stream; None where it is not here."""
    try:
        return prequential(source_of(name, data_dir), model, limit=limit)
    except (NotAvailableError, FileNotFoundError):
        return None


class Cells:
    """Accuracies, kept in a file of JSON lines so that a run that was stopped can go on.

    Parameters
    ----------
    data_dir
        Folder of data files.
    path
        The file; None: nothing is kept.
    """

    def __init__(self, data_dir: str | None, path: Path | None):
        self.data_dir = data_dir
        self.path = path
        self.known: dict[tuple[str, str, int], float | None] = {}
        if path is not None and path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                *key, value = json.loads(line)
                self.known[tuple(key)] = value

    def accuracy(self, what: str, model: Any, name: str, seed: int) -> float | None:
        """Accuracy of a model on a stream; None where the stream is not here."""
        key = (what, name, seed)
        if key not in self.known:
            result = measure(name, model, self.data_dir, ROWS)
            value = None if result is None else round(result.metrics["accuracy"], 4)
            self.known[key] = value
            if self.path is not None:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([*key, value]) + "\n")
            print(f"  {what}, {name}, seed {seed}: {value}", file=sys.stderr, flush=True)
        return self.known[key]


def compare(
    streams: list[str], methods: dict[str, Make], seeds: int, cells: Cells
) -> dict[str, dict[str, list[float]]]:
    """Accuracies by stream and method, one for each seed."""
    found: dict[str, dict[str, list[float]]] = {}
    for name in streams:
        for method, make in methods.items():
            n = 1 if method in UNSEEDED else seeds
            values = [cells.accuracy(method, make(seed), name, seed) for seed in range(1, n + 1)]
            here = [value for value in values if value is not None]
            if here:
                found.setdefault(name, {})[method] = here
    return found


def without_parts(streams: list[str], cells: Cells) -> dict[str, dict[str, float]]:
    """Accuracies by part left out and stream."""
    found: dict[str, dict[str, float]] = {}
    for part, params in PARTS.items():
        for name in streams:
            value = cells.accuracy(part, DriftMoE(seed=1, **params), name, 1)
            if value is not None:
                found.setdefault(part, {})[name] = value
    return found


def speeds(options: Any, repeats: int) -> dict[str, list[float]]:
    """Rows per second on LED, one method after the other, ``repeats`` times."""
    found: dict[str, list[float]] = {}
    methods: dict[str, tuple[Callable[[], Any], int]] = {
        "DriftMoE": (lambda: DriftMoE(seed=1), ROWS),
        "MoE-Data preset": (lambda: DriftMoE.paper("data", 1), ROWS),
        "MoE-Task preset": (lambda: DriftMoE.paper("task", 1), ROWS // 5),
        "one tree": (HoeffdingTreeClassifier, ROWS),
        "River's Hoeffding tree": (tree.HoeffdingTreeClassifier, ROWS // 20),
    }
    for _ in range(repeats):
        for method, (make, limit) in methods.items():
            result = measure("led-g", make(), options.data_dir, limit)
            found.setdefault(method, []).append(round(result.rows_per_second))
    return found


def quoted() -> dict[str, dict[str, str]]:
    with QUOTED.open(encoding="utf-8", newline="") as file:
        return {row["stream"]: row for row in csv.DictReader(file)}


def seeded(values: list[float]) -> str:
    text = f"{statistics.mean(values):.4f}"
    return text if len(values) == 1 else f"{text} ± {statistics.stdev(values):.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="folder of data files, besides DRIFTHOMER_DATA")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of the routers")
    parser.add_argument("--repeats", type=int, default=3, help="of the measurement of speed")
    parser.add_argument("--cells", type=Path, help="file that keeps accuracies measured so far")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    use_one_core()
    DriftMoE().warm_up()
    HoeffdingTreeClassifier().warm_up()
    published = quoted()
    files = [f"{name}-50000" for name in FILES]
    cells = Cells(options.data_dir, options.cells)
    parts = without_parts([*files, *OTHERS[:2]], cells)
    compared = compare(files, METHODS, options.seeds, cells)
    others = compare([*OTHERS, *GENERATED], BESIDE, 1, cells)

    speed = speeds(options, options.repeats)

    columns = ("MoE-Data", "MoE-Task", "router alone", "Hoeffding tree", "ARF-10")
    heads = ("stream", *METHODS, *(f"{name} (quoted)" for name in columns))
    rows = [
        [name, *map(seeded, methods.values()), *(published[name][each] for each in columns)]
        for name, methods in compared.items()
    ]
    print_table("Accuracy", heads, rows)
    markdown = (
        f"# DriftMoE\n\n{machine_markdown(machine())}\n`{command_line()}`\n\n"
        "Accuracy, mean and deviation over the seeds; quoted figures are those of DriftMoE's own "
        f"code on the same rows.\n\n{markdown_table(heads, rows)}"
    )
    heads = (f"stream (at most {ROWS:,} rows)", *BESIDE)
    rows = [[name, *map(seeded, methods.values())] for name, methods in others.items()]
    print_table("Beside", heads, rows)
    markdown += f"\n## Other streams\n\n{markdown_table(heads, rows)}"
    names = list(parts["defaults"])
    heads = ("part by part, one seed", *names)
    rows = [[part, *(f"{values[name]:.4f}" for name in names)] for part, values in parts.items()]
    print_table("Part by part", heads, rows)
    markdown += f"\n## What the parts are worth\n\n{markdown_table(heads, rows)}"
    base = median(speed["River's Hoeffding tree"])
    heads = ("LED, rows/s", "median (range)", "times River's tree")
    rows = [[name, spread(all_), f"{median(all_) / base:.1f}×"] for name, all_ in speed.items()]
    print_table("Speed", heads, rows)
    markdown += f"\n## Speed\n\n{markdown_table(heads, rows)}"
    data = {"command": command_line(), "machine": machine(), "accuracy": compared}
    data |= {"others": others, "parts": parts, "speed": speed}
    write_results("driftmoe_parts", data, markdown, options.output)


if __name__ == "__main__":
    main()
