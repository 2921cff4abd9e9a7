"""Fill the tables of the README and of docs/ from ``results/``, and terminal output from the
command itself.

What stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` is replaced.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.published import quoted
from harness.report_definition import ENTRIES
from harness.scores import scores_of
from harness.summary import words
from harness.table import read_rows
from reporting import RESULTS, markdown_table

from stream.compare.ranking import LOWER_IS_BETTER

README = Path(__file__).resolve().parents[1] / "README.md"
PAGES = (
    README,
    README.parent / "experiments" / "README.md",
    *sorted((README.parent / "docs").glob("*.md")),
)
FROM_RESULTS = ("speed", "accuracy", "ranks", "ablation", "report_entries")  # need no run
METRICS = ("subset_accuracy", "micro_f1", "macro_f1", "hamming_loss")
ABLATION_GROUPS = {
    "text": ("medical", "slashdot", "enron", "tmc", "ohsumed", "d20ng"),
    "many labels": ("bibtex", "stackex"),
    "biology, music, water": ("emotions", "water-quality", "yeast", "virus-go"),
    "ordered": ("scene",),
    "drift": ("clouds, sudden", "trees, recurring", "blocks, sudden"),
}
ERRORS = ("scen", "no-such-file.csv", "yeast --set delta=2", "yeast --set grace=100")


def speed() -> str:
    """The findings of ``benchmark_speed.py``, each with what gives it."""
    parts = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))["parts"]
    rows = [
        [
            *(each["what"], each["model"], each["seed"], each["ours"], each["peer"], each["ratio"]),
            *(f"`--only {name}`", part["machine"]["versions"]["drifthomer"]),
        ]
        for name, part in parts.items()
        for each in part["findings"]
        if not each["what"].startswith("Sparse text, 10,000")
    ]
    heads = ("what", "model", "seed", "ours", "peer", "ratio", "command", "version")
    return "The command is `python experiments/benchmark_speed.py` with:\n\n" + markdown_table(
        heads, rows
    )


def ranks() -> str:
    """The last table of ``ranks.md``: average ranks among the published methods."""
    text = (RESULTS / "ranks.md").read_text(encoding="utf-8").split("average ranks over")[1]
    rows = []
    for line in text.splitlines():
        cells = re.split(r" {2,}", line.strip())
        if cells[0] in LOWER_IS_BETTER or cells[0].endswith(("_f1", "_accuracy")):
            metric, average, _, best, method, above, mean, bests = cells
            lower = " (lower is better)" if metric in LOWER_IS_BETTER else ""
            rows.append(
                [
                    *(words(metric) + lower, f"**{average}**", f"{best} ({method})"),
                    *(above, f"{float(mean):.3f}", f"{float(bests):.3f}"),
                ]
            )
    heads = (
        *("metric", "average rank of 18", "next best, published"),
        *("above all 17 on", "mean", "mean of each stream's best"),
    )
    return markdown_table(heads, rows)


def ablation() -> str:
    """Differences to the default model, means over groups of streams."""
    rows = [row for row in read_rows(RESULTS / "ablation.csv") if row.status == "ok"]
    values = {(row.model, row.stream): row.values for row in rows}
    whole, *others = dict.fromkeys(row.model for row in rows)

    def cell(model: str, streams: Sequence[str]) -> str:
        means = [
            statistics.fmean(values[model, s][m] - values[whole, s][m] for s in streams)
            for m in METRICS[:3]
        ]
        return " / ".join(f"{mean:+.3f}" for mean in means)

    lines = [
        [model, *(cell(model, streams) for streams in ABLATION_GROUPS.values())]
        for model in others
        if all((model, s) in values for each in ABLATION_GROUPS.values() for s in each)
    ]
    return markdown_table(("", *ABLATION_GROUPS), lines)


def accuracy() -> str:
    """Methods × streams of the experiment ``speed_accuracy``, the quoted ones in italics."""
    rows = [row for row in read_rows(RESULTS / "speed_accuracy.csv") if row.status == "ok"]
    scores = [*scores_of(rows, METRICS), *quoted("run_separately")]
    values = {(score.method, score.stream, score.metric): score.value for score in scores}
    streams = list(dict.fromkeys(row.stream for row in rows))
    origin = {score.method: score.origin for score in scores}
    lines = [
        [
            f"*{method}*" if origin[method] == "quoted" else method,
            *(
                " / ".join(f"{values[method, stream, metric]:.3f}" for metric in METRICS)
                for stream in streams
            ),
        ]
        for method in origin
    ]
    return (
        "Subset accuracy / micro-F1 / macro-F1 / Hamming loss; in italics: not measured in this "
        "run:\n\n" + markdown_table(("method", *map(str.capitalize, streams)), lines)
    )


def report_entries() -> str:
    """What the ``[report]`` of a definition may say."""
    return markdown_table(("entry", "meaning"), [[f"`{k}`", v] for k, v in ENTRIES.items()])


def run(*words: str) -> str:
    environment = {**os.environ, "COLUMNS": "100"}
    environment.pop("DRIFTHOMER_DATA", None)
    done = subprocess.run(
        [sys.executable, "-m", "stream", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=README.parent,
    )
    told = "".join(each for each in done.stderr.splitlines(True) if "its kernels" not in each)
    told = "".join(each for each in told.splitlines(True) if " kernels in " not in each)
    lines = (told + done.stdout).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def demo() -> str:
    run("prequential", "yeast")  # compiles
    command = "drifthomer prequential yeast"
    return f"```console\n$ {command}\n{run(*command.split()[1:])}\n```\n"


def clusters() -> str:
    command = "drifthomer prequential syn-blocks-sud --model ihomer"
    return f"```console\n$ {command}\n{run(*command.split()[1:])}\n```\n"


def errors() -> str:
    shown = [
        f"$ drifthomer prequential {words}\n{run('prequential', *words.split())}"
        for words in ERRORS
    ]
    return "```console\n" + "\n".join(shown) + "\n```\n"


def main() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    for name in (*FROM_RESULTS, "clusters", "demo", "errors"):
        make = globals()[name]
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        pattern, filled = re.escape(begin) + ".*?" + re.escape(end), f"{begin}\n{make()}{end}"
        places = [page for page in PAGES if re.search(pattern, texts[page], flags=re.S)]
        if len(places) != 1:
            sys.exit(f"One page must hold {begin} ... {end}. Got {len(places)}.")
        (page,) = places
        texts[page] = re.sub(pattern, lambda _, new=filled: new, texts[page], flags=re.S)
    for page, text in texts.items():
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
