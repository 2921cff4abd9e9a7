"""The estimators that users construct."""

from stream.models.hoeffding_tree import (
    HoeffdingTreeClassifier,
    MultiLabelHoeffdingTree,
    TreeSummary,
)

__all__ = ["HoeffdingTreeClassifier", "MultiLabelHoeffdingTree", "TreeSummary"]
