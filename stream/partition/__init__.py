"""Which labels belong together: a hierarchy of label clusters that follows a stream."""

from stream.partition.clustering import PartitionParams
from stream.partition.core import PartitionCore
from stream.partition.events import Cluster, PartitionEvent
from stream.partition.hierarchy import Hierarchy, adjusted_rand_index

__all__ = [
    "Cluster",
    "Hierarchy",
    "PartitionCore",
    "PartitionEvent",
    "PartitionParams",
    "adjusted_rand_index",
]
