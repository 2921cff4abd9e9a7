"""DriftHOMER: clusters of labels, experts and their router, a mixer and a joint decoder."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from stream.engine.combine import INDEPENDENTLY, CombinerParams
from stream.engine.decoder import BALANCED, F1, MARGINAL, SUBSET, DecoderParams
from stream.engine.layout import MAX_RATES, TreeParams
from stream.engine.learner import PREDICT_ONLY
from stream.engine.mixer import MixerParams
from stream.engine.network import NetworkParams
from stream.models.combined import CombinedLearner
from stream.models.hoeffding_tree import TREE_CONSTRAINTS, tree_params
from stream.models.parameters import (
    BOOLEAN,
    Constraints,
    Number,
    OneOf,
    Several,
    check_parameters,
)
from stream.models.partitioned import PARTITION_CONSTRAINTS, PartitionedShell
from stream.models.routing import Pools
from stream.rows.batch import Batch
from stream.rows.predictions import Predictions

DECODE = {
    "independent": INDEPENDENTLY,
    "subset": SUBSET,
    "marginal": MARGINAL,
    "f1": F1,
    "balanced": BALANCED,
}
EXACT_WEIGHT, F1_WEIGHT = 0.2, 0.4  # of decode="balanced"
ROUTER_BATCH_ROWS = 100

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
}


class DriftHOMER(PartitionedShell):
    """Label sets from clusters of labels, experts and their router, a mixer and a joint decoder.

    Every row passes a *shared* Hoeffding adaptive tree
    (:class:`stream.MultiLabelHoeffdingTree`) whose leaf models are all asked: label frequencies,
    naive Bayes, and logistic models of several learning rates. Labels are partitioned into clusters
    of correlated ones while the stream runs (as in :class:`stream.IHOMER`); each cluster may have a
    pool of *routed* experts, trees for its labels only, and a head of a router, a small network
    that learns from the mask of the experts that were right (as in DriftMoE); the heaviest expert
    learns the row. A *mixer* makes one probability per label of all that and of the label's own
    past: what followed its last known truth, and its trend. A *joint decoder* keeps the label sets
    that were seen, as a whole and in each cluster, and chooses the set that is answered.

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
    grace_period, max_depth, delta, tau, drift_detection, switch_significance
        Of the trees; see :class:`stream.MultiLabelHoeffdingTree`. ``max_depth=0``: leaf models
        only.
    learning_rate
        Steps of the logistic models in every leaf (AdaGrad), one model for each.
    drift_delta
        Allowed probability of a false alarm of any detector.
    max_size
        Limit in MB for the arrays of the trees.
    seed
        Of the router's weights and the routed experts' choice of features; None is the same as 0.

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
    (True, 'frequency')
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
        check_parameters(self, _CONSTRAINTS)
        self._begin_partition()

    def _new_learner(self) -> CombinedLearner:
        shared = tree_params(self, "multi-label")
        mixer = MixerParams(bool(self.mixer), bool(self.past), float(self.mixer_rate), 0.01)
        decode = DECODE[self.decode]
        decoder = DecoderParams(decode, float(self.beta), EXACT_WEIGHT, F1_WEIGHT, self.max_subsets)
        share = self.max_size * 1e6 / (1 + (self.experts > 1))
        return CombinedLearner(
            shared,
            CombinerParams(mixer, decoder),
            self._new_partition(),
            self._new_pools(shared, share),
            max_size=share,
            watch_clusters=self._watches_clusters,
        )

    def _new_pools(self, shared: TreeParams, max_size: float) -> Pools | None:
        """The routed experts: plain trees that split soon, on features chosen at random."""
        if self.experts == 1:
            return None
        plain = shared._replace(
            use_naive_bayes=False, use_logistic=False, adaptive=False, n_rates=1,
            learning_rates=(0.0, 0.0, 0.0, 0.0), feature_share=0.7,
        )  # fmt: skip
        network = NetworkParams(float(self.router_rate), ROUTER_BATCH_ROWS, 0.0, shared.seed)
        return Pools(
            [plain._replace(seed=shared.seed + e) for e in range(1, self.experts)],
            network,
            hidden=self.hidden,
            temperature=float(self.temperature),
            max_size=max_size,
        )

    def _run(self, rows: Batch, *, first_row: int = 0, delay: int = PREDICT_ONLY) -> Predictions:
        return self._combined.answer(rows, first_row=first_row, predict=True, delay=delay)

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
        found = self._combined.explain(self._one_row(x))
        names = self._names.labels.names
        rates = np.atleast_1d(self.learning_rate)
        models = ["frequency", "naive Bayes", *(f"logistic {rate:g}" for rate in rates)]
        models += ["routed experts"] * (self.experts > 1)
        inputs = [*models, "persistence", "trend", "base rate", "bias"]
        clusters = self._combined.partition.clusters()
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

    @property
    def _combined(self) -> CombinedLearner:
        assert isinstance(self._learner, CombinedLearner)
        return self._learner
