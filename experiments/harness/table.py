"""The one file of results of an experiment: a line for each cell, in the definition's order."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.metric_names import METRICS
from harness.runner import Planned
from harness.store import Store
from stream.evaluate.result import write_text

STRUCTURE = ("clusters", "restructures", "drifts")
ASKED = ("stream", "model", "ours", "seed", "params", "limit", "delay", "tail")
FOUND = ("status", "error", "rows", "features", "labels", *METRICS, *STRUCTURE)
# What another machine, or another day, gives otherwise.
NUMBERS = ("rows_per_second", "seconds", "compile_seconds", "peak_rss_mb", "model_mb")
COST = (*NUMBERS, "machine", "key")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the file of results.

    Attributes
    ----------
    stream, model, seed, params
        What ran on what.
    ours
        Whether it is a model of this project.
    limit, delay, tail
        See :class:`harness.definition.Protocol`; ``limit`` tells of a prefix.
    status
        ``"ok"``, ``"failed"``, ``"bounds"`` (of time or memory), ``"absent"`` (the stream is not
        here) or ``"waiting"``.
    error
        Why it is not ``"ok"``.
    rows, features, labels
        Rows that were scored, columns.
    values
        Metrics, structure and cost by name, those that are known.
    machine, key
        Where it ran, and the key of its record.
    """

    stream: str
    model: str
    ours: bool
    seed: int
    params: dict[str, Any]
    limit: int | None
    delay: int
    tail: int | None
    status: str
    error: str = ""
    rows: int | None = None
    features: int | None = None
    labels: int | None = None
    values: dict[str, float]
    machine: str = ""
    key: str = ""


def rows_of(planned: Iterable[Planned], store: Store) -> list[Row]:
    """What is known of each cell."""
    return [_row(each, store) for each in planned]


def _row(planned: Planned, store: Store) -> Row:
    cell = planned.cell
    asked: dict[str, Any] = {
        "stream": cell.stream.title,
        "model": cell.model.title,
        "ours": cell.model.ours,
        "seed": cell.seed,
        "params": dict(cell.model.params),
        "limit": cell.limit,
        "delay": cell.protocol.delay,
        "tail": cell.protocol.tail,
    }
    if planned.key is None:
        return Row(**asked, status="absent", error=planned.why, values={})
    record = store.read(planned.key)
    if record is None:
        return Row(**asked, status="waiting", values={}, key=planned.key)
    values = {**record.get("metrics", {}), **{n: record.get(n) for n in (*STRUCTURE, *NUMBERS)}}
    about = record["machine"]
    listed = {**about["versions"], **record.get("versions", {})}
    versions = ", ".join(f"{name} {version}" for name, version in listed.items())
    return Row(
        **asked,
        status=record["status"],
        error=record.get("error") or "",
        rows=record.get("rows"),
        features=record.get("features"),
        labels=record.get("labels"),
        values={name: value for name, value in values.items() if value is not None},
        machine=f"{about['processor']}, {about['cores']} cores, {about['system']}; {versions}",
        key=planned.key,
    )


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write the file of results; it is there complete or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*ASKED, *FOUND, *COST])
    for row in rows:
        writer.writerow([_text(_value(row, name)) for name in (*ASKED, *FOUND, *COST)])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text.getvalue())


def read_rows(path: Path) -> list[Row]:
    """Read a file of results."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_parse(line) for line in csv.DictReader(file)]


def _value(row: Row, name: str) -> Any:
    own = {field.name for field in dataclasses.fields(Row)} - {"values"}
    return getattr(row, name) if name in own else row.values.get(name)


def _text(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return repr(value) if isinstance(value, float) else str(value)


def _parse(line: dict[str, str]) -> Row:
    def number(name: str) -> int | None:
        return int(line[name]) if line[name] else None

    found = (*METRICS, *STRUCTURE, *NUMBERS)
    return Row(
        stream=line["stream"],
        model=line["model"],
        ours=line["ours"] == "True",
        seed=int(line["seed"]),
        params=json.loads(line["params"] or "{}"),
        limit=number("limit"),
        delay=int(line["delay"]),
        tail=number("tail"),
        status=line["status"],
        error=line["error"],
        rows=number("rows"),
        features=number("features"),
        labels=number("labels"),
        # Files that earlier versions wrote have fewer metrics.
        values={name: float(line[name]) for name in found if line.get(name)},
        machine=line["machine"],
        key=line["key"],
    )
