"""iHOMER: a partition of the labels that follows their correlations, and a tree per cluster."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from stream.clusters.coordinator import Coordinator
from stream.clusters.tree_clusters import TreeClusters, TreeClustersParams
from stream.models.hoeffding_tree import TREE_CONSTRAINTS, tree_params
from stream.models.parameters import Constraints, check_parameters
from stream.models.partitioned import PARTITION_CONSTRAINTS, PartitionedShell

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
    **PARTITION_CONSTRAINTS,
}


class IHOMER(PartitionedShell):
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
        As in the trees; see :class:`stream.MultiLabelHoeffdingTree`.
    drift_delta
        Allowed probability of a false alarm of any detector.
    switch_significance
        Allowed probability that a branch or a joint tree that takes over is not the better one.
    max_size
        Limit in MB for the arrays; trees have equal shares. Features that come when the names of
        others have used up a quarter of it are left out.
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
        self._begin_partition()

    def _new_learner(self) -> Coordinator:
        tree = tree_params(self, "multi-label")
        params = TreeClustersParams(
            experts=(tree,),
            max_size=self.max_size * 1e6,
            scales=tree.use_logistic,
            watches=self._watches_clusters,
            drift_delta=tree.drift_delta,
        )
        return Coordinator(None, TreeClusters(params, self._new_partition()))
