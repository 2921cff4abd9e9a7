"""Which clusters' losses rise."""

from __future__ import annotations

from stream.clusters.tree_bank import NumberedClusters
from stream.engine.adwin import Adwins
from stream.engine.arrays import Float64Array, allocate
from stream.engine.checking import check_adwins, require
from stream.engine.losses import watch


class ClusterWatch:
    """An ADWIN detector on the loss of every cluster.

    A cluster that keeps its number and its labels keeps its detector; another one gets a new one.

    Parameters
    ----------
    delta
        Allowed probability of a false alarm.
    """

    def __init__(self, delta: float):
        self.delta = delta
        self._adwins: dict[int, Adwins] = {}
        self._labels: dict[int, tuple[int, ...]] = {}
        self._risen: dict[int, bool] = {}

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        require(list(self._adwins) == list(self._risen), "each cluster has one detector")
        for adwins in self._adwins.values():
            require(len(adwins.detectors) == 1, "one detector watches a cluster")
            check_adwins(adwins)

    def check_clusters(self, clusters: NumberedClusters) -> None:
        """Raise SnapshotError unless these clusters are watched."""
        require(self._labels == dict(clusters), "the clusters watched are the partition's")

    def follow(self, clusters: NumberedClusters, *, grown: bool) -> None:
        """Watch these clusters, each with number and labels; ``grown``: old ones only gained
        labels."""
        old, old_labels, old_risen = self._adwins, self._labels, self._risen
        self._adwins, self._labels, self._risen = {}, dict(clusters), {}
        for number, labels in clusters:
            same = number in old and (grown or old_labels[number] == labels)
            self._adwins[number] = old[number] if same else allocate(Adwins, {"detectors": 1})
            self._risen[number] = old_risen[number] if same else False

    def add(self, number: int, losses: Float64Array, start: int, stop: int) -> None:
        """Take in the losses of rows ``start`` to ``stop`` of a cluster."""
        if watch(self._adwins[number], 0, losses, start, stop, self.delta):
            self._risen[number] = True

    def take_risen(self) -> list[int]:
        """Numbers of the clusters whose loss rose since this was last asked."""
        risen = [number for number, rose in self._risen.items() if rose]
        self._risen = dict.fromkeys(self._risen, False)
        return risen
