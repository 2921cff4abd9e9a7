"""When and how the concept of a stream changes.

The mixing of two concepts around a change point is that of MOA's ConceptDriftStream (Bifet, Holmes,
Kirkby and Pfahringer, "MOA: massive online analysis", JMLR 2010; Bifet et al., "New ensemble
methods for evolving data streams", KDD 2009, section 3): a row at time t comes from the new concept
with probability 1 / (1 + exp(−4 (t − position) / width)).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from stream.data.synthetic.rng import DRIFT_SALT, mix, uniform
from stream.engine.arrays import Float64Array, Int64Array
from stream.engine.jit import kernel
from stream.errors import ParameterError

DriftKind = Literal["none", "sudden", "gradual", "incremental", "recurring"]
KINDS: tuple[DriftKind, ...] = ("none", "sudden", "gradual", "incremental", "recurring")
# exp(−37) < 2⁻⁵³: beyond it the probability is 0 or 1 as far as 53 random bits can tell.
SIGMOID_LIMIT = 37.0


class DriftArrays(NamedTuple):
    """A schedule as the kernels read it."""

    positions: Float64Array  # [changes] rows, in order
    concepts: Int64Array  # [changes + 1] the concept before, between and after the changes
    width: float  # rows
    incremental: bool


@dataclasses.dataclass(frozen=True)
class DriftSchedule:
    """The change points of a stream and the concept in force between them.

    Parameters
    ----------
    kind
        ``"sudden"``, ``"gradual"`` and ``"recurring"``: each row comes from the old or from the new
        concept, with the sigmoid's probability (a step when ``width`` is at most 1 row).
        ``"incremental"``: the concept's parameters move from the old to the new in a straight line
        while ``width`` rows pass. ``"none"``: one concept.
    positions
        Centres of the changes, in rows, in order.
    width
        Length of a change, in rows.
    concepts
        Number of the concept before, between and after the changes; 0, 1, 2, … by default, and 0,
        1, 0, 1, … when recurring.

    Examples
    --------
    >>> schedule = DriftSchedule("gradual", (250, 750), width=100)
    >>> schedule.concepts
    (0, 1, 2)
    >>> [schedule.concept_at(row) for row in (0, 249, 251, 999)]
    [0, 0, 1, 2]
    >>> [round(float(p), 3) for p in schedule.probability(0, [200, 250, 300])]
    [0.119, 0.5, 0.881]
    """

    kind: DriftKind = "none"
    positions: tuple[int, ...] = ()
    width: float = 1.0
    concepts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ParameterError(
                f"The kind of a drift must be one of {', '.join(KINDS)}. Got {self.kind!r} instead."
            )
        positions = tuple(int(position) for position in self.positions)
        if sorted((0, *positions)) != [0, *positions]:
            raise ParameterError(
                "The 'positions' of a drift must be row numbers from 0 that do not decrease. "
                f"Got {positions} instead."
            )
        if (self.kind == "none") == bool(positions):
            raise ParameterError(
                "A drift has 'positions' if and only if its kind is not 'none'. "
                f"Got {self.kind!r} and {positions} instead."
            )
        if not (math.isfinite(self.width) and self.width >= 0):
            raise ParameterError(
                f"The 'width' of a drift must be a number of rows from 0. Got {self.width} instead."
            )
        period = 2 if self.kind == "recurring" else len(positions) + 1
        concepts = self.concepts or tuple(i % period for i in range(len(positions) + 1))
        if len(concepts) != len(positions) + 1:
            raise ParameterError(
                f"A drift with {len(positions)} positions has {len(positions) + 1} concepts. "
                f"Got {concepts} instead."
            )
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "concepts", tuple(int(concept) for concept in concepts))

    @property
    def n_concepts(self) -> int:
        """Number of different concepts."""
        return max(self.concepts) + 1

    def concept_at(self, row: int) -> int:
        """The concept that prevails at a row; the nearer one during an incremental change."""
        return self.concepts[sum(row >= position for position in self.positions)]

    def probability(self, change: int, rows: Sequence[int] | np.ndarray) -> Float64Array:
        """How far change number ``change`` has come at each row.

        The probability of the new concept, or the share of the way to it when incremental.
        """
        distance = np.asarray(rows, np.float64) - self.positions[change]
        if self.kind == "incremental":
            return np.clip(distance / max(self.width, 1.0) + 0.5, 0.0, 1.0)
        if self.width <= 1:
            return (distance >= 0).astype(np.float64)
        return 1.0 / (1.0 + np.exp(-np.clip(4.0 * distance / self.width, -700, 700)))

    def arrays(self) -> DriftArrays:
        """The schedule for the kernels."""
        return DriftArrays(
            np.array(self.positions, np.float64),
            np.array(self.concepts, np.int64),
            float(self.width),
            self.kind == "incremental",
        )

    def as_dict(self) -> dict[str, Any]:
        """The schedule as plain values."""
        return {
            "kind": self.kind,
            "positions": list(self.positions),
            "width": self.width,
            "concepts": list(self.concepts),
        }


NO_DRIFT = DriftSchedule()


def evenly_spaced(n_rows: int, changes: int) -> tuple[int, ...]:
    """Positions that cut a stream into equal parts.

    Examples
    --------
    >>> evenly_spaced(1_000_000, 3)
    (250000, 500000, 750000)
    """
    return tuple(n_rows * (i + 1) // (changes + 1) for i in range(changes))


@kernel
def locate(drift: DriftArrays, row: int, state: Any) -> tuple[Any, Any, float]:
    """The concept that a row comes from: (from, to, share of the way between them).

    The two concepts are the same unless an incremental change is under way. Changes are nested as
    in MOA: the second change concerns the rows that the first one gave to the new concept.
    """
    n = drift.positions.shape[0]
    if drift.incremental:
        width = max(drift.width, 1.0)
        for i in range(n):
            share = (row - drift.positions[i]) / width + 0.5
            if share < 1.0:
                return drift.concepts[i], drift.concepts[i + 1], max(share, 0.0)
        return drift.concepts[n], drift.concepts[n], 0.0
    segment = 0
    own = mix(state ^ DRIFT_SALT)
    for i in range(n):
        distance = row - drift.positions[i]
        if drift.width <= 1.0:
            changed = distance >= 0.0
        else:
            z = 4.0 * distance / drift.width
            if z < -SIGMOID_LIMIT:
                changed = False
            elif z > SIGMOID_LIMIT:
                changed = True
            else:
                changed = uniform(own, i) < 1.0 / (1.0 + math.exp(-z))
        if not changed:
            break
        segment = i + 1
    concept = drift.concepts[segment]
    return concept, concept, 0.0
