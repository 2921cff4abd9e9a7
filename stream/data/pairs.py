"""Rows from Python objects: River's datasets, any iterable of ``(x, y)`` pairs, streams of
scikit-multiflow.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from stream.constraints import ROWS, check_value
from stream.data.source import DEFAULT_CHUNK_ROWS, Source
from stream.errors import DataError, ParameterError
from stream.rows.batch import Batch
from stream.rows.builder import BLOCK_ROWS, rechunk
from stream.rows.encoder import RowEncoder
from stream.rows.schema import Task
from stream.rows.truth import Present

Pairs = Iterable[tuple[Mapping[Any, Any], Any]]


class PairSource(Source):
    """Rows from River's ``(x, y)`` pairs.

    Features are numbers, truth values or texts by name (a text becomes a column of 0 and 1 named
    ``name=text``; None and NaN are missing; see :mod:`stream.rows.values`). ``y`` is a dictionary
    of truth values, a set or list of the labels present, where all others are absent, or the class
    itself. Columns appear as they are read.

    Parameters
    ----------
    pairs
        A dataset of River, another iterable of pairs, or a function that returns an iterable each
        time it is called. An iterator can be read only once.
    task
        By default single-label, unless the first ``y`` is a dictionary or collection.
    label_names
        Names of the labels, where ``y`` is a list or array of 0 and 1 in their order.
    present
        When a label counts as present: ``"true"``: 1 or True; ``"positive"``: a number above 0.
    name
        For tables and results.

    Raises
    ------
    DataError
        Naming the row (as the line) that cannot be used.

    Examples
    --------
    >>> from river import datasets
    >>> source = PairSource(datasets.SolarFlare(), present="positive")
    >>> x, y = next(iter(source))
    >>> x["zurich-class=H"], y["c-class-flares"]
    (1.0, False)
    """

    columns_grow = True
    # Whether models that are not of this package may have the rows as they came; a benchmark gives
    # every method the same numbers.
    tells_rows = True

    def __init__(
        self,
        pairs: Pairs | Callable[[], Pairs],
        *,
        task: Task | None = None,
        label_names: Sequence[Hashable] = (),
        present: Present = "true",
        name: str | None = None,
    ):
        if task not in (None, "multi-label", "single-label"):
            raise ParameterError(
                f"'task' must be 'multi-label', 'single-label' or None. Got {task!r}."
            )
        self.name = name or str(getattr(pairs, "__name__", type(pairs).__name__))
        self._pairs = pairs
        self._once = isinstance(pairs, Iterator)
        self._spent = False
        self._head: list[tuple[Any, Any]] = []
        rows = getattr(pairs, "n_samples", None)
        self.n_rows = rows if isinstance(rows, int) else None
        if task is None:
            self._head = list(itertools.islice(self._iterate(), 1))
            first = self._head[0] if self._head else None
            if isinstance(first, tuple | list) and len(first) == 2:
                several = isinstance(first[1], Collection) and not isinstance(
                    first[1], str | bytes | tuple | frozenset
                )
                task = "multi-label" if several else "single-label"
        self._encoder = RowEncoder(
            self.name, task or "multi-label", label_names=label_names, present=present
        )
        self.schema = self._encoder.schema

    def _iterate(self) -> Iterator[tuple[Any, Any]]:
        pairs = self._pairs() if callable(self._pairs) else self._pairs
        try:
            return iter(pairs)
        except TypeError:
            raise ParameterError(
                "the data must be an iterable of (x, y) pairs, or a function that returns one. "
                f"Got {type(pairs).__name__}."
            ) from None

    def batches(self, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Batch]:
        """Yield the rows in order; see :meth:`stream.data.Source.batches`."""
        check_value("batches", "chunk_rows", chunk_rows, (ROWS,))
        # Objects may be live: hand over a chunk as soon as it is full.
        block_rows = min(chunk_rows, BLOCK_ROWS)
        blocks = self._encoder.fresh().blocks(self._rows(), block_rows)
        single = self.schema.task == "single-label"
        return rechunk(blocks, chunk_rows, None if single else self._encoder.growth)

    def keep_rows(self) -> None:
        """See :meth:`stream.data.Source.keep_rows`."""
        self.kept_rows = deque() if self.tells_rows else None

    def n_labels_by(self, row: int) -> int:
        """Number of labels known once row ``row`` has been read."""
        return self._encoder.growth.by(row)

    def _rows(self) -> Iterator[tuple[Any, Any, int]]:
        pairs = self._iterate()
        if self._once:
            if self._spent:
                raise DataError(
                    "the iterator has been read already and cannot start again; give a function "
                    "that returns a new one",
                    source=self.name,
                )
            self._spent = True
            pairs = itertools.chain(self._head, pairs)
        for number, pair in enumerate(pairs, 1):
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise DataError(
                    f"expected a pair (x, y), got {type(pair).__name__}",
                    source=self.name,
                    line=number,
                )
            x, y = pair
            if self.kept_rows is not None:
                self.kept_rows.append(x)
            yield x, y, number


def is_multiflow(data: Any) -> bool:
    """Whether an object looks like a stream of scikit-multiflow."""
    return hasattr(data, "next_sample") and hasattr(data, "n_remaining_samples")


def multiflow_pairs(data: Any) -> Callable[[], Pairs]:
    """A function that reads a scikit-multiflow stream from its start, as pairs."""

    def read() -> Iterator[tuple[dict[Any, Any], Any]]:
        if hasattr(data, "restart"):
            data.restart()
        names = list(getattr(data, "feature_names", None) or [])
        targets = list(getattr(data, "target_names", None) or [])
        while data.n_remaining_samples() != 0:
            features, outcomes = data.next_sample()
            for x, y in zip(np.atleast_2d(features), np.atleast_1d(outcomes), strict=True):
                keys = names if len(names) == len(x) else range(len(x))
                outcome = np.ravel(y).tolist()
                if len(outcome) == 1:
                    yield dict(zip(keys, x.tolist(), strict=True)), outcome[0]
                else:
                    labels = targets if len(targets) == len(outcome) else range(len(outcome))
                    yield (
                        dict(zip(keys, x.tolist(), strict=True)),
                        dict(zip(labels, outcome, strict=True)),
                    )

    return read
