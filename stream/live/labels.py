"""The labels of a stream as a table to search, with 10⁵ labels too."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

MOST_ROWS = 50
ORDERS = ("support", "worst", "best", "name")


class LabelTable:
    """Counts of each label at one moment.

    Parameters
    ----------
    names
        Names of the labels; more than there are counts for are left out.
    counts
        ``tp``, ``fp`` and ``fn`` of each label [labels].

    Examples
    --------
    >>> table = LabelTable(["sun", "sunset", "rain"], {"tp": np.array([3, 0, 5]),
    ...                    "fp": np.array([0, 0, 1]), "fn": np.array([1, 2, 0])})
    >>> found = table.find("SUN", "worst")
    >>> found["found"], [row["label"] for row in found["rows"]]
    (2, ['sunset', 'sun'])
    """

    def __init__(self, names: Sequence[Hashable], counts: dict[str, np.ndarray]):
        self.counts = counts
        self.names = [str(name) for name in names[: len(counts["tp"])]]
        self.clusters: Sequence[Any] = ()
        self._lowered: list[str] | None = None

    def columns(self) -> dict[str, Any]:
        """Names and counts as lists."""
        return {"names": self.names} | {
            name: values[: len(self.names)].tolist() for name, values in self.counts.items()
        }

    def find(self, query: str, order: str) -> dict[str, Any]:
        """The first labels whose name holds the query, in that order (one of :data:`ORDERS`)."""
        if self._lowered is None:
            self._lowered = [name.lower() for name in self.names]
        wanted = query.strip().lower()
        found = np.array([i for i, name in enumerate(self._lowered) if wanted in name], np.int64)
        tp, fp, fn = (self.counts[name][found] for name in ("tp", "fp", "fn"))
        support = tp + fn
        f1 = np.divide(2 * tp, 2 * tp + fp + fn, out=np.zeros(len(found)), where=tp > 0)
        if order == "name":
            ranked = np.array(sorted(range(len(found)), key=lambda i: self.names[found[i]]), int)
        else:
            first = {"worst": f1, "best": -f1}.get(order, -support)
            ranked = np.lexsort((found, -support, first))
        rows = [
            {
                "label": self.names[found[i]],
                "cluster": self.clusters[found[i]] if len(self.clusters) else None,
                "tp": int(tp[i]),
                "fp": int(fp[i]),
                "fn": int(fn[i]),
            }
            for i in ranked[:MOST_ROWS]
        ]
        return {"found": len(found), "of": len(self.names), "rows": rows}
