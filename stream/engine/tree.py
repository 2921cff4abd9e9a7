"""The Hoeffding adaptive tree: rows are predicted and learnt, one after the other, in one kernel
call.

Source: Bifet and Gavaldà, "Adaptive learning from evolving data streams", IDA 2009 (detectors at
the nodes and alternate branches); Domingos and Hulten, "Mining high-speed data streams", KDD 2000
(Hoeffding bound).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stream.engine import layout as lay
from stream.engine.adwin import adwin_mean, adwin_update
from stream.engine.arrays import FeatureRows, LabelRows
from stream.engine.events import Events, follows
from stream.engine.jit import inlined, kernel
from stream.engine.leaf import TreeRow, learn_leaf, predict_leaf, row_loss
from stream.engine.losses import switch_bound
from stream.engine.slots import n_left
from stream.engine.structure import (
    drop_alternate,
    missing_pool,
    promote_alternate,
    rest_least_promising,
    start_alternate,
    try_split,
)


@inlined
def value_of(x_indices, x_values, first, last, feature):
    """Value of a feature in the row of entries ``first`` to ``last``; 0 when it is not there."""
    place = first + feature
    if place < last and x_indices[place] == feature:  # dense rows
        return x_values[place]
    end = last
    while first < last:
        middle = (first + last) >> 1
        if x_indices[middle] < feature:
            first = middle + 1
        else:
            last = middle
    if first < end and x_indices[first] == feature:  # beyond the end the next row begins
        return x_values[first]
    return 0.0


@inlined
def _child(nodes, node, x, row):
    first, last = x[0][row], x[0][row + 1]
    value = value_of(x[1], x[2], first, last, nodes[node].feature)
    left, right = nodes[node].left, nodes[node].right
    if math.isnan(value):  # missing: where most rows go
        return left if nodes[left].n_rows >= nodes[right].n_rows else right
    return left if value <= nodes[node].threshold else right


@inlined
def find_leaf(tree, top, x, row):
    """The leaf that a row reaches from the node ``top``."""
    nodes = tree.nodes
    node = top
    while nodes[node].feature >= 0:
        node = _child(nodes, node, x, row)
    return nodes[node].leaf


@inlined
def _set_truth(scratch, present, unknown, value, unknown_value):
    for label in present:
        scratch.truth[label] = value
    for label in unknown:
        scratch.truth[label] = unknown_value


@inlined
def _ask_for(tree, k, node):
    """Note a change of structure for the end of the row: an alternate beside ``node``, or (-1) a
    split of leaf ``k``."""
    place = tree.registers[lay.N_PENDING]
    if place < lay.MAX_PENDING:
        tree.pending[place, 0] = k
        tree.pending[place, 1] = node
        tree.registers[lay.N_PENDING] = place + 1


@inlined
def _begin_elsewhere(tree, k, other):
    """Let what was to begin from leaf ``k``, which is gone, begin from another leaf."""
    for i in range(tree.registers[lay.N_PENDING]):
        if tree.pending[i, 0] == k:
            tree.pending[i, 0] = other


@kernel
def _compare_alternate(tree, params, node):
    """1: the alternate branch of ``node`` is significantly better, -1: worse, 0: not known yet
    (Hoeffding's inequality)."""
    adwins = tree.adwins
    other = tree.nodes[node].alternate
    n, n_other = adwins.detectors[node].width, adwins.detectors[other].width
    if n <= params.drift_window_threshold or n_other <= params.drift_window_threshold:
        return 0
    error, error_other = adwin_mean(adwins, node), adwin_mean(adwins, other)
    bound = switch_bound(error, n, n_other, params.switch_significance)
    if error - error_other > bound:
        return 1
    return -1 if error_other - error > bound else 0


@kernel
def _watch_branch(tree, params, top, x, row, loss, is_alternate, k, branches, n_branches):
    """Give a row's loss to the detectors on its path.

    Alternate branches that the row reaches are added to ``branches``. Returns how many are there,
    negative when the path itself was replaced by one of them.
    """
    nodes, adwins, registers = tree.nodes, tree.adwins, tree.registers
    node = top
    while True:
        mean_before = adwin_mean(adwins, node)
        changed = adwin_update(adwins, node, loss, params.drift_delta)
        if not is_alternate:
            if nodes[node].alternate < 0:
                if changed and adwin_mean(adwins, node) > mean_before:
                    registers[lay.N_DRIFTS] += 1
                    _ask_for(tree, k, node)
            else:
                verdict = _compare_alternate(tree, params, node)
                if verdict > 0:
                    branches[n_branches] = promote_alternate(tree, node)
                    _begin_elsewhere(tree, k, find_leaf(tree, branches[n_branches], x, row))
                    return -(n_branches + 1)
                if verdict < 0:
                    drop_alternate(tree, node)
                elif n_branches < len(branches) - 1:
                    branches[n_branches] = nodes[node].alternate
                    n_branches += 1
        if nodes[node].feature < 0:
            return n_branches
        node = _child(nodes, node, x, row)


@inlined
def _count_path(nodes, top, x, row):
    node = top
    nodes[node].n_rows += 1.0
    while nodes[node].feature >= 0:
        node = _child(nodes, node, x, row)
        nodes[node].n_rows += 1.0


@inlined
def _learn_branch(
    tree, params, top, at, scratch, predicted, is_alternate, n_branches
):  # fmt: skip
    """Learn a row in the branch below ``top``; returns how many branches are to be learnt in
    all."""
    n_labels, x, row = tree.registers[lay.N_LABELS], at.x, at.row
    k = find_leaf(tree, top, x, row)
    if not predicted:
        predict_leaf(tree, params, k, at, scratch, n_labels)
    if params.drift_detection:
        loss = row_loss(params, scratch, n_labels)
        n_branches = _watch_branch(
            tree, params, top, x, row, loss, is_alternate, k, scratch.branches, n_branches
        )
        if n_branches < 0:
            return -n_branches
    _count_path(tree.nodes, top, x, row)
    learn_leaf(tree, params, k, at, scratch, n_labels)
    leaves = tree.leaves
    if leaves[k].active and leaves[k].stat_rows - leaves[k].last_attempt >= params.grace_period:
        if tree.nodes[leaves[k].node].depth < params.max_depth:
            _ask_for(tree, k, -1)
    return n_branches


@inlined
def room_for_row(tree, params, at):
    """The pool without room for learning a row, or DONE; when memory is full, room is made as far
    as it can be."""
    registers, x, row, z, answer = tree.registers, at.x, at.row, at.z, at.answer
    branches = 1 + registers[lay.N_ALTERNATES]
    if len(at.unknown) > 0 and tree.stat_labels.n_unknown.shape[0] == 0:
        return lay.UNKNOWN_NEEDED
    first, last = x[0][row], x[0][row + 1]
    while last > first and x[1][last - 1] >= tree.stat_row.shape[1]:
        last -= 1  # the memory limit left no room for this column
    needed = (last - first) * branches
    if n_left(registers, lay.STATS_USED, lay.STATS_FREE, tree.free_stats) < needed:
        if not registers[lay.FULL]:
            return lay.STATS_FULL
        keep = find_leaf(tree, registers[lay.ROOT], x, row)
        while n_left(registers, lay.STATS_USED, lay.STATS_FREE, tree.free_stats) < needed:
            if not rest_least_promising(tree, keep):
                break
    if params.use_logistic and not registers[lay.FULL]:
        return missing_pool(tree, 0, 0, (z[0][answer + 1] - z[0][answer]) * branches)
    return lay.DONE


@kernel
def change_structure(tree, params, scratch):
    """Do what the last row asked for; returns the pool that has no room for it, or DONE."""
    registers = tree.registers
    while registers[lay.N_PENDING] > 0:
        k, node = tree.pending[0, 0], tree.pending[0, 1]
        missing = (
            try_split(tree, params, k, scratch) if node < 0 else start_alternate(tree, node, k)
        )
        if missing != lay.DONE:
            if not registers[lay.FULL]:
                return missing
            tree.leaves[k].last_attempt = tree.leaves[k].stat_rows
        registers[lay.N_PENDING] -= 1
        for i in range(registers[lay.N_PENDING]):
            tree.pending[i, 0] = tree.pending[i + 1, 0]
            tree.pending[i, 1] = tree.pending[i + 1, 1]
    return lay.DONE


@inlined
def _report(scratch, answers, answer, n_labels):
    """Write down what ``scratch`` holds of a row: the answer, or what each leaf model says."""
    if answers.shape[1] == 1:
        for label in range(n_labels):
            answers[answer, 0, label] = scratch.answer[label]
    else:
        for model in range(answers.shape[1]):
            for label in range(n_labels):
                answers[answer, model, label] = scratch.models[model, label]


@inlined
def learn_row(tree, params, at, scratch, predicted):
    """Learn a row whose room was checked; ``predicted``: ``scratch`` holds what its leaf says of
    it."""
    _set_truth(scratch, at.present, at.unknown, 1.0, -1.0)
    scratch.branches[0] = tree.registers[lay.ROOT]
    n_branches, learnt = np.int64(1), 0
    while learnt < n_branches:
        n_branches = _learn_branch(
            tree, params, scratch.branches[learnt], at, scratch, predicted and learnt == 0,
            learnt > 0, n_branches,
        )  # fmt: skip
        learnt += 1
    tree.registers[lay.ROWS_LEARNT] += 1
    _set_truth(scratch, at.present, at.unknown, 0.0, 0.0)


class TreeRows(NamedTuple):
    """Rows that a tree predicts and learns, and when."""

    x: FeatureRows  # raw
    scaled: FeatureRows  # [answers] as they are at the events
    y: LabelRows  # present labels
    u: LabelRows  # unknown ones
    events: Events


class Turns(NamedTuple):
    """Which of the events are taken, and how."""

    end: int  # first event that is left
    # The call ends when this row or a later one would be learnt: it has labels or features that
    # there is no room for yet.
    learn_stop: int
    asked: bool  # whether rows that are learnt are answered, too


@kernel
def advance(tree, params, rows, cursor, turns, chosen, answers, scratch, split_scratch):
    """Predict and learn the rows of the events from ``cursor[0]`` on, until done or until a pool is
    full.

    Parameters
    ----------
    rows
        :class:`TreeRows`.
    cursor
        Next event; moved on.
    turns
        :class:`Turns`.
    chosen
        [answers, or 0: all] 1: the row is learnt when its turn comes; else it is only answered.
    answers
        [answers, 1 or leaf models, labels] probabilities, in place: the answer of the tree, or what
        each of its leaf models says, just before a row is learnt where it is learnt. Without rows
        when nothing is answered.
    scratch, split_scratch
        Room to work in, for as many labels as there are.

    Returns
    -------
    DONE, PAUSED at ``learn_stop``, or the pool that has to grow before the call is made again.
    """
    x, z, y, u, events = rows
    n_labels = tree.registers[lay.N_LABELS]
    missing = change_structure(tree, params, split_scratch)
    if missing != lay.DONE:
        return missing
    fresh = False  # whether ``scratch`` holds the answer to the event before
    while cursor[0] < turns.end:
        event = cursor[0]
        row, answer = events.row[event], events.answer[event] - events.answer[0]
        known = fresh and follows(events, event)
        if events.learns[event] and row >= turns.learn_stop:
            return lay.PAUSED
        present = y[1][y[0][row] : y[0][row + 1]]
        unknown = u[1][u[0][row] : u[0][row + 1]]
        at = TreeRow(x, row, z, answer, present, unknown)
        cursor[0] = event + 1
        if events.learns[event] and params.single_label and len(present) == 0:
            continue  # the class is unknown: nothing to learn
        learns = events.learns[event] == 1 and (len(chosen) == 0 or chosen[answer] == 1)
        if learns:
            missing = room_for_row(tree, params, at)
            if missing != lay.DONE:
                cursor[0] = event
                return missing
        if not known and (turns.asked or not events.learns[event]):
            k = find_leaf(tree, tree.registers[lay.ROOT], x, row)
            predict_leaf(tree, params, k, at, scratch, n_labels)
            _report(scratch, answers, answer, n_labels)
            known = True
        fresh = known and not learns
        if learns:
            learn_row(tree, params, at, scratch, known)
            missing = change_structure(tree, params, split_scratch)
            if missing != lay.DONE:
                return missing
    return lay.DONE
