"""The most common messages at less cost: an object of numbers, a list of names, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

MAX_FAILURES = 3  # after these, it has to succeed as often as not to be tried again


class PlainColumns(NamedTuple):
    """What rows hold, field by field."""

    xs: list[dict[str, float]]
    names: list[tuple[str, ...] | None]  # None: there is no list


class PlainRows:
    """Reads JSON of rows that have numbers as features, maybe a list of names as labels, and no
    other field: what each value is, is known as it is read, and needs no look afterwards.

    No field is passed over, because what is passed over is not looked at: whether a message is a
    bad one must not depend on how it is read.

    Parameters
    ----------
    features, labels
        Names of the fields.
    """

    def __init__(self, features: str, labels: str):
        row = msgspec.defstruct(
            "PlainRow",
            [("x", dict[str, float]), ("y", tuple[str, ...] | msgspec.UnsetType, msgspec.UNSET)],
            rename={"x": features, "y": labels},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._parse: Any = msgspec.json.Decoder(row).decode
        self._n_tried = self._n_failed = 0

    def read(self, values: Sequence[bytes | None]) -> PlainColumns | None:
        """What messages hold; None where one is not as plain, or where that was so too often."""
        if self._n_failed > MAX_FAILURES and 2 * self._n_failed > self._n_tried:
            return None
        self._n_tried += 1
        try:
            rows = list(map(self._parse, values))
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
            self._n_failed += 1
            return None
        names = [row.y for row in rows]
        if msgspec.UNSET in names:
            names = [None if each is msgspec.UNSET else each for each in names]
        return PlainColumns([row.x for row in rows], names)
