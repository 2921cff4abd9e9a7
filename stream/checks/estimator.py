"""Running the checks on an estimator."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

# The order in which the checks run: importing a module puts its checks into the list.
from stream.checks import answers, features, labels, many, pickles, state  # noqa: F401
from stream.checks.check import CHECKS, Check
from stream.checks.rows import made_rows, yeast_rows
from stream.errors import ParameterError


def yield_multilabel_checks(
    model: Any, *, strict: bool = False, skip: Collection[str] = ()
) -> Iterator[Check]:
    """The checks that apply to a multi-label classifier, each twice: on made-up rows and on the
    first rows of Yeast, which comes with River.

    Parameters
    ----------
    model
        A River multi-label classifier, or a pipeline that ends in one. The checks that its
        ``_unit_test_skips()`` names are left out.
    strict
        Whether to ask for more than River does: missing values, arrays and sparse matrices, bytes
        of pickles, refusal of bad input. Meant for a classifier by itself, not for a pipeline.
    skip
        Names of checks to leave out.

    Yields
    ------
    A function of a model with the check's ``__name__``; it raises
    :class:`~stream.checks.CheckFailedError`, and leaves the model as it is.

    Raises
    ------
    ParameterError
        When ``skip`` holds a name that is no check.

    Examples
    --------
    >>> from stream import MultiLabelHoeffdingTree
    >>> checks = list(yield_multilabel_checks(MultiLabelHoeffdingTree()))
    >>> checks[0].__name__
    'check_probabilities_are_coherent'
    >>> checks[0](MultiLabelHoeffdingTree())
    """
    names = {each.__name__ for each in CHECKS}
    unknown = sorted(set(skip) - names)
    if unknown:
        raise ParameterError(
            f"The 'skip' parameter must hold names of checks: {', '.join(sorted(names))}. "
            f"Got {unknown[0]!r} instead."
        )
    left_out = {*skip, *model._unit_test_skips()}
    for rows in (made_rows(), yeast_rows()):
        for each in CHECKS:
            if each.__name__ not in left_out and (strict or not each.strict):
                yield replace(each, rows=tuple(rows))


def check_multilabel_estimator(
    model: Any, *, strict: bool = False, skip: Collection[str] = ()
) -> None:
    """Check that a multi-label classifier does what streams, metrics and other estimators rely on.

    It asks for much that ``river.checks.check_estimator`` does not: probabilities that are
    probabilities, inputs not written to, labels that come and go or are unknown, names of any type,
    independence of the order of dictionaries, many rows like one at a time, pickles that go on as
    the original does. Run both.

    Parameters
    ----------
    model, strict, skip
        See :func:`yield_multilabel_checks`. The model stays as it is.

    Raises
    ------
    CheckFailedError
        For the first check that fails: its name, what went wrong, and what to do.

    Examples
    --------
    >>> from river import preprocessing
    >>> from stream import MultiLabelHoeffdingTree
    >>> check_multilabel_estimator(preprocessing.StandardScaler() | MultiLabelHoeffdingTree(seed=1))

    The chain of River depends on the order of the labels by design, and changes its parameter:

    >>> from river import linear_model, multioutput
    >>> chain = multioutput.ClassifierChain(linear_model.LogisticRegression())
    >>> check_multilabel_estimator(chain, skip=["check_label_order_does_not_matter"])
    Traceback (most recent call last):
    stream.checks.check.CheckFailedError: ClassifierChain failed check_clone_forgets: ...
    """
    for each in yield_multilabel_checks(model, strict=strict, skip=skip):
        each(model)
