"""What happened to a partition."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple


class Cluster(NamedTuple):
    """A cluster of labels; its number stays the same as long as it exists."""

    id: int
    labels: tuple[Hashable, ...]


@dataclasses.dataclass(frozen=True)
class PartitionEvent:
    """A change of a partition, or a step towards one.

    Parameters
    ----------
    row
        Rows learnt when it happened.
    kind
        "split": a cluster became two (and the catch-all, for labels hardly seen). "merge": clusters
        became one again. "join": labels moved from the catch-all to their nearest cluster; of the
        catch-all only the labels that leave it are listed. "drift":
        the coherence of the partition fell, another one is sought beside it. "restructure": the
        other one took over. "drop": the other one was given up. "reexamine": the statistics of a
        cluster began anew. "recall": a tree that was put aside took over; ``quantities`` say of
        which ``concept``, by how much its mean squared error was smaller (``gain``), and over how
        many ``rows``.
    before, after
        The clusters concerned, before and after.
    quantities
        The numbers that decided.

    Examples
    --------
    >>> event = PartitionEvent(200, "split", (Cluster(0, (0, 1)),),
    ...                        (Cluster(1, (0,)), Cluster(2, (1,))), {"epsilon": 0.1})
    >>> event.as_dict()["after"]
    [{'id': 1, 'labels': [0]}, {'id': 2, 'labels': [1]}]
    """

    row: int
    kind: str
    before: tuple[Cluster, ...] = ()
    after: tuple[Cluster, ...] = ()
    quantities: dict[str, float] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The event as values that JSON knows; labels that it does not know as text."""
        return {
            "row": self.row,
            "kind": self.kind,
            "before": [_plain(cluster) for cluster in self.before],
            "after": [_plain(cluster) for cluster in self.after],
            "quantities": dict(self.quantities),
        }

    def renamed(self, name: Callable[[Any], Hashable]) -> PartitionEvent:
        """The event with other names for the labels."""

        def rename(clusters: tuple[Cluster, ...]) -> tuple[Cluster, ...]:
            return tuple(Cluster(c.id, tuple(map(name, c.labels))) for c in clusters)

        return dataclasses.replace(self, before=rename(self.before), after=rename(self.after))


def plain_label(label: Hashable) -> Any:
    """A label as JSON can hold it."""
    return label if isinstance(label, str | int | float | bool) or label is None else repr(label)


def _plain(cluster: Cluster) -> dict[str, Any]:
    return {"id": cluster.id, "labels": [plain_label(label) for label in cluster.labels]}
