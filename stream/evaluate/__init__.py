"""Prequential evaluation: metrics, windows, delayed labels, results and reports."""

from stream.evaluate.metrics import MultiLabelMetrics
from stream.evaluate.prequential import prequential
from stream.evaluate.protocol import BatchEstimator, Progress
from stream.evaluate.result import PartialResultError, PrequentialResult

__all__ = [
    "BatchEstimator",
    "MultiLabelMetrics",
    "PartialResultError",
    "PrequentialResult",
    "Progress",
    "prequential",
]
