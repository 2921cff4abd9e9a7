"""Rows that wait for their labels, and labels that came before their row.

Both are bounded in number and in age. Age is told by the clock of the messages (the latest
timestamp read so far), never by that of the machine, so that a replay expires the same rows.
"""

from __future__ import annotations

import dataclasses
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from stream.errors import ParameterError
from stream.kafka.messages.row_encoder import NumberedRow
from stream.rows.truth import Truth

Policy = Literal["drop", "unknown"]
POLICIES = ("drop", "unknown")


class Waiting(NamedTuple):
    """A row that was predicted."""

    x: NumberedRow
    predicted: list[int]  # label columns
    truth: Truth | None  # what is known so far
    since: int  # clock, milliseconds
    learnt_before: int  # rows learnt before its prediction


class Completed(NamedTuple):
    """A row that can be learnt."""

    x: NumberedRow
    predicted: list[int]
    truth: Truth | None
    learnt_before: int


@dataclasses.dataclass
class WaitingCounts:
    """What became of rows and labels so far.

    Attributes
    ----------
    learnt
        Rows whose labels came in time.
    expired
        Rows whose labels, or some of them, did not.
    late
        Labels that came after their row had expired.
    repeated
        Labels of a row that was learnt already, and rows whose key was waiting or learnt already.
    orphaned
        Labels whose row never came.
    repeated_rows
        Rows among the repeated ones.
    """

    learnt: int = 0
    expired: int = 0
    late: int = 0
    repeated: int = 0
    orphaned: int = 0
    repeated_rows: int = 0


class WaitingRoom:
    """Joins rows and labels by key.

    Parameters
    ----------
    label_names
        Labels that a row needs before it is learnt; empty: the first message for a row tells all.
    ttl
        Milliseconds that a row, or labels without a row, may wait.
    capacity
        Rows, and labels without a row, that may wait; the oldest go first.
    policy
        What becomes of a row that has waited too long: ``"drop"``: it is not learnt; ``"unknown"``:
        it is learnt with the labels that are known, the others unknown.
    """

    def __init__(
        self,
        label_names: tuple[str, ...] = (),
        *,
        ttl: int,
        capacity: int,
        policy: Policy = "drop",
    ):
        if policy not in POLICIES:
            raise ParameterError(
                f"The policy for rows without labels must be one of {', '.join(POLICIES)}. Got "
                f"{policy!r} instead."
            )
        self.label_names = frozenset(label_names)
        self.ttl = ttl
        self.capacity = capacity
        self.policy = policy
        self.counts = WaitingCounts()
        self.clock = 0
        self._rows: OrderedDict[bytes, Waiting] = OrderedDict()
        self._early: OrderedDict[bytes, tuple[Truth, int]] = OrderedDict()
        # Keys that are done with: since when, and whether the row was learnt.
        self._settled: OrderedDict[bytes, tuple[int, bool]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def n_early(self) -> int:
        """Labels that wait for their row."""
        return len(self._early)

    def lets_go(self, timestamp: int, since: int) -> bool:
        """Whether :meth:`tick` to a time would let anything go: what is here, or a row that has
        been waiting for its prediction since ``since``."""
        limit = timestamp - self.ttl
        return (
            since < limit
            or (bool(self._rows) and next(iter(self._rows.values())).since < limit)
            or (bool(self._settled) and next(iter(self._settled.values()))[0] < limit)
        )

    def is_full_with(self, more: int) -> bool:
        """Whether ``more`` rows would be more than there is room for."""
        return len(self._rows) + more > self.capacity

    def tick(self, timestamp: int) -> Iterator[Completed]:
        """Move the clock; yields the rows that have waited too long and are learnt all the same."""
        self.clock = max(self.clock, timestamp)
        limit = self.clock - self.ttl
        while self._rows and next(iter(self._rows.values())).since < limit:
            yield from self._expire()
        while self._early and next(iter(self._early.values()))[1] < limit:
            self._orphan()
        while self._settled and next(iter(self._settled.values()))[0] < limit:
            self._settled.popitem(last=False)

    def add_row(
        self,
        key: bytes,
        x: NumberedRow,
        predicted: list[int],
        truth: Truth | None,
        since: int,
        learnt_before: int,
    ) -> Iterator[Completed]:
        """A row that came when the clock was ``since`` was predicted after ``learnt_before`` rows
        were learnt, and perhaps something is known of it; yields the rows to be learnt now."""
        if key in self._rows or key in self._settled:
            self.counts.repeated += 1
            self.counts.repeated_rows += 1
            return
        if key in self._early:
            early, _ = self._early.pop(key)
            truth = early if truth is None else merged(truth, early)
        if truth is not None and self._complete(truth):
            yield self._settle(key, Completed(x, predicted, truth, learnt_before))
            return
        self._rows[key] = Waiting(x, predicted, truth, since, learnt_before)
        if len(self._rows) > self.capacity:
            yield from self._expire()

    def add_labels(self, key: bytes, truth: Truth) -> Iterator[Completed]:
        """Labels came; yields the row if it is to be learnt now."""
        if key in self._settled:
            if self._settled[key][1]:
                self.counts.repeated += 1
            else:
                self.counts.late += 1
            return
        row = self._rows.get(key)
        if row is None:
            early = self._early.get(key)
            since = self.clock if early is None else early[1]
            self._early[key] = (truth if early is None else merged(early[0], truth), since)
            if len(self._early) > self.capacity:
                self._orphan()
            return
        known = truth if row.truth is None else merged(row.truth, truth)
        if self._complete(known):
            del self._rows[key]
            done = Completed(row.x, row.predicted, known, row.learnt_before)
            yield self._settle(key, done)
        else:
            self._rows[key] = row._replace(truth=known)

    def _complete(self, truth: Truth) -> bool:
        return truth.whole or self.label_names <= {*truth.present, *truth.absent}

    def _settle(self, key: bytes, row: Completed) -> Completed:
        self.counts.learnt += 1
        self._note(key, True)
        return row

    def _note(self, key: bytes, learnt: bool) -> None:
        self._settled[key] = (self.clock, learnt)
        if len(self._settled) > self.capacity:
            self._settled.popitem(last=False)

    def _expire(self) -> Iterator[Completed]:
        key, row = self._rows.popitem(last=False)
        self.counts.expired += 1
        self._note(key, False)
        if self.policy == "unknown" and row.truth is not None:
            yield Completed(row.x, row.predicted, row.truth, row.learnt_before)

    def _orphan(self) -> None:
        self._early.popitem(last=False)
        self.counts.orphaned += 1

    # ---- state

    def get_state(self) -> dict[str, Any]:
        """Everything that waits, as arrays."""
        rows = self._rows.values()
        as_they_came = [row.x.x for row in rows if row.x.x is not None]
        return {
            "clock": self.clock,
            "counts": dataclasses.asdict(self.counts),
            "rows": {
                "keys": _pack(self._rows),
                "since": np.array([row.since for row in rows], np.int64),
                "learnt_before": np.array([row.learnt_before for row in rows], np.int64),
                "lengths": np.array([len(row.x.columns) for row in rows], np.int64),
                # As the model, which is not of this package either.
                "pickle": pickle.dumps(as_they_came, 4) if as_they_came else None,
                "columns": np.array([c for row in rows for c in row.x.columns], np.int64),
                "values": np.array([v for row in rows for v in row.x.values], np.float64),
                "n_predicted": np.array([len(row.predicted) for row in rows], np.int64),
                "predicted": np.array([c for row in rows for c in row.predicted], np.int64),
                "truths": [_plain(row.truth) for row in rows],
            },
            "early": {
                "keys": _pack(self._early),
                "since": np.array([since for _, since in self._early.values()], np.int64),
                "truths": [_plain(truth) for truth, _ in self._early.values()],
            },
            "settled": {
                "keys": _pack(self._settled),
                "since": np.array([since for since, _ in self._settled.values()], np.int64),
                "learnt": np.array([learnt for _, learnt in self._settled.values()], np.bool_),
            },
        }

    def set_state(self, state: dict[str, Any], n_learnt: int = 0) -> None:
        """Go on with what a state holds.

        Parameters
        ----------
        state
            What :meth:`get_state` gave, in 0.1.0 too, which did not say how many rows were learnt
            before each.
        n_learnt
            How many were learnt so far: what is taken instead.
        """
        self.clock = state["clock"]
        self.counts = WaitingCounts(**state["counts"])
        rows, early, settled = state["rows"], state["early"], state["settled"]
        columns = _cut(rows["columns"].tolist(), rows["lengths"])
        values = _cut(rows["values"].tolist(), rows["lengths"])
        as_they_came = [None] * len(columns)
        if rows.get("pickle") is not None:
            as_they_came = pickle.loads(rows["pickle"])
        learnt_before = rows.get("learnt_before", np.full(len(columns), n_learnt))
        features = map(NumberedRow, columns, values, as_they_came)
        predicted = _cut(rows["predicted"].tolist(), rows["n_predicted"])
        self._rows = OrderedDict(
            (
                key,
                Waiting(x, labels, _truth(truth), since, learnt_before),
            )
            for key, x, labels, truth, since, learnt_before in zip(
                _unpack(rows["keys"]),
                features,
                predicted,
                rows["truths"],
                rows["since"].tolist(),
                learnt_before.tolist(),
                strict=True,
            )
        )
        self._early = OrderedDict(
            (key, (_truth(truth) or Truth((), (), False), since))
            for key, truth, since in zip(
                _unpack(early["keys"]), early["truths"], early["since"].tolist(), strict=True
            )
        )
        self._settled = OrderedDict(
            (key, (since, learnt))
            for key, since, learnt in zip(
                _unpack(settled["keys"]),
                settled["since"].tolist(),
                settled["learnt"].tolist(),
                strict=True,
            )
        )


def merged(first: Truth, second: Truth) -> Truth:
    """What both say; where they differ the second is right.

    Examples
    --------
    >>> merged(Truth(("sun",), ("rain",), False), Truth(("rain",), (), False))
    Truth(present=('sun', 'rain'), absent=(), whole=False)
    """
    told = {*second.present, *second.absent}
    if second.whole:
        return second
    return Truth(
        (*(label for label in first.present if label not in told), *second.present),
        (*(label for label in first.absent if label not in told), *second.absent),
        first.whole,
    )


def _pack(keys: Any) -> dict[str, np.ndarray]:
    """Keys as bytes one after the other, and their lengths."""
    return {
        "bytes": np.frombuffer(b"".join(keys), np.uint8),
        "lengths": np.array([len(key) for key in keys], np.int64),
    }


def _unpack(packed: dict[str, np.ndarray]) -> list[bytes]:
    return _cut(packed["bytes"].tobytes(), packed["lengths"])


def _cut(sequence: Any, lengths: np.ndarray) -> list[Any]:
    """Pieces of a sequence."""
    ends = np.cumsum(lengths).tolist()
    return [sequence[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _plain(truth: Truth | None) -> list[Any] | None:
    return None if truth is None else [list(truth.present), list(truth.absent), truth.whole]


def _truth(plain: list[Any] | None) -> Truth | None:
    return None if plain is None else Truth(tuple(plain[0]), tuple(plain[1]), plain[2])
