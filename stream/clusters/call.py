"""The rows of a call, as every stage takes them."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

import numpy as np

from stream.engine.arrays import FeatureRows, Int64Array, LabelRows, allocate
from stream.engine.events import Events
from stream.engine.learner import LabelsOfRows
from stream.engine.unit_rows import UnitRows

State = TypeVar("State", bound=tuple)


class CallRows(NamedTuple):
    """Rows of a call and their labels."""

    x: UnitRows  # of length one
    raw: FeatureRows  # as they came
    y: LabelRows  # present
    u: LabelRows  # unknown
    n_features: Int64Array  # [rows] feature columns that each row and the rows before it need
    truths: dict[bytes, LabelsOfRows]  # in the columns of some labels, as far as they were needed

    @property
    def most_entries(self) -> int:
        """Entries of the row that has most."""
        return int(np.diff(self.x[0]).max(initial=0))

    def n_entries(self, row: int) -> int:
        """Entries of a row."""
        return int(self.x[0][row + 1] - self.x[0][row])

    def n_present(self, row: int) -> int:
        """Present labels of a row."""
        return int(self.y[0][row + 1] - self.y[0][row])

    def n_unknown(self, row: int) -> int:
        """Unknown labels of a row."""
        return int(self.u[0][row + 1] - self.u[0][row])


class Segment(NamedTuple):
    """Events that pass all stages before the next ones do."""

    events: Events
    n_known: Int64Array  # [events + 1] labels known at each, and after the last one

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(self.events.row)

    def slice(self, start: int, stop: int) -> Segment:
        """Events ``start`` to ``stop``."""
        return Segment(self.events.slice(start, stop), self.n_known[start : stop + 1])

    @property
    def learnt(self) -> Int64Array:
        """Rows that are learnt, in order."""
        return self.events.learnt_rows

    @property
    def n_learnt(self) -> int:
        """Rows learnt in the whole stream after the last event."""
        return self.events.now_after

    @property
    def n_labels(self) -> int:
        """Labels known after the last event."""
        return int(self.n_known[-1])


class Scratch(Generic[State]):
    """Scratch of a stage, which is kept from call to call as long as its sizes stay.

    Parameters
    ----------
    kind
        The type of the state.
    """

    def __init__(self, kind: type[State]):
        self._kind = kind
        self._sizes: dict[str, int] = {}
        self._state: State | None = None

    def of(self, sizes: dict[str, int]) -> State:
        """The scratch of these sizes, as kernels left it."""
        if self._state is None or sizes != self._sizes:
            self._state, self._sizes = allocate(self._kind, sizes), sizes
        return self._state


def roomier(state: State, names: tuple[str, ...], more: int = 0) -> State:
    """The same state with room for twice as many entries in some arrays, and ``more``."""
    changed = {}
    for name in names:
        old = getattr(state, name)
        changed[name] = np.zeros(2 * len(old) + more + 1_000, old.dtype)
        changed[name][: len(old)] = old
    return state._replace(**changed)  # type: ignore[attr-defined]


def state_bytes(state: tuple) -> int:
    """Bytes of the arrays of a state, nested ones included."""
    return sum(state_bytes(value) if isinstance(value, tuple) else value.nbytes for value in state)
