"""A result as a figure of matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stream.errors import NotAvailableError, ParameterError
from stream.evaluate.marks import rows_of

if TYPE_CHECKING:
    from stream.evaluate.result import PrequentialResult

# Okabe and Ito, Color universal design, 2008; yellow is too faint for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")


def main_metrics(task: str) -> tuple[str, ...]:
    """The metrics that a picture shows when none are asked for.

    Examples
    --------
    >>> main_metrics("multi-label")
    ('micro_f1', 'macro_f1', 'subset_accuracy')
    """
    if task == "single-label":
        return ("accuracy", "kappa", "macro_f1")
    return ("micro_f1", "macro_f1", "subset_accuracy")


def plot_windows(
    result: PrequentialResult, metrics: Sequence[str] | None = None, ax: Any = None
) -> Any:
    """Draw metrics over the windows, with marks where drift was seen and the model rebuilt.

    Parameters and errors are those of :meth:`PrequentialResult.plot`.
    """
    chosen = main_metrics(result.task) if metrics is None else tuple(metrics)
    for name in chosen:
        if name not in result.metrics:
            raise ParameterError(
                f"There is no metric {name!r}; the metrics of this result are "
                f"{', '.join(result.metrics)}."
            )
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise NotAvailableError(
            "A figure needs matplotlib, which is not installed; "
            "\"pip install 'drifthomer[plot]'\" installs it."
        ) from error
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
    stops = [window["stop"] for window in result.windows]
    for i, name in enumerate(chosen):
        values = [window["metrics"][name] for window in result.windows]
        ax.plot(
            stops,
            values,
            color=COLOURS[i % len(COLOURS)],
            linestyle=LINES[i % len(LINES)],
            label=name.replace("_", "-").replace("f1", "F1"),
        )
    drifts = rows_of(result.drifts, "drifts", result.windows)
    rebuilt = rows_of(result.restructures, "restructures", result.windows)
    for name, rows, colour, line in (
        ("drift seen", drifts, "#D55E00", ":"),
        ("restructured", rebuilt, "#666666", "-"),
    ):
        for i, row in enumerate(rows):
            ax.axvline(
                row, color=colour, linestyle=line, linewidth=1, label=name if not i else None
            )
    ax.set_xlabel("rows")
    ax.set_ylabel(f"in windows of {result.window:,} rows")
    ax.set_title(f"{result.model} on {result.dataset}", loc="left")
    ax.xaxis.set_major_locator(plt.MaxNLocator(6, integer=True))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax
