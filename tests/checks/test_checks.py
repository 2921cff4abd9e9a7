"""The checks: a sound estimator passes all of them, and each bug fails exactly the one for it."""

import itertools
import pickle

import pytest
from broken import BROKEN, STRICTLY_BROKEN, GlobalRandom, SkipsAsItSays
from river import linear_model, multioutput, naive_bayes, preprocessing
from sound import Sound

from stream import MultiLabelHoeffdingTree
from stream.checks import (
    CheckFailedError,
    check_multilabel_estimator,
    yield_multilabel_checks,
)
from stream.errors import ParameterError


def failures(model, strict=False):
    """Names of the checks that a model fails on the made-up rows."""
    failed = set()
    for check in itertools.islice(
        yield_multilabel_checks(model, strict=strict), len(BROKEN) + strict * len(STRICTLY_BROKEN)
    ):
        try:
            check(model)
        except CheckFailedError as error:
            failed.add(error.check)
    return failed


def cases(broken):
    return [
        pytest.param(check, kind, id=f"{check}-{kind.__name__}")
        for check, kinds in broken.items()
        for kind in kinds
    ]


def test_sound_estimator_passes():
    check_multilabel_estimator(Sound(seed=3), strict=True)
    check_multilabel_estimator(preprocessing.StandardScaler() | Sound())


@pytest.mark.parametrize(("check", "kind"), cases(BROKEN))
def test_bug_fails_its_check_only(check, kind):
    assert failures(kind()) == {check}


@pytest.mark.parametrize(("check", "kind"), cases(STRICTLY_BROKEN))
def test_bug_fails_its_strict_check_only(check, kind):
    assert failures(kind(), strict=True) == {check}
    assert failures(kind()) == set()


def test_every_check_has_a_bug_that_it_finds():
    names = {check.__name__ for check in yield_multilabel_checks(Sound(), strict=True)}
    assert names == {*BROKEN, *STRICTLY_BROKEN}


def test_message_says_which_check_what_and_what_to_do():
    model = BROKEN["check_inputs_are_not_written_to"][0]()
    with pytest.raises(CheckFailedError) as caught:
        check_multilabel_estimator(model)
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "WritesIntoX failed check_inputs_are_not_written_to: learn_one changed its input"
    )
    assert lines[1].startswith("The check catches models that write into the caller's x or y")
    assert lines[2] == "What to do: Copy the dictionary before changing it: x = dict(x)."


def test_unexpected_error_is_told_with_its_type():
    model = BROKEN["check_prediction_before_learning"][0]()
    with pytest.raises(CheckFailedError, match="RuntimeError: not fitted") as caught:
        check_multilabel_estimator(model)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_checks_can_be_skipped_by_name_and_by_the_model():
    kind = BROKEN["check_clone_forgets"][0]
    check_multilabel_estimator(kind(), skip=["check_clone_forgets"])
    check_multilabel_estimator(SkipsAsItSays())


def test_randomness_without_a_seed_is_found():
    assert "check_same_seed_same_bytes" in failures(GlobalRandom())


def test_unknown_name_to_skip_is_refused():
    with pytest.raises(ParameterError, match="Got 'check_typo' instead"):
        list(yield_multilabel_checks(Sound(), skip=["check_typo"]))


def test_checks_leave_the_model_as_it_is():
    model = MultiLabelHoeffdingTree(seed=1)
    model.learn_one({"a": 1.0}, {"p": True})
    before = pickle.dumps(model)
    check_multilabel_estimator(model, strict=True)
    assert pickle.dumps(model) == before


def test_every_check_tells_the_bug_it_catches_and_what_to_do():
    for check in yield_multilabel_checks(Sound(), strict=True):
        assert check.function.__doc__.startswith("Catches ")
        assert check.advice.endswith(".")


def test_estimators_of_river():
    """What the checks find in River's own multi-label estimators (0.26)."""
    chain = multioutput.ClassifierChain(linear_model.LogisticRegression())
    assert failures(preprocessing.StandardScaler() | chain) == {
        "check_label_order_does_not_matter",  # the order of the chain is that of the first y
        "check_clone_forgets",  # which it keeps in its parameter
        "check_parameters_are_kept",
    }
    encoder = multioutput.MultiClassEncoder(naive_bayes.GaussianNB())
    assert {
        "check_labels_come_and_go",  # an answer has the labels of one y
        "check_label_names_of_any_type",  # it sorts them
    } <= failures(encoder)
