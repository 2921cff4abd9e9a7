"""The estimators that users construct."""

from stream.models.hoeffding_tree import (
    HoeffdingTreeClassifier,
    MultiLabelHoeffdingTree,
    TreeSummary,
)
from stream.models.ihomer import IHOMER

__all__ = ["IHOMER", "HoeffdingTreeClassifier", "MultiLabelHoeffdingTree", "TreeSummary"]
