"""The estimators that users construct."""

from stream.models.conformal import ConformalLabelSets
from stream.models.drift_homer import DriftHOMER
from stream.models.drift_moe import DriftMoE, MixtureSummary
from stream.models.explaining import explain_one
from stream.models.hoeffding_tree import (
    HoeffdingTreeClassifier,
    MultiLabelHoeffdingTree,
    TreeSummary,
)
from stream.models.ihomer import IHOMER
from stream.models.label_partitioner import LabelPartitioner
from stream.models.partial_fit import PartialFit

__all__ = [
    "IHOMER",
    "ConformalLabelSets",
    "DriftHOMER",
    "DriftMoE",
    "HoeffdingTreeClassifier",
    "LabelPartitioner",
    "MixtureSummary",
    "MultiLabelHoeffdingTree",
    "PartialFit",
    "TreeSummary",
    "explain_one",
]
