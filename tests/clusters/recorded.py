"""What every stage of a coordinator was given and what it said, event by event, in dictionaries."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stream.clusters.coordinator import Coordinator
from stream.clusters.gated import ClustersParams, GatedClusters
from stream.engine import placement as pl
from stream.engine.gate import GateParams
from stream.engine.joint_decoder_layout import BALANCED, DecoderParams
from stream.engine.label_cluster_layout import ClusterParams
from stream.engine.recent_layout import RecentParams
from stream.rows.batch import slice_rows


class Event(NamedTuple):
    """A prediction or a learning as the stages saw it."""

    call: int  # which call it came in
    row: int  # of that call
    learns: bool
    follows: bool  # it is learnt just after it was predicted, with the same answers
    now: int
    as_of: int
    n_known: int
    x: dict[int, float]  # of length one
    raw: dict[int, float]
    present: list[int]
    unknown: list[int]
    hints: dict[int, tuple[float, float, int, float]]  # label: vote, silent, last, trend
    total: float
    asked: dict[int, tuple[float, int]]  # cluster: probability, asked
    weights: dict[int, float]  # cluster: with which its models learn
    missed: int
    listed: dict[int, float]  # label: probability
    log_absent: float
    base_rates: float
    log_base_absent: float


def params_of(
    *,
    threshold=0.05,
    ask_all_labels=0,
    window=30,
    dense_window=30,
    n_nearest=4,
    capacity=3,
    placement=pl.JACCARD,
    votes=True,
    past=True,
    mix=True,
    rates=(0.5, 0.15, 0.01),
    decode=BALANCED,
    beta=0.65,
    weights=(0.15, 0.25, 0.6),
    max_sets=20,
    max_bytes=1e9,
) -> ClustersParams:
    """Parameters with which little data takes a coordinator through all that it does."""
    return ClustersParams(
        GateParams(threshold, rates[0], ask_all_labels),
        RecentParams(window, dense_window, n_nearest),
        ClusterParams(*rates, votes, past, mix),
        DecoderParams(decode, beta, *weights, max_sets),
        capacity,
        placement,
        max_bytes,
        max_bytes,
        3,
    )


def gated_only(params: ClustersParams, given: Any = None) -> Coordinator:
    """A coordinator of clusters behind a gate, without trees."""
    return Coordinator(GatedClusters(params, given), None, max_tree_labels=-1)


class Recorder:
    """A coordinator whose stages are listened to.

    Parameters
    ----------
    params
        Of the coordinator.
    """

    def __init__(self, params: ClustersParams, given: Any = None):
        self.coordinator = gated_only(params, given)
        self.gated = self.coordinator.gated
        self.events: list[Event] = []
        self.answers: list[tuple[dict[int, float], set[int]]] = []  # of predicted rows
        self._stages: dict[str, Any] = {}
        self._n_calls = 0
        for stage, name in (("recent", "recall"), ("gate", "ask"), ("decoder", "decode")):
            self._listen(getattr(self.gated, stage), name)

    def _listen(self, stage: Any, name: str) -> None:
        method = getattr(stage, name)

        def recorded(*args: Any) -> Any:
            self._stages[name] = (args, None)
            result = method(*args)
            self._stages[name] = (args, result)
            if name == "decode":
                self._write_down()
            return result

        setattr(stage, name, recorded)

    def play(self, batch, delay=0, ends=None) -> None:
        """Predict and learn rows, cut at ``ends``."""
        start = 0
        for end in ends or [batch.n_rows]:
            first = max(0, start - delay)
            found = self.coordinator.answer(
                slice_rows(batch, first, end), first_row=start - first, predict=True, delay=delay
            )
            for row in range(start - first, end - first):
                entries = slice(found.start[row], found.start[row + 1])
                labels = found.label[entries].tolist()
                present = found.present[entries]
                self.answers.append(
                    (
                        dict(zip(labels, found.probability[entries].tolist(), strict=True)),
                        {label for label, one in zip(labels, present, strict=True) if one},
                    )
                )
            self._n_calls += 1
            start = end

    def _write_down(self) -> None:
        (segment, rows, missed, listed, _, _), _ = self._stages["decode"]
        hints, asked = self._stages["recall"][1], self._stages["ask"][1]
        events = segment.events
        for e in range(segment.n_events):
            row, learns = int(events.row[e]), bool(events.learns[e])
            values = rows.x[3] if learns else rows.x[2]
            follows = learns and e > 0 and int(events.row[e - 1]) == row
            self.events.append(
                Event(
                    call=self._n_calls,
                    row=row,
                    learns=learns,
                    follows=follows,
                    now=int(events.now[e]),
                    as_of=int(events.as_of[e]),
                    n_known=int(segment.n_known[e]),
                    x=_entries(rows.x[0], rows.x[1], values, row),
                    raw=_entries(*rows.raw, row),
                    present=_labels(rows.y, row),
                    unknown=_labels(rows.u, row),
                    hints=_by_label(
                        hints, e - follows, ("vote", "silent", "last", "trend"), key="label"
                    ),
                    total=float(hints.total[e]),
                    asked=_by_label(asked, e, ("probability", "asked"), key="cluster"),
                    weights={
                        cluster: weight
                        for cluster, (weight,) in _by_label(
                            asked, e, ("weight",), key="cluster"
                        ).items()
                    },
                    missed=int(missed[e]),
                    listed={
                        label: p
                        for label, (p,) in _by_label(
                            listed, e, ("probability",), key="label"
                        ).items()
                    },
                    log_absent=float(listed.log_absent[e]),
                    base_rates=float(listed.base_rates[e]),
                    log_base_absent=float(listed.log_base_absent[e]),
                )
            )


def _entries(indptr, indices, values, row) -> dict[int, float]:
    entries = slice(indptr[row], indptr[row + 1])
    return dict(zip(indices[entries].tolist(), values[entries].tolist(), strict=True))


def _labels(labels, row) -> list[int]:
    return labels[1][labels[0][row] : labels[0][row + 1]].tolist()


def _by_label(state, event, names, *, key) -> dict[int, tuple]:
    entries = slice(state.start[event], state.start[event + 1])
    keys = getattr(state, key)[entries].tolist()
    assert len(set(keys)) == len(keys), f"a {key} is listed twice"
    values = zip(*(getattr(state, name)[entries].tolist() for name in names), strict=True)
    return dict(zip(keys, values, strict=True))


def random_ends(rng: np.random.Generator, n_rows: int, n_cuts: int = 4) -> list[int]:
    """Where rows are cut into calls."""
    return [*sorted(set(rng.integers(1, n_rows, n_cuts).tolist())), n_rows]
