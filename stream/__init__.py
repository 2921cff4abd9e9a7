"""Online multi-label learning on streams that drift.

Estimators are imported when they are first used, so that ``import stream`` and the command line
start at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stream._version import __version__

if TYPE_CHECKING:
    from stream.data import open_source
    from stream.evaluate import prequential
    from stream.models import (
        IHOMER,
        ConformalLabelSets,
        DriftHOMER,
        DriftMoE,
        HoeffdingTreeClassifier,
        LabelPartitioner,
        MultiLabelHoeffdingTree,
        explain_one,
    )
    from stream.snapshot import load

_PLACES = {
    "ConformalLabelSets": "stream.models",
    "DriftHOMER": "stream.models",
    "DriftMoE": "stream.models",
    "IHOMER": "stream.models",
    "HoeffdingTreeClassifier": "stream.models",
    "LabelPartitioner": "stream.models",
    "MultiLabelHoeffdingTree": "stream.models",
    "explain_one": "stream.models",
    "load": "stream.snapshot",
    "open_source": "stream.data",
    "prequential": "stream.evaluate",
}

__all__ = [
    "IHOMER",
    "ConformalLabelSets",
    "DriftHOMER",
    "DriftMoE",
    "HoeffdingTreeClassifier",
    "LabelPartitioner",
    "MultiLabelHoeffdingTree",
    "__version__",
    "explain_one",
    "load",
    "open_source",
    "prequential",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
