"""Checks that any multi-label estimator for streams can be put through."""

from stream.checks.check import Check, CheckFailedError
from stream.checks.estimator import check_multilabel_estimator, yield_multilabel_checks

__all__ = ["Check", "CheckFailedError", "check_multilabel_estimator", "yield_multilabel_checks"]
