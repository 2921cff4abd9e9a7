"""The trees where River's users have them: in pipelines, wrappers and River's evaluation."""

import numpy as np
import pytest
from river import base, compose, datasets, evaluate, feature_extraction, metrics, preprocessing

import stream.evaluate
from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.data import open_source

ROWS = 400


def micro_f1():
    return metrics.multioutput.MicroAverage(metrics.F1())


def test_progressive_validation_as_in_the_documentation():
    model = preprocessing.StandardScaler() | MultiLabelHoeffdingTree()
    metric = evaluate.progressive_val_score(datasets.Yeast().take(ROWS), model, micro_f1())
    assert 0.5 < metric.get() < 0.75


PIPELINES = {
    "bare": MultiLabelHoeffdingTree,
    "scaled": lambda: preprocessing.StandardScaler() | MultiLabelHoeffdingTree(seed=1),
    "selected": lambda: (
        compose.SelectType(float) | preprocessing.MinMaxScaler() | MultiLabelHoeffdingTree(seed=1)
    ),
    "extended": lambda: (
        (compose.Select("Att1", "Att2", "Att3") | feature_extraction.PolynomialExtender())
        + preprocessing.StandardScaler()
        | MultiLabelHoeffdingTree(grace_period=30, tau=0.5)
    ),
}


class Counts(metrics.multioutput.ExactMatch):
    """Rows that are right, and labels that are wrong."""

    def __init__(self):
        super().__init__()
        self.rows = self.right = self.wrong = 0

    def update(self, y_true, y_pred, w=1.0):
        wrong = sum(y_pred[label] != value for label, value in y_true.items())
        self.rows += 1
        self.wrong += wrong
        self.right += wrong == 0


@pytest.mark.parametrize("name", PIPELINES)
def test_rivers_evaluation_and_ours_agree(name):
    """River's leaves out rows for which there is no answer yet, which is the first one."""
    counts = Counts()
    evaluate.progressive_val_score(datasets.Yeast().take(ROWS), PIPELINES[name](), counts)
    result = stream.evaluate.prequential(open_source("yeast"), PIPELINES[name](), limit=ROWS)
    assert counts.rows == ROWS - 1
    assert counts.right == round(result.metrics["subset_accuracy"] * ROWS)
    truth = next(iter(datasets.Yeast()))[1]
    wrong = result.metrics["hamming_loss"] * ROWS * len(truth)
    assert counts.wrong + sum(truth.values()) == round(wrong)


def test_pipeline_and_its_parts_by_hand_agree():
    """The estimator in a pipeline gets what the scaler makes, no more and no less."""
    model = preprocessing.StandardScaler() | MultiLabelHoeffdingTree(grace_period=30, tau=0.5)
    scaler, tree = preprocessing.StandardScaler(), MultiLabelHoeffdingTree(grace_period=30, tau=0.5)
    for x, y in datasets.Yeast().take(200):
        assert model.predict_proba_one(x) == tree.predict_proba_one(scaler.transform_one(x))
        model.learn_one(x, y)
        scaler.learn_one(x)
        tree.learn_one(scaler.transform_one(x), y)


def test_classes_of_river():
    multi, single = MultiLabelHoeffdingTree(), HoeffdingTreeClassifier()
    assert isinstance(multi, base.MultiLabelClassifier)
    assert isinstance(multi, base.Classifier)
    assert isinstance(single, base.MiniBatchClassifier)
    assert not isinstance(single, base.MultiLabelClassifier)
    assert multi._supervised
    assert multi._multiclass
    assert single._multiclass


def test_probability_metric_gets_probabilities():
    """River hands hard labels to such metrics unless the model is a Classifier as well."""
    got = []

    class Spy(metrics.multioutput.MicroAverage):
        requires_labels = False

        def update(self, y_true, y_pred, w=1.0):
            got.append(y_pred)

    evaluate.progressive_val_score(
        datasets.Yeast().take(50), MultiLabelHoeffdingTree(), Spy(metrics.LogLoss())
    )
    told = got[-1]["Class1"]
    assert set(told) == {False, True}
    assert 0 < told[True] < 1


def test_single_label_pipeline_with_rivers_evaluation():
    model = preprocessing.StandardScaler() | HoeffdingTreeClassifier(seed=1)
    metric = metrics.Accuracy()
    evaluate.progressive_val_score(datasets.ImageSegments().take(600), model, metric)
    assert metric.get() > 0.6
    features = dict.fromkeys(next(iter(datasets.ImageSegments()))[0], 0.0)
    assert np.isclose(sum(model.predict_proba_one(features).values()), 1.0)
