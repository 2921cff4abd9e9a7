"""DriftHOMER: clusters of labels behind a gate, trees, a mixer and a decoder of label sets."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from stream.clusters.coordinator import Coordinator
from stream.clusters.explaining import importances
from stream.clusters.gated import GatedClusters
from stream.engine.layout import MAX_RATES
from stream.errors import ParameterError
from stream.models.drift_homer_learner import DECODE, new_learner
from stream.models.explaining import explain_gated, explain_stacked
from stream.models.hoeffding_tree import TREE_CONSTRAINTS
from stream.models.parameters import (
    BOOLEAN,
    STEP,
    TEMPERATURE,
    Constraints,
    Number,
    OneOf,
    Several,
    check_parameters,
)
from stream.models.partitioned import PARTITION_CONSTRAINTS, GivenClusters, PartitionedShell
from stream.models.placed import PlacedClusters
from stream.rows.predictions import Predictions, SparsePredictions

_MAX_WINDOW = 1_000_000
_MAX_JOBS = 1024

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
    "learning_rate": (STEP, Several(STEP, MAX_RATES)),
    **PARTITION_CONSTRAINTS,
    "concepts": (Number(0, 100, integer=True),),
    "experts": (Number(1, 64, integer=True),),
    "hidden": (Number(1, 1024, integer=True),),
    "router_rate": (Number(0, 1, closed="right"),),
    "temperature": (TEMPERATURE,),
    "mixer": (BOOLEAN,),
    "past": (BOOLEAN,),
    "mixer_rate": (STEP,),
    "decode": (OneOf(tuple(DECODE)),),
    "beta": (Number(0, 1),),
    "max_subsets": (Number(1, 10_000, integer=True),),
    "cluster_size": (Number(1, 256, integer=True),),
    "gate_threshold": (Number(0, 1),),
    "window": (Number(0, _MAX_WINDOW, integer=True),),
    "n_neighbors": (Number(1, 1000, integer=True),),
    "n_jobs": (Number(1, _MAX_JOBS, integer=True), Number(-_MAX_JOBS, -1, integer=True)),
}


class DriftHOMER(PlacedClusters, PartitionedShell):
    """Label sets from clusters of labels behind a gate, a tree, a mixer and a set decoder.

    Labels are in *clusters* of at most ``cluster_size``, each placed when it is first seen into the
    cluster that holds most of the known labels of its row. A *gate*, a router over the clusters as
    DriftMoE's is over experts, says which of them a row concerns; with few labels all are asked. A
    cluster has a logistic model for each label, which learns the rows that hold one of its labels.
    The nearest of the *recent rows* vote for their labels, and the last rows say what persists. A
    mixer makes one probability per label of all that.

    While there are at most 64 labels, these probabilities and the votes are two of several models:
    every row also passes a *shared* Hoeffding adaptive tree
    (:class:`stream.MultiLabelHoeffdingTree`) whose leaf models are all asked. A second mixer weighs
    them; its weights, and the tables of label sets, are those of the clusters of a partition (as in
    :class:`stream.IHOMER`). With ``experts=3`` every cluster of it has two *routed* experts, trees
    for its labels, and heads of a router that learns from the mask of the experts that were right
    (as in DriftMoE).

    A *set decoder* chooses the label set that is answered, among sets that were seen and the *k*
    most probable labels for every *k*.

    When the loss of a cluster rises (ADWIN), its partition is looked at anew, its mixer's steps
    begin anew, and so does its router's head; its worst expert is replaced. The shared tree is put
    aside, and one put aside earlier takes over if it is significantly better on the rows that
    follow. When clusters split or merge, what their labels had learnt comes along.

    Parameters
    ----------
    partition, partition_delta, partition_tau, partition_period, max_clusters
        How labels are clustered; see :class:`stream.IHOMER`.
    cluster_drift, partition_drift
        Whether detectors watch the loss of every cluster, and the coherence of the partition.
    concepts
        Shared trees that are put aside when the loss of a cluster rises, and taken back when their
        concept returns; the one put aside first gives way. 0: none. ``cluster_drift`` finds drift.
    experts
        Trees that a label has: the shared one, and ``experts - 1`` routed ones for each cluster.
        1: there are none, and no router; in the ablation two were worth 0.0004 of micro-F1 for a
        sixth of the time.
    hidden
        Units of the router's trunk, which all clusters share.
    router_rate
        Step of the router (Adam).
    temperature
        Temperature of the softmax over the experts of a cluster; small: the heaviest one counts
        alone.
    mixer
        Whether what the models say is weighed by what it was worth; False: plain averages.
    past
        Whether a label's own past is an input of the mixer. It is used as far as it is known: with
        labels that come late, their last known truth.
    mixer_rate
        Step of the weights that labels of a cluster share (AdaGrad).
    decode
        What is answered. "subset": the most probable label set; "marginal": labels more probable
        present than absent, which is best for Hamming loss; "f1": labels over half the F1 that they
        achieve, which is best for rare ones; "balanced": the set with the highest expected worth,
        counting sets that are right as a whole, F1 and Hamming loss; "independent": labels over one
        half, without looking at label sets.
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
        As in the trees; see :class:`stream.MultiLabelHoeffdingTree`. ``max_depth=0``: leaf models
        only.
    learning_rate
        Steps of the logistic models in every leaf (AdaGrad), one model for each.
    drift_delta
        Allowed probability of a false alarm of any detector.
    max_size
        Limit in MB for the arrays. At the limit, trees stop growing, and clusters give up the
        weights that are smallest. When the names of features have used up a quarter of it, features
        that are new are left out.
    seed
        Seed of random clusters, and of the router and the features of routed experts, where there
        are any; nothing else is drawn. None is the same as 0.

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
        concepts: int = 5,
        experts: int = 1,
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
        window: int = 10_000,
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
        self.concepts = concepts
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
    def _gated(self) -> GatedClusters | None:
        return self._coordinator.gated if hasattr(self, "_learner") else None

    @property
    def _behind_gate(self) -> GatedClusters:
        assert self._gated is not None
        return self._gated

    def _new_learner(self) -> Coordinator:
        given = None
        if self._cluster_of_name is not None:
            given = GivenClusters(self._names.labels, self._cluster_of_name, len(self.partition))
        watch = self._watches_clusters
        return new_learner(self, self._new_partition(), given, watches=watch)

    @property
    def gate(self) -> dict[str, float]:
        """What the gate did so far: ``asked``, the mean number of clusters asked a row, and
        ``missed``, the share of the present labels whose cluster was not asked."""
        return self._behind_gate.gate.summary

    def routing_counts(self) -> dict[str, int]:
        """What the gate did so far as counts: ``rows``, clusters ``asked`` over all of them, labels
        ``present`` that were known before, and those ``missed``; and the number of ``clusters``
        behind the gate now."""
        gated = self._behind_gate
        return gated.gate.counts | {"clusters": gated.n_clusters}

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
        labels, probabilities = answers.top(min(k, max(self._coordinator.n_labels, 1)))
        names = self._names.labels.names
        return [
            [(names[n], p) for n, p in zip(*row, strict=True) if n >= 0]
            for row in zip(labels.tolist(), probabilities.tolist(), strict=True)
        ]

    def explain_one(
        self, x: dict[Hashable, Any], n_features: int = 5, contributions: bool = False
    ) -> dict[str, Any]:
        """What leads to the answer to a row; :func:`stream.explain_one` looks through a pipeline.

        Parameters
        ----------
        x
            Features of the row.
        n_features, contributions
            What is told of features; see :func:`stream.explain_one`.

        Returns
        -------
        ``labels``: for each label learnt (of many labels: each worth mentioning) whether it is
        ``answered``, its ``probability``, that before label sets were looked at (``mixed``), its
        ``cluster``, what the ``models`` say and what each ``weighs`` in the mixer; the features
        that spoke ``for`` and ``against`` it, each with what it adds to the log odds of the
        logistic models times what they weigh, the strongest first; and, where asked for, the
        ``contributions`` by model: its ``bias`` and those of the ``features``, which add up to its
        log odds. Those of a cluster are given that one of its labels is present.

        ``clusters``: for each number its ``labels``, the router's weights of its ``experts``, and
        the expert ``heaviest`` of them, which learns such rows (None without a router); of many
        labels the gate's ``probability``. ``neighbors``: the recent rows that vote, the nearest
        first, each with its number among the rows learnt (``row``, from 0), its ``similarity``, its
        ``share`` of the votes and its ``labels``. ``path``, while there is a shared tree: its tests
        of the row from the root down, ``feature``, ``threshold``, the row's ``value`` and whether
        it goes to the values ``at_most`` the threshold; and the number of the ``concept`` that this
        tree learns, counted from 0 in the order in which they began (None without a memory of
        concepts).
        """
        learner, row = self._coordinator, self._one_row(x)
        names = self._names.features.names, self._names.labels.names
        if learner.trees is None:
            return explain_gated(learner, row, names, n_features, contributions)
        rates = np.atleast_1d(self.learning_rate)
        models = ["frequency", "naive Bayes", *(f"logistic {rate:g}" for rate in rates)]
        models += ["routed experts"] * (self.experts > 1)
        models += ["nearest rows"] * (self.window > 0) + ["clusters"]
        return explain_stacked(learner, row, models, names, n_features, contributions)

    @property
    def feature_importances_(self) -> dict[Hashable, float]:
        """Share of each feature in what the clusters' logistic models say of the recent rows that
        vote (the last ``window`` ones at most): the mean size of the feature in these rows, as they
        are kept (standardised, or weighted by inverse document frequency; of length one), times the
        sizes of its weights, added up over labels. They add up to 1; empty before anything was
        learnt. With ``window=0`` every feature counts as if its mean size were 1."""
        names = self._names.features.names
        return dict(
            zip(
                names,
                importances(self._behind_gate, self._coordinator.n_features).tolist(),
                strict=False,
            )
        )
