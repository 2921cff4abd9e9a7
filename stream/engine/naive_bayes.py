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

from stream.engine.elementary import log
from stream.engine.jit import inlined, kernel

REFRESH_GROWTH = 1.125  # terms are made anew when their count has grown by this factor
PRIOR_STRENGTH = 1.0  # pseudo-rows with the leaf's own frequency of the feature
SMALLEST_VARIANCE = 1e-4  # of a label's values, as a share of the feature's variance
LARGEST_SCALED = 50.0  # values are cut here, in deviations of the feature

# Rows of the room that terms are made in.
OCCURS, LACKS, N, ROWS, TOTAL, SQUARE, SPREAD, A, B, C = range(10)
WORK_ROWS = 10


@inlined
def _gaussian(n, total, square, center, scale):
    """Mean and variance of values in standard units; too few values answer as the feature itself
    does."""
    enough, some = n >= 2.0, max(n, 2.0)
    mean = total / some
    variance = (square - total * mean) / (some - 1.0) * scale * scale
    variance = max(variance, SMALLEST_VARIANCE) if enough else 1.0
    return (mean - center) * scale if enough else 0.0, variance


@inlined
def _count_absent(labels, stats, stat_labels, k, r, rows, n_labels, work):
    """Of every label's absence: rows, and values of the feature, with their sums."""
    n0, rows0, total0, square0 = work[N], work[ROWS], work[TOTAL], work[SQUARE]
    n, total, square = stats[r].n, stats[r].total, stats[r].square
    n1, rows1 = stat_labels.n_present[r], labels.stat_present[k]
    total1, square1 = stat_labels.sum_present[r], stat_labels.square_present[r]
    for label in range(n_labels):
        n0[label] = n - float(n1[label])
        rows0[label] = rows - rows1[label]
    for label in range(n_labels):
        total0[label] = total - total1[label]
        square0[label] = square - square1[label]
    if stat_labels.n_unknown.shape[0] > 0:
        unknown = stat_labels.n_unknown[r]
        for label in range(n_labels):
            n0[label] -= float(unknown[label])
            rows0[label] -= labels.stat_unknown[k, label]
            total0[label] -= stat_labels.sum_unknown[r, label]
            square0[label] -= stat_labels.square_unknown[r, label]


@inlined
def _chances(rows, known_share, n1, rows1, frequency, absence, n_labels, work, single_label):
    """Chances that the value is not zero, and that it is; of a label against its absence."""
    occurs, lacks, n0, rows0 = work[OCCURS], work[LACKS], work[N], work[ROWS]
    for label in range(n_labels):
        n, known = float(n1[label]), rows1[label] * known_share
        known = max(known, n) + PRIOR_STRENGTH
        occurs[label] = (n + PRIOR_STRENGTH * frequency) / known
        lacks[label] = (known - PRIOR_STRENGTH - n + PRIOR_STRENGTH * absence) / known
    if single_label:
        return
    for label in range(n_labels):
        rows0[label] = max(rows0[label] * known_share, n0[label]) + PRIOR_STRENGTH
    for label in range(n_labels):
        occurs[label] *= rows0[label] / (n0[label] + PRIOR_STRENGTH * frequency)
    for label in range(n_labels):
        left = rows0[label] - PRIOR_STRENGTH - n0[label]
        lacks[label] *= rows0[label] / (left + PRIOR_STRENGTH * absence)


@inlined
def _densities(n1, total1, square1, center, scale, n_labels, work, single_label):
    """Density of a value: its parts ``a``, ``b``, ``c``, and the variance; of a label against its
    absence."""
    a, b, c, spread = work[A], work[B], work[C], work[SPREAD]
    for label in range(n_labels):
        b[label], spread[label] = _gaussian(
            float(n1[label]), total1[label], square1[label], center, scale
        )
    for label in range(n_labels):
        mean = b[label]
        a[label] = -0.5 / spread[label]
        b[label] = mean / spread[label]
        c[label] = -0.5 * mean * mean / spread[label]
    if single_label:
        return
    n0, mean0, spread0 = work[N], work[TOTAL], work[SQUARE]
    for label in range(n_labels):
        mean0[label], spread0[label] = _gaussian(
            n0[label], mean0[label], spread0[label], center, scale
        )
    for label in range(n_labels):
        a[label] += 0.5 / spread0[label]
        spread[label] /= spread0[label]
    for label in range(n_labels):
        b[label] -= mean0[label] / spread0[label]
        c[label] += 0.5 * mean0[label] * mean0[label] / spread0[label]


# Loops over labels are short and many, each over few arrays and without a branch: the compiler
# then has several labels done at a time.
@kernel
def refresh_terms(leaves, labels, stats, stat_labels, k, r, n_labels, single_label, work):
    """Make the cached terms of statistics row ``r`` in leaf ``k`` anew.

    Parameters
    ----------
    work
        [WORK_ROWS, labels] room to work in.
    """
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
    n1, rows1 = stat_labels.n_present[r], labels.stat_present[k]
    if not single_label:
        _count_absent(labels, stats, stat_labels, k, r, rows, n_labels, work)
    _chances(rows, known_share, n1, rows1, frequency, absence, n_labels, work, single_label)
    a, b, c, spread, occurs, lacks = (
        work[A], work[B], work[C], work[SPREAD], work[OCCURS], work[LACKS],
    )  # fmt: skip
    if scale > 0.0:
        total1, square1 = stat_labels.sum_present[r], stat_labels.square_present[r]
        _densities(n1, total1, square1, center, scale, n_labels, work, single_label)
        for label in range(n_labels):
            c[label] += log(occurs[label])
        for label in range(n_labels):
            c[label] -= 0.5 * log(spread[label])
    else:
        for label in range(n_labels):
            a[label] = 0.0
            b[label] = 0.0
            c[label] = log(occurs[label])
    for label in range(n_labels):
        lacks[label] = log(lacks[label])
    terms, zero = stat_labels.nb_terms[r], labels.nb_zero[k]
    for part in range(3):
        new, term = work[A + part], terms[part]
        for label in range(n_labels):
            term[label] = new[label]
    lacking = terms[3]
    for label in range(n_labels):
        zero[label] -= lacking[label]
        lacking[label] = lacks[label]
        zero[label] += lacking[label]
    stats[r].next_refresh = max(n + 1.0, n * REFRESH_GROWTH)


@kernel
def refresh_leaf(tree, k, n_labels, single_label, work):
    """Make all cached terms of leaf ``k`` anew; ``work`` as in :func:`refresh_terms`."""
    for j in range(tree.stat_row.shape[1]):
        r = tree.stat_row[k, j]
        if r >= 0:
            refresh_terms(
                tree.leaves, tree.labels, tree.stats, tree.stat_labels, k, r, n_labels,
                single_label, work,
            )  # fmt: skip


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
