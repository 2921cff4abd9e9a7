"""Fill the tables of the README and of docs/ from ``results/``, and terminal output from the
command itself.

What stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` is replaced.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from harness.published import quoted
from harness.scores import scores_of
from harness.table import read_rows
from reporting import RESULTS, markdown_table

README = Path(__file__).resolve().parents[1] / "README.md"
PAGES = (README, *sorted((README.parent / "docs").glob("*.md")))
METRICS = ("subset_accuracy", "micro_f1", "macro_f1", "hamming_loss")
ERRORS = ("scen", "no-such-file.csv", "yeast --set delta=2", "yeast --set grace=100")


def speed() -> str:
    found = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))
    rows = [
        [each["what"], each["ours"], each["peer"], each["ratio"]]
        for each in found["findings"]
        if not each["what"].startswith("Sparse text, 10,000")
    ]
    return markdown_table(("what", "our single tree", "peer", "ratio"), rows)


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
    told = "".join(line for line in done.stderr.splitlines(True) if "Compiling" not in line)
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
    for make in (speed, accuracy, clusters, demo, errors):
        name = make.__name__
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
