"""River's classifiers as multi-label baselines, with River's default parameters."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from river import (
    base,
    ensemble,
    forest,
    linear_model,
    multioutput,
    naive_bayes,
    neighbors,
    preprocessing,
    tree,
)


class BinaryRelevance(base.MultiLabelClassifier):
    """One classifier for each label; a label is there when its classifier says so."""

    def __init__(self, classifier: base.Classifier):
        self.classifier = classifier
        self.models: dict[Hashable, base.Classifier] = {}

    @property
    def _multiclass(self) -> bool:
        return False

    def learn_one(self, x: dict, y: Mapping[Hashable, bool]) -> None:
        for label, present in y.items():
            if label not in self.models:
                self.models[label] = self.classifier.clone()
            self.models[label].learn_one(x, present)

    def predict_one(self, x: dict, **kwargs: Any) -> dict[Hashable, bool]:
        return {label: bool(model.predict_one(x)) for label, model in self.models.items()}


class MultiTargetTree(base.MultiLabelClassifier):
    """River's iSOUP tree, a regressor of all labels at once: a label is there from 0.5 on."""

    def __init__(self) -> None:
        self.model = tree.ISOUPTreeRegressor()
        self.labels: list[Hashable] = []

    @property
    def _multiclass(self) -> bool:
        return False

    def learn_one(self, x: dict, y: Mapping[Hashable, bool]) -> None:
        self.labels = list(y)
        self.model.learn_one(x, {label: float(present) for label, present in y.items()})

    def predict_one(self, x: dict, **kwargs: Any) -> dict[Hashable, bool]:
        if not self.labels:
            return {}
        values = self.model.predict_one(x)
        return {label: values.get(label, 0.0) >= 0.5 for label in self.labels}


def hoeffding_trees() -> BinaryRelevance:
    return BinaryRelevance(tree.HoeffdingTreeClassifier())


def adaptive_trees(seed: int) -> BinaryRelevance:
    return BinaryRelevance(tree.HoeffdingAdaptiveTreeClassifier(seed=seed))


def extremely_fast_trees() -> BinaryRelevance:
    return BinaryRelevance(tree.ExtremelyFastDecisionTreeClassifier())


def adaptive_forests(seed: int) -> BinaryRelevance:
    return BinaryRelevance(forest.ARFClassifier(seed=seed))


def mondrian_forests(seed: int) -> BinaryRelevance:
    return BinaryRelevance(forest.AMFClassifier(seed=seed))


def nearest_neighbours() -> BinaryRelevance:
    return BinaryRelevance(neighbors.KNNClassifier())


def naive_bayes_per_label() -> BinaryRelevance:
    return BinaryRelevance(naive_bayes.GaussianNB())


def adwin_bagging(seed: int) -> BinaryRelevance:
    bagged = ensemble.ADWINBaggingClassifier(tree.HoeffdingTreeClassifier(), seed=seed)
    return BinaryRelevance(bagged)


def logistic_regressions() -> Any:
    return preprocessing.StandardScaler() | BinaryRelevance(linear_model.LogisticRegression())


def chain_of_logistic_regressions() -> Any:
    chain = multioutput.ClassifierChain(linear_model.LogisticRegression())
    return preprocessing.StandardScaler() | chain


def label_combinations() -> Any:
    return multioutput.MultiClassEncoder(tree.HoeffdingTreeClassifier())
