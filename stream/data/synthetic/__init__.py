"""Generated streams whose drift, change points and label blocks are known."""

from stream.data.synthetic.catalogue import DEFAULT_SEED, Summary, create, names, summaries
from stream.data.synthetic.description import StreamDescription
from stream.data.synthetic.drift import DriftSchedule
from stream.data.synthetic.source import SyntheticSource

__all__ = [
    "DEFAULT_SEED",
    "DriftSchedule",
    "StreamDescription",
    "Summary",
    "SyntheticSource",
    "create",
    "names",
    "summaries",
]
