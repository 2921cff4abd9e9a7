"""Changes of a tree's structure: nodes and leaves come and go, leaves split, branches are
replaced."""

from __future__ import annotations

import numpy as np

from stream.engine import layout as lay
from stream.engine.adwin import adwin_reset
from stream.engine.jit import inlined, kernel
from stream.engine.logistic import take_weight_row
from stream.engine.slots import give_back, n_left, take
from stream.engine.split import best_split


@kernel
def take_node(tree, depth, parent):
    """A leaf node without a leaf's contents yet.

    There must be room.
    """
    nodes = tree.nodes
    node = take(tree.registers, lay.NODES_USED, lay.NODES_FREE, tree.free_nodes)
    nodes[node].feature = -1
    nodes[node].left = -1
    nodes[node].right = -1
    nodes[node].alternate = -1
    nodes[node].leaf = -1
    nodes[node].depth = depth
    nodes[node].parent = parent
    nodes[node].n_rows = 0.0
    if len(tree.adwins.detectors) > 0:
        adwin_reset(tree.adwins, node)
    return node


@kernel
def take_leaf(tree, node):
    """An empty leaf at ``node``.

    There must be room.
    """
    leaves, labels = tree.leaves, tree.labels
    k = take(tree.registers, lay.LEAVES_USED, lay.LEAVES_FREE, tree.free_leaves)
    tree.nodes[node].leaf = k
    leaves[k].node = node
    leaves[k].active = 1
    leaves[k].n_weights = 0
    leaves[k].n_rows = 0.0
    leaves[k].loss_rows = 0.0
    labels.n_present[k, :] = 0.0
    labels.n_unknown[k, :] = 0.0
    labels.bias[k, :, :] = np.float32(0.0)
    labels.bias_step[k, :, :] = np.float32(0.0)
    labels.loss[k, :, :] = 0.0
    tree.stat_row[k, :] = -1
    tree.weight_row[k, :] = -1
    begin_statistics(tree.leaves, tree.labels, k)
    return k


@kernel
def begin_statistics(leaves, labels, k):
    """The statistics of features of leaf ``k`` begin with the next row."""
    leaves[k].stat_rows = 0.0
    leaves[k].last_attempt = 0.0
    labels.stat_present[k, :] = 0.0
    labels.stat_unknown[k, :] = 0.0
    labels.nb_zero[k, :] = 0.0
    leaves[k].next_refresh = 1.0


@kernel
def free_statistics(tree, k):
    """Give back the statistic rows of leaf ``k``."""
    for j in range(tree.stat_row.shape[1]):
        if tree.stat_row[k, j] >= 0:
            give_back(tree.registers, lay.STATS_FREE, tree.free_stats, tree.stat_row[k, j])
            tree.stat_row[k, j] = -1
    begin_statistics(tree.leaves, tree.labels, k)


@kernel
def _free_leaf(tree, k):
    free_statistics(tree, k)
    for j in range(tree.weight_row.shape[1]):
        if tree.weight_row[k, j] >= 0:
            give_back(tree.registers, lay.WEIGHTS_FREE, tree.free_weights, tree.weight_row[k, j])
            tree.weight_row[k, j] = -1
    tree.leaves[k].node = -1
    give_back(tree.registers, lay.LEAVES_FREE, tree.free_leaves, k)


@kernel
def free_branch(tree, top):
    """Give back a node and all that hangs below it, alternate branches included."""
    registers, nodes, free = tree.registers, tree.nodes, tree.free_nodes
    place = registers[lay.NODES_FREE]  # the stack of free slots is the list of nodes to visit, too
    give_back(registers, lay.NODES_FREE, free, top)
    while place < registers[lay.NODES_FREE]:
        node = free[place]
        place += 1
        if nodes[node].alternate >= 0:
            give_back(registers, lay.NODES_FREE, free, nodes[node].alternate)
            registers[lay.N_ALTERNATES] -= 1
        if nodes[node].leaf >= 0:
            _free_leaf(tree, nodes[node].leaf)
        else:
            give_back(registers, lay.NODES_FREE, free, nodes[node].left)
            give_back(registers, lay.NODES_FREE, free, nodes[node].right)


@inlined
def missing_pool(tree, n_nodes, n_leaves, n_weights):
    """The first pool without room for so many more, or DONE."""
    registers = tree.registers
    if n_left(registers, lay.NODES_USED, lay.NODES_FREE, tree.free_nodes) < n_nodes:
        return lay.NODES_FULL
    if n_left(registers, lay.LEAVES_USED, lay.LEAVES_FREE, tree.free_leaves) < n_leaves:
        return lay.LEAVES_FULL
    if n_left(registers, lay.WEIGHTS_USED, lay.WEIGHTS_FREE, tree.free_weights) < n_weights:
        return lay.WEIGHTS_FULL
    return lay.DONE


@kernel
def inherit_weights(tree, source, k, keep_steps):
    """Copy the logistic models of leaf ``source`` to leaf ``k``; without their steps they learn as
    fast as new ones."""
    labels, weights = tree.labels, tree.weights
    n_labels = tree.registers[lay.N_LABELS]
    n_rates = labels.bias.shape[1]
    for q in range(n_rates):
        for label in range(n_labels):
            labels.bias[k, q, label] = labels.bias[source, q, label]
            if keep_steps:
                labels.bias_step[k, q, label] = labels.bias_step[source, q, label]
    for j in range(tree.weight_row.shape[1]):
        old = tree.weight_row[source, j]
        if old >= 0:
            r = take_weight_row(tree, k, j)
            for q in range(n_rates):
                for label in range(n_labels):
                    weights.weight[r, q, label] = weights.weight[old, q, label]
                    if keep_steps:
                        weights.step[r, q, label] = weights.step[old, q, label]


@kernel
def try_split(tree, params, k, scratch):
    """Split leaf ``k`` if the Hoeffding bound allows; returns the pool that has no room for it, or
    DONE."""
    nodes, leaves, labels, registers = tree.nodes, tree.leaves, tree.labels, tree.registers
    sure, feature, threshold, rows_left = best_split(tree, params, k, scratch)
    if not sure:
        leaves[k].last_attempt = leaves[k].stat_rows
        return lay.DONE
    missing = missing_pool(tree, 2, 1, leaves[k].n_weights)
    if missing != lay.DONE:
        return missing
    node = leaves[k].node
    left, right = (
        take_node(tree, nodes[node].depth + 1, node),
        take_node(tree, nodes[node].depth + 1, node),
    )
    nodes[node].feature = feature
    nodes[node].threshold = threshold
    nodes[node].left = left
    nodes[node].right = right
    nodes[node].leaf = -1

    rows = leaves[k].stat_rows
    other = take_leaf(tree, right)
    inherit_weights(tree, k, other, True)
    for model in range(labels.loss.shape[1]):
        for label in range(registers[lay.N_LABELS]):
            labels.loss[other, model, label] = labels.loss[k, model, label]
    leaves[other].loss_rows = leaves[k].loss_rows
    leaves[other].n_rows = rows - rows_left
    leaves[k].n_rows = rows_left
    rows_right = rows - rows_left
    for label in range(registers[lay.N_LABELS]):
        n_present, n_unknown = labels.stat_present[k, label], labels.stat_unknown[k, label]
        seen = n_present > 0.0
        present = scratch.best_left[0, label] if seen else 0.0
        unknown = n_unknown * rows_left / rows
        if seen and tree.stat_labels.n_unknown.shape[0] > 0:
            unknown = scratch.best_left[1, label]
        # rows and labels are estimated by different Gaussians: no side holds more labels than rows
        present = min(max(present, n_present - rows_right), rows_left)
        room_right = rows_right - (n_present - present)
        unknown = min(max(unknown, n_unknown - room_right), rows_left - present)
        labels.n_present[other, label] = max(n_present - present, 0.0)
        labels.n_unknown[other, label] = max(n_unknown - unknown, 0.0)
        labels.n_present[k, label] = present
        labels.n_unknown[k, label] = unknown
    nodes[left].n_rows, nodes[right].n_rows = rows_left, rows - rows_left
    nodes[
        left
    ].leaf = k  # the left child goes on with its parent's leaf: its weights need not be copied
    leaves[k].node = left
    free_statistics(tree, k)
    registers[lay.N_SPLITS] += 1
    return lay.DONE


@kernel
def start_alternate(tree, node, k):
    """Let a branch grow beside ``node``, from leaf ``k``'s logistic models with fresh steps."""
    missing = missing_pool(tree, 1, 1, tree.leaves[k].n_weights)
    if missing != lay.DONE:
        return missing
    top = take_node(tree, tree.nodes[node].depth, -1)
    leaf = take_leaf(tree, top)
    inherit_weights(tree, k, leaf, False)
    tree.nodes[node].alternate = top
    tree.registers[lay.N_ALTERNATES] += 1
    return lay.DONE


@kernel
def promote_alternate(tree, node):
    """Put the alternate branch of ``node`` in its place; returns its top."""
    nodes, registers = tree.nodes, tree.registers
    top, parent = nodes[node].alternate, nodes[node].parent
    nodes[node].alternate = -1
    nodes[top].parent = parent
    if parent < 0:
        registers[lay.ROOT] = top
    elif nodes[parent].left == node:
        nodes[parent].left = top
    else:
        nodes[parent].right = top
    free_branch(tree, node)
    registers[lay.N_ALTERNATES] -= 1
    registers[lay.N_REPLACED] += 1
    return top


@kernel
def drop_alternate(tree, node):
    """Give up the alternate branch of ``node``."""
    free_branch(tree, tree.nodes[node].alternate)
    tree.nodes[node].alternate = -1
    tree.registers[lay.N_ALTERNATES] -= 1


@kernel
def rest_least_promising(tree, keep):
    """Free the statistics of the active leaf with the fewest rows, except leaf ``keep``; false when
    there is none."""
    leaves = tree.leaves
    least = -1
    for k in range(tree.registers[lay.LEAVES_USED]):
        if k == keep or leaves[k].node < 0 or not leaves[k].active:
            continue
        if least < 0 or leaves[k].n_rows < leaves[least].n_rows:
            least = k
    if least < 0:
        return False
    free_statistics(tree, least)
    leaves[least].active = 0
    return True
