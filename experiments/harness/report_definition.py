"""What the ``[report]`` of a definition may say, checked when the definition is read."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from harness.metric_names import METRICS
from stream.errors import ParameterError

PUBLISHED = Path(__file__).resolve().parents[1] / "published"
# What each entry is, as the README of the experiments tells it.
ENTRIES = {
    "metrics": "metrics of the tables",
    "ranks": "whether to rank and test the models (true or false)",
    "diagrams": "metrics to draw critical differences of",
    "against": "the model that is tested against each other one",
    "published": "the file of published values to quote",
    "quoted": "methods of that file to show; all are ranked",
    "scatter": "metrics to draw against speed",
    "curves": "the metric to draw in windows",
    "recovery": "share of the level before a change that counts as recovered (0 to 1)",
    "detections": "whether to score the drifts that models tell of (true or false)",
    "hierarchy": "for streams, the model whose clusters are drawn",
    "costs": "whether stream titles are a property and a number, to be drawn (true or false)",
}


def check_report(
    file: str, report: Mapping[str, Any], streams: Collection[str], models: Collection[str]
) -> None:
    """Refuse a ``[report]`` that names what there is not.

    Parameters
    ----------
    file
        Name of the definition, for errors.
    report
        The table.
    streams, models
        Titles in the definition.

    Raises
    ------
    ParameterError
        Naming the entry, what is allowed, and what was given.

    Examples
    --------
    >>> check_report("x.toml", {"ranks": 1}, [], [])
    Traceback (most recent call last):
    stream.errors.ParameterError: x.toml: 'ranks' of [report] must be true or false. Got 1.
    """

    def refuse(entry: str, must: str, got: Any, allowed: Collection[str] = ()) -> None:
        close = difflib.get_close_matches(str(got), allowed, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterError(f"{file}: {entry!r} of [report] must {must}. Got {got!r}.{hint}")

    def check_names(
        entry: str, names: Any, must: str, allowed: Collection[str], many: bool
    ) -> None:
        if isinstance(names, str) is many or not isinstance(names, str | list):
            refuse(entry, f"be a {'list' if many else 'text'}", names)
        for name in names if many else [names]:
            if name not in allowed:
                refuse(entry, must, name, allowed)

    unknown = [name for name in report if name not in ENTRIES]
    if unknown:
        allowed = ", ".join(ENTRIES)
        close = difflib.get_close_matches(unknown[0], ENTRIES, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterError(
            f"{file}: [report] must hold only {allowed}. Got {unknown[0]!r}.{hint}"
        )
    files = sorted(path.stem for path in PUBLISHED.glob("*.csv"))
    for entry, value in report.items():
        if entry in ("metrics", "diagrams", "scatter", "curves"):
            check_names(entry, value, "name a metric", METRICS, many=entry != "curves")
        elif entry in ("ranks", "costs", "detections") and not isinstance(value, bool):
            refuse(entry, "be true or false", value)
        elif entry == "against":
            check_names(entry, value, f"be one of {', '.join(models)}", models, many=False)
        elif entry == "published":
            check_names(entry, value, f"be one of {', '.join(files)}", files, many=False)
        elif entry == "quoted" and not isinstance(value, list):
            refuse(entry, "be a list", value)
        elif entry == "recovery" and not (isinstance(value, int | float) and 0 < value <= 1):
            refuse(entry, "be a number between 0 and 1", value)
        elif entry == "hierarchy":
            if not isinstance(value, dict):
                refuse(entry, "be a table of models by stream", value)
            check_names(entry, [*value], f"be of {', '.join(streams)}", streams, many=True)
            check_names(
                entry, [*value.values()], f"name one of {', '.join(models)}", models, many=True
            )
