"""Why a model answers as it does, with the names of features and labels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from river import base, compose

from stream.clusters.call import CallRows
from stream.clusters.explaining import explain_clusters, explain_tree
from stream.clusters.memory import Neighbor
from stream.engine.arrays import Float64Array
from stream.engine.contributions import PathTest, Terms, leaf_terms, path_of
from stream.engine.events import predictions_of
from stream.engine.label_cluster_layout import MEAN, MODEL
from stream.engine.layout import LOGISTIC
from stream.engine.learner import columns_needed
from stream.errors import ParameterError
from stream.rows.batch import Batch

if TYPE_CHECKING:
    from stream.clusters.coordinator import Coordinator
    from stream.clusters.gated import GatedClusters
    from stream.engine.learner import TreeLearner

Names = Sequence[Hashable]
Explained = dict[str, Any]
CLUSTER = "cluster's logistic"
# Inputs of a cluster's mixer.
INPUTS = (
    "logistic", "mean", "nearest rows", "persistence", "trend", "gate", "base rate", "bias",
)  # fmt: skip


def explain_one(model: Any, x: dict[Hashable, Any], **options: Any) -> dict[str, Any]:
    """What leads to the answer to a row, also where the model is the end of a River pipeline or
    inside a wrapper.

    Parameters
    ----------
    model
        An estimator with ``explain_one``, or a pipeline or wrapper around one.
    x
        The row as the pipeline is given it; its features are named as its steps name them.
    **options
        ``n_features=5``: how many features are named for and against a label.
        ``contributions=False``: whether to tell all that each feature adds to the log odds of each
        logistic model.

    Raises
    ------
    ParameterError
        When the model explains nothing.

    Examples
    --------
    >>> from river import preprocessing
    >>> from stream import MultiLabelHoeffdingTree, open_source
    >>> model = preprocessing.StandardScaler() | MultiLabelHoeffdingTree(seed=1)
    >>> for x, y in list(open_source("yeast"))[:300]:
    ...     model.learn_one(x, y)
    >>> sorted(explain_one(model, x)["labels"]["Class1"])
    ['against', 'answered', 'explained', 'for', 'probability']
    """
    last = model
    while not callable(getattr(last, "explain_one", None)):
        if isinstance(last, compose.Pipeline):
            x = last.transform_one(x)
            last = list(last.steps.values())[-1]
        elif isinstance(last, base.Wrapper):
            last = last._wrapped_model
        else:
            raise ParameterError(
                "The model must have the method explain_one, as DriftHOMER and the Hoeffding trees "
                f"have, alone, wrapped or at the end of a pipeline. Got {type(last)} instead."
            )
    explained: dict[str, Any] = last.explain_one(x, **options)
    return explained


def explain_stacked(
    learner: Coordinator,
    row: Batch,
    models: Sequence[str],
    names: tuple[Names, Names],
    n_features: int,
    contributions: bool,
) -> Explained:
    """See :meth:`stream.DriftHOMER.explain_one`.

    Parameters
    ----------
    models
        Names of the models that the mixer weighs.
    names
        Of features and of labels.
    """
    gated, trees = learner.gated, learner.trees
    assert gated is not None
    assert trees is not None
    assert trees.shared is not None
    features, labels = names
    segment, rows = learner.one_row(row)
    found = learner.explain(segment, rows)
    work = trees.rows.prepare(rows.raw, segment.events, rows.n_features)
    leaf = explain_tree(trees.shared.part.growing.tree, work)
    inputs = [*models, "persistence", "trend", "base rate", "bias"]
    clusters = learner.clusters
    cluster_of = {label: number for number, held in clusters for label in held}
    within = _cluster_models(gated, rows, range(len(found.answered)))
    explained: Explained = {"labels": {}, "clusters": {}}
    for label in range(len(found.answered)):
        weights = found.weights[label]
        own, weight = within[label]
        parts = dict.fromkeys((CLUSTER,), own) | {
            models[LOGISTIC + q]: _of_label(leaf.terms, q, label)
            for q in range(leaf.terms.bias.shape[0])
            if label < leaf.terms.bias.shape[1]
        }
        weighed = {name: float(weights[place]) for place, name in enumerate(inputs)}
        weighed[CLUSTER] = float(weights[len(models) - 1]) * weight
        explained["labels"][labels[label]] = {
            "answered": bool(found.answered[label]),
            "probability": float(found.probabilities[label]),
            "mixed": float(found.mixed[label]),
            "cluster": cluster_of[label],
            "models": dict(zip(models, found.model_probabilities[:, label].tolist(), strict=True)),
            "weighs": dict(zip(inputs, weights.tolist(), strict=True)),
            **_spoken(parts, weighed, features, n_features, contributions),
        }
    for number, held in clusters:
        routes = found.routes.get(number)
        explained["clusters"][number] = {
            "labels": [labels[label] for label in held],
            "experts": None if routes is None else routes.tolist(),
            "heaviest": None if routes is None else int(routes.argmax()),
        }
    explained["path"] = path_explained(leaf.path, features)
    concepts = trees.shared.concepts
    explained["concept"] = None if concepts is None else concepts.in_force
    neighbors = gated.recent.nearest(segment, rows, learner.n_labels)
    explained["neighbors"] = _neighbors_explained(neighbors, labels)
    return explained


def explain_gated(
    learner: Coordinator,
    row: Batch,
    names: tuple[Names, Names],
    n_features: int,
    contributions: bool,
) -> Explained:
    """See :meth:`stream.DriftHOMER.explain_one`, where labels are many: those worth mentioning."""
    gated = learner.gated
    assert gated is not None
    features, labels = names
    segment, rows = learner.one_row(row)
    found = gated.explain(segment, rows)
    within = _cluster_models(gated, rows, [each.label for each in found.labels])
    explained: Explained = {"labels": {}, "clusters": {}}
    for each in found.labels:
        own, weight = within[each.label]
        explained["labels"][labels[each.label]] = {
            "answered": each.answered,
            "probability": each.probability,
            "mixed": each.probability,
            "cluster": each.cluster,
            "models": dict(zip(INPUTS[:3], each.inputs[:3], strict=True)),
            "weighs": dict(zip(INPUTS, each.weights, strict=True)),
            **_spoken({CLUSTER: own}, {CLUSTER: weight}, features, n_features, contributions),
        }
    for number, held, p in found.clusters:
        explained["clusters"][number] = {
            "labels": [labels[label] for label in held],
            "probability": p,
        }
    neighbors = gated.recent.nearest(segment, rows, learner.n_labels)
    explained["neighbors"] = _neighbors_explained(neighbors, labels)
    return explained


def explain_single_tree(
    learner: TreeLearner,
    row: Batch,
    names: tuple[Names, Names],
    n_features: int,
    contributions: bool,
) -> Explained:
    """The path of a row and what the logistic models of its leaf say, without the answer."""
    features, labels = names
    x = row.features
    work = learner.rows.prepare(x, predictions_of(np.array([0])), columns_needed(*x[:2]))
    path, leaf = path_of(learner.tree, x[1:])
    explained: Explained = {"labels": {}, "path": path_explained(path, features)}
    params, n_labels = learner.params, learner.n_labels
    if not params.use_logistic:
        spoken: Explained = {"for": [], "against": []}
        explained["labels"] = {labels[label]: dict(spoken) for label in range(n_labels)}
        return explained
    end = work.scaled[0][1]
    scaled = work.scaled[1][:end], work.scaled[2][:end]
    terms = leaf_terms(learner.tree, leaf, scaled, single_label=params.single_label)
    losses = learner.tree.labels.loss[leaf, LOGISTIC:]
    for label in range(n_labels):
        best = int(np.argmin(losses[:, 0 if params.single_label else label]))
        rate = f"logistic {params.learning_rates[best]:g}"
        parts = {rate: _of_label(terms, best, label)}
        explained["labels"][labels[label]] = {
            "explained": rate,
            **_spoken(parts, {rate: 1.0}, features, n_features, contributions),
        }
    return explained


LabelTerms = tuple[float, np.ndarray, Float64Array]  # bias, columns, terms


def _of_label(terms: Terms, model: int, place: int) -> LabelTerms:
    return float(terms.bias[model, place]), terms.column, terms.term[:, model, place]


def _cluster_models(
    gated: GatedClusters, row: CallRows, labels: Sequence[int]
) -> dict[int, tuple[LabelTerms, float]]:
    """Terms of each label in the model of its cluster, and the weight of that in the cluster's
    mixer: its own input's, and half of that of the mean with the votes."""
    numbers = sorted({int(gated.placement.cluster[label]) for label in labels})
    terms = explain_clusters(gated, row, numbers)
    found = {}
    for label in labels:
        number = int(gated.placement.cluster[label])
        column = int(gated.placement.column[label])
        weights = gated.clusters[number].mixer_weights[column]
        weight = float(weights[MODEL] + 0.5 * weights[MEAN])
        found[label] = _of_label(terms[number], 0, column), weight
    return found


def _spoken(
    parts: Mapping[str, LabelTerms],
    weighs: Mapping[str, float],
    features: Names,
    n_features: int,
    contributions: bool,
) -> Explained:
    """The features that spoke for and against a label: their contributions to the models, each
    times what the model weighs."""
    total: dict[int, float] = {}
    for model, (_, columns, terms) in parts.items():
        for column, term in zip(columns.tolist(), terms.tolist(), strict=True):
            total[column] = total.get(column, 0.0) + weighs[model] * term
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    spoken = [(features[column], value) for column, value in ordered]
    explained: Explained = {
        "for": [each for each in spoken[:n_features] if each[1] > 0],
        "against": [each for each in spoken[::-1][:n_features] if each[1] < 0],
    }
    if contributions:
        explained["contributions"] = {
            model: {
                "bias": bias,
                "features": {
                    features[column]: term
                    for column, term in zip(columns.tolist(), terms.tolist(), strict=True)
                },
            }
            for model, (bias, columns, terms) in parts.items()
        }
    return explained


def path_explained(path: Sequence[PathTest], features: Names) -> list[Explained]:
    """The tests of a path with the names of their features."""
    return [{"feature": features[test.column], **_without_column(test)} for test in path]


def _without_column(test: PathTest) -> Explained:
    return {name: value for name, value in test._asdict().items() if name != "column"}


def _neighbors_explained(neighbors: Sequence[Neighbor], labels: Names) -> list[Explained]:
    return [
        {
            "row": each.number,
            "similarity": each.similarity,
            "share": each.share,
            "labels": [labels[label] for label in each.labels],
        }
        for each in neighbors
    ]
