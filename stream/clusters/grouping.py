"""What clusters are asked and taught, by cluster; what was answered, by event."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.clusters.call import CallRows, Segment
from stream.engine.arrays import Int64Array, allocate
from stream.engine.gate import Asked
from stream.engine.grouping import (
    count_clusters,
    count_details,
    fill_details,
    sort_by_cluster,
    sort_by_event,
)
from stream.engine.label_cluster_layout import ClusterOutput, ClusterRows
from stream.engine.placement import Placement
from stream.engine.recent_layout import Hints
from stream.engine.set_decoder import Listed


class Grouped(NamedTuple):
    """Pairs (event, cluster), sorted by cluster."""

    rows: ClusterRows
    start: Int64Array  # [clusters + 1] first pair of each
    pair_of: Int64Array  # place of each pair of ``Asked``


def group_by_cluster(
    segment: Segment,
    rows: CallRows,
    placement: Placement,
    hints: Hints,
    asked: Asked,
    n_clusters: int,
) -> Grouped:
    """Sort by cluster what is asked and taught."""
    n_events = segment.n_events
    n_pairs = int(asked.start[n_events])
    start = np.zeros(n_clusters + 1, np.int64)
    count_clusters(asked, n_pairs, start)
    sizes = {"asked": n_pairs, "asked1": n_pairs + 1, "hints": 0}
    taught = allocate(ClusterRows, sizes | {"truths": int(rows.y[0][-1] + rows.u[0][-1])})
    pair_of, place = np.zeros(n_pairs, np.int64), np.full(n_clusters, -1, np.int64)
    sort_by_cluster(asked, n_events, start[:-1].copy(), taught, pair_of)
    given = (asked, segment.events, placement, hints, rows.y, rows.u, pair_of)
    count_details(*given, taught, place)
    n_hints = int(taught.hint[n_pairs])
    taught = taught._replace(
        hint_column=np.zeros(n_hints, np.int32), hint_place=np.zeros(n_hints, np.int64)
    )
    n_done, n_told = np.zeros(n_pairs, np.int64), np.zeros(n_pairs, np.int64)
    fill_details(*given, taught, place, n_done, n_told)
    return Grouped(taught, start, pair_of)


def output_like(output: ClusterOutput) -> ClusterOutput:
    """An output for some of the pairs: it shares what has a place for each pair, and lists labels
    by itself."""
    n_listed = 2 * len(output.n) + 1_000
    label, probability = np.zeros(n_listed, np.int32), np.zeros(n_listed)
    return output._replace(label=label, probability=probability)


def joined_output(
    output: ClusterOutput,
    parts: list[list[int]],
    start: Int64Array,
    outputs: list[tuple[int, ClusterOutput]],
) -> tuple[ClusterOutput, int]:
    """One output from those of all parts, and how many labels it lists.

    Parameters
    ----------
    parts
        Clusters of each.
    start
        [clusters + 1] first pair of each.
    outputs
        Labels that each part listed, and where.
    """
    if len(outputs) == 1:
        return outputs[0][1], outputs[0][0]
    if not outputs:
        return output, 0
    before, n_listed = np.zeros(len(start) - 1, np.int64), 0
    for part, (n, _) in zip(parts, outputs, strict=True):
        before[part] = n_listed
        n_listed += n
    output.first[:] += np.repeat(before, np.diff(start))
    label = [each.label[:n] for n, each in outputs]
    probability = [each.probability[:n] for n, each in outputs]
    joined = output._replace(label=np.concatenate(label), probability=np.concatenate(probability))
    return joined, n_listed


def list_by_event(
    segment: Segment, asked: Asked, grouped: Grouped, output: ClusterOutput, n_listed: int
) -> Listed:
    """Sort what clusters answered by event."""
    n = segment.n_events
    listed = allocate(Listed, {"events": n, "events1": n + 1, "listed": n_listed})
    sort_by_event(asked, n, grouped.pair_of, output, listed)
    return listed
