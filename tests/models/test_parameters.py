"""Parameters: what is refused, in one sentence, and what is kept."""

import inspect

import pytest

from stream import HoeffdingTreeClassifier, MultiLabelHoeffdingTree
from stream.errors import ParameterError
from stream.models.hoeffding_tree import TREE_CONSTRAINTS

NAN = float("nan")
REFUSED = {
    "grace_period": ("an int in the range [1, 1000000000]", [0, -1, 1.5, "200", None, True, NAN]),
    "max_depth": ("an int in the range [0, 1000000] or None", [-1, 2.0, "3"]),
    "delta": ("a float in the range (0, 1)", [0, 1, -1e-9, 2.0, "x", None, NAN]),
    "tau": ("a float in the range [0, 1000]", [-0.1, None, NAN, float("inf"), "0"]),
    "leaf_prediction": (
        "one of 'mc', 'nb', 'nba', 'lr', 'adaptive'",
        ["NBA", "", None, 1, ["mc"]],
    ),
    "learning_rate": ("a float in the range (0, 100]", [0, -1.0, NAN, float("inf"), None]),
    "n_split_points": ("an int in the range [1, 10000]", [0, 1.0, None]),
    "min_branch_fraction": ("a float in the range [0, 0.5)", [-0.1, 0.5, 1, None]),
    "max_share_to_split": ("a float in the range (0, 1]", [0, 1.01, None]),
    "merit_preprune": ("one of True, False", [1, 0, None, "yes"]),
    "max_features": ("a float in the range (0, 1]", [0, 1.1, None, "sqrt"]),
    "drift_detection": ("one of True, False", [1, None, "adwin"]),
    "drift_delta": ("a float in the range (0, 1)", [0, 1, None]),
    "drift_window_threshold": ("an int in the range [1, 1000000000]", [0, 2.5]),
    "switch_significance": ("a float in the range (0, 1)", [0, 1, NAN]),
    "max_size": ("a float in the range (0, 1e+09]", [0, -5, NAN, float("inf"), None]),
    "seed": ("an int in the range [0, 9223372036854775807] or None", [-1, 2**63, 1.0, "7", True]),
}


def test_every_parameter_has_its_constraint_and_its_test():
    names = [*inspect.signature(MultiLabelHoeffdingTree).parameters]
    assert names == [*TREE_CONSTRAINTS] == [*REFUSED]


@pytest.mark.parametrize("kind", [MultiLabelHoeffdingTree, HoeffdingTreeClassifier])
@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, (_, values) in REFUSED.items() for value in values]
)
def test_refused(kind, name, value):
    with pytest.raises(ParameterError) as caught:
        kind(**{name: value})
    allowed = REFUSED[name][0]
    assert str(caught.value) == (
        f"The {name!r} parameter of {kind.__name__} must be {allowed}. Got {value!r} instead."
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_depth", 0),
        ("max_share_to_split", 1.0),
        ("min_branch_fraction", 0.0),
        ("tau", 0),
        ("seed", 2**63 - 1),
        ("n_split_points", 1),
        ("grace_period", 1),
        ("delta", 0.999),
        ("max_features", 1e-9),
    ],
)
def test_bounds_are_allowed_and_work(name, value):
    model = MultiLabelHoeffdingTree(**{name: value})
    assert getattr(model, name) is value
    for i in range(50):
        model.learn_one({"a": float(i % 5), "b": -1.0}, {"p": i % 5 > 2})
    assert 0 <= model.predict_proba_one({"a": 4.0})["p"][True] <= 1


def test_max_depth_limits_the_tree():
    for depth in (0, 1, 2):
        model = MultiLabelHoeffdingTree(max_depth=depth, grace_period=10, tau=1.0)
        for i in range(500):
            model.learn_one({"a": i % 16}, {k: bool(i % 16 >> k & 1) for k in range(4)})
        assert model.summary.height == depth


def test_clone_takes_new_parameters():
    model = MultiLabelHoeffdingTree(grace_period=50, seed=3)
    other = model.clone({"grace_period": 60})
    assert (other.grace_period, other.seed, model.grace_period) == (60, 3, 50)
    with pytest.raises(ParameterError, match="'grace_period'"):
        model.clone({"grace_period": 0})
