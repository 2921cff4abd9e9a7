"""Tables and figures of experiments from their files of results: ``results/NAME.md``, ``figures/``.

Runs nothing.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import summary
from harness.curves import read_courses
from harness.definition import Experiment, find_definition, load
from harness.figures.costs import cost_curves
from harness.figures.curves import Curve, Panel, windowed_curves
from harness.figures.hierarchy import hierarchy_figure
from harness.figures.scatter import speed_accuracy
from harness.published import quoted
from harness.table import Row, read_rows
from reporting import RESULTS
from run import RECORDS

from stream.compare.critical_difference import critical_difference_diagram
from stream.compare.ranking import MARK, Ranks, Score
from stream.compare.style import save
from stream.errors import DriftHomerError
from stream.evaluate.result import write_text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", metavar="NAME", help="a definition, or a TOML file")
    parser.add_argument("--results", type=Path, help="folder of NAME.csv; default: results/")
    parser.add_argument("--quick", action="store_true", help="what 'run.py --quick' has written")
    given = parser.parse_args()
    folder = given.results or (RECORDS / "quick" if given.quick else RESULTS)
    try:
        for name in given.names:
            path = folder / f"{find_definition(name).stem}.csv"
            if not path.is_file():
                how = " --quick" if given.quick else ""
                print(
                    f"There is no {path}; 'python experiments/run.py{how} {name}' writes it.",
                    file=sys.stderr,
                )
                return 2
            print(Report(load(find_definition(name), quick=given.quick), folder).write())
    except DriftHomerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


# Parts of a report that a quick run is too short for.
NOT_QUICK = ("published", "quoted", "ranks", "against", "diagrams")


class Report:
    """The report of an experiment.

    The definition's ``[report]`` says what is in it; see :mod:`harness.report_definition`.

    Parameters
    ----------
    experiment
        The definition.
    folder
        Where the file of results is, and the report goes.
    """

    def __init__(self, experiment: Experiment, folder: Path):
        self.experiment = experiment
        self.folder = folder
        self.about: dict[str, Any] = dict(experiment.report)
        if experiment.quick:
            # Prefixes say nothing beside whole streams, and too little to rank by.
            for name in NOT_QUICK:
                self.about.pop(name, None)
        self.rows: list[Row] = read_rows(folder / f"{experiment.name}.csv")
        self.streams = list(dict.fromkeys(row.stream for row in self.rows))
        self.ours = {row.model for row in self.rows if row.ours}
        self.quoted: list[Score] = []
        if "published" in self.about:
            self.quoted = [s for s in quoted(self.about["published"]) if s.stream in self.streams]

    def write(self) -> Path:
        """Write the Markdown and the figures; the path of the former."""
        path = self.folder / f"{self.experiment.name}.md"
        write_text(path, self.text())
        return path

    def text(self) -> str:
        """The report in Markdown; figures are written on the way."""
        name = self.experiment.name
        how = " --quick" if self.experiment.quick else ""
        machines = sorted({row.machine for row in self.rows if row.machine})
        parts = [
            f"# {self.experiment.title}{' (quick version)' if self.experiment.quick else ''}\n",
            self.experiment.about.strip() + "\n" if self.experiment.about else "",
            f"`python experiments/run.py{how} {name}` and "
            f"`python experiments/report.py{how} {name}`; "
            f"the numbers: [{name}.csv]({name}.csv).\n",
            summary.notes(self.experiment, self.rows),
            *self.values(),
            *self.ranks(),
            *self.pictures(),
            "## Cost\n",
            "Rows per second inside the model. "
            + (
                "One cell at a time.\n"
                if self.experiment.protocol.workers == 1
                else "Cells ran side by side, so these are no measurements of speed.\n"
            ),
            summary.cost_table(self.rows, self.streams),
            "Machines: " + "; ".join(machines) + ".\n" if machines else "",
        ]
        return "\n".join(part for part in parts if part)

    def values(self) -> list[str]:
        """A table of values for each metric."""
        shown = self.about.get("quoted")
        beside = [s for s in self.quoted if shown is None or s.method in shown]
        parts = []
        for metric in self.about.get("metrics", ()):
            parts += [
                f"## {summary.words(metric)}\n",
                summary.values_table(self.rows, beside, metric, self.streams),
            ]
        return parts

    def ranks(self) -> list[str]:
        """Ranks among the measured methods, and of ours among the quoted ones."""
        metrics = self.about.get("metrics", ())
        if not self.about.get("ranks"):
            return []
        measured = summary.comparable(self.rows)
        parts = []
        found = summary.rankings(measured, metrics, mark_quoted=False)
        if len(found[0].methods) > 2:
            parts += self._ranked("Ranks of the measured methods", "ranks", found)
            parts.append(summary.tests_table(found, self.about.get("against", "")))
        if self.quoted:
            ours = [score for score in measured if score.method in self.ours]
            here = [metric for metric in metrics if any(s.metric == metric for s in self.quoted)]
            for model in dict.fromkeys(score.method for score in ours):
                mine = [score for score in ours if score.method == model]
                found = summary.rankings([*mine, *self.quoted], here, mark_quoted=True)
                slug = re.sub(r"\W+", "_", model.lower()).strip("_")
                title = f"{model} among the quoted methods"
                parts += self._ranked(title, f"quoted_{slug}", found)
        return parts

    def _ranked(self, title: str, slug: str, found: Sequence[Ranks]) -> list[str]:
        parts = [f"## {title}\n", f"Over {len(found[0].streams)} streams that all have whole.\n"]
        parts.append(summary.ranks_table(found))
        for ranks in found:
            drawn = ranks.metric in self.about.get("diagrams", ())
            if drawn and len(ranks.streams) > 1 and len(ranks.methods) > 2:
                words = summary.words(ranks.metric)
                figure = critical_difference_diagram(ranks, self.ours, words)
                parts.append(
                    self._save(figure, f"{slug}_{ranks.metric}", f"Average ranks, {words}")
                )
        return parts

    def pictures(self) -> list[str]:
        """Scatter, courses, hierarchy and cost curves, as the definition asks for them."""
        parts = []
        for metric in self.about.get("scatter", ()):
            parts += ["## Speed against accuracy\n", self._scatter(metric)]
        courses = read_courses(self.folder / f"{self.experiment.name}_curves.json")
        if courses and "curves" in self.about:
            parts += ["## Over the stream\n", self._courses(courses)]
        if courses and "recovery" in self.about:
            share = self.about["recovery"]
            parts += [
                f"Rows from a change until a window is back at {share:.0%} of the level before.\n",
                summary.recovery_table(courses, share),
            ]
        if courses and self.about.get("detections"):
            parts += [
                "Rows from the beginning of a change until a model tells of a drift, false alarms "
                "per 10,000 rows, and changes that it missed. A model that tells only how many "
                "drifts there were is known by windows.\n",
                summary.detection_table(courses),
            ]
        for stream, model in self.about.get("hierarchy", {}).items():
            nodes = courses.get(stream, {}).get("models", {}).get(model, {}).get("hierarchy")
            if nodes:
                title = f"Clusters of {model} at the end of {stream}"
                slug = re.sub(r"\W+", "_", f"hierarchy_{stream}".lower())
                parts.append(self._save(hierarchy_figure(nodes, title), slug, title))
        if self.about.get("costs"):
            parts += ["## Cost curves\n", self._costs()]
        return parts

    def _scatter(self, metric: str) -> str:
        panels: dict[str, dict[str, tuple[float, float]]] = {}
        short = summary.prefixes(self.rows)
        for row in self.rows:
            if row.status == "ok" and metric in row.values and (row.stream, row.model) not in short:
                point = row.values["rows_per_second"], row.values[metric]
                panels.setdefault(row.stream, {})[row.model] = point
        told = {(s.stream, s.method, s.metric): s.value for s in self.quoted}
        for (stream, method, name), speed in told.items():
            if name == "rows_per_second" and (stream, method, metric) in told:
                point = speed, told[stream, method, metric]
                panels.setdefault(stream, {})[method + MARK] = point
        figure = speed_accuracy(panels, summary.words(metric))
        return self._save(figure, f"scatter_{metric}", f"Speed against {summary.words(metric)}")

    def _courses(self, courses: dict[str, Any]) -> str:
        panels = [
            Panel(
                stream,
                {
                    model: Curve(c["stops"], c["values"], c["restructures"], c["drifts"])
                    for model, c in told["models"].items()
                    if c["values"]
                },
                told["change_points"],
            )
            for stream, told in courses.items()
        ]
        metric = summary.words(self.about["curves"])
        figure = windowed_curves([panel for panel in panels if panel.curves], metric)
        return self._save(figure, "curves", f"{metric} in windows")

    def _costs(self) -> str:
        """Stream titles are a property and a number, such as "features 1,000"."""
        panels: dict[str, dict[str, dict[float, list[float]]]] = {}
        for row in self.rows:
            if row.status == "ok":
                name, _, number = row.stream.rpartition(" ")
                line = panels.setdefault(name, {}).setdefault(row.model, {})
                at = float(number.replace(",", ""))
                line.setdefault(at, []).append(row.values["rows_per_second"])
        means = {
            name: {
                model: {x: statistics.fmean(speeds) for x, speeds in line.items()}
                for model, line in lines.items()
            }
            for name, lines in panels.items()
        }
        return self._save(cost_curves(means), "costs", "Rows per second over properties of streams")

    def _save(self, figure: Any, slug: str, words: str) -> str:
        path = self.folder / "figures" / f"{self.experiment.name}_{slug}"
        save(figure, path)
        return f"![{words}](figures/{path.name}.svg)\n"


if __name__ == "__main__":
    sys.exit(main())
