"""A comparison as text for a terminal, Markdown, LaTeX, CSV and HTML; the same numbers in each."""

from __future__ import annotations

import csv
import html
import io
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.compare.comparing import Comparison
from stream.compare.ranking import LOWER_IS_BETTER
from stream.compare.significance import friedman, wilcoxon
from stream.evaluate.counted import shape_of

SHORT = {
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "subset_accuracy": "subset",
    "hamming_loss": "Hamming",
    "kappa_m": "κ-M",
}
LONG = {"subset_accuracy": "subset accuracy", "hamming_loss": "Hamming loss"}
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: "\\" + letter for letter in "&%$#_{}"},
}


def short_name(metric: str) -> str:
    """A metric as the head of a column.

    Examples
    --------
    >>> short_name("micro_f1"), short_name("example_f1")
    ('micro-F1', 'example-F1')
    """
    return SHORT.get(metric) or metric.replace("_", "-").replace("f1", "F1")


def full_name(metric: str) -> str:
    """A metric in a sentence or over a table, with its direction where lower values are better.

    Examples
    --------
    >>> full_name("subset_accuracy"), full_name("hamming_loss")
    ('subset accuracy', 'Hamming loss (lower is better)')
    """
    lower = " (lower is better)" if metric in LOWER_IS_BETTER else ""
    return LONG.get(metric, short_name(metric)) + lower


def print_comparison(found: Comparison, console: Console) -> None:
    """Print values, ranks and tests; a stream below the other, so that 60 columns are enough."""
    for stream in found.streams:
        result = found.of(stream, found.models[0])[0]
        table = Table(
            box=box.SIMPLE_HEAD,
            title=f"{stream}: "
            + ", ".join(shape_of(result.rows, None, result.labels, result.task)),
            title_justify="left",
            title_style="bold",
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        table.add_column("model", overflow="fold")
        for metric in found.metrics:
            table.add_column(short_name(metric), justify="right", no_wrap=True)
        table.add_column("rows/s", justify="right", no_wrap=True)
        for model in found.models:
            cells = []
            for metric in found.metrics:
                value = found.mean(stream, model, metric)
                best = round(value, 3) == found.best(stream, metric)
                cells.append(Text(f"{value:.3f}", "bold" if best else ""))
            table.add_row(model, *cells, f"{_speed(found, stream, model):,.0f}")
        console.print(table)
    for line in test_lines(found):
        console.print(Text(line))


def test_lines(found: Comparison) -> list[str]:
    """Average ranks by metric with the tests of them, in sentences.

    Friedman's test and Nemenyi's critical difference need three models and two streams, Wilcoxon's
    test of the first model against each other one needs two streams.
    """
    lines = []
    for metric in found.metrics:
        ranks = found.ranks(metric)
        told = ", ".join(f"{model} {value:.2f}" for model, value in ranks.average().items())
        lines.append(f"Average rank by {full_name(metric)}: {told}.")
        if len(found.streams) < 2 or len(found.models) < 2:
            continue
        test = friedman(ranks)
        if test.p_value is not None:
            lines.append(
                f"  Friedman: χ² = {test.statistic:.2f}, p = {test.p_value:.3f}; critical "
                f"difference of ranks (Nemenyi, {test.level:g}): {test.critical_difference:.2f}."
            )
        for each in wilcoxon(ranks, found.models[0]):
            p = "–" if each.adjusted is None else f"{each.adjusted:.3f}"
            lines.append(
                f"  {found.models[0]} against {each.other}: better on {each.wins}, equal on "
                f"{each.ties}, worse on {each.losses}; p = {p} (Wilcoxon, Holm)."
            )
    if len(found.streams) < 2:
        lines.append("Tests need at least two streams.")
    return lines


def _speed(found: Comparison, stream: str, model: str) -> float:
    return statistics.fmean(each.rows_per_second for each in found.of(stream, model))


def _grid(found: Comparison, metric: str) -> list[list[tuple[str, bool]]]:
    """Return, for each model, its value on each stream as text and whether it is the best."""
    grid = []
    for model in found.models:
        line = []
        for stream in found.streams:
            value = found.mean(stream, model, metric)
            deviation = found.deviation(stream, model, metric)
            text = f"{value:.3f}" + ("" if deviation is None else f" ± {deviation:.3f}")
            line.append((text, round(value, 3) == found.best(stream, metric)))
        grid.append(line)
    return grid


def markdown(found: Comparison) -> str:
    """Tables of models × streams for each metric, and the tests."""
    parts = []
    for metric in found.metrics:
        head = [full_name(metric), *found.streams]
        lines = [
            [model, *(f"**{text}**" if best else text for text, best in row)]
            for model, row in zip(found.models, _grid(found, metric), strict=True)
        ]
        parts.append(_markdown_table(head, lines))
    parts.append("\n".join(f"- {line.strip()}" for line in test_lines(found)) + "\n")
    return "\n".join(parts)


def _markdown_table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    rule = "|" + "|".join("---" for _ in head) + "|\n"
    return line(head) + rule + "".join(map(line, lines))


def latex(found: Comparison) -> str:
    """A table of LaTeX (package booktabs) for each metric."""
    parts = []
    for metric in found.metrics:
        body = []
        for model, row in zip(found.models, _grid(found, metric), strict=True):
            cells = (text.replace("±", r"$\pm$") for text, _ in row)
            bold = (
                rf"\textbf{{{cell}}}" if best else cell
                for cell, (_, best) in zip(cells, row, strict=True)
            )
            body.append(" & ".join([_escape(model), *bold]) + r" \\")
        head = " & ".join([_escape(full_name(metric)), *map(_escape, found.streams)])
        parts.append(
            "\n".join(
                [
                    rf"\begin{{tabular}}{{l{'r' * len(found.streams)}}}",
                    r"\toprule",
                    head + r" \\",
                    r"\midrule",
                    *body,
                    r"\bottomrule",
                    r"\end{tabular}",
                ]
            )
        )
    return "% needs \\usepackage{booktabs}\n" + "\n\n".join(parts) + "\n"


def _escape(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)


def csv_text(columns: dict[str, list[Any]]) -> str:
    """Columns as the text of a CSV file, numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def html_text(found: Comparison, figures: Iterable[str] = ()) -> str:
    """One page with tables, tests and figures (SVG texts) that opens without a network."""
    parts = []
    for metric in found.metrics:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in found.streams)
        body = ""
        for model, row in zip(found.models, _grid(found, metric), strict=True):
            cells = "".join(f"<td>{f'<b>{text}</b>' if best else text}</td>" for text, best in row)
            body += f"<tr><th>{html.escape(model)}</th>{cells}</tr>"
        parts.append(
            f"<h2>{html.escape(full_name(metric))}</h2><div class=scroll><table><tr><th></th>"
            f"{head}</tr>{body}</table></div>"
        )
    told = "".join(f"<li>{html.escape(line.strip())}</li>" for line in test_lines(found))
    parts.append(f"<h2>Ranks and tests</h2><ul>{told}</ul>")
    parts += [f"<figure>{figure[figure.index('<svg') :]}</figure>" for figure in figures]
    style = (
        "body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:1em auto;padding:0 12px;"
        "color:#1b1f24;background:#fff}table{border-collapse:collapse}th,td{padding:3px 12px;"
        "text-align:right;border-bottom:1px solid #d0d7de;white-space:nowrap}th:first-child{"
        "text-align:left}.scroll{overflow-x:auto}svg{max-width:100%;height:auto}"
        "figure{margin:1em 0}"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>Comparison</title>"
        f"<style>{style}</style></head><body><h1>{len(found.models)} models on "
        f"{len(found.streams)} streams</h1>{''.join(parts)}</body></html>\n"
    )
