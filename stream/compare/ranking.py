"""Scores, and the ranks of methods over streams."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable
from typing import Literal

import numpy as np
from scipy.stats import rankdata

from stream.errors import ParameterError

Origin = Literal["measured", "quoted"]
LOWER_IS_BETTER = frozenset({"hamming_loss", "seconds", "peak_rss_mb", "clusters_asked"})
MARK = " (quoted)"


@dataclasses.dataclass(frozen=True)
class Score:
    """The value that a method reached on a stream."""

    stream: str
    metric: str
    method: str
    value: float
    origin: Origin = "measured"


@dataclasses.dataclass(frozen=True)
class Ranks:
    """Methods compared on the streams that all of them have.

    Attributes
    ----------
    metric
        What was compared.
    methods, streams
        Names; those of quoted methods end in " (quoted)" where both sorts are compared.
    values
        [streams, methods].
    ranks
        [streams, methods]; 1 is best, ties share the mean of their ranks.
    """

    metric: str
    methods: tuple[str, ...]
    streams: tuple[str, ...]
    values: np.ndarray
    ranks: np.ndarray

    def average(self) -> dict[str, float]:
        """Mean rank of each method over the streams, best first."""
        means = dict(zip(self.methods, self.ranks.mean(axis=0).tolist(), strict=True))
        return dict(sorted(means.items(), key=lambda each: each[1]))


def rank(scores: Iterable[Score], metric: str, *, mark_quoted: bool = False) -> Ranks:
    """Rank methods by a metric on the streams that all of them have.

    Parameters
    ----------
    scores
        Several of one method on one stream (seeds) are averaged.
    metric
        Which of the scores to take.
    mark_quoted
        Allow measured and quoted values side by side; the names of the latter are marked then.

    Raises
    ------
    ParameterError
        When measured and quoted values are mixed without being marked, or no stream has all
        methods.
    """
    chosen = [score for score in scores if score.metric == metric]
    if len({score.origin for score in chosen}) > 1 and not mark_quoted:
        raise ParameterError(
            "The scores to rank must be all measured or all quoted, or be ranked with "
            f"mark_quoted=True. Got both for {metric!r}."
        )
    mixed = len({score.origin for score in chosen}) > 1
    table: dict[tuple[str, str], list[float]] = {}
    for score in chosen:
        method = score.method + (MARK if mixed and score.origin == "quoted" else "")
        table.setdefault((score.stream, method), []).append(score.value)
    methods = tuple(dict.fromkeys(method for _, method in table))
    streams = tuple(
        stream
        for stream in dict.fromkeys(stream for stream, _ in table)
        if all((stream, method) in table for method in methods)
    )
    if not streams:
        raise ParameterError(
            f"At least one stream must have a {metric!r} of every method to be ranked. Got none "
            f"that has all of {len(methods)} methods."
        )
    values = np.array(
        [[statistics.fmean(table[stream, method]) for method in methods] for stream in streams]
    )
    sign = 1 if metric in LOWER_IS_BETTER else -1
    # Values that differ by less than what is printed are ties.
    ranks = np.array([rankdata(sign * row.round(6)) for row in values])
    return Ranks(metric, methods, streams, values, ranks)


def better(metric: str, value: float, other: float) -> bool:
    """Whether a value is better than another one."""
    return value < other if metric in LOWER_IS_BETTER else value > other
