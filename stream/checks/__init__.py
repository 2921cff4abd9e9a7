"""Checks that any multi-label estimator for streams can be put through."""

from stream.checks.estimator import check_multilabel_estimator, yield_multilabel_checks
from stream.checks.registry import Check, CheckFailedError

__all__ = ["Check", "CheckFailedError", "check_multilabel_estimator", "yield_multilabel_checks"]
