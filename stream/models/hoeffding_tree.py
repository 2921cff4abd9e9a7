"""Hoeffding adaptive trees for label sets and for classes."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from stream.engine import layout as lay
from stream.engine.layout import TreeParams
from stream.engine.learner import TreeLearner
from stream.models.classifier_shell import ClassifierShell
from stream.models.explaining import explain_single_tree
from stream.models.multi_label_shell import MultiLabelShell
from stream.models.parameters import (
    BOOLEAN,
    MARGIN,
    MEGABYTES,
    NONE,
    ROWS,
    SEED,
    STEP,
    Constraints,
    Number,
    OneOf,
    check_parameters,
)
from stream.models.shell import Shell
from stream.rows.schema import Task

_UNLIMITED_DEPTH = 2**31 - 1

# What each value of ``leaf_prediction`` switches on: naive Bayes, the logistic model, the choice by
# recent loss.
LEAF_PREDICTION = {
    "mc": (False, False, False),
    "nb": (True, False, False),
    "nba": (True, False, True),
    "lr": (False, True, False),
    "adaptive": (True, True, True),
}

TREE_CONSTRAINTS: Constraints = {
    "grace_period": (ROWS,),
    "max_depth": (Number(0, 10**6, integer=True), NONE),
    "delta": (Number(0, 1, closed="neither"),),
    "tau": (MARGIN,),
    "leaf_prediction": (OneOf(tuple(LEAF_PREDICTION)),),
    "learning_rate": (STEP,),
    "n_split_points": (Number(1, 10_000, integer=True),),
    "min_branch_fraction": (Number(0, 0.5, closed="left"),),
    "max_share_to_split": (Number(0, 1, closed="right"),),
    "merit_preprune": (BOOLEAN,),
    "max_features": (Number(0, 1, closed="right"),),
    "drift_detection": (BOOLEAN,),
    "drift_delta": (Number(0, 1, closed="neither"),),
    "drift_window_threshold": (ROWS,),
    "switch_significance": (Number(0, 1, closed="neither"),),
    "max_size": (MEGABYTES,),
    "seed": SEED,
}

_PARAMETERS = """    Parameters
    ----------
    grace_period
        Rows that a leaf learns between two attempts to split.
    max_depth
        Largest depth of a leaf; None: no limit.
    delta
        Allowed probability that a split is not the best one (Hoeffding bound).
    tau
        A bound below this value decides a tie.
    leaf_prediction
        What a leaf answers with. "mc": frequencies of its {labels}; "nb": naive Bayes; "lr": a
        logistic model that the leaf inherits from its parent; "nba": frequencies or naive Bayes,
        "adaptive": any of the three, whichever had the smallest loss of late{per_label}.
    learning_rate
        Step of the logistic model (AdaGrad).
    n_split_points
        Thresholds that are tried for a numeric feature.
    min_branch_fraction
        Smallest share of a leaf's rows on each side of a split.
    max_share_to_split
        A leaf in which one class has more than this share does not split (single-label).
    merit_preprune
        Whether a split has to beat not splitting at all.
    max_features
        Share of the features, chosen at random for each attempt, that a split may use.
    drift_detection
        Whether an ADWIN detector watches the error of every branch. Where the error rises, another
        branch grows beside it and takes its place once it is significantly better.
    drift_delta
        Allowed probability of a false alarm of a detector.
    drift_window_threshold
        Rows that both branches must have seen before they are compared.
    switch_significance
        Allowed probability that the branch that takes over is not the better one.
    max_size
        Limit for the arrays in MB. When it is reached, the leaves with the fewest rows stop
        growing. Features that come when the names of others have used up a quarter of it are left
        out.
    seed
        For ``max_features``; None is the same as 0.
"""


def tree_params(estimator: Any, task: Task, **others: Any) -> TreeParams:
    """The parameters of an estimator in the form that kernels need; those that it does not have are
    as :class:`MultiLabelHoeffdingTree` has them by default, and ``others`` are as given."""

    def value(name: str) -> Any:
        return others.get(name, getattr(estimator, name, _DEFAULTS[name]))

    naive_bayes, logistic, adaptive = LEAF_PREDICTION[value("leaf_prediction")]
    max_depth = value("max_depth")
    rates = [float(rate) for rate in np.atleast_1d(value("learning_rate"))]
    return TreeParams(
        single_label=task == "single-label",
        use_naive_bayes=naive_bayes,
        use_logistic=logistic,
        adaptive=adaptive,
        drift_detection=bool(value("drift_detection")),
        merit_preprune=bool(value("merit_preprune")),
        grace_period=float(value("grace_period")),
        max_depth=_UNLIMITED_DEPTH if max_depth is None else int(max_depth),
        delta=float(value("delta")),
        tau=float(value("tau")),
        min_branch_fraction=float(value("min_branch_fraction")),
        max_share_to_split=float(value("max_share_to_split")),
        n_split_points=int(value("n_split_points")),
        feature_share=float(value("max_features")),
        n_rates=len(rates),
        learning_rates=(*rates, *[0.0] * (lay.MAX_RATES - len(rates))),  # type: ignore[arg-type]
        drift_delta=float(value("drift_delta")),
        drift_window_threshold=int(value("drift_window_threshold")),
        switch_significance=float(value("switch_significance")),
        seed=int(value("seed") or 0),
    )


_Estimator = TypeVar("_Estimator", bound=type)


def _with_parameters(**words: str) -> Callable[[_Estimator], _Estimator]:
    """Put the description of the parameters where ``{parameters}`` stands in a docstring."""

    def document(estimator: _Estimator) -> _Estimator:
        text = (estimator.__doc__ or "").replace("    {parameters}\n", _PARAMETERS.format(**words))
        estimator.__doc__ = text
        return estimator

    return document


@dataclasses.dataclass(frozen=True)
class TreeSummary:
    """Size of a tree and what happened to it.

    Parameters
    ----------
    n_nodes, n_leaves
        Nodes and leaves of the tree, without branches that grow beside it.
    height
        Depth of the deepest leaf.
    n_alternates
        Branches that grow beside the tree.
    n_splits, n_drifts, n_replaced
        Splits so far, rises of a branch's error, and branches replaced by a better one.
    n_rows
        Rows learnt.
    n_bytes
        Bytes of all arrays.
    """

    n_nodes: int
    n_leaves: int
    height: int
    n_alternates: int
    n_splits: int
    n_drifts: int
    n_replaced: int
    n_rows: int
    n_bytes: int


class _HoeffdingTree(Shell):
    """The parameters that both trees have."""

    def __init__(
        self,
        grace_period: int = 200,
        max_depth: int | None = None,
        delta: float = 1e-7,
        tau: float = 0.05,
        leaf_prediction: str = "adaptive",
        learning_rate: float = 0.1,
        n_split_points: int = 10,
        min_branch_fraction: float = 0.01,
        max_share_to_split: float = 0.99,
        merit_preprune: bool = True,
        max_features: float = 1.0,
        drift_detection: bool = True,
        drift_delta: float = 0.002,
        drift_window_threshold: int = 300,
        switch_significance: float = 0.05,
        max_size: float = 500.0,
        seed: int | None = None,
    ):
        self.grace_period = grace_period
        self.max_depth = max_depth
        self.delta = delta
        self.tau = tau
        self.leaf_prediction = leaf_prediction
        self.learning_rate = learning_rate
        self.n_split_points = n_split_points
        self.min_branch_fraction = min_branch_fraction
        self.max_share_to_split = max_share_to_split
        self.merit_preprune = merit_preprune
        self.max_features = max_features
        self.drift_detection = drift_detection
        self.drift_delta = drift_delta
        self.drift_window_threshold = drift_window_threshold
        self.switch_significance = switch_significance
        self.max_size = max_size
        self.seed = seed
        check_parameters(self, TREE_CONSTRAINTS)
        self._begin()

    def _new_learner(self) -> TreeLearner:
        return TreeLearner(tree_params(self, self._task), self.max_size * 1e6)

    @property
    def summary(self) -> TreeSummary:
        """Size of the tree and what happened to it."""
        learner: TreeLearner = self._learner  # type: ignore[assignment]
        tree = learner.tree
        registers, nodes = tree.registers, tree.nodes
        open_nodes = [int(registers[lay.ROOT])]
        n_nodes = n_leaves = height = 0
        while open_nodes:
            node = nodes[open_nodes.pop()]
            n_nodes += 1
            height = max(height, int(node["depth"]))
            if node["feature"] < 0:
                n_leaves += 1
            else:
                open_nodes += [int(node["left"]), int(node["right"])]
        return TreeSummary(
            n_nodes=n_nodes,
            n_leaves=n_leaves,
            height=height,
            n_alternates=int(registers[lay.N_ALTERNATES]),
            n_splits=int(registers[lay.N_SPLITS]),
            n_drifts=int(registers[lay.N_DRIFTS]),
            n_replaced=int(registers[lay.N_REPLACED]),
            n_rows=int(registers[lay.ROWS_LEARNT]),
            n_bytes=learner.n_bytes,
        )

    def explain_one(
        self, x: dict[Any, Any], n_features: int = 5, contributions: bool = False
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
        ``path``: the tests of the row from the root down, ``feature``, ``threshold``, the row's
        ``value`` and whether it goes to the values ``at_most`` the threshold. ``labels``: for each
        label (class) learnt whether it is ``answered`` and its ``probability``; the leaf's logistic
        model of the smallest recent loss (``explained``), the features that spoke ``for`` and
        ``against`` the label in it, each with what it adds to the log odds (of a class: to the
        score before the softmax), the strongest first; and, where asked for, its
        ``contributions``: the ``bias`` and those of all ``features``. Without logistic models only
        the path speaks.
        """
        row = self._one_row(x)
        learner: TreeLearner = self._learner  # type: ignore[assignment]
        names = self._names.features.names, self._names.labels.names
        told = explain_single_tree(learner, row, names, n_features, contributions)
        answers = self._answer_row(x)
        for number, label in enumerate(told["labels"]):
            told["labels"][label] |= {
                "answered": bool(answers.labels[number]),
                "probability": float(answers.probabilities[number]),
            }
        return told

    def structure(self) -> dict[str, Any]:
        """Return how many branches were replaced (``restructures``) and ``drifts`` detected."""
        registers = self._learner.tree.registers  # type: ignore[attr-defined]
        replaced, drifts = int(registers[lay.N_REPLACED]), int(registers[lay.N_DRIFTS])
        return {"clusters": None, "restructures": replaced, "drifts": drifts}


_DEFAULTS = {
    name: each.default
    for name, each in inspect.signature(_HoeffdingTree.__init__).parameters.items()
}


@_with_parameters(labels="labels", per_label=" for that label")
class MultiLabelHoeffdingTree(_HoeffdingTree, MultiLabelShell):
    """Hoeffding adaptive tree that predicts sets of labels.

    A leaf splits on the test that makes its labels most certain: the impurity of a node is the sum
    of the binary entropies of its labels (a multivariate Bernoulli process, as in MLHAT), and the
    gain is a share of the leaf's impurity. Only present labels and features that are not zero are
    counted, so that sparse rows and many labels are cheap. Labels and features may appear at any
    time; rows may be sparse, lack values (NaN), and leave the truth of some labels unknown.

    {parameters}

    References
    ----------
    Domingos, P. and Hulten, G. Mining high-speed data streams. KDD 2000.
    Bifet, A. and Gavaldà, R. Adaptive learning from evolving data streams. IDA 2009.
    Esteban, A., Cano, A., Zafra, A. and Ventura, S. Hoeffding adaptive trees for multi-label
    classification on data streams. Knowledge-Based Systems 304, 2024.

    Examples
    --------
    >>> from stream import MultiLabelHoeffdingTree
    >>> model = MultiLabelHoeffdingTree(seed=1)
    >>> for i in range(200):
    ...     warm = i % 3 == 0
    ...     x = {"temperature": (25.0 if warm else 3.0) + i % 5}
    ...     model.learn_one(x, {"sun": warm, "snow": not warm})
    >>> model.predict_one({"temperature": 26.0})
    {'snow': False, 'sun': True}
    """


@_with_parameters(labels="classes", per_label="")
class HoeffdingTreeClassifier(_HoeffdingTree, ClassifierShell):
    """Hoeffding adaptive tree that predicts one class: the single-label mode of the same engine.

    With ``drift_detection=False`` and ``leaf_prediction="nba"`` it is a Hoeffding tree with
    adaptive naive Bayes leaves, as ``river.tree.HoeffdingTreeClassifier`` is.

    {parameters}

    References
    ----------
    Domingos, P. and Hulten, G. Mining high-speed data streams. KDD 2000.
    Bifet, A. and Gavaldà, R. Adaptive learning from evolving data streams. IDA 2009.

    Examples
    --------
    >>> from stream import HoeffdingTreeClassifier
    >>> model = HoeffdingTreeClassifier(seed=1)
    >>> for i in range(200):
    ...     model.learn_one({"size": float(i % 10)}, "large" if i % 10 > 5 else "small")
    >>> model.predict_one({"size": 8.0}), model.predict_one({"size": 1.0})
    ('large', 'small')
    """
