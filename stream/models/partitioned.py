"""What estimators over a partition of the labels share: how the partition is made, and what can be
seen of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, cast

from stream.clusters.coordinator import Coordinator
from stream.engine.arrays import Int64Array
from stream.engine.events import PREDICT_ONLY
from stream.errors import ParameterError
from stream.models.multi_label_shell import MultiLabelShell
from stream.models.parameters import BOOLEAN, CLUSTERS, MARGIN, NONE, ROWS, Constraints, Number
from stream.partition import Hierarchy, PartitionCore, PartitionEvent, PartitionParams
from stream.partition.events import plain_label
from stream.partition.fixed import FixedPartition, ShuffledPartition, SingletonPartition
from stream.partition.interface import Partition
from stream.rows.batch import Batch
from stream.rows.names import Names
from stream.rows.predictions import Predictions, SparsePredictions

STRUCTURAL = frozenset({"split", "merge", "join", "restructure", "recall"})
DRIFTS = frozenset({"drift", "reexamine"})
PARTITIONS = ("jaccard", "random", "single", "singletons")

PARTITION_CONSTRAINTS: Constraints = {
    "partition_delta": (Number(0, 1, closed="neither"),),
    "partition_tau": (MARGIN,),
    "partition_period": (ROWS,),
    "max_clusters": (CLUSTERS, NONE),
    "cluster_drift": (BOOLEAN,),
    "partition_drift": (BOOLEAN,),
}


class PartitionedShell(MultiLabelShell):
    """A learner of label sets that partitions its labels.

    Subclasses have the parameters ``partition``, ``partition_*``, ``max_clusters``, ``drift_delta``
    and ``seed``, and call :meth:`_begin_partition` when these are set.
    """

    partition: str | Sequence[Sequence[Hashable]]
    partition_delta: float
    partition_tau: float
    partition_period: int
    max_clusters: int | None
    cluster_drift: bool
    partition_drift: bool
    drift_delta: float
    seed: int | None

    def _begin_partition(self) -> None:
        self._warm_up_rows = self.partition_period
        self._cluster_of_name = given_clusters(type(self).__name__, self.partition)
        self._begin()

    @property
    def _coordinator(self) -> Coordinator:
        return cast(Coordinator, self._learner)

    def _run(
        self, rows: Batch, *, first_row: int = 0, delay: int = PREDICT_ONLY
    ) -> Predictions | SparsePredictions:
        return self._coordinator.answer(rows, first_row=first_row, predict=True, delay=delay)

    def _learn(self, rows: Batch, waited: Int64Array | None) -> None:
        self._coordinator.answer(rows, predict=False, waited=waited)

    @property
    def _watches_clusters(self) -> bool:
        return bool(self.cluster_drift) and self.partition == "jaccard"

    def _new_partition(self) -> Partition:
        if self.partition == "single":
            return FixedPartition()
        if self.partition == "singletons":
            return SingletonPartition()
        if self._cluster_of_name is not None:
            return FixedPartition(
                GivenClusters(self._names.labels, self._cluster_of_name, len(self.partition))
            )
        core = PartitionCore(
            PartitionParams(
                delta=self.partition_delta,
                tau=self.partition_tau,
                grace_period=self.partition_period,
                max_clusters=self.max_clusters,
                coherence_drift=bool(self.partition_drift),
                drift_delta=self.drift_delta,
            )
        )
        return ShuffledPartition(core, self.seed or 0) if self.partition == "random" else core

    @property
    def clusters(self) -> list[list[Hashable]]:
        """The labels of every cluster, as far as they were present so far."""
        names = self._names.labels.names
        return [[names[label] for label in labels] for _, labels in self._coordinator.clusters]

    @property
    def events(self) -> list[PartitionEvent]:
        """What happened to the partition, in order, with the labels' names."""
        names = self._names.labels.names
        return [event.renamed(names.__getitem__) for event in self._coordinator.events]

    def add_listener(self, listener: Callable[[PartitionEvent], None]) -> None:
        """Register a function that is called with every event of the partition once it took effect.

        Listeners are not part of a pickle or a clone.
        """
        names = self._names.labels.names
        self._coordinator.listeners.append(lambda event: listener(event.renamed(names.__getitem__)))

    @property
    def hierarchy(self) -> Hierarchy | None:
        """The clusters and what they were split from, as far as labels were present; None when the
        partition is not found from the labels."""
        trees = self._coordinator.trees
        core = None if trees is None else trees.partition
        if not isinstance(core, PartitionCore):
            return None
        return Hierarchy(core.current.tree, self._names.labels.names.__getitem__)

    def structure(self) -> dict[str, Any]:
        """Clusters, changes of the partition and trees taken back, and drifts that detectors of
        clusters and of the partition saw."""
        events = self.events
        changes = [event.as_dict() for event in events if event.kind in STRUCTURAL]
        return {
            "clusters": [[plain_label(label) for label in cluster] for cluster in self.clusters],
            "restructures": changes,
            "drifts": [event.row for event in events if event.kind in DRIFTS],
        }

    def structure_counts(self) -> dict[str, int]:
        """Count what :meth:`structure` lists, without making the lists."""
        kinds = [event.kind for event in self._coordinator.events]
        return {
            "clusters": self._coordinator.n_clusters,
            "restructures": sum(kind in STRUCTURAL for kind in kinds),
            "drifts": sum(kind in DRIFTS for kind in kinds),
        }


def given_clusters(owner: str, partition: Any) -> dict[Hashable, int] | None:
    """Cluster of each label of a partition given as lists; None when it is given by name.

    Raises
    ------
    ParameterError
        When it is neither, or a label is in two clusters.
    """
    if isinstance(partition, str):
        if partition in PARTITIONS:
            return None
    elif isinstance(partition, Sequence) and all(
        isinstance(cluster, Sequence) and not isinstance(cluster, str) for cluster in partition
    ):
        given: dict[Hashable, int] = {}
        for place, cluster in enumerate(partition):
            for label in cluster:
                if not isinstance(label, Hashable):
                    raise ParameterError(
                        f"The 'partition' parameter of {owner} must be a list of lists of labels. "
                        f"Got {label!r} for a label."
                    )
                if given.setdefault(label, place) != place:
                    raise ParameterError(
                        f"The 'partition' parameter of {owner} must hold each label once. "
                        f"Got {label!r} in clusters {given[label]} and {place}."
                    )
        return given
    raise ParameterError(
        f"The 'partition' parameter of {owner} must be one of {', '.join(map(repr, PARTITIONS))} "
        f"or a list of lists of labels. Got {partition!r} instead."
    )


class GivenClusters:
    """Cluster of a label, by its number, in a partition that was given by names.

    Parameters
    ----------
    names
        The model's labels.
    cluster_of_name
        Cluster of each label.
    others
        Cluster of labels that are not among them.
    """

    def __init__(self, names: Names, cluster_of_name: dict[Hashable, int], others: int):
        self.names = names
        self.cluster_of_name = cluster_of_name
        self.others = others

    def __call__(self, label: int) -> int:
        """Cluster of a label's number."""
        names = self.names.names
        name = names[label] if label < len(names) else None  # no name: it only warms up
        return self.cluster_of_name.get(name, self.others)
