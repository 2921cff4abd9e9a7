"""The gate: which clusters of labels a row concerns, and with what probability.

A router over clusters, as DriftMoE's over experts (Aspis et al., arXiv 2507.18464), trained from
the multi-hot mask of the clusters that hold a present label. It is a tree of logistic models with
``FAN_OUT`` children a node over the clusters in the order in which they began: the root learns
every row, another node the rows that hold one of its labels, and probabilities multiply on the way
down (a probabilistic label tree: Jasinska-Kobus et al., "Online probabilistic label trees",
AISTATS 2021). A row is passed down where its probability is over a threshold.

Where labels are unknown, a child without a known present label is neither known to hold one nor
known not to. Its target is the probability that it holds an unknown one, given that it holds no
known one: by Bayes' rule from what the gate itself says, and from the share that the unknown labels
have in all that was present below that child. What is below such a child learns with that weight.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np

from stream.engine.arrays import (
    COUNTS,
    WEIGHTS,
    Axes,
    Float32Array,
    Float64Array,
    Int32Array,
    Int64Array,
    UInt8Array,
)
from stream.engine.cells import Cells, cells_left, learn_row_of_cells, score_row
from stream.engine.events import Events, follows
from stream.engine.jit import inlined, kernel
from stream.engine.log_odds import cut_sigmoid
from stream.engine.placement import N_CLUSTERS
from stream.engine.recent_layout import Hints
from stream.engine.unit_rows import UnitRows

FAN_OUT_BITS = 4
FAN_OUT = 1 << FAN_OUT_BITS
MAX_LEVELS = 6
FIRST_BIAS = np.float32(-3.0)  # of a new child
OLD_ROOT_BIAS = np.float32(3.0)  # of what was the root until now
FEATURE_BITS = 32  # of a cell's key: level, node, feature
NODE_BITS = 26

# Registers.
LEVELS = 0  # levels that the tree has now
N_PRESENT = 1  # present labels of the rows learnt that earlier rows had
N_MISSED = 2  # of them, those whose cluster was not asked
N_ASKED = 3  # clusters asked, over all rows learnt
N_ROWS = 4  # rows learnt
N_REGISTERS = 5

LEAST_WEIGHT = 0.01  # of a row that a node learns
UNSEEN = 0.5  # rows that a label counts for before it was present

DONE, CELLS_FULL, OUTPUT_FULL = 0, 1, 2


class GateParams(NamedTuple):
    """What the kernels need to know."""

    threshold: float  # of the probability that a cluster holds a present label
    rate: float  # AdaGrad's step
    ask_all_labels: int  # while there are no more labels, all clusters are asked


class Gate(NamedTuple):
    """All of a gate that changes while it learns."""

    registers: Annotated[Int64Array, Axes(N_REGISTERS, holds=COUNTS)]
    cells: Cells  # columns: the children of a node
    bias: Annotated[Float32Array, Axes(MAX_LEVELS, "children", fill=FIRST_BIAS, holds=WEIGHTS)]
    bias_square: Annotated[Float32Array, Axes(MAX_LEVELS, "children", holds=COUNTS)]
    n_present: Annotated[Float64Array, Axes("labels", holds=COUNTS)]
    n_below: Annotated[
        Float64Array, Axes(MAX_LEVELS, "children", holds=COUNTS)
    ]  # ``n_present``, summed over the labels below each child


class Asked(NamedTuple):
    """Which clusters are asked about an event, and those that have to learn it."""

    start: Annotated[Int64Array, Axes("events1")]
    cluster: Annotated[Int32Array, Axes("asked")]
    probability: Annotated[Float64Array, Axes("asked")]  # that it holds a present label
    asked: Annotated[UInt8Array, Axes("asked")]  # 0: not asked, but told of its labels
    weight: Annotated[Float64Array, Axes("asked")]  # with which its models learn the row
    missed: Annotated[Int32Array, Axes("events")]  # present labels whose cluster is not asked


class GateScratch(NamedTuple):
    """Room for one event's work."""

    found: Annotated[Int64Array, Axes("entries")]
    scores: Annotated[Float32Array, Axes(FAN_OUT)]
    chance: Annotated[Float64Array, Axes(FAN_OUT)]
    stack_level: Annotated[Int64Array, Axes("stack")]
    stack_node: Annotated[Int64Array, Axes("stack")]
    stack_p: Annotated[Float64Array, Axes("stack")]
    place: Annotated[Int64Array, Axes("clusters", fill=-1)]  # in the event's output; -1: none
    present: Annotated[UInt8Array, Axes(MAX_LEVELS, "children")]  # 1: holds a present label
    unknown: Annotated[Float64Array, Axes(MAX_LEVELS, "children")]  # of its unknown labels:
    # rows that had them


def levels_needed(n_clusters: int) -> int:
    """Levels of a tree over so many clusters."""
    levels = 1
    while (n_clusters - 1) >> (FAN_OUT_BITS * levels) > 0:
        levels += 1
    return levels


def children_needed(n_clusters: int) -> int:
    """Places for the children of the widest level, whole nodes each."""
    return FAN_OUT * (1 + max(n_clusters - 1, 0) // FAN_OUT)


@inlined
def _key(level, node):
    return ((np.int64(level) << NODE_BITS) | np.int64(node)) << FEATURE_BITS


@inlined
def _n_levels(n_clusters):
    levels = 1
    while (n_clusters - 1) >> (FAN_OUT_BITS * levels) > 0:
        levels += 1
    return levels


@inlined
def _n_children(level, node, n_clusters):
    """Children of a node at ``level`` (1: its children are clusters)."""
    shift = FAN_OUT_BITS * (level - 1)
    below = ((n_clusters - 1) >> shift) + 1  # nodes of the level below
    return min(below - (node << FAN_OUT_BITS), FAN_OUT)


@inlined
def _put(asked, at, cluster, p, was_asked, place):
    asked.cluster[at] = cluster
    asked.probability[at] = p
    asked.asked[at] = was_asked
    asked.weight[at] = 0.0
    place[cluster] = at


@inlined
def _score(gate, level, node, n_children, x, row, scratch):
    first = node << FAN_OUT_BITS
    bias = gate.bias[level][first : first + FAN_OUT]
    score_row(gate.cells, _key(level, node), x, row, bias, n_children, scratch.found,
              scratch.scores)  # fmt: skip


@inlined
def _chances(scores, n, chance):
    """Probabilities of children, given that of their node."""
    for child in range(n):
        chance[child] = cut_sigmoid(scores[child])


@inlined
def _search(gate, threshold, n_clusters, x, row, at, asked, scratch):
    """Write the clusters to ask from place ``at`` on; returns where they end."""
    levels = gate.registers[LEVELS]
    stack_level, stack_node, stack_p = scratch.stack_level, scratch.stack_node, scratch.stack_p
    stack_level[0], stack_node[0], stack_p[0] = levels, 0, 1.0
    height = 1
    while height > 0:
        height -= 1
        level, node, above = stack_level[height], stack_node[height], stack_p[height]
        n_children = _n_children(level, node, n_clusters)
        _score(gate, level, node, n_children, x, row, scratch)
        _chances(scratch.scores, n_children, scratch.chance)
        first = node << FAN_OUT_BITS
        for child in range(n_children):
            p = above * scratch.chance[child]
            if p < threshold:
                continue
            if level == 1:
                _put(asked, at, first + child, p, 1, scratch.place)
                at += 1
            else:
                stack_level[height], stack_node[height] = level - 1, first + child
                stack_p[height] = p
                height += 1
    return at


@inlined
def _ask_hinted(hints, placement, event, threshold, at, asked, place):
    """Ask the clusters of labels that recent rows speak for."""
    for entry in range(hints.start[event], hints.start[event + 1]):
        if hints.vote[entry] > threshold or hints.last[entry] == 1:
            cluster = placement.cluster[hints.label[entry]]
            if place[cluster] < 0:
                _put(asked, at, cluster, threshold, 1, place)
                at += 1
    return at


@inlined
def _add_told(gate, placement, y, u, row, now, event, at, asked, scratch):
    """Let the clusters of present and of unknown labels know, and count the labels that are present
    in a cluster that was not asked."""
    missed = 0
    for entry in range(y[0][row], y[0][row + 1]):
        label = y[1][entry]
        cluster = placement.cluster[label]
        known = placement.born[label] < now
        gate.registers[N_PRESENT] += known
        if scratch.place[cluster] < 0:
            _put(asked, at, cluster, 0.0, 0, scratch.place)
            at += 1
        if asked.asked[scratch.place[cluster]] == 0:
            missed += known
    for entry in range(u[0][row], u[0][row + 1]):
        cluster = placement.cluster[u[1][entry]]
        if scratch.place[cluster] < 0:
            _put(asked, at, cluster, 0.0, 0, scratch.place)
            at += 1
    gate.registers[N_MISSED] += missed
    asked.missed[event] = missed
    return at


@inlined
def _mark(gate, placement, y, u, row, scratch):
    """Write down what is known of every child above a label of the row."""
    for entry in range(y[0][row], y[0][row + 1]):
        child = placement.cluster[y[1][entry]]
        for level in range(1, gate.registers[LEVELS] + 1):
            scratch.present[level, child] = 1
            child >>= FAN_OUT_BITS
    for entry in range(u[0][row], u[0][row + 1]):
        label = u[1][entry]
        child = placement.cluster[label]
        for level in range(1, gate.registers[LEVELS] + 1):
            scratch.unknown[level, child] += gate.n_present[label] + UNSEEN
            child >>= FAN_OUT_BITS


@inlined
def _count_and_unmark(gate, placement, y, u, row, scratch):
    """Count the present labels; leave ``scratch`` as it was."""
    for entry in range(y[0][row], y[0][row + 1]):
        label = y[1][entry]
        gate.n_present[label] += 1.0
        child = placement.cluster[label]
        for level in range(1, gate.registers[LEVELS] + 1):
            gate.n_below[level, child] += 1.0
            scratch.present[level, child] = 0
            child >>= FAN_OUT_BITS
    for entry in range(u[0][row], u[0][row + 1]):
        child = placement.cluster[u[1][entry]]
        for level in range(1, gate.registers[LEVELS] + 1):
            scratch.unknown[level, child] = 0.0
            child >>= FAN_OUT_BITS


@inlined
def _target(gate, level, child, p, scratch):
    """How probable it is that a child holds a present label, given what is known of the row."""
    if scratch.present[level, child]:
        return 1.0
    unknown = scratch.unknown[level, child]
    if unknown == 0.0:
        return 0.0
    hidden = p * min(unknown / max(gate.n_below[level, child], UNSEEN), 1.0)
    return hidden / (1.0 - p + hidden)


@inlined
def _learn(gate, params, n_clusters, x, row, any_present, asked, scratch):
    """Learn which children hold a present label, from the root down."""
    stack_level, stack_node, stack_weight = scratch.stack_level, scratch.stack_node, scratch.stack_p
    levels, scores = gate.registers[LEVELS], scratch.scores
    stack_level[0], stack_node[0], stack_weight[0] = levels, 0, 1.0
    height = 1
    while height > 0:
        height -= 1
        level, node, weight = stack_level[height], stack_node[height], stack_weight[height]
        may_add = any_present if level == levels else scratch.present[level + 1, node] == 1
        n_children = _n_children(level, node, n_clusters)
        _score(gate, level, node, n_children, x, row, scratch)
        _chances(scores, n_children, scratch.chance)
        first = node << FAN_OUT_BITS
        for child in range(n_children):
            p = scratch.chance[child]
            target = _target(gate, level, first + child, p, scratch)
            scores[child] = weight * (p - target)
            below = target if target == 1.0 else weight * target
            if below < LEAST_WEIGHT:
                continue
            if level == 1:
                asked.weight[scratch.place[first + child]] = below
            else:
                stack_level[height], stack_node[height] = level - 1, first + child
                stack_weight[height] = below
                height += 1
        learn_row_of_cells(
            gate.cells, _key(level, node), x, row,
            gate.bias[level][first : first + FAN_OUT],
            gate.bias_square[level][first : first + FAN_OUT],
            n_children, scratch.found, scores, np.float32(params.rate), may_add,
        )  # fmt: skip


@inlined
def _grow(gate, n_clusters):
    """Add the levels that so many clusters need."""
    levels = _n_levels(n_clusters)
    while gate.registers[LEVELS] < levels:
        gate.registers[LEVELS] += 1
        if gate.registers[LEVELS] > 1:
            level = gate.registers[LEVELS]
            gate.bias[level, 0] = OLD_ROOT_BIAS
            gate.n_below[level, 0] = gate.n_below[level - 1, :FAN_OUT].sum()


class GateWork(NamedTuple):
    """All that the gate reads of a segment; it changes none of it."""

    events: Events
    x: UnitRows
    y: tuple[Int64Array, Int32Array]  # present labels: indptr, indices; all have a cluster
    u: tuple[Int64Array, Int32Array]  # unknown ones
    hints: Hints  # what recent rows say, for each event
    n_known: Int64Array  # [events] labels known at each event


@kernel
def ask_clusters(gate, params, placement, work, first, asked, scratch):
    """Decide which clusters are asked about each event from ``first`` on, and learn.

    Parameters
    ----------
    work
        :class:`GateWork`.
    asked
        In place.

    Returns
    -------
    ``(code, event)``: DONE; or what has to grow before the call is made again from that event.
    """
    events, x, y, u = work.events, work.x, work.y, work.u
    n_events, n_known_clusters, n_clusters = len(events.row), 0, 0
    place, n_begun = scratch.place, placement.registers[N_CLUSTERS]
    for event in range(first, n_events):
        row, learns, now = events.row[event], events.learns[event], events.now[event]
        z = (x[0], x[1], x[3] if learns else x[2])
        while n_known_clusters < n_begun and placement.begun[n_known_clusters] < now:
            n_known_clusters += 1
        while n_clusters < n_begun and placement.begun[n_clusters] < now + learns:
            n_clusters += 1
        at = asked.start[event]
        if 2 * at + n_clusters > len(asked.cluster):
            return OUTPUT_FULL, event
        if learns:
            n_nodes = 1 + (y[0][row + 1] - y[0][row]) * MAX_LEVELS
            if cells_left(gate.cells) < (x[0][row + 1] - x[0][row]) * n_nodes:
                return CELLS_FULL, event
        if follows(events, event):
            before = asked.start[event - 1]
            for i in range(before, asked.start[event]):
                _put(asked, at, asked.cluster[i], asked.probability[i], 1, place)
                at += 1
        elif n_known_clusters > 0:
            few = work.n_known[event] <= params.ask_all_labels
            threshold = 0.0 if few else params.threshold
            at = _search(gate, threshold, n_known_clusters, z, row, at, asked, scratch)
            at = _ask_hinted(work.hints, placement, event, threshold, at, asked, place)
        if learns:
            gate.registers[N_ASKED] += at - asked.start[event]
            gate.registers[N_ROWS] += 1
            at = _add_told(gate, placement, y, u, row, now, event, at, asked, scratch)
            if n_clusters > 0:
                _grow(gate, n_clusters)
                _mark(gate, placement, y, u, row, scratch)
                any_present = y[0][row + 1] > y[0][row]
                _learn(gate, params, n_clusters, z, row, any_present, asked, scratch)
                _count_and_unmark(gate, placement, y, u, row, scratch)
        for i in range(asked.start[event], at):
            place[asked.cluster[i]] = -1
        asked.start[event + 1] = at
    return DONE, n_events
