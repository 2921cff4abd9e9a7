"""The rows that checks learn and predict, and small changes of them."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

Features = dict[Hashable, Any]
TrueLabels = dict[Hashable, bool]
Row = tuple[Features, TrueLabels]
Rows = list[Row]

YEAST_ROWS = 30


def made_rows(n_rows: int = 60, seed: int = 1) -> Rows:
    """Rows of four features, one of them often 0, and three labels, two of which go together.

    Examples
    --------
    >>> x, y = made_rows(1)[0]
    >>> list(x), list(y)
    (['a', 'b', 'c', 'd'], ['p', 'q', 'r'])
    """
    rng = random.Random(seed)
    rows: Rows = []
    for _ in range(n_rows):
        x: Features = {name: rng.gauss(0, 1) for name in "abc"}
        x["d"] = float(rng.random() < 0.3)
        p = x["a"] + 0.3 * rng.gauss(0, 1) > 0
        rows.append((x, {"p": p, "q": p and x["d"] > 0, "r": x["b"] > x["c"]}))
    return rows


@functools.cache
def _yeast() -> tuple[Row, ...]:
    from river import datasets

    return tuple((x, y) for x, y in datasets.Yeast().take(YEAST_ROWS))


def yeast_rows() -> Rows:
    """The first rows of the Yeast stream that comes with River: 103 features, 14 labels."""
    return copied(_yeast())


def copied(rows: Iterable[Row]) -> Rows:
    """The same rows in dictionaries of their own."""
    return [(dict(x), dict(y)) for x, y in rows]


def renamed(
    rows: Iterable[Row],
    feature: Callable[[int], Hashable] | None = None,
    label: Callable[[int], Hashable] | None = None,
) -> Rows:
    """Rows in which the features or labels have other names, told by their position."""

    def rename(row: Mapping[Hashable, Any], name: Callable[[int], Hashable] | None) -> dict:
        if name is None:
            return dict(row)
        return {name(i): value for i, value in enumerate(row.values())}

    return [(rename(x, feature), rename(y, label)) for x, y in rows]


def any_type(position: int) -> Hashable:
    """A name that is an integer, a text, a tuple, a truth value or a frozen set."""
    if position == 0:
        return True
    kinds = (position, f"name {position}", (position, "of", "a tuple"), frozenset({position}))
    return kinds[position % len(kinds)]


def shuffled(names: Mapping[Hashable, Any], rng: random.Random) -> dict[Hashable, Any]:
    """A dictionary with the same content in another order."""
    entries = list(names.items())
    rng.shuffle(entries)
    return dict(entries)
