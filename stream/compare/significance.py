"""Whether differences between methods over many streams may be chance.

Demšar. Statistical comparisons of classifiers over multiple data sets. JMLR 7, 2006.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import stats

from stream.compare.ranking import LOWER_IS_BETTER, Ranks
from stream.errors import ParameterError


@dataclasses.dataclass(frozen=True)
class Friedman:
    """Friedman's test that all methods are equal, and what Nemenyi's test needs of it.

    Attributes
    ----------
    statistic, p_value
        Those of the test; None with two methods, for which it is not defined.
    critical_difference
        Average ranks that differ by more are different at the level (Demšar 2006, section 3.2.2).
    level
        Probability of a difference where there is none.
    """

    statistic: float | None
    p_value: float | None
    critical_difference: float
    level: float


def friedman(ranks: Ranks, level: float = 0.05) -> Friedman:
    """Test the ranks of methods over streams.

    Raises
    ------
    ParameterError
        With fewer than two methods or streams.
    """
    n, k = ranks.ranks.shape
    if n < 2 or k < 2:
        raise ParameterError(
            f"A test of ranks needs at least two streams and two methods. Got {n} and {k}."
        )
    quantile = stats.studentized_range.ppf(1 - level, k, np.inf) / math.sqrt(2)
    difference = float(quantile * math.sqrt(k * (k + 1) / (6 * n)))
    if k == 2:
        return Friedman(None, None, difference, level)
    found = stats.friedmanchisquare(*ranks.ranks.T)
    return Friedman(float(found.statistic), float(found.pvalue), difference, level)


def groups(average: dict[str, float], difference: float) -> list[tuple[str, ...]]:
    """The largest runs of methods whose average ranks differ by no more than a critical difference.

    Parameters
    ----------
    average
        Average ranks, best first.
    difference
        The critical difference.

    Examples
    --------
    >>> groups({"a": 1.0, "b": 1.8, "c": 2.5, "d": 4.0}, 1.0)
    [('a', 'b'), ('b', 'c')]
    """
    names, values = list(average), list(average.values())
    found: list[tuple[int, int]] = []
    for start, low in enumerate(values):
        stop = max(i for i, value in enumerate(values) if value - low <= difference)
        if stop > start and not (found and stop <= found[-1][1]):
            found.append((start, stop))
    return [tuple(names[start : stop + 1]) for start, stop in found]


@dataclasses.dataclass(frozen=True)
class Wilcoxon:
    """A method against another one over the streams.

    Attributes
    ----------
    other
        The other method.
    wins, ties, losses
        Streams on which the first is better, equal (to six digits), worse.
    p_value
        That of the signed-rank test, two-sided; None where no stream differs.
    adjusted
        The same after Holm's correction for all methods that it is compared with.
    """

    other: str
    wins: int
    ties: int
    losses: int
    p_value: float | None
    adjusted: float | None


def wilcoxon(ranks: Ranks, method: str) -> list[Wilcoxon]:
    """One method against each other one, the best of these first."""
    column = ranks.methods.index(method)
    sign = -1 if ranks.metric in LOWER_IS_BETTER else 1
    found = []
    for other in ranks.average():
        if other == method:
            continue
        gains = sign * (ranks.values[:, column] - ranks.values[:, ranks.methods.index(other)])
        gains = gains.round(6)
        p_value = float(stats.wilcoxon(gains).pvalue) if gains.any() else None
        counts = (int((gains > 0).sum()), int((gains == 0).sum()), int((gains < 0).sum()))
        found.append(Wilcoxon(other, *counts, p_value, None))
    adjusted = holm([each.p_value for each in found])
    return [dataclasses.replace(each, adjusted=p) for each, p in zip(found, adjusted, strict=True)]


def holm(p_values: list[float | None]) -> list[float | None]:
    """Holm's step-down correction; None stays None and does not count.

    Examples
    --------
    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    known = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    worst = 0.0
    for step, (p, i) in enumerate(known):
        worst = max(worst, min(1.0, p * (len(known) - step)))
        adjusted[i] = worst
    return adjusted
