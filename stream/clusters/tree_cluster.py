"""A cluster of labels that has trees, with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from stream.clusters.tree_parts import Part, PartRows, Stretch
from stream.engine.adwin import Adwins
from stream.engine.arrays import (
    Float64Array,
    Int32Array,
    Int64Array,
    LabelRows,
    UInt8Array,
    allocate,
)
from stream.engine.checking import check_adwins, require
from stream.engine.layout import TreeParams
from stream.engine.learner import ALL_ROWS, GrowingTree, LabelsOfRows
from stream.engine.losses import add_up, cluster_losses, switch_bound, watch

MIN_COMPARED_ROWS = 300  # before a joint tree may replace the parts it was made for
WITHOUT_SHARE = 0.0  # bytes of a tree that has not been given its share of the memory


class Expert:
    """What learns for a cluster: parts that answer and, after a merge, the joint tree that is to
    replace them."""

    def __init__(self, parts: list[Part], joint: Part | None = None):
        self.parts = parts
        self.joint = joint
        self.n_compared = 0
        self.loss_parts = 0.0
        self.loss_joint = 0.0

    @property
    def trees(self) -> list[Part]:
        """All that learn."""
        return self.parts if self.joint is None else [*self.parts, self.joint]

    def check_labels(self, labels: Int64Array) -> None:
        """Raise SnapshotError unless it knows these labels."""
        own = [label for part in self.parts for label in part.labels.tolist()]
        require(sorted(own) == labels.tolist(), "each label of a cluster is in one of its parts")
        require(
            self.joint is None or np.array_equal(self.joint.labels, labels),
            "the joint tree knows all labels of its cluster",
        )

    def add_label(self, label: int) -> None:
        """Take in a label that was never present before."""
        self.parts[0].add_label(label)
        if self.joint is not None:
            self.joint.add_label(label)

    def advance(
        self,
        rows: PartRows,
        stretch: Stretch,
        labels: Int64Array,
        *,
        asked: bool,
        chosen: UInt8Array = ALL_ROWS,
    ) -> None:
        """Let all trees take a stretch; see :meth:`PartRows.advance`."""
        for part in self.trees:
            rows.advance(part, stretch, asked=asked, chosen=chosen)
        if self.joint is not None and stretch.learns:
            truth, first, places = rows.truth_of(labels), stretch.learnt[0], stretch.learnt_answers
            together = np.zeros((stretch.events.n_answers, len(labels)))
            self.collect(rows, stretch, together, lambda own: np.searchsorted(labels, own))
            parts = row_losses(together[places], truth, first)
            joint = row_losses(rows.answers_of(self.joint, stretch)[places, 0], truth, first)
            self.n_compared += len(parts)
            self.loss_parts = add_up(self.loss_parts, parts)
            self.loss_joint = add_up(self.loss_joint, joint)

    def collect(
        self,
        rows: PartRows,
        stretch: Stretch,
        out: Float64Array,
        columns: Callable[[Int64Array], Int64Array] = lambda own: own,
    ) -> None:
        """Write its probabilities into ``out`` [answers of the stretch, labels]; ``columns`` says
        where labels stand in it."""
        for part in self.parts:
            probabilities = rows.answers_of(part, stretch)[:, 0]
            out[:, columns(part.labels[: probabilities.shape[1]])] = probabilities

    def settle(self, params: TreeParams) -> bool:
        """Let the joint tree take over if it is better than the parts; whether it did."""
        n = self.n_compared
        if self.joint is None or n < MIN_COMPARED_ROWS:
            return False
        parts, joint = self.loss_parts / n, self.loss_joint / n
        bound = switch_bound(parts, n, n, params.switch_significance)
        better = parts - joint > bound or (bound < params.tau and joint <= parts)
        if better:
            self.parts, self.joint = [self.joint], None
        return better


class TreeCluster:
    """Labels that learn together: their experts, what the router knows of these, and a detector
    that watches the loss of what is answered.

    Parameters
    ----------
    number
        Of the cluster, as long as it exists.
    labels
        Numbers of its labels, ascending.
    experts
        What learns.
    """

    def __init__(self, number: int, labels: Iterable[int], experts: Sequence[Expert]):
        self.number = number
        self.labels = np.fromiter(labels, np.int64)
        self.experts = list(experts)
        self.outputs = np.zeros(0, np.int64)  # of the router, one for each expert
        self.right = np.zeros(0)  # decayed share of rows that each expert was right on
        self.detector = allocate(Adwins, {"detectors": 1})
        self.loss_rose = False

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        require(
            self.labels.dtype == np.int64 and self.labels.ndim == 1 and len(self.labels) > 0,
            "a cluster has labels",
        )
        for expert in self.experts:
            expert.check_labels(self.labels)
        n_outputs = len(self.outputs)
        require(n_outputs in (0, len(self.experts)), "each expert has an output")
        require(len(self.right) == n_outputs, "it is known how often each expert was right")
        check_adwins(self.detector)
        require(len(self.detector.detectors) == 1, "one detector watches a cluster")

    def add_label(self, label: int) -> None:
        """Take in a label that was never present before."""
        self.labels = np.append(self.labels, label)
        for expert in self.experts:
            expert.add_label(label)

    def watch_losses(self, losses: Float64Array, delta: float) -> None:
        """Take in the losses of rows that were learnt."""
        if watch(self.detector, 0, losses, delta):
            self.loss_rose = True


def new_expert(
    params: TreeParams, labels: Iterable[int], n_rows: int, *, wide: bool = False
) -> Expert:
    """An expert that has learnt nothing but that there were ``n_rows`` rows.

    Parameters
    ----------
    wide
        Whether its tree has a column for each label from the beginning, or when each is learnt.
    """
    tree, own = GrowingTree(params, WITHOUT_SHARE), list(labels)
    if wide:
        tree.widen(0, len(own))
    tree.count_without_labels(n_rows)
    return Expert([Part(own, tree)])


def cluster_of_pieces(
    number: int,
    labels: Sequence[int],
    params: Sequence[TreeParams],
    sources: Sequence[TreeCluster],
) -> TreeCluster:
    """A cluster of labels [ascending] whose experts are cut from those that had these labels.

    Parameters
    ----------
    params
        Of the trees of each expert.
    sources
        All clusters as they were before.
    """
    own = np.array(labels, np.int64)
    experts = [
        _expert_of_pieces(each, own, [source.experts[e] for source in sources])
        for e, each in enumerate(params)
    ]
    return TreeCluster(number, labels, experts)


def _expert_of_pieces(params: TreeParams, labels: Int64Array, sources: Sequence[Expert]) -> Expert:
    """An expert whose parts are cut from others'; a joint tree grows beside several parts."""
    pieces = []
    for part in (part for source in sources for part in source.parts):
        own = part.labels[np.isin(part.labels, labels)]
        if len(own):
            pieces.append(part.restricted_to(own))
    joint = None
    if len(pieces) > 1:
        growing = GrowingTree(params, WITHOUT_SHARE)
        growing.widen(0, len(labels))
        joint = Part(labels, growing)
    return Expert(pieces, joint)


def row_losses(answers: Float64Array, truth: LabelsOfRows, first_row: int) -> Float64Array:
    """Loss [rows] of answers [rows, labels] to rows from ``first_row`` on: one less the Jaccard
    similarity of predicted and true labels."""
    n_labels = max(answers.shape[1], int(truth.n_labels[-1]) if len(truth.n_labels) else 0)
    together = np.zeros(n_labels, np.int32)
    return losses_by_cluster(answers, truth.y, truth.u, first_row, together, 1)[0]


def losses_by_cluster(
    answers: Float64Array,
    y: LabelRows,
    u: LabelRows,
    first_row: int,
    places: Int32Array,
    n_clusters: int,
) -> Float64Array:
    """As :func:`row_losses`, in every cluster [clusters, rows]; ``places`` [labels] are those of
    each label's cluster."""
    losses = np.zeros((n_clusters, len(answers)))
    truth, counts = np.zeros(len(places), np.uint8), np.zeros((n_clusters, 2), np.int64)
    decided = (answers > 0.5).astype(np.uint8)
    cluster_losses(decided, y, u, int(first_row), places, truth, counts, losses)
    return losses
