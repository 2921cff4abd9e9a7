"""The result of an evaluation, and how it is written to files."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import math
import os
import platform
import sys
from collections.abc import Hashable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from stream._version import __version__
from stream.errors import DataError
from stream.evaluate.frames import label_columns, make_frame, summary_columns, window_columns
from stream.evaluate.notebook import result_html
from stream.evaluate.plotting import plot_windows
from stream.evaluate.protocol import WINDOW_STRUCTURE
from stream.rows.cells import utf8
from stream.rows.schema import Task

REPORTED_PACKAGES = ("river", "numpy", "numba", "scipy")


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of what it computes with."""
    found = {"python": platform.python_version(), "drifthomer": __version__}
    for package in REPORTED_PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


@dataclasses.dataclass(kw_only=True)
class PrequentialResult:
    """Metrics, windows, speed and memory of one evaluation.

    Attributes
    ----------
    dataset, model, params, seed
        What was evaluated on what.
    task
        ``"multi-label"`` or ``"single-label"``.
    rows, features, labels
        Rows evaluated, columns known at the end.
    cardinality
        Mean number of labels of a row.
    metrics
        Metrics of all rows, by name.
    seconds
        Wall-clock time of everything.
    compile_seconds
        Seconds of it spent compiling kernels, or loading them.
    rows_per_second
        Rows per second spent inside the model: without reading, compiling and scoring.
    peak_rss_mb
        Most memory the process held so far, in MiB; None where the system does not tell.
    clusters, restructures, drifts
        What the model tells of its structure, numbers or lists; None where it tells nothing.
    hierarchy
        Nodes of the hierarchy of clusters, parents first: ``id``, ``parent``, ``n_labels``, and
        ``labels`` or ``diameter``; None where there is none.
    windows
        For each window its ``start`` and ``stop`` (rows), ``metrics``, ``rows_per_second`` and how
        many clusters, restructures and drifts there were at its end; of a model with a gate also
        ``askable``, the clusters behind it, ``asked``, those of them that a row was asked of, and
        ``missed``, the share of the present labels whose cluster was not asked.
    per_label
        For each label ``tp``, ``fp``, ``fn``, ``tn`` and ``support`` in rows, and what
        :meth:`MultiLabelMetrics.per_label <stream.evaluate.MultiLabelMetrics.per_label>` adds.
    sets
        What a :class:`stream.ConformalLabelSets` tells at the end
        (:attr:`~stream.ConformalLabelSets.summary`); None for other models.
    delay, window
        Rows of the label delay, and of a window.
    interrupted
        Whether Ctrl-C ended the evaluation.
    error
        The bad data that ended the evaluation, if any.
    watched
        What a watcher kept of the run: ``predictions``, rows as they were answered, with what led
        to the answers, and ``routing``, the mean weights of each cluster's experts in them; None
        where nobody watched.
    versions
        Versions of the software that ran.
    """

    dataset: str
    model: str
    params: dict[str, Any]
    seed: Any
    task: Task
    rows: int
    features: int
    labels: int
    cardinality: float
    metrics: dict[str, float]
    seconds: float
    compile_seconds: float
    rows_per_second: float
    peak_rss_mb: float | None
    clusters: Any = None
    restructures: Any = None
    drifts: Any = None
    hierarchy: list[dict[str, Any]] | None = None
    windows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    per_label: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    sets: dict[str, Any] | None = None
    delay: int = 0
    window: int = 1000
    interrupted: bool = False
    error: str | None = None
    watched: dict[str, Any] | None = None
    versions: dict[str, str] = dataclasses.field(default_factory=versions)

    def as_dict(self) -> dict[str, Any]:
        """Everything in values that JSON knows; a number that is not finite becomes None."""
        names = [
            *("dataset", "model", "params", "seed", "task", "rows", "features", "labels"),
            *("cardinality", "metrics", "seconds", "compile_seconds", "rows_per_second"),
            *("peak_rss_mb", "clusters", "restructures", "drifts", "hierarchy"),
            *("windows", "per_label", "sets"),
            *("delay", "window", "interrupted", "error", "watched", "versions"),
        ]
        return {name: describe(getattr(self, name)) for name in names}

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`as_dict` as JSON; the file is there complete or not at all."""
        write_text(path, self.json_text())

    def json_text(self) -> str:
        """:meth:`as_dict` as the text of a JSON file."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a line for each window; the file is there complete or not at all."""
        write_text(path, self.csv_text())

    def csv_text(self) -> str:
        """The windows as the text of a CSV file: start, stop, metrics, rows/s, structure."""
        structure = [n for n in WINDOW_STRUCTURE if self.windows and n in self.windows[0]]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["start", "stop", *self.metrics, "rows_per_second", *structure])
        for window in self.windows:
            told = [_csv_cell(window.get(name)) for name in structure]
            values = [window["metrics"][name] for name in self.metrics]
            writer.writerow(
                [window["start"], window["stop"], *values, window["rows_per_second"], *told]
            )
        return text.getvalue()

    def to_frame(self, backend: str | None = None) -> Any:
        """One row of a data frame: what was evaluated, the metrics, speed and memory.

        Rows of several results can be put below each other.

        Parameters
        ----------
        backend
            "pandas", "polars" or "pyarrow"; None: the first of them that is installed.

        Raises
        ------
        NotAvailableError
            When none is installed.
        """
        return make_frame(summary_columns(self), backend)

    def windows_frame(self, backend: str | None = None) -> Any:
        """A data frame with a row for each window: start, stop, metrics, rows/s, structure.

        Parameters and errors are those of :meth:`to_frame`.
        """
        return make_frame(window_columns(self), backend)

    def labels_frame(self, backend: str | None = None) -> Any:
        """A data frame with a row for each label, in the order of the stream: ``support`` and
        counts in rows, precision, recall and F1.

        Parameters and errors are those of :meth:`to_frame`.
        """
        return make_frame(label_columns(self), backend)

    def plot(self, metrics: Sequence[str] | None = None, ax: Any = None) -> Any:
        """Draw metrics over the windows, with marks where drift was seen and the model rebuilt.

        Parameters
        ----------
        metrics
            Names of metrics, as in :attr:`metrics`; None: the main ones of the task.
        ax
            Axes of matplotlib to draw on; None: new ones.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ParameterError
            When there is no such metric.
        NotAvailableError
            When matplotlib is not installed (extra ``plot``).
        """
        return plot_windows(self, metrics, ax)

    def _repr_html_(self) -> str:
        return result_html(self)


class PartialResultError(DataError):
    """Bad data ended an evaluation; ``result`` is what was found until then."""

    def __init__(self, error: DataError, result: PrequentialResult):
        super().__init__(error.reason, source=error.source, line=error.line, column=error.column)
        self.result = result


def describe(value: Any) -> Any:
    """A value as JSON knows it: names for classes, text for what else it does not know.

    Examples
    --------
    >>> describe({"depth": float("inf"), "leaf": (int, {"step": 0.1}), 7: [True, None]})
    {'depth': None, 'leaf': {'int': {'step': 0.1}}, '7': [True, None]}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], type):
        return {value[0].__name__: describe(value[1])}
    if isinstance(value, set | frozenset):
        return sorted((describe(item) for item in value), key=repr)
    if isinstance(value, list | tuple | range):
        return [describe(item) for item in value]
    return getattr(value, "__name__", None) or str(value)


def parameters_of(model: Any) -> dict[str, Any]:
    """Parameters a model was made with, as JSON knows them."""
    for name in ("_get_params", "get_params"):
        if callable(getattr(model, name, None)):
            params: dict[Hashable, Any] = getattr(model, name)()
            return dict(describe(params))
    return {}


def peak_rss_mb() -> float | None:
    """Most memory this process has held, in MiB; None where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # Linux: getrusage would also count what the parent held when it started this process.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a file (UTF-8) so that it is there complete or not at all.

    What is not a regular file (a pipe, a device) is written to directly.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(utf8(text))
        return
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(utf8(text))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _csv_cell(value: Any) -> Any:
    value = describe(value)
    return json.dumps(value) if isinstance(value, list | dict) else value
