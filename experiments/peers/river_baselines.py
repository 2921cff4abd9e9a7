"""River's classifiers as multi-label baselines."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from river import base, linear_model, multioutput, naive_bayes, preprocessing, tree


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


def hoeffding_trees() -> BinaryRelevance:
    return BinaryRelevance(tree.HoeffdingTreeClassifier())


BASELINES: dict[str, Callable[[], Any]] = {
    "River, Hoeffding tree per label": hoeffding_trees,
    "River, adaptive Hoeffding tree per label": lambda: BinaryRelevance(
        tree.HoeffdingAdaptiveTreeClassifier(seed=1)
    ),
    "River, naive Bayes per label": lambda: BinaryRelevance(naive_bayes.GaussianNB()),
    "River, logistic regression per label": lambda: (
        preprocessing.StandardScaler() | BinaryRelevance(linear_model.LogisticRegression())
    ),
    "River, chain of logistic regressions": lambda: (
        preprocessing.StandardScaler()
        | multioutput.ClassifierChain(linear_model.LogisticRegression())
    ),
}
