"""DriftHOMER: clusters of labels, experts and their router, a mixer and a joint decoder."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from stream.clusters.coordinator import ClustersParams
from stream.clusters.expert_pools import ExpertPools
from stream.clusters.stacked import StackedLearner
from stream.clusters.tree_mixture import TreeMixture
from stream.engine import placement as pl
from stream.engine.combine import INDEPENDENTLY, CombinerParams
from stream.engine.decoder import BALANCED, F1, MARGINAL, SUBSET, DecoderParams
from stream.engine.gate import GateParams
from stream.engine.label_cluster import ClusterParams
from stream.engine.layout import MAX_RATES, TreeParams
from stream.engine.learner import PREDICT_ONLY
from stream.engine.mixer import MixerParams
from stream.engine.network import NetworkParams
from stream.engine.recent_layout import RecentParams
from stream.errors import ParameterError
from stream.models.hoeffding_tree import TREE_CONSTRAINTS, tree_params
from stream.models.parameters import (
    BOOLEAN,
    Constraints,
    Number,
    OneOf,
    Several,
    check_parameters,
)
from stream.models.partitioned import PARTITION_CONSTRAINTS, GivenClusters, PartitionedShell
from stream.rows.batch import Batch
from stream.rows.predictions import Predictions, SparsePredictions

DECODE = {
    "independent": INDEPENDENTLY,
    "subset": SUBSET,
    "marginal": MARGINAL,
    "f1": F1,
    "balanced": BALANCED,
}
# What decode="balanced" weighs: whether the set is right as a whole, its F1, what it adds to the
# stream's micro-F1; the rest is its Hamming loss, which says little where labels are many.
WEIGHTS = (0.4, 0.2, 0.1)
WEIGHTS_OF_MANY_LABELS = (0.15, 0.25, 0.6)
ROUTER_BATCH_ROWS = 100
MAX_TREE_LABELS = 64  # up to which trees are worth their cost, and all clusters are asked
DENSE_WINDOW = 1000  # rows that vote where most features are not zero
MODEL_RATE = 0.5  # AdaGrad's step of the models of clusters and gate
_PLACEMENT = {"jaccard": pl.JACCARD, "random": pl.RANDOM, "single": pl.SINGLE}
_MAX_WINDOW = 1_000_000
_MAX_JOBS = 1024
_LARGEST_SEED = 2**63 - 1
_INPUTS = (
    "logistic", "mean", "nearest rows", "persistence", "trend", "gate", "base rate", "bias",
)  # fmt: skip

_TREE_PARAMETERS = (
    "grace_period",
    "max_depth",
    "delta",
    "tau",
    "drift_detection",
    "drift_delta",
    "switch_significance",
    "max_size",
    "seed",
)
_CONSTRAINTS: Constraints = {
    **{name: TREE_CONSTRAINTS[name] for name in _TREE_PARAMETERS},
    "learning_rate": (Number(0, closed="right"), Several(Number(0, closed="right"), MAX_RATES)),
    **PARTITION_CONSTRAINTS,
    "experts": (Number(1, integer=True),),
    "hidden": (Number(1, integer=True),),
    "router_rate": (Number(0, closed="right"),),
    "temperature": (Number(0, closed="right"),),
    "mixer": (BOOLEAN,),
    "past": (BOOLEAN,),
    "mixer_rate": (Number(0, closed="right"),),
    "decode": (OneOf(tuple(DECODE)),),
    "beta": (Number(0, 1),),
    "max_subsets": (Number(1, integer=True),),
    "cluster_size": (Number(1, 256, integer=True),),
    "gate_threshold": (Number(0, 1),),
    "window": (Number(0, _MAX_WINDOW, integer=True),),
    "n_neighbors": (Number(1, 1000, integer=True),),
    "n_jobs": (Number(1, _MAX_JOBS, integer=True), Number(-_MAX_JOBS, -1, integer=True)),
}


class DriftHOMER(PartitionedShell):
    """Label sets from clusters of labels behind a gate, experts, a mixer and a set decoder.

    Labels are in *clusters* of at most ``cluster_size``, each placed when it is first seen into the
    cluster that holds most of the known labels of its row. A *gate*, a router over the clusters as
    DriftMoE's is over experts, says which of them a row concerns; with few labels all are asked. A
    cluster has a logistic model for each label, which learns the rows that hold one of its labels.
    The nearest of the *recent rows* vote for their labels, and the last rows say what persists. A
    mixer makes one probability per label of all that.

    While there are at most 64 labels, these probabilities are one of several models: every row also
    passes a *shared* Hoeffding adaptive tree (:class:`stream.MultiLabelHoeffdingTree`) whose leaf
    models are all asked, and the labels' partition (as in :class:`stream.IHOMER`) has *routed*
    experts, trees for the labels of one cluster, and heads of a router that learns from the mask of
    the experts that were right (as in DriftMoE). A second mixer weighs them.

    A *set decoder* chooses the label set that is answered, among sets that were seen and the *k*
    most probable labels for every *k*.

    When the loss of a cluster rises (ADWIN), its partition is looked at anew, its mixer's steps and
    its router's head begin anew, and its worst expert is replaced. When clusters split or merge,
    what their labels had learnt comes along.

    Parameters
    ----------
    partition, partition_delta, partition_tau, partition_period, max_clusters
        How labels are clustered; see :class:`stream.IHOMER`.
    cluster_drift, partition_drift
        Whether detectors watch the loss of every cluster, and the coherence of the partition.
    experts
        Trees that a label has: the shared one, and ``experts - 1`` routed ones for each cluster.
        1: there is no router.
    hidden
        Units of the router's trunk, which all clusters share.
    router_rate
        Step of the router (Adam).
    temperature
        Of the softmax over the experts of a cluster; small: the heaviest one counts alone.
    mixer
        Whether what the models say is weighed by what it was worth; False: plain averages.
    past
        Whether a label's own past is an input of the mixer. It is used as far as it is known: with
        labels that come late, their last known truth.
    mixer_rate
        Step of the weights that labels of a cluster share (AdaGrad).
    decode
        What is answered. "subset": the most probable label set; "marginal": labels more probable
        present than absent; "f1": labels over half the F1 that they achieve, which is best for rare
        ones; "balanced": the set with the highest expected worth, counting sets that are right as a
        whole, F1 and Hamming loss; "independent": labels over one half, without looking at label
        sets.
    beta
        How much a label set's being more frequent than chance counts, from 0 to 1.
    max_subsets
        Label sets that are remembered as a whole.
    cluster_size
        Labels of a cluster behind the gate.
    gate_threshold
        Probability of holding a present label over which a cluster is asked, once there are more
        than 64 labels. 0: all are asked. :attr:`gate` says what was missed.
    window
        Recent rows that vote; where most features are not zero, at most 1,000 of them. 0: none.
    n_neighbors
        Rows among them that vote for a row.
    grace_period, max_depth, delta, tau, drift_detection, switch_significance
        Of the trees; see :class:`stream.MultiLabelHoeffdingTree`. ``max_depth=0``: leaf models
        only.
    learning_rate
        Steps of the logistic models in every leaf (AdaGrad), one model for each.
    drift_delta
        Allowed probability of a false alarm of any detector.
    max_size
        Limit in MB for the arrays. At the limit, trees stop growing, and clusters give up the
        weights that are smallest.
    seed
        Of the router's weights and the routed experts' choice of features; None is the same as 0.

    n_jobs
        Threads in which clusters work where labels are many; -1: one for each processor. It changes
        nothing but the speed, and is not saved: a model that is loaded has 1.

    References
    ----------
    Neves, Lourenço, Cano and Marreiros. iHOMER. ECAI 2025, arXiv 2507.20894.
    Aspis, Cajas, Suárez-Cetrulo and Simón Carbajo. DriftMoE. 2025, arXiv 2507.18464.

    Examples
    --------
    >>> from stream import DriftHOMER, open_source, prequential
    >>> model = DriftHOMER(seed=7)
    >>> result = prequential(open_source("yeast"), model, limit=500)
    >>> result.metrics["micro_f1"] > 0.5
    True
    >>> x, y = next(iter(open_source("yeast")))
    >>> reasons = model.explain_one(x)
    >>> reasons["labels"]["Class12"]["answered"], sorted(reasons["labels"]["Class12"]["models"])[0]
    (True, 'clusters')
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
        experts: int = 3,
        hidden: int = 32,
        router_rate: float = 0.002,
        temperature: float = 0.8,
        mixer: bool = True,
        past: bool = True,
        mixer_rate: float = 0.15,
        decode: str = "balanced",
        beta: float = 0.65,
        max_subsets: int = 400,
        cluster_size: int = 16,
        gate_threshold: float = 0.03,
        window: int = 3000,
        n_neighbors: int = 10,
        grace_period: int = 200,
        max_depth: int | None = None,
        delta: float = 1e-7,
        tau: float = 0.05,
        learning_rate: float | Sequence[float] = (0.03, 0.3, 1.0),
        drift_detection: bool = True,
        drift_delta: float = 0.002,
        switch_significance: float = 0.05,
        max_size: float = 1000.0,
        seed: int | None = None,
        n_jobs: int = 1,
    ):
        self.partition = partition
        self.partition_delta = partition_delta
        self.partition_tau = partition_tau
        self.partition_period = partition_period
        self.max_clusters = max_clusters
        self.cluster_drift = cluster_drift
        self.partition_drift = partition_drift
        self.experts = experts
        self.hidden = hidden
        self.router_rate = router_rate
        self.temperature = temperature
        self.mixer = mixer
        self.past = past
        self.mixer_rate = mixer_rate
        self.decode = decode
        self.beta = beta
        self.max_subsets = max_subsets
        self.cluster_size = cluster_size
        self.gate_threshold = gate_threshold
        self.window = window
        self.n_neighbors = n_neighbors
        self.grace_period = grace_period
        self.max_depth = max_depth
        self.delta = delta
        self.tau = tau
        self.learning_rate = learning_rate
        self.drift_detection = drift_detection
        self.drift_delta = drift_delta
        self.switch_significance = switch_significance
        self.max_size = max_size
        self.seed = seed
        self.n_jobs = n_jobs
        check_parameters(self, _CONSTRAINTS)
        self._begin_partition()

    @property
    def n_jobs(self) -> int:
        """Threads in which clusters work."""
        return self._n_jobs

    @n_jobs.setter
    def n_jobs(self, n_jobs: int) -> None:
        self._n_jobs = n_jobs
        if hasattr(self, "_learner"):
            self._stacked.gated.executor.n_jobs = n_jobs

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_n_jobs"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.n_jobs = 1

    def _new_learner(self) -> StackedLearner:
        shared = tree_params(self, "multi-label")
        mixer = MixerParams(bool(self.mixer), bool(self.past), float(self.mixer_rate), 0.01)
        share = self.max_size * 1e6 / (2 + (self.experts > 1))
        trees = TreeMixture(
            shared,
            CombinerParams(mixer, self._decoder(WEIGHTS)),
            self._new_partition(),
            self._new_pools(shared, share),
            max_size=share,
            watch_clusters=self._watches_clusters,
            n_given=1,
        )
        given = None
        if self._cluster_of_name is not None:
            given = GivenClusters(self._names.labels, self._cluster_of_name, len(self.partition))
        clusters = self._clusters_params(given is not None, share)
        learner = StackedLearner(clusters, trees, given, MAX_TREE_LABELS, self.max_size * 1e6)
        learner.gated.executor.n_jobs = self.n_jobs
        return learner

    def _clusters_params(self, given: bool, share: float) -> ClustersParams:
        singletons = self.partition == "singletons"
        return ClustersParams(
            GateParams(float(self.gate_threshold), MODEL_RATE, MAX_TREE_LABELS),
            RecentParams(self.window, min(self.window, DENSE_WINDOW), self.n_neighbors),
            ClusterParams(
                MODEL_RATE, float(self.mixer_rate), 0.01, self.window > 0, bool(self.past),
                bool(self.mixer),
            ),
            self._decoder(WEIGHTS_OF_MANY_LABELS),
            1 if singletons else self.cluster_size,
            pl.GIVEN if given else _PLACEMENT.get(str(self.partition), pl.JACCARD),
            share,
            self.seed or 0,
        )  # fmt: skip

    def _decoder(self, weights: tuple[float, float, float]) -> DecoderParams:
        return DecoderParams(DECODE[self.decode], float(self.beta), *weights, self.max_subsets)

    def _new_pools(self, shared: TreeParams, max_size: float) -> ExpertPools | None:
        """The routed experts: plain trees that split soon, on features chosen at random."""
        if self.experts == 1:
            return None
        plain = shared._replace(
            use_naive_bayes=False, use_logistic=False, adaptive=False, n_rates=1,
            learning_rates=(0.0, 0.0, 0.0, 0.0), feature_share=0.7,
        )  # fmt: skip
        network = NetworkParams(float(self.router_rate), ROUTER_BATCH_ROWS, 0.0, shared.seed)
        return ExpertPools(
            [
                plain._replace(seed=(shared.seed + e) & _LARGEST_SEED)
                for e in range(1, self.experts)
            ],
            network,
            hidden=self.hidden,
            temperature=float(self.temperature),
            max_size=max_size,
        )

    def _run(
        self, rows: Batch, *, first_row: int = 0, delay: int = PREDICT_ONLY
    ) -> Predictions | SparsePredictions:
        return self._stacked.answer(rows, first_row=first_row, predict=True, delay=delay)

    @property
    def gate(self) -> dict[str, float]:
        """What the gate did so far: ``asked``, the mean number of clusters asked a row, and
        ``missed``, the share of the present labels whose cluster was not asked."""
        return self._stacked.gated.gate.summary

    def predict_top_one(self, x: dict[Hashable, Any], k: int = 5) -> list[tuple[Hashable, float]]:
        """The ``k`` most probable labels and their probabilities, the most probable first.

        Raises
        ------
        ParameterError
            When ``k`` is not a positive integer.
        """
        return self._named_top(self._run(self._one_row(x)), k)[0]

    def predict_top_many(self, X: Any, k: int = 5) -> list[list[tuple[Hashable, float]]]:
        """For each row of ``X`` the ``k`` most probable labels and their probabilities, the most
        probable first; fewer where no more are known.

        Parameters
        ----------
        X
            Features [rows, features]: NumPy array, SciPy sparse matrix, or data frame.
        k
            Labels a row.
        """
        return self._named_top(self._asked(X, engine_columns=True), k)

    def _named_top(
        self, answers: Predictions | SparsePredictions, k: int
    ) -> list[list[tuple[Hashable, float]]]:
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ParameterError(
                f"The 'k' parameter of predict_top must be an int in the range [1, inf). "
                f"Got {k!r} instead."
            )
        labels, probabilities = answers.top(min(k, max(self._stacked.n_labels, 1)))
        names = self._names.labels.names
        return [
            [(names[n], p) for n, p in zip(*row, strict=True) if n >= 0]
            for row in zip(labels.tolist(), probabilities.tolist(), strict=True)
        ]

    def explain_one(self, x: dict[Hashable, Any]) -> dict[str, Any]:
        """What leads to the answer to a row.

        Returns
        -------
        ``labels``: for each label learnt whether it is ``answered``, its ``probability``, that
        before label sets were looked at (``mixed``), its ``cluster``, what the ``models`` say and
        what each ``weighs`` in the mixer. ``clusters``: for each number its ``labels``, the
        router's weights of its ``experts``, and the expert ``heaviest`` of them, which learns such
        rows; None without a router.
        """
        if self._stacked.trees is None:
            return self._explain_clusters(x)
        found = self._stacked.explain(self._one_row(x))
        names = self._names.labels.names
        rates = np.atleast_1d(self.learning_rate)
        models = ["frequency", "naive Bayes", *(f"logistic {rate:g}" for rate in rates)]
        models += ["routed experts"] * (self.experts > 1) + ["clusters"]
        inputs = [*models, "persistence", "trend", "base rate", "bias"]
        clusters = self._stacked.partition.clusters()
        cluster_of = {label: number for number, labels in clusters for label in labels}
        return {
            "labels": {
                names[label]: {
                    "answered": bool(found.answered[label]),
                    "probability": float(found.probabilities[label]),
                    "mixed": float(found.mixed[label]),
                    "cluster": cluster_of[label],
                    "models": dict(zip(models, found.said[:, label].tolist(), strict=True)),
                    "weighs": dict(zip(inputs, found.weights[label].tolist(), strict=True)),
                }
                for label in range(len(found.answered))
            },
            "clusters": {
                number: {
                    "labels": [names[label] for label in labels],
                    "experts": found.routes[number].tolist() if found.routes else None,
                    "heaviest": int(found.routes[number].argmax()) if found.routes else None,
                }
                for number, labels in clusters
            },
        }

    def _explain_clusters(self, x: dict[Hashable, Any]) -> dict[str, Any]:
        """What leads to the answer to a row where labels are many: the labels worth mentioning."""
        found = self._stacked.gated.explain(self._one_row(x))
        names = self._names.labels.names
        return {
            "labels": {
                names[each.label]: {
                    "answered": each.answered,
                    "probability": each.probability,
                    "mixed": each.probability,
                    "cluster": each.cluster,
                    "models": dict(zip(_INPUTS[:3], each.inputs[:3], strict=True)),
                    "weighs": dict(zip(_INPUTS, each.weights, strict=True)),
                }
                for each in found.labels
            },
            "clusters": {
                number: {"labels": [names[label] for label in labels], "probability": p}
                for number, labels, p in found.clusters
            },
        }

    @property
    def _stacked(self) -> StackedLearner:
        assert isinstance(self._learner, StackedLearner)
        return self._learner
