"""A result as a table for the terminal."""

from __future__ import annotations

import itertools
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.evaluate.calibration import GROUPS
from stream.evaluate.clusters import changes_line, cluster_tree
from stream.evaluate.counted import shape_of
from stream.evaluate.progress import text_for
from stream.evaluate.result import PrequentialResult
from stream.evaluate.tally import ratio

BARS = "▁▂▃▄▅▆▇█"
FEW_LABELS = 20  # with so few, the best five are most of them
SPARKLINE_WIDTH, LEAST_SPARKLINE = 60, 10
TABLE_WIDTH = 64  # columns that the metrics need side by side


def print_report(result: PrequentialResult, console: Console | None = None) -> None:
    """Print what was evaluated, the metrics, their course over the windows, speed and memory.

    Parameters
    ----------
    result
        What to print.
    console
        Where to; None: standard output. No colours where that is not a terminal.
    """
    console = console or Console()

    def line(text: str, style: str = "") -> None:
        # On a terminal words stay whole; in a file a line stays a line.
        console.print(Text(text_for(console, text), style), soft_wrap=not console.is_terminal)

    rows, features, outputs = shape_of(result.rows, result.features, result.labels, result.task)
    line(
        f"{result.model} on {result.dataset}: {rows} × {features}, {outputs}"
        + (f" ({result.cardinality:.2f} a row)" if result.task == "multi-label" else ""),
        "bold",
    )
    if result.delay:
        line(f"labels arrive {result.delay:,} rows late")
    narrow = console.width < TABLE_WIDTH
    console.print(_metrics_table(result, narrow), soft_wrap=not narrow)
    if narrow and result.task == "multi-label":
        beside = (("subset accuracy", "subset_accuracy"), ("Hamming loss", "hamming_loss"))
        line(" · ".join(f"{words} {result.metrics[name]:.4f}" for words, name in beside))
    ranked = _ranking_line(result)
    if ranked:
        line(ranked)
    for text in (_calibration_line(result), _sets_line(result)):
        if text:
            line(text)
    course = _course(result, console)
    if course:
        line(course)
    labels = _labels_line(result, console)
    if labels:
        line(labels)
    if result.hierarchy:
        console.print(cluster_tree(result.hierarchy, lambda text: text_for(console, text)))
    structure = _structure_line(result)
    if structure:
        line(structure)
    line(_cost_line(result))
    if result.interrupted:
        line(f"Interrupted: these are the results of the first {result.rows:,} rows.", "yellow")
    if result.error is not None:
        line(
            f"Ended by bad data: these are the results of the first {result.rows:,} rows.", "yellow"
        )


def _metrics_table(result: PrequentialResult, narrow: bool) -> Table:
    """Accuracy and kappas in one row; averages over rows, cells and labels side by side, on a wide
    terminal with what has no averages."""
    values = {name: f"{value:.4f}" for name, value in result.metrics.items()}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    if result.task == "single-label":
        for name in ("accuracy", "kappa", "kappa_m", "kappa_t", "macro_f1"):
            table.add_column(name.replace("_", "-").replace("f1", "F1"), justify="right")
        table.add_row(
            *(values[name] for name in ("accuracy", "kappa", "kappa_m", "kappa_t", "macro_f1"))
        )
        return table
    table.add_column("")
    for head in ("F1", "precision", "recall"):
        table.add_column(head, justify="right")
    if not narrow:
        table.add_column("")
        table.add_column("", justify="right")
    beside = {
        "example": ("subset accuracy", values["subset_accuracy"]),
        "micro": ("Hamming loss", values["hamming_loss"]),
        "macro": ("", ""),
    }
    for average, more in beside.items():
        row = (values[f"{average}_{part}"] for part in ("f1", "precision", "recall"))
        table.add_row(average, *row, *(() if narrow else more))
    return table


def sparkline(values: list[float], width: int = SPARKLINE_WIDTH) -> str:
    """Values as bars from their minimum to their maximum; neighbours are averaged when there are
    too many.

    Examples
    --------
    >>> sparkline([0.1, 0.2, 0.3, 0.8])
    '▁▂▃█'
    """
    if not values:
        return ""
    n = min(width, len(values))
    edges = [len(values) * i // n for i in range(n + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in itertools.pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    return "".join(BARS[round((v - low) / span * (len(BARS) - 1)) if span else 0] for v in means)


def _ranking_line(result: PrequentialResult) -> str:
    """Metrics at 1, 3 and 5, where labels were ranked and there are more to rank than that."""
    if "precision_at_1" not in result.metrics or result.labels <= FEW_LABELS:
        return ""
    parts = []
    for words, name in (("precision", "precision"), ("nDCG", "ndcg"), ("PSP", "psp")):
        values = (f"{result.metrics[f'{name}_at_{k}']:.4f}" for k in (1, 3, 5))
        parts.append(f"{words} {' / '.join(values)}")
    return f"at 1 / 3 / 5: {' · '.join(parts)}"


def _calibration_line(result: PrequentialResult) -> str:
    """Brier score and calibration error; the latter also by how frequent labels are, where there
    are such labels."""
    if "brier_score" not in result.metrics:
        return ""
    score, error = (result.metrics[name] for name in ("brier_score", "calibration_error"))
    by_group = {group: result.metrics[f"calibration_error_{group}"] for group in GROUPS}
    told = ", ".join(f"{group} {value:.4f}" for group, value in by_group.items() if value)
    return f"Brier score {score:.4f} · calibration error {error:.4f}" + (f" ({told})" * bool(told))


def _sets_line(result: PrequentialResult) -> str:
    """Risk and size of prediction sets, and what was asked."""
    told = result.sets
    if told is None or "set_fnr" not in result.metrics:
        return ""
    name = told["risk"]
    measured = result.metrics[f"set_{name}"]
    return (
        f"sets: {'FNR' if name == 'fnr' else name} {measured:.4f} "
        f"(asked {told['level']:g} ± {told['bound']:.4f}), "
        f"{result.metrics['set_size']:.2f} labels a set"
    )


def _course(result: PrequentialResult, console: Console) -> str:
    """The main metric over the windows, where there are enough of them and the bars can be
    written."""
    name = "accuracy" if result.task == "single-label" else "micro_f1"
    # The last window may hold too few rows to say anything.
    whole = [w for w in result.windows if w["stop"] - w["start"] == result.window]
    if len(whole) < 3 or not _has_bars(console):
        return ""
    values = [window["metrics"][name] for window in whole]
    named = name.replace("_", "-").replace("f1", "F1")
    return _bars(f"{named} in windows of {result.window:,} rows: ", values, console)


def _has_bars(console: Console) -> bool:
    return (console.encoding or "").lower().startswith("utf")


def _labels_line(result: PrequentialResult, console: Console) -> str:
    """F1 of each label that occurs, the most frequent first: the tail tells what rare labels
    cost."""
    found = sorted((label for label in result.per_label if label["support"]), key=_rarity)
    if len(found) < 3 or not _has_bars(console):
        return ""
    values = [ratio(2 * n["tp"], 2 * n["tp"] + n["fp"] + n["fn"]) for n in found]
    kind = "class" if result.task == "single-label" else "label"
    return _bars(f"F1 by {kind}, most frequent first: ", values, console)


def _bars(words: str, values: list[float], console: Console) -> str:
    """Words, bars and the range of the values, on one line of the terminal."""
    extent = f"  {min(values):.3f}–{max(values):.3f}"
    room = console.width - len(words) - len(extent)
    return words + sparkline(values, max(LEAST_SPARKLINE, min(SPARKLINE_WIDTH, room))) + extent


def _rarity(label: dict[str, Any]) -> int:
    return -int(label["support"])


def _structure_line(result: PrequentialResult) -> str:
    """Return a line on the model's structure at the end; empty where it does not tell."""
    changes = result.restructures
    if result.hierarchy and isinstance(changes, list):
        return changes_line(changes, result.drifts)

    numbers = {
        name: len(value) if isinstance(value, list) else value
        for name, value in (
            ("cluster", result.clusters),
            ("restructure", changes),
            ("drift", result.drifts),
        )
        if isinstance(value, int | list)
    }
    parts = [f"{n:,} {name}{'s' * (n != 1)}" for name, n in numbers.items() if n]
    return " · ".join(parts)


def _cost_line(result: PrequentialResult) -> str:
    parts = [f"{result.rows_per_second:,.0f} rows/s", f"{result.seconds:.1f} s in all"]
    if result.compile_seconds >= 0.1:
        parts[-1] += f" ({result.compile_seconds:.1f} s to compile or load kernels)"
    if result.peak_rss_mb is not None:
        parts.append(f"peak memory {result.peak_rss_mb:,.0f} MB")
    return " · ".join(parts)
