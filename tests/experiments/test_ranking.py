"""Ranks: against scipy, and quoted values never unmarked beside measured ones."""

from __future__ import annotations

import pytest
from harness.published import quoted

from stream.compare.ranking import MARK, Score, rank
from stream.errors import ParameterError


def scores(origin: str = "measured", **values: list[float]) -> list[Score]:
    return [
        Score(f"s{i}", "micro_f1", method, value, origin)
        for method, found in values.items()
        for i, value in enumerate(found)
    ]


def test_ranks_share_ties_and_start_at_the_best():
    ranks = rank(scores(a=[0.9, 0.2], b=[0.9, 0.4], c=[0.1, 0.3]), "micro_f1")
    assert ranks.ranks.tolist() == [[1.5, 1.5, 3], [3, 1, 2]]
    assert ranks.average() == {"b": 1.25, "a": 2.25, "c": 2.5}


def test_for_a_loss_less_is_better():
    losses = [Score("s", "hamming_loss", name, value) for name, value in (("a", 0.1), ("b", 0.3))]
    assert rank(losses, "hamming_loss").average() == {"a": 1, "b": 2}


def test_measured_and_quoted_are_not_mixed_unless_marked():
    """A table that passes numbers of others off as ours, or the other way round."""
    both = [*scores(a=[0.9]), *scores("quoted", b=[0.8])]
    with pytest.raises(ParameterError, match="quoted"):
        rank(both, "micro_f1")
    assert rank(both, "micro_f1", mark_quoted=True).methods == ("a", "b" + MARK)
    assert rank(scores("quoted", a=[0.9], b=[0.8]), "micro_f1").methods == ("a", "b")


def test_streams_that_a_method_lacks_are_left_out():
    found = scores(a=[0.9, 0.8], b=[0.7, 0.9])[:-1]
    assert rank(found, "micro_f1").streams == ("s0",)
    with pytest.raises(ParameterError, match="every method"):
        rank(found[1:2] + found[2:], "micro_f1")


def test_seeds_are_averaged_before_they_are_ranked():
    found = [*scores(a=[0.1]), *scores(a=[0.9]), *scores(b=[0.4])]
    assert rank(found, "micro_f1").average() == {"a": 1, "b": 2}


def test_the_quoted_tables_are_whole():
    """A column that has slipped: MLHAT's printed values of Scene."""
    found = {(s.stream, s.metric, s.method): s.value for s in quoted("mlhat")}
    assert len({method for _, _, method in found}) == 17
    assert round(found["scene", "subset_accuracy", "MLHAT"], 3) == 0.887
    assert round(found["yeast", "micro_f1", "MLBELS"], 3) == 0.613
    tail = {(s.stream, s.metric): s.value for s in quoted("ihomer")}
    assert tail["scene", "subset_accuracy"] == pytest.approx(56 / 57, abs=1e-5)
    assert {s.origin for s in quoted("ihomer")} == {"quoted"}
