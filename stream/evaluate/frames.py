"""Results as data frames."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from stream.errors import NotAvailableError
from stream.evaluate.protocol import WINDOW_STRUCTURE
from stream.evaluate.tally import ratio

if TYPE_CHECKING:
    from stream.evaluate.result import PrequentialResult

# Of a label, where there were probabilities or prediction sets.
OPTIONAL = ("brier_score", "set_miss_rate", "set_share")
BACKENDS = ("pandas", "polars", "pyarrow")


def make_frame(columns: dict[str, list[Any]], backend: str | None = None) -> Any:
    """A data frame of columns.

    Parameters
    ----------
    columns
        Values by name, all of one length.
    backend
        "pandas", "polars" or "pyarrow"; None: the first of them that is installed.

    Raises
    ------
    NotAvailableError
        When the library is not installed, or none of them is.

    Examples
    --------
    >>> make_frame({"label": ["sun", "rain"], "f1": [0.9, 0.8]}, "pandas").shape
    (2, 2)
    """
    import narwhals as nw

    wanted = BACKENDS if backend is None else (backend,)
    found = next((name for name in wanted if importlib.util.find_spec(name) is not None), None)
    if found is None:
        raise NotAvailableError(
            f"A data frame needs {' or '.join(wanted)}, which is not installed; "
            f"'pip install {wanted[0]}' installs it."
        )
    return nw.from_dict(columns, backend=found).to_native()  # type: ignore[arg-type]


def summary_columns(result: PrequentialResult) -> dict[str, list[Any]]:
    """One row: what was evaluated, the metrics, speed and memory."""
    names = ("dataset", "model", "seed", "task", "rows", "features", "labels", "cardinality")
    costs = ("seconds", "compile_seconds", "rows_per_second", "peak_rss_mb")
    return (
        {name: [getattr(result, name)] for name in names}
        | {name: [value] for name, value in result.metrics.items()}
        | {name: [getattr(result, name)] for name in costs}
    )


def window_columns(result: PrequentialResult) -> dict[str, list[Any]]:
    """A row for each window: start, stop, metrics, rows/s, and how the model was built."""
    windows = result.windows
    structure = [name for name in WINDOW_STRUCTURE if windows and name in windows[0]]
    return (
        {name: [window[name] for window in windows] for name in ("start", "stop")}
        | {name: [window["metrics"][name] for window in windows] for name in result.metrics}
        | {"rows_per_second": [window["rows_per_second"] for window in windows]}
        | {name: [window[name] for window in windows] for name in structure}
    )


def label_columns(result: PrequentialResult) -> dict[str, list[Any]]:
    """A row for each label, in the stream's order: counts, precision, recall and F1."""
    labels = result.per_label
    # A column of a frame has one type; where the names do not, text stands for all of them.
    mixed = len({type(each["label"]) for each in labels}) > 1
    names = [str(each["label"]) if mixed else each["label"] for each in labels]
    counts = {name: [each[name] for each in labels] for name in ("support", "tp", "fp", "fn", "tn")}
    return {
        "label": names,
        **counts,
        "precision": [ratio(n["tp"], n["tp"] + n["fp"]) for n in labels],
        "recall": [ratio(n["tp"], n["tp"] + n["fn"]) for n in labels],
        "f1": [label_f1(n) for n in labels],
        **{
            name: [each[name] for each in labels]
            for name in OPTIONAL
            if labels and name in labels[0]
        },
    }


def label_f1(counts: dict[str, Any]) -> float:
    """F1 of a label from its ``tp``, ``fp`` and ``fn``; 0 where it was neither true nor predicted.

    Examples
    --------
    >>> label_f1({"tp": 2, "fp": 1, "fn": 1})
    0.6666666666666666
    """
    return ratio(2 * counts["tp"], 2 * counts["tp"] + counts["fp"] + counts["fn"])
