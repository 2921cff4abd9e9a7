"""Interfaces of models, progress displays and watchers that the evaluator uses."""

from __future__ import annotations

from collections.abc import Callable, Sized
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from stream.rows.batch import Batch
from stream.rows.label_sets import LabelSets
from stream.rows.predictions import Predictions
from stream.rows.schema import Schema, Task

STRUCTURE = ("clusters", "restructures", "drifts")
ROUTING = ("askable", "asked", "missed")
WINDOW_STRUCTURE = (*STRUCTURE, *ROUTING)  # what a window tells of the model


@runtime_checkable
class BatchEstimator(Protocol):
    """A model that is tested and trained on many rows in one call, in the order of the rows.

    More is used where a model has it:

    - ``warm_up() -> float`` compiles what the model needs and leaves the model as it is. It returns
      the seconds this took (about 0 when called again).
    - ``structure() -> dict`` tells ``clusters``, ``restructures`` and ``drifts``: numbers, or
      lists. It is asked at the end.
    - ``structure_counts() -> dict`` tells how many these are. It is asked after every window, so
      that it must not take the longer the more has happened; without it, lists are counted.
    - ``routing_counts() -> dict`` tells what a gate over clusters did so far: ``rows``, clusters
      ``asked`` over all of them, labels ``present``, and those ``missed`` because their cluster was
      not asked, and how many ``clusters`` there are behind the gate. It is asked after every window
      too.
    - ``hierarchy`` has a method ``to_dict()``, as that of :class:`stream.LabelPartitioner` has.
    """

    def test_then_train_many(
        self, batch: Batch, schema: Schema, *, pending: int = 0, delay: int = 0
    ) -> Predictions:
        """Predict each row, then learn the row whose truth has arrived by then.

        Parameters
        ----------
        batch
            Rows in order. The first ``pending`` were predicted in an earlier call and are not
            learnt yet.
        schema
            Names of the columns; they may be more than in the call before.
        pending
            Rows at the front that need no prediction.
        delay
            For each row ``i >= pending``: predict row ``i``, then learn row ``i - delay`` if there
            is one. The last ``delay`` rows come again, as the pending rows of the next call.

        Returns
        -------
        Predictions
            Those of the rows from ``pending`` on, in the label columns of the schema.
        """
        ...


class Progress(Protocol):
    """Shows how far an evaluation is."""

    interval: float
    """Seconds between updates worth making."""

    def compiling(self) -> AbstractContextManager[None]:
        """Entered while kernels are compiled or loaded."""
        ...

    def start(self, total: int | None, task: Task) -> None:
        """The first row is about to be read; ``total`` rows are expected, where that is known."""
        ...

    def update(self, rows: int, metrics: Callable[[], dict[str, float]]) -> None:
        """``rows`` rows are done; ``metrics`` gives the metrics so far."""
        ...

    def stop(self) -> None:
        """No more updates come."""
        ...


class Watcher(Protocol):
    """Follows an evaluation, as a page does; it changes neither the model nor the result."""

    def begin(self, source: Any, model: Any, name: str, window: int, total: int | None) -> None:
        """An evaluation of the model called ``name`` begins; ``total`` rows are expected."""
        ...

    def before(self, piece: Batch) -> None:
        """Rows that are about to be tested and trained on; the model has not seen them."""
        ...

    def after(
        self, piece: Batch, predicted: LabelSets, metrics: Any, structure: dict[str, Any]
    ) -> None:
        """The first rows of ``piece`` are done: the labels ``predicted`` for them, the
        metrics of all rows so far (:class:`~stream.evaluate.MultiLabelMetrics`), and what
        :class:`StructureCourse` tells of the last complete window."""
        ...

    def summary(self) -> dict[str, Any]:
        """Return what the result keeps as ``watched``."""
        ...

    def end(self, result: Any) -> None:
        """The evaluation has ended with this :class:`~stream.evaluate.PrequentialResult`."""
        ...


def structure_of(model: Any) -> dict[str, Any]:
    """Clusters, restructures and drifts of a model; None where it does not tell."""
    told = model.structure() if callable(getattr(model, "structure", None)) else {}
    return {name: told.get(name) for name in STRUCTURE}


def structure_counts(model: Any) -> dict[str, Any]:
    """Count clusters, restructures and drifts; None where the model does not tell."""
    counts = getattr(model, "structure_counts", None)
    told = counts() if callable(counts) else structure_of(model)
    return {name: _counted(told.get(name)) for name in STRUCTURE}


class StructureCourse:
    """Tracks a model's structure at the end of each window, and what its gate did in it.

    Parameters
    ----------
    model
        The model that is evaluated.

    Attributes
    ----------
    windows
        For each whole window what :func:`structure_counts` told at its end, and of a model with a
        gate ``askable``, the clusters behind it, ``asked``, the mean number of them that a row was
        asked of, and ``missed``, the share of the present labels whose cluster was not asked; None
        where the window had none.
    """

    def __init__(self, model: Any):
        self.windows: list[dict[str, Any]] = []
        self._model = model
        self._before: dict[str, int] = {}

    def end_window(self) -> None:
        """Record the model's structure at the end of a window."""
        self.windows.append(self.now())
        self._before = self._routing()

    def now(self) -> dict[str, Any]:
        """Describe the current window as if it ended now."""
        told, counts = structure_counts(self._model), self._routing()
        if not counts:
            return told
        grown = {name: count - self._before.get(name, 0) for name, count in counts.items()}
        return told | {
            "askable": counts["clusters"],
            "asked": grown["asked"] / grown["rows"] if grown["rows"] else None,
            "missed": grown["missed"] / grown["present"] if grown["present"] else None,
        }

    def _routing(self) -> dict[str, int]:
        counts = getattr(self._model, "routing_counts", None)
        return dict(counts()) if callable(counts) else {}


def _counted(told: Any) -> Any:
    return len(told) if isinstance(told, Sized) and not isinstance(told, str) else told
