"""Logistic models in every leaf, one for each learning rate, which the leaf's children inherit.

They correct the leaf's label frequencies: ``logit p = logit(frequency) + bias + weights . z`` with
standardised inputs ``z`` (single-label: the same sums through a softmax). Steps are AdaGrad's, one
size per weight (Duchi, Hazan and Singer, JMLR 2011). Models that differ only in their rate share
the walk through the row, and where labels are few one loop over the labels of all of them, in which
the compiler has several done at a time: columns that no label has yet are zero and stay so.
"""

from __future__ import annotations

import math

import numpy as np

from stream.engine import layout as lay
from stream.engine.jit import inlined, kernel
from stream.engine.slots import take

SMALL_GRADIENT = (
    0.01  # labels predicted this well are left alone: learning costs as much as there is to learn
)
EPSILON = np.float32(1e-8)


@inlined
def add_weights(tree, k, z, row, score, n_labels):
    """Add biases and weighted inputs to ``score`` [rates, labels], which holds the logit of every
    label's frequency."""
    weight, weight_row, bias = tree.weights.weight, tree.weight_row, tree.labels.bias
    n_rates = bias.shape[1]
    for q in range(n_rates):
        for label in range(n_labels):
            score[q, label] += bias[k, q, label]
    n_flat = n_rates * weight.shape[2]
    flat_weight, flat_score = weight.reshape((len(weight), n_flat)), score.reshape((n_flat,))
    n_used = n_flat if n_rates > 1 else n_labels
    for entry in range(z[0][row], z[0][row + 1]):
        j = z[1][entry]
        r = (
            weight_row[k, j] if j < weight_row.shape[1] else -1
        )  # the column may be newer than the tree
        if r < 0:
            continue
        value, own = np.float32(z[2][entry]), flat_weight[r]
        for i in range(n_used):
            flat_score[i] += own[i] * value


@kernel
def take_weight_row(tree, k, j):
    """A row of zero weights for feature ``j`` in leaf ``k``; -1 when there is no room."""
    r = take(tree.registers, lay.WEIGHTS_USED, lay.WEIGHTS_FREE, tree.free_weights)
    if r >= 0:
        tree.weights.weight[r, :, :] = np.float32(0.0)
        tree.weights.step[r, :, :] = np.float32(0.0)
        tree.weight_row[k, j] = r
        tree.leaves[k].n_weights += 1
    return r


@inlined
def _step(total, gradient, rate):
    return rate * gradient / (np.float32(math.sqrt(total)) + EPSILON)


@inlined
def _learn_biases(labels, rates, k, gradient, wrong, n_wrong, n_labels):
    """Step the biases; lists the labels to be learnt in ``wrong``, the gradient of others becomes
    0.

    Returns the length of all lists.
    """
    n_all = 0
    for q in range(labels.bias.shape[1]):
        rate, n = np.float32(rates[q]), 0
        for label in range(n_labels):
            g = gradient[q, label]
            if abs(g) > SMALL_GRADIENT:
                wrong[q, n] = label
                n += 1
                labels.bias_step[k, q, label] += g * g
                labels.bias[k, q, label] -= _step(labels.bias_step[k, q, label], g, rate)
            else:
                gradient[q, label] = np.float32(0.0)
        n_wrong[q] = n
        n_all += n
    return n_all


@inlined
def learn_weights(tree, k, z, row, gradient, step_rate, wrong, n_wrong, n_labels, rates):
    """One AdaGrad step of leaf ``k``: ``gradient`` [rates, labels] is probability less truth (0:
    not to be learnt, as what no label has).

    ``wrong`` [rates, labels] and ``n_wrong`` [rates] are room for label numbers, ``step_rate``
    [rates, labels] for the rate of each.
    """
    weight, step = tree.weights.weight, tree.weights.step
    n_all = _learn_biases(tree.labels, rates, k, gradient, wrong, n_wrong, n_labels)
    if n_all == 0:
        return
    n_rates, n_flat = weight.shape[1], weight.shape[1] * weight.shape[2]
    flat_weight = weight.reshape((len(weight), n_flat))
    flat_step = step.reshape((len(step), n_flat))
    flat_gradient, flat_rate = gradient.reshape((n_flat,)), step_rate.reshape((n_flat,))
    n_used = n_flat if n_rates > 1 else n_labels
    all_at_once = 4 * n_all > n_rates * n_labels
    if all_at_once:
        for q in range(n_rates):
            step_rate[q, :] = np.float32(rates[q])
    for entry in range(z[0][row], z[0][row + 1]):
        j = z[1][entry]
        if j >= tree.weight_row.shape[1]:
            continue  # the memory limit left no room for this column
        r = tree.weight_row[k, j]
        if r < 0:
            r = take_weight_row(tree, k, j)
            if r < 0:
                continue
        value = np.float32(z[2][entry])
        if all_at_once:
            own_weight, own_step = flat_weight[r], flat_step[r]
            for i in range(n_used):
                g = flat_gradient[i] * value
                total = own_step[i] + g * g
                own_step[i] = total
                own_weight[i] -= _step(total, g, flat_rate[i])
            continue
        for q in range(n_rates):
            rate = np.float32(rates[q])
            for i in range(n_wrong[q]):
                label = wrong[q, i]
                g = gradient[q, label] * value
                step[r, q, label] += g * g
                weight[r, q, label] -= _step(step[r, q, label], g, rate)
