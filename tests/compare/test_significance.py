"""The tests of ranks against scipy and the tables of Demšar's paper."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stream.compare.ranking import Score, rank
from stream.compare.significance import friedman, groups, holm, wilcoxon
from stream.errors import ParameterError

# Demšar 2006, table 6: AUC of C4.5 with two parameters tuned or not, on 14 data sets.
C45 = (0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972)
C45 = (*C45, 0.957)
TUNED_M = (0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666)
TUNED_M = (*TUNED_M, 0.981, 0.978)
TUNED_CF = (0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.000, 0.965, 0.614)
TUNED_CF = (*TUNED_CF, 0.9751, 0.946)
BOTH = (0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.000, 0.962, 0.669)
BOTH = (*BOTH, 0.975, 0.970)


def demsar():
    methods = {"C4.5": C45, "C4.5+m": TUNED_M, "C4.5+cf": TUNED_CF, "C4.5+m+cf": BOTH}
    scores = [
        Score(f"s{i:02}", "auc", name, value)
        for name, values in methods.items()
        for i, value in enumerate(values)
    ]
    return rank(scores, "auc")


def test_friedman_and_nemenyi_are_those_of_the_paper():
    """Ranks turned round, or a critical value of another table (q = 2.569 for four methods)."""
    ranks = demsar()
    average = ranks.average()
    assert average["C4.5"] == pytest.approx(3.143, abs=0.01)
    assert average["C4.5+m"] == pytest.approx(2.000, abs=0.01)
    assert average["C4.5+cf"] == pytest.approx(2.893, abs=0.01)
    assert average["C4.5+m+cf"] == pytest.approx(1.964, abs=0.01)
    test = friedman(ranks)
    assert test.critical_difference == pytest.approx(1.25, abs=0.005)
    assert test.statistic == pytest.approx(stats.friedmanchisquare(*ranks.values.T).statistic)
    assert test.p_value < 0.05


def test_wilcoxon_counts_streams_and_corrects_for_many():
    found = {each.other: each for each in wilcoxon(demsar(), "C4.5")}
    plain = stats.wilcoxon(np.subtract(C45, TUNED_M).round(6)).pvalue
    assert found["C4.5+m"].p_value == pytest.approx(plain)
    counts = found["C4.5+m"]
    assert (counts.wins, counts.ties, counts.losses) == (2, 2, 10)
    assert all(each.adjusted >= each.p_value for each in found.values())


def test_equal_methods_have_no_p_value():
    scores = [Score(f"s{i}", "auc", name, 0.5) for i in range(5) for name in ("a", "b")]
    assert wilcoxon(rank(scores, "auc"), "a")[0].p_value is None


def test_bars_join_what_is_not_different():
    assert groups({"a": 1.0, "b": 2.0, "c": 3.0}, 0.5) == []
    assert groups({"a": 1.0, "b": 2.0, "c": 3.0}, 2.0) == [("a", "b", "c")]


def test_holm_never_falls_and_stays_below_one():
    assert holm([0.6, 0.02, 0.5]) == [1.0, pytest.approx(0.06), 1.0]


def test_one_stream_is_no_test():
    scores = [Score("s", "auc", name, value) for name, value in (("a", 0.1), ("b", 0.2))]
    with pytest.raises(ParameterError, match="two streams"):
        friedman(rank(scores, "auc"))
