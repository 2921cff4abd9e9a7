"""What the columns of a stream are called, and what they mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Literal

Task = Literal["multi-label", "single-label"]


@dataclasses.dataclass(slots=True)
class Schema:
    """Names of the feature and label columns of a source.

    Both lists may grow while the source is read (columns are only ever added at the end), so that a
    column number means the same from the first batch to the last.

    Parameters
    ----------
    features
        Name of each feature column. Any hashable; a ``range`` where columns have only numbers.
    labels
        Name of each label column; the class names when the task is single-label.
    task
        ``"multi-label"``: any set of labels is a right answer; ``"single-label"``: exactly one
        class is.
    """

    features: Sequence[Hashable]
    labels: Sequence[Hashable]
    task: Task = "multi-label"
