"""iHOMER: a partition of the labels that follows their correlations, and a tree per cluster."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from stream.errors import ParameterError
from stream.models.clustered import ClusterLearner, Partition
from stream.models.hoeffding_tree import TREE_CONSTRAINTS, tree_params
from stream.models.naming import Names
from stream.models.parameters import BOOLEAN, NONE, Constraints, Number, check_parameters
from stream.models.shell import MultiLabelShell
from stream.partition import Hierarchy, PartitionCore, PartitionEvent, PartitionParams
from stream.partition.events import plain_label
from stream.partition.fixed import FixedPartition, ShuffledPartition, SingletonPartition

STRUCTURAL = frozenset({"split", "merge", "join", "restructure"})
DRIFTS = frozenset({"drift", "reexamine"})
PARTITIONS = ("jaccard", "random", "single", "singletons")

_TREE_PARAMETERS = (
    "grace_period",
    "max_depth",
    "delta",
    "tau",
    "leaf_prediction",
    "learning_rate",
    "drift_detection",
    "drift_delta",
    "switch_significance",
    "max_size",
    "seed",
)
_CONSTRAINTS: Constraints = {
    **{name: TREE_CONSTRAINTS[name] for name in _TREE_PARAMETERS},
    "partition_delta": (Number(0, 1, closed="neither"),),
    "partition_tau": (Number(0),),
    "partition_period": (Number(1, integer=True),),
    "max_clusters": (Number(1, integer=True), NONE),
    "cluster_drift": (BOOLEAN,),
    "partition_drift": (BOOLEAN,),
}


class IHOMER(MultiLabelShell):
    """Clusters of correlated labels that are found while the stream runs, with a tree for each.

    A hierarchy of clusters splits and merges by Hoeffding tests on the Jaccard similarity of labels
    (:class:`stream.LabelPartitioner`); every cluster has a Hoeffding adaptive tree
    (:class:`stream.MultiLabelHoeffdingTree`) and predictions are united over the clusters. When the
    partition changes, knowledge comes along: the children of a split predict from the first row on
    exactly as their parent did, and the parts of a merged cluster go on until the joint tree that
    grows beside them is significantly better.

    Parameters
    ----------
    partition
        "jaccard": found from the labels; "random": clusters of the same sizes at the same times, of
        labels at random; "single": one cluster; "singletons": each label on its own (binary
        relevance); or a list of lists of labels, labels in none of them sharing one more cluster.
    partition_delta
        Allowed probability that a test of the partition errs (Hoeffding bound).
    partition_tau
        A bound below this value decides a tie between the two most dissimilar pairs.
    partition_period
        Rows between two tests of the partition.
    max_clusters
        Largest number of clusters; None: no limit.
    cluster_drift
        Local level: whether an ADWIN detector watches the loss of every cluster and, where it
        rises, has the cluster looked at with fresh statistics.
    partition_drift
        Global level: whether an ADWIN detector watches the coherence of the partition and, where it
        falls, has a new hierarchy grow beside the present one.
    grace_period, max_depth, delta, tau, leaf_prediction, learning_rate, drift_detection
        Of the trees; see :class:`stream.MultiLabelHoeffdingTree`.
    drift_delta
        Allowed probability of a false alarm of any detector.
    switch_significance
        Allowed probability that a branch or a joint tree that takes over is not the better one.
    max_size
        Limit in MB for the arrays of all trees, in equal shares.
    seed
        For ``partition="random"``; None is the same as 0.

    References
    ----------
    Neves, Lourenço, Cano and Marreiros. iHOMER. ECAI 2025, arXiv 2507.20894.
    Rodrigues, Gama and Pedroso. Hierarchical clustering of time-series data streams. IEEE TKDE 20,
    2008.

    Examples
    --------
    >>> from stream import IHOMER, open_source, prequential
    >>> model = IHOMER(partition=[["Class1", "Class2"], ["Class12", "Class13"]])
    >>> result = prequential(open_source("yeast"), model, limit=500)
    >>> sorted(len(cluster) for cluster in model.clusters)
    [2, 2, 10]
    """

    def __init__(
        self,
        partition: str | Sequence[Sequence[Hashable]] = "jaccard",
        partition_delta: float = 0.05,
        partition_tau: float = 0.05,
        partition_period: int = 100,
        max_clusters: int | None = None,
        cluster_drift: bool = True,
        partition_drift: bool = True,
        grace_period: int = 200,
        max_depth: int | None = None,
        delta: float = 1e-7,
        tau: float = 0.05,
        leaf_prediction: str = "adaptive",
        learning_rate: float = 0.1,
        drift_detection: bool = True,
        drift_delta: float = 0.002,
        switch_significance: float = 0.05,
        max_size: float = 1000.0,
        seed: int | None = None,
    ):
        self.partition = partition
        self.partition_delta = partition_delta
        self.partition_tau = partition_tau
        self.partition_period = partition_period
        self.max_clusters = max_clusters
        self.cluster_drift = cluster_drift
        self.partition_drift = partition_drift
        self.grace_period = grace_period
        self.max_depth = max_depth
        self.delta = delta
        self.tau = tau
        self.leaf_prediction = leaf_prediction
        self.learning_rate = learning_rate
        self.drift_detection = drift_detection
        self.drift_delta = drift_delta
        self.switch_significance = switch_significance
        self.max_size = max_size
        self.seed = seed
        check_parameters(self, _CONSTRAINTS)
        self._warm_up_rows = partition_period
        self._cluster_of_name = _given_clusters(partition)
        self._begin()

    def _new_learner(self) -> ClusterLearner:
        params = tree_params(self, "multi-label")
        return ClusterLearner(
            params,
            self._new_partition(),
            max_size=self.max_size * 1e6,
            watch_clusters=bool(self.cluster_drift) and self.partition == "jaccard",
        )

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
        learner: ClusterLearner = self._learner  # type: ignore[assignment]
        names = self._names.labels.names
        return [[names[label] for label in cluster.labels] for cluster in learner.clusters]

    @property
    def events(self) -> list[PartitionEvent]:
        """What happened to the partition, in order, with the labels' names."""
        learner: ClusterLearner = self._learner  # type: ignore[assignment]
        names = self._names.labels.names
        return [event.renamed(names.__getitem__) for event in learner.events]

    def add_listener(self, listener: Callable[[PartitionEvent], None]) -> None:
        """Have a function called with every event of the partition, when it has taken effect.

        Listeners are not part of a pickle or a clone.
        """
        learner: ClusterLearner = self._learner  # type: ignore[assignment]
        names = self._names.labels.names
        learner.listeners.append(lambda event: listener(event.renamed(names.__getitem__)))

    @property
    def hierarchy(self) -> Hierarchy | None:
        """The clusters and what they were split from, as far as labels were present; None when the
        partition is not found from the labels."""
        core = self._learner.partition  # type: ignore[attr-defined]
        if not isinstance(core, PartitionCore):
            return None
        return Hierarchy(core.current.tree, self._names.labels.names.__getitem__)

    def structure(self) -> dict[str, Any]:
        """Clusters, changes of the partition, and drifts that detectors of clusters and of the
        partition saw."""
        events = self.events
        changes = [event.as_dict() for event in events if event.kind in STRUCTURAL]
        return {
            "clusters": [[plain_label(label) for label in cluster] for cluster in self.clusters],
            "restructures": changes,
            "drifts": [event.row for event in events if event.kind in DRIFTS],
        }

    def structure_counts(self) -> dict[str, int]:
        """How many of each :meth:`structure` tells, without making the lists."""
        learner: ClusterLearner = self._learner  # type: ignore[assignment]
        kinds = [event.kind for event in learner.events]
        return {
            "clusters": len(learner.clusters),
            "restructures": sum(kind in STRUCTURAL for kind in kinds),
            "drifts": sum(kind in DRIFTS for kind in kinds),
        }


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


def _given_clusters(partition: Any) -> dict[Hashable, int] | None:
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
                        "The 'partition' parameter of IHOMER must be a list of lists of labels. "
                        f"Got {label!r} for a label."
                    )
                if given.setdefault(label, place) != place:
                    raise ParameterError(
                        "The 'partition' parameter of IHOMER must hold each label once. "
                        f"Got {label!r} in clusters {given[label]} and {place}."
                    )
        return given
    raise ParameterError(
        f"The 'partition' parameter of IHOMER must be one of {', '.join(map(repr, PARTITIONS))} "
        f"or a list of lists of labels. Got {partition!r} instead."
    )
