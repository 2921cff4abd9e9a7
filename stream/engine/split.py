"""When a leaf splits, and on what: information gain, the Hoeffding bound, and the children's first
counts.

The impurity of a node is the sum over labels of the binary entropy of the label's frequency
(multivariate Bernoulli process: Esteban, Cano, Zafra and Ventura, "Hoeffding adaptive trees for
multi-label classification on data streams", KBS 2024), or the entropy of the classes. The multi-
label gain is a share of the node's impurity, so that neither the number of labels nor labels that
never occur change what ``delta`` and ``tau`` mean; its range is 1.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

from stream.engine import layout as lay
from stream.engine.arrays import Axes, Float64Array, Int32Array
from stream.engine.elementary import LOG2_E, SMALLEST, log
from stream.engine.jit import inlined, kernel
from stream.engine.random import uniform


class SplitScratch(NamedTuple):
    """Room for one attempt to split.

    Pairs are (label present, label unknown), of the labels that occur in the leaf, one after the
    other; but for ``best_left``, which has all labels.
    """

    labels: Annotated[Int32Array, Axes("labels")]  # the labels that occur in the leaf
    entropy: Annotated[Float64Array, Axes(2, "labels")]  # parts of presence and absence
    mean: Annotated[Float64Array, Axes(2, "labels")]  # of a feature
    slope: Annotated[
        Float64Array, Axes(2, "labels")
    ]  # 1 / (deviation * sqrt 2); 0: all values are the same
    nonzero: Annotated[Float64Array, Axes(2, "labels")]  # times the feature is not zero
    zeros: Annotated[Float64Array, Axes(2, "labels")]  # times it is zero
    whole: Annotated[Float64Array, Axes(2, "labels")]  # rows
    left: Annotated[Float64Array, Axes(2, "labels")]  # rows on the left side of a threshold
    right: Annotated[Float64Array, Axes(2, "labels")]  # rows on its right side
    best_left: Annotated[Float64Array, Axes(2, "labels")]  # rows on the left side of the best split


@inlined
def _plogp(p):
    return -p * LOG2_E * log(max(p, SMALLEST))


# Loops over labels are short and many, each over few arrays and without a branch: the compiler
# then has several labels done at a time.
@kernel
def _impurity(params, rows, present, unknown, n_labels, entropy):
    """Impurity in bits of a node with ``rows`` rows."""
    if rows <= 0.0:
        return 0.0
    of_presence, of_absence, total = entropy[0], entropy[1], 0.0
    for i in range(n_labels):
        known = rows - unknown[i]
        p = min(max(present[i] / max(known, SMALLEST), 0.0), 1.0)
        of_presence[i] = _plogp(p) if known > 0.0 else 0.0
        of_absence[i] = _plogp(1.0 - p) if known > 0.0 else 0.0
    for i in range(n_labels):
        total += of_presence[i]
        if not params.single_label:
            total += of_absence[i]
    return total


@inlined
def _share_below(mean, slope, threshold):
    """Share of a Gaussian that is not above the threshold."""
    if slope == 0.0:
        return 1.0 if mean <= threshold else 0.0
    return 0.5 * math.erfc((mean - threshold) * slope)


@inlined
def _moments(n, total, square):
    mean = total / max(n, 1.0) if n > 0.0 else 0.0
    variance = (square - total * mean) / max(n - 1.0, 1.0) if n >= 2.0 else 0.0
    differs = variance > 1e-12 * mean * mean and variance > 0.0
    return mean, 1.0 / math.sqrt(2.0 * variance) if differs else 0.0


@inlined
def _describe_side(n, total, square, counted, observed, labels, n_labels, scratch, side):
    """Distribution of a feature for labels that are present (side 0) or unknown (side 1).

    Parameters
    ----------
    n, total, square
        [all labels] values of the feature that are not zero, with their sums.
    counted
        [all labels] rows of the leaf.
    """
    nonzero, zeros = scratch.nonzero[side], scratch.zeros[side]
    mean, slope = scratch.mean[side], scratch.slope[side]
    for i in range(n_labels):
        label = labels[i]
        nonzero[i] = float(n[label])
        zeros[i] = max(counted[label] * observed - nonzero[i], 0.0)
        mean[i], slope[i] = _moments(nonzero[i], total[label], square[label])


@kernel
def _describe_feature(tree, k, r, scratch, n_labels):
    """Distribution of a feature for every label; returns rows that are zero and rows that count."""
    labels, stats, of_feature = tree.labels, tree.stats, tree.stat_labels
    rows = tree.leaves[k].stat_rows - stats[r].n_missing
    observed = rows / tree.leaves[k].stat_rows
    _describe_side(
        of_feature.n_present[r], of_feature.sum_present[r], of_feature.square_present[r],
        labels.stat_present[k], observed, scratch.labels, n_labels, scratch, 0,
    )  # fmt: skip
    if of_feature.n_unknown.shape[0] > 0:
        _describe_side(
            of_feature.n_unknown[r], of_feature.sum_unknown[r], of_feature.square_unknown[r],
            labels.stat_unknown[k], observed, scratch.labels, n_labels, scratch, 1,
        )  # fmt: skip
    else:
        for i in range(n_labels):
            scratch.nonzero[1, i] = 0.0
            scratch.zeros[1, i] = 0.0
    for side in range(2):
        whole, nonzero, zeros = scratch.whole[side], scratch.nonzero[side], scratch.zeros[side]
        for i in range(n_labels):
            whole[i] = nonzero[i] + zeros[i]
    return max(rows - stats[r].n, 0.0), rows


@inlined
def _divide_side(offset, zeros_left, n_labels, scratch, side):
    nonzero, zeros, left = scratch.nonzero[side], scratch.zeros[side], scratch.left[side]
    mean, slope = scratch.mean[side], scratch.slope[side]
    if math.isinf(offset):  # all values that are not zero are on one side
        for i in range(n_labels):
            n = zeros[i] if zeros_left else 0.0
            left[i] = n + nonzero[i] if offset > 0.0 else n
        return
    for i in range(n_labels):
        n = zeros[i] if zeros_left else 0.0
        if nonzero[i] > 0.0:
            n += nonzero[i] * _share_below(mean[i], slope[i], offset)
        left[i] = n


@kernel
def _divide(tree, params, r, offset, zeros, zeros_left, scratch, n_labels):
    """Rows left of a threshold (``offset``: threshold less the feature's shift), in all and with
    each label."""
    stats = tree.stats
    mean, slope = _moments(stats[r].n, stats[r].total, stats[r].square)
    n_left = stats[r].n * _share_below(mean, slope, offset) + (zeros if zeros_left else 0.0)
    for side in range(2 if tree.stat_labels.n_unknown.shape[0] > 0 else 1):
        _divide_side(offset, zeros_left, n_labels, scratch, side)
    if params.single_label:  # a row has one class: the classes' rows are all rows
        n_left = 0.0
        for i in range(n_labels):
            n_left += scratch.left[0, i]
    return n_left


@kernel
def _gain(params, rows, n_left, impurity, scratch, n_labels):
    """Information gain of the division ``scratch.left``; -1 when a side is too small."""
    n_right = rows - n_left
    if min(n_left, n_right) <= params.min_branch_fraction * rows:
        return -1.0
    for side in range(2):
        whole, left, right = scratch.whole[side], scratch.left[side], scratch.right[side]
        for i in range(n_labels):
            right[i] = whole[i] - left[i]
    left, right, entropy = scratch.left, scratch.right, scratch.entropy
    below = n_left * _impurity(params, n_left, left[0], left[1], n_labels, entropy)
    below += n_right * _impurity(params, n_right, right[0], right[1], n_labels, entropy)
    gain = impurity - below / rows
    return gain if params.single_label else gain / impurity


@kernel
def best_split(tree, params, k, scratch):
    """Look for the best test in leaf ``k``.

    Returns ``(split?, feature, threshold, rows on the left)``; the labels of the left side are in
    ``scratch.best_left``.
    """
    leaves, labels, stats, registers = tree.leaves, tree.labels, tree.stats, tree.registers
    n_labels = 0
    most = 0.0
    for label in range(registers[lay.N_LABELS]):
        if labels.stat_present[k, label] > 0.0:
            scratch.labels[n_labels] = label
            n_labels += 1
            most = max(most, labels.stat_present[k, label])
    rows = leaves[k].stat_rows
    if params.single_label and (n_labels < 2 or most > params.max_share_to_split * rows):
        return False, -1, 0.0, 0.0
    for i in range(n_labels):
        label = scratch.labels[i]
        scratch.left[0, i] = labels.stat_present[k, label]
        scratch.left[1, i] = labels.stat_unknown[k, label]
    impurity = _impurity(params, rows, scratch.left[0], scratch.left[1], n_labels, scratch.entropy)
    if impurity <= 1e-9:
        return False, -1, 0.0, 0.0

    best, second = -1.0, 0.0 if params.merit_preprune else -1.0
    best_feature, best_threshold, best_rows_left = -1, 0.0, 0.0
    n_candidates = 0
    for j in range(tree.stat_row.shape[1]):
        r = tree.stat_row[k, j]
        if r < 0 or stats[r].n <= params.min_branch_fraction * rows:
            continue
        if params.feature_share < 1.0:
            if (
                uniform(params.seed, leaves[k].node, registers[lay.ROWS_LEARNT], j)
                >= params.feature_share
            ):
                continue
        zeros, counted = _describe_feature(tree, k, r, scratch, n_labels)
        low, high = stats[r].low, stats[r].high
        n_points = params.n_split_points if high > low else 0
        feature_best = -1.0
        for point in range(n_points + 1):
            if point < n_points:
                threshold = low + (high - low) * (point + 1) / (n_points + 1)
                if math.isinf(threshold):  # the range is larger than any number
                    share = (point + 1) / (n_points + 1)
                    threshold = low * (1.0 - share) + high * share
                offset = threshold - tree.shift[j]
            elif zeros > 0.0 and low > 0.0:  # zero against not zero: no tail of a Gaussian counts
                threshold, offset = 0.0, -math.inf
            elif zeros > 0.0 and high < 0.0:
                threshold, offset = 0.5 * high, math.inf
            else:
                continue
            n_left = _divide(tree, params, r, offset, zeros, threshold >= 0.0, scratch, n_labels)
            gain = _gain(params, counted, n_left, impurity, scratch, n_labels)
            if gain > feature_best:
                feature_best = gain
                if gain > best:
                    best_threshold, best_rows_left = threshold, n_left
                    for i in range(n_labels):
                        label = scratch.labels[i]
                        scratch.best_left[0, label] = scratch.left[0, i]
                        scratch.best_left[1, label] = scratch.left[1, i]
        if feature_best < 0.0:
            continue
        n_candidates += 1
        if feature_best > best:
            second = max(second, best)
            best, best_feature = feature_best, j
        else:
            second = max(second, feature_best)
    if best_feature < 0 or (params.merit_preprune and best <= 0.0):
        return False, -1, 0.0, 0.0
    value_range = LOG2_E * log(max(float(n_labels), 2.0)) if params.single_label else 1.0
    bound = value_range * math.sqrt(log(1.0 / params.delta) / (2.0 * leaves[k].n_rows))
    sure = (
        best - second > bound
        or bound < params.tau
        or (n_candidates == 1 and not params.merit_preprune)
    )
    return sure, best_feature, best_threshold, best_rows_left
