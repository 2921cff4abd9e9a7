"""Our estimators, with several parameters and in pipelines, against River's checks and ours."""

import pytest
import river.checks
from river import base, compose, datasets, feature_selection, preprocessing

from stream import DriftHOMER, DriftMoE, HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.checks import yield_multilabel_checks

PARAMETERS = {
    "defaults": {},
    "seeded": {"seed": 3, "max_features": 0.5},
    "splitting": {"grace_period": 5, "tau": 0.5, "delta": 0.1, "merit_preprune": False, "seed": 1},
    "frequencies": {"leaf_prediction": "mc", "drift_detection": False},
    "naive Bayes": {"leaf_prediction": "nb", "grace_period": 10, "tau": 0.5},
    "logistic": {"leaf_prediction": "lr"},
    "small": {"max_size": 0.02, "max_depth": 2, "grace_period": 10, "tau": 0.5},
}
PIPELINES = {
    "bare": lambda model: model,
    "scaled": lambda model: preprocessing.StandardScaler() | model,
    "selected": lambda model: (
        feature_selection.VarianceThreshold() | preprocessing.MinMaxScaler() | model
    ),
    "union": lambda model: (preprocessing.StandardScaler() + compose.Prefixer("raw ")) | model,
}
MIXTURES = {
    "data": lambda: DriftMoE(seed=3),
    "task": lambda: DriftMoE("task"),
    "published data": DriftMoE.paper,
    "published task": lambda: DriftMoE.paper("task", seed=3),
    "small": lambda: DriftMoE(max_size=0.02, hidden=4, grace_period=10, tau=0.5),
}
HOMERS = {
    "defaults": DriftHOMER,
    "eager": lambda: DriftHOMER(
        experts=3, partition_period=20, grace_period=10, tau=0.5, drift_delta=0.05, seed=3
    ),
}
COMBINATIONS = [(name, "bare") for name in PARAMETERS] + [
    ("seeded", "scaled"),
    ("splitting", "scaled"),
    ("defaults", "selected"),
    ("defaults", "union"),
]


def bundled_datasets(model, scale=1):
    """Rows that need no download, in place of those that River's checks would fetch."""
    if isinstance(model, base.MultiLabelClassifier) or (
        isinstance(model, compose.Pipeline)
        and isinstance(model._last_step, base.MultiLabelClassifier)
    ):
        yield list(datasets.Yeast().take(50 * scale))
    elif isinstance(model, base.Classifier):
        yield list(datasets.Phishing().take(100 * scale))
        yield list(datasets.ImageSegments().take(100 * scale))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    monkeypatch.setattr(river.checks, "_yield_datasets", bundled_datasets)


@pytest.mark.parametrize(("parameters", "pipeline"), COMBINATIONS)
@pytest.mark.parametrize("kind", [MultiLabelHoeffdingTree, HoeffdingTreeClassifier])
def test_checks_of_river(kind, parameters, pipeline):
    check_with_river(PIPELINES[pipeline](kind(**PARAMETERS[parameters])), pipeline)


@pytest.mark.parametrize("pipeline", ["bare", "scaled"])
@pytest.mark.parametrize("made", MIXTURES)
def test_checks_of_river_for_mixtures(made, pipeline):
    check_with_river(PIPELINES[pipeline](MIXTURES[made]()), pipeline)


@pytest.mark.parametrize("pipeline", ["bare", "scaled"])
@pytest.mark.parametrize("made", HOMERS)
def test_checks_of_river_for_drift_homer(made, pipeline):
    check_with_river(PIPELINES[pipeline](HOMERS[made]()), pipeline)


def check_with_river(model, pipeline):
    skipped = model._unit_test_skips()
    if pipeline != "bare":
        # River's scalers learn a whole chunk before the model sees its first row.
        skipped = {*skipped, "check_learn_many_matches_learn_one"}
    names = []
    for check in river.checks.yield_checks(model):
        if check.__name__ not in skipped:
            check(model.clone())
            names.append(check.__name__)
    assert {"check_learn_one", "check_shuffle_features_no_impact", "check_pickling"} <= set(names)


@pytest.mark.parametrize(("parameters", "pipeline"), COMBINATIONS)
def test_checks_of_ours(parameters, pipeline):
    model = PIPELINES[pipeline](MultiLabelHoeffdingTree(**PARAMETERS[parameters]))
    for check in yield_multilabel_checks(model, strict=pipeline == "bare"):
        check(model)


@pytest.mark.parametrize("pipeline", ["bare", "scaled"])
@pytest.mark.parametrize("made", HOMERS)
def test_checks_of_ours_for_drift_homer(made, pipeline):
    model = PIPELINES[pipeline](HOMERS[made]())
    for check in yield_multilabel_checks(model, strict=pipeline == "bare"):
        check(model)
