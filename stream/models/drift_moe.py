"""DriftMoE: a router that learns which experts to trust, and experts that learn what it sends."""

from __future__ import annotations

import dataclasses
from typing import Any

from stream.engine import layout as lay
from stream.engine.expert_mixture import (
    LATEST,
    RECENT,
    ROUTED,
    ROUTER,
    SHARED,
    VOTES,
    MixtureParams,
)
from stream.engine.network_layout import NetworkParams
from stream.engine.router import most_router_features
from stream.models.classifier_shell import ClassifierShell
from stream.models.expert_mixture import SHARE_OF_ROUTER, MixtureLearner, MixtureShape
from stream.models.hoeffding_tree import TREE_CONSTRAINTS, tree_params
from stream.models.parameters import (
    BOOLEAN,
    ROWS,
    STEP,
    TEMPERATURE,
    Constraints,
    Number,
    OneOf,
    check_parameters,
)

_TREE_PARAMETERS = (
    "grace_period",
    "max_depth",
    "delta",
    "tau",
    "leaf_prediction",
    "drift_detection",
    "max_features",
    "max_size",
    "seed",
)
_CONSTRAINTS: Constraints = {
    **{name: TREE_CONSTRAINTS[name] for name in _TREE_PARAMETERS},
    "leaf_learning_rate": TREE_CONSTRAINTS["learning_rate"],
    "variant": (OneOf(("data", "task")),),
    "n_experts": (Number(1, 1000, integer=True),),
    "top_k": (Number(1, 1000, integer=True),),
    "temperature": (TEMPERATURE,),
    "gating": (OneOf(("best", "soft")),),
    "hidden": (Number(2, 1024, integer=True),),
    "learning_rate": (Number(0, 1, closed="right"),),
    "batch_size": (ROWS,),
    "dropout": (Number(0, 1, closed="left"),),
    "standardise": (BOOLEAN,),
    "shared_expert": (BOOLEAN,),
    "class_head": (BOOLEAN,),
    "mixer": (BOOLEAN,),
    "mixer_rate": (STEP,),
    "label_past": (BOOLEAN,),
}
_INPUT_NAMES = {
    SHARED: "shared",
    ROUTED: "routed",
    VOTES: "votes",
    ROUTER: "router",
    LATEST: "latest",
    RECENT: "recent",
}
_PUBLISHED: dict[str, Any] = {
    "n_experts": 12,
    "top_k": 3,
    "temperature": 0.8,
    "gating": "best",
    "hidden": 256,
    "learning_rate": 2e-3,
    "standardise": False,
    "shared_expert": False,
    "class_head": False,
    "mixer": False,
    "label_past": False,
    "grace_period": 50,
    "delta": 1e-7,
    "tau": 0.05,
    "leaf_prediction": "nba",
    "drift_detection": False,
    "max_features": 1.0,
}
_PUBLISHED_VARIANTS: dict[str, dict[str, Any]] = {
    "data": {"batch_size": 256, "dropout": 0.0},
    "task": {"batch_size": 1, "dropout": 0.2},
}


@dataclasses.dataclass(frozen=True)
class MixtureSummary:
    """Size of a mixture and what happened in it.

    Parameters
    ----------
    rows_per_expert
        Rows that each expert has learnt, the shared expert's first.
    mixer
        Weight of each voice that the mixer hears.
    n_nodes
        Nodes of all trees, with branches that grow beside them.
    n_splits, n_drifts, n_replaced
        Splits so far, rises of a branch's error, and branches replaced by a better one.
    n_bytes
        Bytes of all arrays.
    """

    rows_per_expert: tuple[int, ...]
    mixer: dict[str, float]
    n_nodes: int
    n_splits: int
    n_drifts: int
    n_replaced: int
    n_bytes: int


class DriftMoE(ClassifierShell):
    """Mixture of tree experts for classes, with a neural router that learns with them.

    The router, a small network, scores every expert. The best-scored experts learn a row, and the
    router learns from the mask of *all* experts that were right (if none was, of the one that came
    nearest). So experts specialise in what the router sends them, and the router follows drifts
    without being told of any. :meth:`paper` makes the published system, which answers with the
    best-scored expert.

    By default there is more: an expert that learns every row, outputs of the router for the classes
    themselves, standardised inputs, trees that watch for drift, and a mixer that learns how much to
    believe each of these and the classes of late. Each can be switched off.

    Parameters
    ----------
    variant
        "data": every expert knows all classes, and experts specialise in parts of the stream.
        "task": one expert for each class, which tells it from the others; all learn every row.
    n_experts
        Routed experts ("data").
    top_k
        Routed experts that learn a row ("data").
    temperature
        Temperature of the softmax over the router's scores.
    gating
        What the routed experts answer ("data"). "best": what the best-scored one says; "soft": the
        mean of all, weighted by the router.
    hidden
        Units of the router's first hidden layer; the second has half as many.
    learning_rate
        Learning rate of the router (Adam).
    batch_size
        Rows of the router's mini-batches.
    dropout
        Share of the first layer's units that the router leaves out at random, also in answering.
    standardise
        Whether the router sees standardised features.
    shared_expert
        Whether another expert learns every row ("data").
    class_head
        Whether the router has outputs for the classes, too. They answer only through the mixer.
    mixer
        Whether the answer mixes all opinions; else it is that of the routed experts alone ("task":
        of the router).
    mixer_rate
        Step of the mixer's weights.
    label_past
        Whether the mixer hears which classes were learnt of late.
    grace_period, max_depth, delta, tau, leaf_prediction, max_features, drift_detection
        As in the experts; see :class:`stream.HoeffdingTreeClassifier`.
    leaf_learning_rate
        Step of the logistic model in the experts' leaves (AdaGrad).
    max_size
        Limit for the arrays in MB. When it is reached, the leaves with the fewest rows stop
        growing. Features that come when the names of others have used up a quarter of it are left
        out.
    seed
        Seed of the router's first weights; None is the same as 0.

    References
    ----------
    Aspis, Cajas, Suárez-Cetrulo and Simón Carbajo. DriftMoE: a mixture of experts approach to
    handle concept drifts. arXiv 2507.18464, 2025.

    Examples
    --------
    >>> from stream import DriftMoE
    >>> model = DriftMoE(seed=1)
    >>> for i in range(300):
    ...     model.learn_one({"size": float(i % 10)}, "large" if i % 10 > 5 else "small")
    >>> model.predict_one({"size": 8.0}), model.predict_one({"size": 1.0})
    ('large', 'small')
    """

    def __init__(
        self,
        variant: str = "data",
        n_experts: int = 12,
        top_k: int = 3,
        temperature: float = 0.8,
        gating: str = "soft",
        hidden: int = 128,
        learning_rate: float = 4e-3,
        batch_size: int = 8,
        dropout: float = 0.0,
        standardise: bool = True,
        shared_expert: bool = True,
        class_head: bool = True,
        mixer: bool = True,
        mixer_rate: float = 0.01,
        label_past: bool = True,
        grace_period: int = 50,
        max_depth: int | None = None,
        delta: float = 0.01,
        tau: float = 0.05,
        leaf_prediction: str = "adaptive",
        leaf_learning_rate: float = 0.3,
        max_features: float = 1.0,
        drift_detection: bool = True,
        max_size: float = 500.0,
        seed: int | None = None,
    ):
        self.variant = variant
        self.n_experts = n_experts
        self.top_k = top_k
        self.temperature = temperature
        self.gating = gating
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.dropout = dropout
        self.standardise = standardise
        self.shared_expert = shared_expert
        self.class_head = class_head
        self.mixer = mixer
        self.mixer_rate = mixer_rate
        self.label_past = label_past
        self.grace_period = grace_period
        self.max_depth = max_depth
        self.delta = delta
        self.tau = tau
        self.leaf_prediction = leaf_prediction
        self.leaf_learning_rate = leaf_learning_rate
        self.max_features = max_features
        self.drift_detection = drift_detection
        self.max_size = max_size
        self.seed = seed
        check_parameters(self, _CONSTRAINTS)
        self._begin()

    @classmethod
    def paper(cls, variant: str = "data", seed: int | None = None) -> DriftMoE:
        """The published system, as its own code runs.

        The experts are Hoeffding trees with adaptive naive Bayes leaves that do not watch for
        drift. "data" trains the router on mini-batches of 256 rows. "task" trains it on every row,
        and leaves a fifth of its units out, in answering, too; its answer is the class with the
        router's highest score, whatever the experts say.

        Parameters
        ----------
        variant
            "data" or "task".
        seed
            Seed of the router's first weights; None is the same as 0.
        """
        own = _PUBLISHED_VARIANTS.get(variant, {})
        return cls(variant=variant, seed=seed, **_PUBLISHED, **own)

    def _new_learner(self) -> MixtureLearner:
        mixes, limit = bool(self.mixer), self.max_size * 1e6
        return MixtureLearner(
            MixtureShape(
                n_experts=self.n_experts,
                shared=bool(self.shared_expert) and self.variant == "data",
                hidden=self.hidden,
                second=self.hidden // 2,
                standardise=bool(self.standardise),
            ),
            tree_params(self, "single-label", learning_rate=self.leaf_learning_rate),
            NetworkParams(
                learning_rate=float(self.learning_rate),
                batch_rows=self.batch_size,
                dropout=float(self.dropout),
                seed=int(self.seed or 0),
                most_features=most_router_features(SHARE_OF_ROUTER * limit, self.hidden),
            ),
            MixtureParams(
                task=self.variant == "task",
                top_k=self.top_k,
                temperature=float(self.temperature),
                soft=self.gating == "soft",
                class_head=bool(self.class_head) and mixes,
                mixer=mixes,
                past=bool(self.label_past) and mixes,
                mixer_rate=float(self.mixer_rate),
            ),
            limit,
        )

    @property
    def summary(self) -> MixtureSummary:
        """Size of the mixture and what happened in it."""
        learner: MixtureLearner = self._learner  # type: ignore[assignment]
        registers, mixture = learner.trees.tree.registers, learner.mixture
        in_use = [place for place in _INPUT_NAMES if mixture.in_use[place]] if self.mixer else []
        return MixtureSummary(
            rows_per_expert=tuple(mixture.rows_learnt.tolist()),
            mixer={_INPUT_NAMES[place]: float(mixture.weights[place]) for place in in_use},
            n_nodes=int(registers[lay.NODES_USED] - registers[lay.NODES_FREE]),
            n_splits=int(registers[lay.N_SPLITS]),
            n_drifts=int(registers[lay.N_DRIFTS]),
            n_replaced=int(registers[lay.N_REPLACED]),
            n_bytes=learner.n_bytes,
        )

    def structure(self) -> dict[str, Any]:
        """Return how many branches were replaced (``restructures``) and ``drifts`` detected."""
        summary = self.summary
        return {
            "clusters": None,
            "restructures": summary.n_replaced,
            "drifts": summary.n_drifts,
        }
