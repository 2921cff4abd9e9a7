"""Tables of an experiment in Markdown: values, ranks, tests, costs, failures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from reporting import markdown_table

from harness.curves import rows_to_recover
from harness.definition import Experiment
from harness.detections import detections, pooled
from harness.scores import scores_of
from harness.table import Row
from stream.compare.ranking import LOWER_IS_BETTER, MARK, Ranks, Score, rank
from stream.compare.significance import friedman, wilcoxon

PREFIX = "†"  # marks the values of a prefix of the stream


def words(metric: str) -> str:
    """A metric as people write it.

    Examples
    --------
    >>> words("micro_f1"), words("hamming_loss"), words("kappa_m")
    ('micro-F1', 'Hamming loss', 'κ-M')
    """
    special = {"hamming_loss": "Hamming loss", "kappa_m": "κ-M", "kappa_t": "κ-temporal"}
    if metric in special:
        return special[metric]
    name, _, part = metric.rpartition("_")
    if name in ("micro", "macro", "example"):
        return f"{name}-{part.replace('f1', 'F1')}"
    return metric.replace("_", " ").replace("kappa", "κ")


def prefixes(rows: Iterable[Row]) -> set[tuple[str, str]]:
    """Streams and models of which the model had fewer rows than another one."""
    done = [row for row in rows if row.status == "ok" and row.rows is not None]
    most: dict[str, int] = {}
    for row in done:
        most[row.stream] = max(most.get(row.stream, 0), row.rows or 0)
    return {(row.stream, row.model) for row in done if (row.rows or 0) < most[row.stream]}


def values_table(
    rows: Sequence[Row], quoted: Sequence[Score], metric: str, streams: Sequence[str]
) -> str:
    """Methods × streams, the mean over the seeds; the best of the measured ones bold."""
    short = prefixes(rows)
    found: dict[tuple[str, str], list[float]] = {}
    for score in scores_of(rows, [metric]):
        found.setdefault((score.method, score.stream), []).append(score.value)
    methods = list(dict.fromkeys(row.model for row in rows))
    shown = [s for s in streams if any((m, s) in found for m in methods)]
    best = {
        stream: (min if metric in LOWER_IS_BETTER else max)(
            round(statistics.fmean(found[m, stream]), 3)
            for m in methods
            if (m, stream) in found and (stream, m) not in short
        )
        for stream in shown
    }
    bad = {(row.model, row.stream) for row in rows if row.status in ("failed", "bounds")}

    def cell(method: str, stream: str) -> str:
        if (method, stream) not in found:
            return "failed" if (method, stream) in bad else ""
        values = found[method, stream]
        text = f"{statistics.fmean(values):.3f}"
        if (stream, method) in short:
            return text + PREFIX
        text = f"**{text}**" if float(text) == best[stream] else text
        return text + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")

    lines = [
        [m, *(cell(m, s) for s in shown)] for m in methods if any((m, s) in found for s in shown)
    ]
    told = {(s.method, s.stream): s.value for s in quoted if s.metric == metric}
    for method in dict.fromkeys(method for method, _ in told):
        values = [f"{told[method, s]:.3f}" if (method, s) in told else "" for s in shown]
        if any(values):
            lines.append([f"*{method}{MARK}*", *values])
    return markdown_table(("", *shown), lines)


def comparable(rows: Iterable[Row]) -> list[Score]:
    """The scores of values that are not of a prefix."""
    rows = list(rows)
    short = prefixes(rows)
    return [score for score in scores_of(rows) if (score.stream, score.method) not in short]


def ranks_table(found: Sequence[Ranks]) -> str:
    """Average ranks, metrics side by side, sorted by their mean."""
    averages = [ranks.average() for ranks in found]
    mean = {m: statistics.fmean(each[m] for each in averages) for m in found[0].methods}
    lines = [
        [method, *(f"{each[method]:.2f}" for each in averages), f"{mean[method]:.2f}"]
        for method in sorted(mean, key=mean.__getitem__)
    ]
    return markdown_table(("average rank", *(words(r.metric) for r in found), "mean"), lines)


def rankings(scores: Sequence[Score], metrics: Sequence[str], *, mark_quoted: bool) -> list[Ranks]:
    """Ranks by each metric, on the streams that all methods have; a method with less than half of
    the streams is left out instead."""
    found = []
    for metric in metrics:
        chosen = [score for score in scores if score.metric == metric]
        streams: dict[str, set[str]] = {}
        for score in chosen:
            streams.setdefault(score.method, set()).add(score.stream)
        most = max(map(len, streams.values()))
        kept = {method for method, have in streams.items() if 2 * len(have) >= most}
        chosen = [score for score in chosen if score.method in kept]
        found.append(rank(chosen, metric, mark_quoted=mark_quoted))
    return found


def tests_table(found: Sequence[Ranks], against: str) -> str:
    """Friedman's test by metric, and one method against each other one."""
    text = []
    for ranks in found:
        test = friedman(ranks)
        if test.p_value is not None:
            text.append(
                f"- {words(ranks.metric)}: Friedman χ² = {test.statistic:.1f}, "
                f"p {_compared(test.p_value)}; critical difference of average ranks (Nemenyi, "
                f"{test.level:g}) {test.critical_difference:.2f}.\n"
            )
    if all(against in ranks.methods for ranks in found):
        by_metric = [{each.other: each for each in wilcoxon(r, against)} for r in found]
        lines = []
        for other in by_metric[0]:
            cells = []
            for each in by_metric:
                pair = each.get(other)
                cells.append(
                    f"{pair.wins}/{pair.ties}/{pair.losses}, {_p(pair.adjusted)}" if pair else ""
                )
            lines.append([other, *cells])
        text.append(
            f"\n{against} against each: streams won/equal/lost, p of Wilcoxon's signed-rank test "
            "(two-sided, Holm's correction).\n\n"
            + markdown_table(("against", *(words(r.metric) for r in found)), lines)
        )
    return "".join(text)


def _compared(value: float) -> str:
    """A p-value after the letter p."""
    text = _p(value)
    return text if text.startswith("<") else f"= {text}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def cost_table(rows: Sequence[Row], streams: Sequence[str]) -> str:
    """Rows per second by method and stream, and the most memory a process held."""
    speed: dict[tuple[str, str], list[float]] = {}
    memory: dict[str, float] = {}
    for row in rows:
        if row.status == "ok":
            speed.setdefault((row.model, row.stream), []).append(row.values["rows_per_second"])
            here = row.values.get("peak_rss_mb", 0.0)
            memory[row.model] = max(memory.get(row.model, 0.0), here)
    lines = []
    for method, peak in memory.items():
        cells = [
            f"{statistics.fmean(speed[method, s]):,.0f}" if (method, s) in speed else ""
            for s in streams
        ]
        lines.append([method, *cells, f"{peak:,.0f}"])
    return markdown_table(("rows/s", *streams, "peak MB"), lines)


def recovery_table(courses: dict[str, Any], share: float) -> str:
    """Rows until each model is back at a share of its level before a change, the mean over the
    changes of a stream, and how many changes it did not recover from."""
    moving = {stream: told for stream, told in courses.items() if told["change_points"]}
    methods = dict.fromkeys(name for told in moving.values() for name in told["models"])

    def cell(method: str, told: dict[str, Any]) -> str:
        if method not in told["models"]:
            return ""
        rows = rows_to_recover(told["models"][method], told["change_points"], share)
        known = [n for n in rows if n is not None]
        text = f"{statistics.fmean(known):,.0f}" if known else "never"
        never = len(rows) - len(known)
        return f"{text} ({never} of {len(rows)} never)" if known and never else text

    lines = [[method, *(cell(method, told) for told in moving.values())] for method in methods]
    return markdown_table(("rows to recover", *moving), lines)


def detection_table(courses: dict[str, Any]) -> str:
    """For each model that tells of drifts: how soon it saw the changes of a stream, false alarms,
    and what it missed."""
    moving = {stream: told for stream, told in courses.items() if told["change_points"]}
    methods = dict.fromkeys(
        name for told in moving.values() for name, own in told["models"].items() if own["drifts"]
    )

    def cell(method: str, told: dict[str, Any]) -> str:
        own = told["models"].get(method)
        if own is None or not own["stops"]:
            return ""
        changes, width = told["change_points"], told["width"]
        return pooled([detections(own["drifts"], changes, width, own["stops"][-1])]).cell()

    lines = [[method, *(cell(method, told) for told in moving.values())] for method in methods]
    return markdown_table(("delay / false alarms (missed)", *moving), lines)


def notes(experiment: Experiment, rows: Sequence[Row]) -> str:
    """What is marked, what failed and why, what was not here."""
    lines = []
    short = prefixes(rows)
    if short:
        limits: dict[tuple[str, int], list[str]] = {}
        for row in rows:
            if (row.stream, row.model) in short and row.rows:
                limits.setdefault((row.model, row.rows), []).append(row.stream)
        lines += [
            f"- {PREFIX} {model}: the first {n:,} rows of {', '.join(dict.fromkeys(streams))}; "
            "not ranked."
            for (model, n), streams in limits.items()
        ]
    failures: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.status in ("failed", "bounds"):
            failures.setdefault((row.model, row.error), []).append(row.stream)
    lines += [
        f"- {model} failed on {', '.join(dict.fromkeys(streams))}: {error}"
        for (model, error), streams in failures.items()
    ]
    absent = list(dict.fromkeys(row.stream for row in rows if row.status == "absent"))
    if absent:
        lines.append(f"- Not here, left out: {', '.join(absent)}.")
    seeds = experiment.protocol.seeds
    if experiment.quick:
        ran = [row for row in rows if row.status == "ok" and row.rows]
        counts = sorted({row.rows or 0 for row in ran})
        listed = " to ".join(f"{n:,}" for n in dict.fromkeys((counts[0], counts[-1])))
        used = ", ".join(str(seed) for seed in sorted({row.seed for row in ran}))
        lines.append(
            f"- Quick version: the first {listed} rows of each stream, seeds {used}. It shows that "
            "everything runs; its numbers compare with no others, so that nothing is ranked or "
            "quoted."
            if ran
            else "- Quick version: nothing ran."
        )
    if len(seeds) > 1:
        lines.append(f"- Means over the seeds {', '.join(map(str, seeds))}, ± standard deviation.")
    return "\n".join(lines) + "\n" if lines else ""
