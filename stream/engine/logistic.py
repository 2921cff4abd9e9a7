"""A logistic model in every leaf, which the leaf's children inherit.

It corrects the leaf's label frequencies: ``logit p = logit(frequency) + bias + weights . z`` with
standardised inputs ``z`` (single-label: the same sums through a softmax). Steps are AdaGrad's, one
size per weight (Duchi, Hazan and Singer, JMLR 2011).
"""

from __future__ import annotations

import math

import numpy as np

from stream.engine import layout as lay
from stream.engine.jit import inlined, kernel
from stream.engine.pools import take

SMALL_GRADIENT = (
    0.01  # labels predicted this well are left alone: learning costs as much as there is to learn
)
EPSILON = np.float32(1e-8)


@inlined
def add_weights(tree, k, z, row, score, n_labels):
    """Add bias and weighted inputs to ``score``, which holds the logit of every label's
    frequency."""
    weight, weight_row, bias = tree.weights.weight, tree.weight_row, tree.labels.bias
    for label in range(n_labels):
        score[label] += bias[k, label]
    for entry in range(z[0][row], z[0][row + 1]):
        j = z[1][entry]
        r = (
            weight_row[k, j] if j < weight_row.shape[1] else -1
        )  # the column may be newer than the tree
        if r >= 0:
            value = np.float32(z[2][entry])
            for label in range(n_labels):
                score[label] += weight[r, label] * value


@kernel
def take_weight_row(tree, k, j):
    """A row of zero weights for feature ``j`` in leaf ``k``; -1 when there is no room."""
    r = take(tree.registers, lay.WEIGHTS_USED, lay.WEIGHTS_FREE, tree.free_weights)
    if r >= 0:
        tree.weights.weight[r, :] = np.float32(0.0)
        tree.weights.step[r, :] = np.float32(0.0)
        tree.weight_row[k, j] = r
        tree.leaves[k].n_weights += 1
    return r


@inlined
def _step(total, gradient, rate):
    return rate * gradient / (np.float32(math.sqrt(total)) + EPSILON)


@inlined
def learn_weights(tree, k, z, row, gradient, wrong, n_labels, rate):
    """One AdaGrad step of leaf ``k``: ``gradient`` is probability less truth of every label (0: not
    to be learnt).

    ``wrong`` is room for label numbers.
    """
    labels, weight, step = tree.labels, tree.weights.weight, tree.weights.step
    n_wrong = 0
    for label in range(n_labels):
        if abs(gradient[label]) > SMALL_GRADIENT:
            wrong[n_wrong] = label
            n_wrong += 1
            g = gradient[label]
            labels.bias_step[k, label] += g * g
            labels.bias[k, label] -= _step(labels.bias_step[k, label], g, rate)
    if n_wrong == 0:
        return
    dense = 4 * n_wrong > n_labels
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
        if dense:
            for label in range(n_labels):
                g = (
                    gradient[label] * value
                    if abs(gradient[label]) > SMALL_GRADIENT
                    else np.float32(0.0)
                )
                step[r, label] += g * g
                weight[r, label] -= _step(step[r, label], g, rate)
        else:
            for i in range(n_wrong):
                label = wrong[i]
                g = gradient[label] * value
                step[r, label] += g * g
                weight[r, label] -= _step(step[r, label], g, rate)
