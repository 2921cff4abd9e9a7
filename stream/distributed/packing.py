"""Clusters as bytes on their way between processes of one version.

Ray gives its workers what it is given as pickles, and so these are: to write and read the snapshots
that users keep, which are checked and are read by later versions, takes about three times as long.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping

from stream.clusters.cluster import Cluster


def packed(clusters: Mapping[int, Cluster]) -> bytes:
    """Clusters by number, as bytes."""
    return pickle.dumps(dict(clusters), protocol=pickle.HIGHEST_PROTOCOL)


def unpacked(data: bytes) -> dict[int, Cluster]:
    """What :func:`packed` made bytes of; the arrays are copies."""
    clusters: dict[int, Cluster] = pickle.loads(data)
    return clusters
