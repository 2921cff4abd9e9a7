"""Naive Bayes in a leaf: a feature is zero or not (Bernoulli), and a value that is not zero is
Gaussian.

For features that are never zero this is Gaussian naive Bayes, for binary features Bernoulli naive
Bayes. The score of label l is log odds (multi-label) or a log likelihood (single-label, the label
being a class): ``prior + sum of terms over the features``. With ``u`` the standardised value a term
is ``a u^2 + b u + c``, and a feature that is zero contributes ``d``; ``nb_zero`` holds the sum of
all ``d``, so that a prediction looks only at the features that are not zero. The terms are cached
and made anew when their counts have grown by an eighth.
"""

from __future__ import annotations

import math

from stream.engine.jit import inlined, kernel

REFRESH_GROWTH = 1.125  # terms are made anew when their count has grown by this factor
PRIOR_STRENGTH = 1.0  # pseudo-rows with the leaf's own frequency of the feature
SMALLEST_VARIANCE = 1e-4  # of a label's values, as a share of the feature's variance
LARGEST_SCALED = 50.0  # values are cut here, in deviations of the feature


@inlined
def _gaussian(n, total, square, center, scale):
    """Mean and variance of values in standard units; too few values answer as the feature itself
    does."""
    if n < 2.0:
        return 0.0, 1.0
    mean = total / n
    variance = (square - total * mean) / (n - 1.0) * scale * scale
    return (mean - center) * scale, max(variance, SMALLEST_VARIANCE)


@kernel
def refresh_terms(leaves, labels, stats, stat_labels, k, r, n_labels, single_label):
    """Make the cached terms of statistics row ``r`` in leaf ``k`` anew."""
    n, missing = stats[r].n, stats[r].n_missing
    rows = leaves[k].stat_rows
    seen = max(rows - missing, n)
    known_share = seen / rows if rows > 0.0 else 1.0
    center = stats[r].total / n if n > 0.0 else 0.0
    variance = (stats[r].square - stats[r].total * center) / (n - 1.0) if n >= 2.0 else 0.0
    scale = (
        1.0 / math.sqrt(variance)
        if variance > 1e-12 * (center * center) and variance > 0.0
        else 0.0
    )
    stats[r].center, stats[r].scale = center, scale
    frequency, absence = (n + 0.5) / (seen + 1.0), (seen - n + 0.5) / (seen + 1.0)
    partial = stat_labels.n_unknown.shape[0] > 0
    terms, zero = stat_labels.nb_terms, labels.nb_zero
    for label in range(n_labels):
        n1 = float(stat_labels.n_present[r, label])
        rows1 = max(labels.stat_present[k, label] * known_share, n1)
        # chances that the value is not zero, or is; the density of a value, as a b c and variance
        occurs = (n1 + PRIOR_STRENGTH * frequency) / (rows1 + PRIOR_STRENGTH)
        lacks = (rows1 - n1 + PRIOR_STRENGTH * absence) / (rows1 + PRIOR_STRENGTH)
        a, b, c, spread = 0.0, 0.0, 0.0, 1.0
        if scale > 0.0:
            mean, spread = _gaussian(
                n1,
                stat_labels.sum_present[r, label],
                stat_labels.square_present[r, label],
                center,
                scale,
            )
            a, b, c = -0.5 / spread, mean / spread, -0.5 * mean * mean / spread
        if not single_label:  # log odds: all of these against the same of the label's absence
            n0, total0, square0 = n - n1, stats[r].total, stats[r].square
            total0 -= stat_labels.sum_present[r, label]
            square0 -= stat_labels.square_present[r, label]
            rows0 = rows - labels.stat_present[k, label]
            if partial:
                n0 -= float(stat_labels.n_unknown[r, label])
                total0 -= stat_labels.sum_unknown[r, label]
                square0 -= stat_labels.square_unknown[r, label]
                rows0 -= labels.stat_unknown[k, label]
            rows0 = max(rows0 * known_share, n0)
            occurs *= (rows0 + PRIOR_STRENGTH) / (n0 + PRIOR_STRENGTH * frequency)
            lacks *= (rows0 + PRIOR_STRENGTH) / (rows0 - n0 + PRIOR_STRENGTH * absence)
            if scale > 0.0:
                mean, spread0 = _gaussian(n0, total0, square0, center, scale)
                a += 0.5 / spread0
                b -= mean / spread0
                c += 0.5 * mean * mean / spread0
                spread /= spread0
        c += math.log(occurs)
        if spread != 1.0:
            c -= 0.5 * math.log(spread)
        d = math.log(lacks)
        terms[r, 0, label], terms[r, 1, label], terms[r, 2, label] = a, b, c
        zero[k, label] -= terms[r, 3, label]
        terms[r, 3, label] = d
        zero[k, label] += terms[r, 3, label]
    stats[r].next_refresh = max(n + 1.0, n * REFRESH_GROWTH)


@kernel
def refresh_leaf(tree, k, n_labels, single_label):
    """Make all cached terms of leaf ``k`` anew."""
    for j in range(tree.stat_row.shape[1]):
        r = tree.stat_row[k, j]
        if r >= 0:
            refresh_terms(
                tree.leaves, tree.labels, tree.stats, tree.stat_labels, k, r, n_labels, single_label
            )


@inlined
def add_terms(tree, k, x, row, score, n_labels):
    """Add the terms of a row's features to ``score``, which holds the prior of every label."""
    terms, zero, stat_row = tree.stat_labels.nb_terms, tree.labels.nb_zero, tree.stat_row
    stats, shift, values = tree.stats, tree.shift, x[2]
    for label in range(n_labels):
        score[label] += zero[k, label]
    for entry in range(x[0][row], x[0][row + 1]):
        j = x[1][entry]
        r = stat_row[k, j] if j < stat_row.shape[1] else -1  # the column may be newer than the tree
        if r < 0:
            continue
        value = values[entry]
        if math.isnan(value):
            for label in range(n_labels):
                score[label] -= terms[r, 3, label]
            continue
        u = 0.0
        # Else all values are the same; or all were missing: there is no shift yet, and the scale is
        # that of who had the row before.
        if stats[r].n > 0.0 and stats[r].scale > 0.0:
            u = (value - shift[j] - stats[r].center) * stats[r].scale
            u = min(max(u, -LARGEST_SCALED), LARGEST_SCALED)
        square = u * u
        for label in range(n_labels):
            score[label] += (
                terms[r, 0, label] * square
                + terms[r, 1, label] * u
                + (terms[r, 2, label] - terms[r, 3, label])
            )


@inlined
def count_feature(stats, labels, r, x, offset, present, unknown):
    """Add one value that is not zero to statistics row ``r``; ``offset`` is the value less its
    shift."""
    if stats[r].n == 0.0:
        stats[r].low, stats[r].high = x, x
    else:
        stats[r].low = min(stats[r].low, x)
        stats[r].high = max(stats[r].high, x)
    square = offset * offset
    stats[r].n += 1.0
    stats[r].total += offset
    stats[r].square += square
    for label in present:
        labels.n_present[r, label] += 1
        labels.sum_present[r, label] += offset
        labels.square_present[r, label] += square
    for label in unknown:
        labels.n_unknown[r, label] += 1
        labels.sum_unknown[r, label] += offset
        labels.square_unknown[r, label] += square
