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
def _mark(truth, y, u, row, present, unknown):
    """Write values into ``truth`` [labels] for the present and the unknown labels of a row."""
    for entry in range(y[0][row], y[0][row + 1]):
        truth[y[1][entry]] = present
    for entry in range(u[0][row], u[0][row + 1]):
        truth[u[1][entry]] = unknown


@kernel
def jaccard_losses(answers, y, u, start, stop, truth, losses):
    """One less the Jaccard similarity of predicted and true labels, for rows ``start`` to ``stop``.

    Labels whose truth is unknown do not count; two empty sets are alike.

    Parameters
    ----------
    answers
        Probabilities [rows, labels].
    y, u
        Present and unknown labels, each ``(indptr, indices)``.
    truth
        [labels] room to work in, zero before and after.
    losses
        [rows] in place.
    """
    for row in range(start, stop):
        _mark(truth, y, u, row, 1, 2)
        common, union = 0, 0
        for label in range(answers.shape[1]):
            predicted = answers[row, label] > 0.5
            if truth[label] != 2:
                common += predicted and truth[label] == 1
                union += predicted or truth[label] == 1
        losses[row] = 1.0 - common / union if union > 0 else 0.0
        _mark(truth, y, u, row, 0, 0)


@kernel
def squared_errors(probabilities, y, u, start, stop, truth, errors):
    """Sum over labels of the squared error of the models' mean probability (Brier, 1950), for rows
    ``start`` to ``stop``; labels whose truth is unknown do not count.

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
    for row in range(start, stop):
        _mark(truth, y, u, row, 1, 2)
        total = 0.0
        for label in range(probabilities.shape[2]):
            if truth[label] != 2:
                mean = 0.0
                for model in range(n_models):
                    mean += probabilities[row, model, label]
                error = mean / n_models - truth[label]
                total += error * error
        errors[row] = total
        _mark(truth, y, u, row, 0, 0)


@kernel
def add_differences(sums, errors, others, start, stop):
    """Add the rows ``start`` to ``stop`` to ``sums`` [3], one after the other: how many, by how
    much ``others`` are smaller, and the squares of that."""
    for row in range(start, stop):
        difference = errors[row] - others[row]
        sums[0] += 1.0
        sums[1] += difference
        sums[2] += difference * difference


@kernel
def add_up(total, values, start, stop):
    """``total`` and the values, added one after the other: the same however they are grouped."""
    for row in range(start, stop):
        total += values[row]
    return total


@kernel
def watch(adwins, d, values, start, stop, delta):
    """Give values to a detector; true when it saw their mean rise."""
    risen = False
    for row in range(start, stop):
        before = adwin_mean(adwins, d)
        if adwin_update(adwins, d, values[row], delta) and adwin_mean(adwins, d) > before:
            risen = True
    return risen
