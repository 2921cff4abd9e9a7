"""How wrong answers were, row by row."""

from __future__ import annotations

import math

from stream.engine.adwin import adwin_mean, adwin_update
from stream.engine.jit import inlined, kernel


@inlined
def switch_bound(error, n, n_other, significance):
    """How much lower the mean of ``n_other`` errors must be than ``error``, the mean of ``n``, to
    be so by chance with probability ``significance`` at most (Hoeffding's inequality)."""
    spread = 2.0 * error * (1.0 - error) * (1.0 / n + 1.0 / n_other)
    return math.sqrt(max(spread, 0.0) * math.log(2.0 / significance))


@inlined
def mark_truth(truth, y, u, row, present, unknown):
    """Write values into ``truth`` [labels] for the present and the unknown labels of a row."""
    for entry in range(y[0][row], y[0][row + 1]):
        truth[y[1][entry]] = present
    for entry in range(u[0][row], u[0][row + 1]):
        truth[u[1][entry]] = unknown


@inlined
def add_cluster_losses(decided, truth, cluster, n_labels, counts, losses):
    """Loss of an answer in every cluster: one less the Jaccard similarity of answered and true
    labels; two empty sets are alike.

    Parameters
    ----------
    decided, truth
        [labels] answers (1: present), and the truth (2: unknown, which does not count).
    cluster
        [labels] place of each label's cluster.
    counts
        [clusters, 2] room to work in.
    losses
        [clusters] in place.
    """
    for place in range(len(losses)):
        counts[place, 0] = 0
        counts[place, 1] = 0
    for label in range(n_labels):
        if truth[label] != 2:
            place = cluster[label]
            counts[place, 0] += decided[label] & truth[label]
            counts[place, 1] += decided[label] | truth[label]
    for place in range(len(losses)):
        union = counts[place, 1]
        losses[place] = 1.0 - counts[place, 0] / union if union > 0 else 0.0


@kernel
def cluster_losses(decided, y, u, first_row, cluster, truth, counts, losses):
    """:func:`add_cluster_losses` of rows from ``first_row`` on.

    Parameters
    ----------
    decided
        Answers [rows, labels].
    y, u
        Present and unknown labels, each ``(indptr, indices)``.
    truth
        [labels] room to work in, zero before and after.
    counts
        [clusters, 2] room to work in.
    losses
        [clusters, rows] in place.
    """
    for place in range(len(decided)):
        row = first_row + place
        mark_truth(truth, y, u, row, 1, 2)
        add_cluster_losses(
            decided[place], truth, cluster, decided.shape[1], counts, losses[:, place]
        )
        mark_truth(truth, y, u, row, 0, 0)


@kernel
def squared_errors(probabilities, y, u, first_row, truth, errors):
    """Sum over labels of the squared error of the models' mean probability (Brier, 1950), for rows
    from ``first_row`` on; labels whose truth is unknown do not count.

    Parameters
    ----------
    probabilities
        Probabilities [rows, models, labels].
    y, u
        Present and unknown labels, each ``(indptr, indices)``.
    truth
        [labels] room to work in, zero before and after.
    errors
        [rows] in place.
    """
    n_models = probabilities.shape[1]
    for place in range(len(probabilities)):
        row = first_row + place
        mark_truth(truth, y, u, row, 1, 2)
        total = 0.0
        for label in range(probabilities.shape[2]):
            if truth[label] != 2:
                mean = 0.0
                for model in range(n_models):
                    mean += probabilities[place, model, label]
                error = mean / n_models - truth[label]
                total += error * error
        errors[place] = total
        mark_truth(truth, y, u, row, 0, 0)


@kernel
def add_differences(sums, errors, others):
    """Add rows to ``sums`` [3], one after the other: how many, by how much ``others`` are smaller,
    and the squares of that."""
    for row in range(len(errors)):
        difference = errors[row] - others[row]
        sums[0] += 1.0
        sums[1] += difference
        sums[2] += difference * difference


@kernel
def add_up(total, values):
    """``total`` and the values, added one after the other: the same however they are grouped."""
    for value in values:
        total += value
    return total


@kernel
def watch(adwins, d, values, delta):
    """Give values to a detector; true when it saw their mean rise."""
    risen = False
    for value in values:
        before = adwin_mean(adwins, d)
        if adwin_update(adwins, d, value, delta) and adwin_mean(adwins, d) > before:
            risen = True
    return risen
