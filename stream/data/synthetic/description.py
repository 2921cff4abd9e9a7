"""The ground truth of a synthetic stream, which a learner has to find out."""

from __future__ import annotations

import dataclasses
from typing import Any

from stream.data.synthetic.drift import NO_DRIFT, DriftSchedule
from stream.rows.schema import Task


@dataclasses.dataclass(frozen=True)
class StreamDescription:
    """How a synthetic stream was made.

    Parameters
    ----------
    name
        Name of the generator.
    task
        ``"multi-label"`` or ``"single-label"``.
    n_rows, n_features, n_labels
        Shape; labels are the classes when the task is single-label.
    seed
        Seed that the rows follow from.
    parameters
        The other parameters of the generator.
    features_drift
        Schedule of the changes in how features and labels (or label blocks) depend on each other.
    blocks_drift
        Schedule of the changes in which labels belong together.
    blocks
        For each concept of ``blocks_drift`` the blocks of correlated labels; empty when there are
        none.

    Examples
    --------
    >>> from stream.data.synthetic import create
    >>> description = create("syn-blocks-sud:labels=6,blocks=2,rows=100").description
    >>> description.change_points
    (50,)
    >>> description.blocks_at(0) == description.blocks_at(49) != description.blocks_at(50)
    True
    """

    name: str
    task: Task
    n_rows: int
    n_features: int
    n_labels: int
    seed: int
    parameters: dict[str, Any]
    features_drift: DriftSchedule = NO_DRIFT
    blocks_drift: DriftSchedule = NO_DRIFT
    blocks: tuple[tuple[tuple[int, ...], ...], ...] = ()

    @property
    def drift(self) -> DriftSchedule:
        """The one schedule that changes something; the features' when nothing does."""
        return self.blocks_drift if self.blocks_drift.positions else self.features_drift

    @property
    def change_points(self) -> tuple[int, ...]:
        """Rows at the centre of a change, of either sort."""
        return tuple(sorted({*self.features_drift.positions, *self.blocks_drift.positions}))

    @property
    def width(self) -> float:
        """Length of a change, in rows."""
        return self.drift.width

    def blocks_at(self, row: int) -> list[list[int]]:
        """The blocks of labels that prevail at a row; no blocks for single-label streams."""
        if not self.blocks:
            return []
        return [list(block) for block in self.blocks[self.blocks_drift.concept_at(row)]]

    def as_dict(self) -> dict[str, Any]:
        """The description as values that JSON knows."""
        return {
            "name": self.name,
            "task": self.task,
            "n_rows": self.n_rows,
            "n_features": self.n_features,
            "n_labels": self.n_labels,
            "seed": self.seed,
            "parameters": dict(self.parameters),
            "change_points": list(self.change_points),
            "width": self.width,
            "features_drift": self.features_drift.as_dict(),
            "blocks_drift": self.blocks_drift.as_dict(),
            "blocks": [[list(block) for block in blocks] for blocks in self.blocks],
        }
