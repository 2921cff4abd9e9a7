"""A leaf: what it answers for a row, and how it learns one."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import numpy as np

from stream.engine import layout as lay
from stream.engine.arrays import Axes, FeatureRows, Float32Array, Float64Array, Int32Array
from stream.engine.elementary import exp, log
from stream.engine.jit import inlined, kernel
from stream.engine.log_odds import cut_sigmoid
from stream.engine.logistic import add_weights, learn_weights
from stream.engine.naive_bayes import (
    WORK_ROWS,
    add_terms,
    count_feature,
    refresh_leaf,
    refresh_terms,
)
from stream.engine.slots import take

LOSS_MEMORY = 500.0  # rows over which the recent loss of a leaf model is averaged
MAX_BRANCHES = 128  # in which one row is learnt: the tree, and alternates on the row's path


class Scratch(NamedTuple):
    """Room for one row's work; nothing in it outlives the row."""

    models: Annotated[Float64Array, Axes("models", "labels")]  # probabilities of each leaf model
    answer: Annotated[Float64Array, Axes("labels")]  # probabilities of the leaf
    score: Annotated[Float32Array, Axes("rates", "labels")]  # sums of the logistic models
    gradient: Annotated[Float32Array, Axes("rates", "labels")]  # 0 for columns without a label
    rate: Annotated[Float32Array, Axes("rates", "labels")]
    truth: Annotated[Float64Array, Axes("labels")]  # 1 present, 0 absent, -1 unknown
    wrong: Annotated[Int32Array, Axes("rates", "labels")]  # label numbers
    n_wrong: Annotated[Int32Array, Axes("rates")]
    terms: Annotated[Float64Array, Axes(WORK_ROWS, "labels")]
    branches: Annotated[Int32Array, Axes(MAX_BRANCHES)]  # tops of the branches that learn the row


class TreeRow(NamedTuple):
    """A row as a tree takes it."""

    x: FeatureRows  # raw rows, of which it is one
    row: int  # its number among these
    z: FeatureRows  # scaled rows
    answer: int  # its number among these
    present: Int32Array  # labels
    unknown: Int32Array


@inlined
def softmax(scores, n_labels):
    """Turn scores into probabilities, in place."""
    highest = scores[0]
    for label in range(1, n_labels):
        highest = max(highest, scores[label])
    total = 0.0
    for label in range(n_labels):
        scores[label] = exp(scores[label] - highest)
    for label in range(n_labels):
        total += scores[label]
    for label in range(n_labels):
        scores[label] /= total


@inlined
def _frequencies(leaves, labels, params, k, out, n_labels):
    """Label frequencies of leaf ``k`` (Krichevsky-Trofimov; single-label: shares of the
    classes)."""
    rows = leaves[k].n_rows
    if params.single_label:
        for label in range(n_labels):
            out[label] = labels.n_present[k, label] / rows if rows > 0.0 else 1.0 / n_labels
        return
    for label in range(n_labels):
        known = rows - labels.n_unknown[k, label]
        out[label] = (labels.n_present[k, label] + 0.5) / (known + 1.0)


@inlined
def _prior_scores(params, frequency, rows, score, n_labels):
    """Log odds of the frequencies (single-label: their logarithm, an unseen class counting half a
    row)."""
    if params.single_label:
        for label in range(n_labels):
            score[label] = log(max(frequency[label], 0.5 / (rows + 1.0)))
    else:
        for label in range(n_labels):
            score[label] = log(frequency[label] / (1.0 - frequency[label]))


@inlined
def _best_model(loss, params, k, label):
    """The leaf model of the smallest recent loss for a label."""
    best = lay.FREQUENCY
    if params.use_naive_bayes and loss[k, lay.NAIVE_BAYES, label] < loss[k, best, label]:
        best = lay.NAIVE_BAYES
    if params.use_logistic:
        for model in range(lay.LOGISTIC, loss.shape[1]):
            if loss[k, model, label] < loss[k, best, label]:
                best = model
    return best


@inlined
def predict_leaf(tree, params, k, at, scratch, n_labels):
    """Fill ``scratch`` with what leaf ``k`` says of a row (:class:`TreeRow`)."""
    leaves, labels, loss = tree.leaves, tree.labels, tree.labels.loss
    frequency = scratch.models[lay.FREQUENCY]
    _frequencies(leaves, labels, params, k, frequency, n_labels)
    last_model = lay.FREQUENCY
    if params.use_naive_bayes:
        last_model = lay.NAIVE_BAYES
        p = scratch.models[lay.NAIVE_BAYES]
        _prior_scores(params, frequency, leaves[k].n_rows, p, n_labels)
        if leaves[k].active:
            add_terms(tree, k, at.x, at.row, p, n_labels)
        if params.single_label:
            softmax(p, n_labels)
        else:
            for label in range(n_labels):
                p[label] = cut_sigmoid(p[label])
    if params.use_logistic:
        last_model = lay.LOGISTIC
        score, n_rates = scratch.score, len(scratch.score)
        _prior_scores(params, frequency, leaves[k].n_rows, score[0], n_labels)
        for q in range(1, n_rates):
            for label in range(n_labels):
                score[q, label] = score[0, label]
        add_weights(tree, k, at.z, at.answer, score, n_labels)
        for q in range(n_rates):
            p, of_rate = scratch.models[lay.LOGISTIC + q], score[q]
            if params.single_label:
                for label in range(n_labels):
                    p[label] = of_rate[label]
                softmax(p, n_labels)
            else:
                for label in range(n_labels):
                    p[label] = cut_sigmoid(of_rate[label])
    answer = scratch.answer
    if params.single_label:
        best = _best_model(loss, params, k, 0) if params.adaptive else last_model
        for label in range(n_labels):
            answer[label] = scratch.models[best, label]
    else:
        for label in range(n_labels):
            best = _best_model(loss, params, k, label) if params.adaptive else last_model
            answer[label] = scratch.models[best, label]


@inlined
def highest(values, n):
    """Place of the largest of the first ``n`` values."""
    best = 0
    for i in range(1, n):
        if values[i] > values[best]:
            best = i
    return best


@inlined
def row_loss(params, scratch, n_labels):
    """Loss of ``scratch.answer`` in [0, 1]: 0/1 error, or one less the Jaccard similarity of
    predicted and true labels."""
    if params.single_label:
        return 1.0 - scratch.truth[highest(scratch.answer, n_labels)]
    common, union = 0, 0
    for label in range(n_labels):
        if scratch.truth[label] < 0.0:
            continue
        predicted, present = scratch.answer[label] > 0.5, scratch.truth[label] > 0.5
        common += predicted and present
        union += predicted or present
    return 1.0 - common / union if union > 0 else 0.0


@inlined
def _update_losses(leaves, loss, params, k, scratch, n_labels):
    """Recent loss of every leaf model: squared error of a label's probability (single-label: 0/1
    error)."""
    rate = 1.0 / min(leaves[k].loss_rows + 1.0, LOSS_MEMORY)
    leaves[k].loss_rows += 1.0
    for model in range(loss.shape[1]):
        if (model == lay.NAIVE_BAYES and not params.use_naive_bayes) or (
            model >= lay.LOGISTIC and not params.use_logistic
        ):
            continue
        if params.single_label:
            error = 1.0 - scratch.truth[highest(scratch.models[model], n_labels)]
            loss[k, model, 0] += rate * (error - loss[k, model, 0])
            continue
        for label in range(n_labels):
            if scratch.truth[label] >= 0.0:
                error = scratch.models[model, label] - scratch.truth[label]
                loss[k, model, label] += rate * (error * error - loss[k, model, label])


@kernel
def _take_stat_row(tree, k, j):
    """A row of empty statistics for feature ``j`` in leaf ``k``; -1 when there is no room."""
    stats, labels = tree.stats, tree.stat_labels
    r = take(tree.registers, lay.STATS_USED, lay.STATS_FREE, tree.free_stats)
    if r < 0:
        return r
    stats[r].n = 0.0
    stats[r].n_missing = 0.0
    stats[r].total = 0.0
    stats[r].square = 0.0
    stats[r].next_refresh = 1.0
    labels.n_present[r, :] = 0
    labels.sum_present[r, :] = 0.0
    labels.square_present[r, :] = 0.0
    if labels.n_unknown.shape[0] > 0:
        labels.n_unknown[r, :] = 0
        labels.sum_unknown[r, :] = 0.0
        labels.square_unknown[r, :] = 0.0
    labels.nb_terms[r, :, :] = np.float32(0.0)
    tree.stat_row[k, j] = r
    return r


@inlined
def _learn_features(tree, params, k, at, n_labels, work):
    """Add a row to the statistics of its features in leaf ``k``; the row itself is counted
    already."""
    stats, stat_labels, shift = tree.stats, tree.stat_labels, tree.shift
    x, row, present, unknown = at.x, at.row, at.present, at.unknown
    for entry in range(x[0][row], x[0][row + 1]):
        j = x[1][entry]
        if j >= tree.stat_row.shape[1]:
            continue  # the memory limit left no room for this column
        value = x[2][entry]
        r = tree.stat_row[k, j]
        if r < 0:
            r = _take_stat_row(tree, k, j)
            if r < 0:
                continue
        if math.isnan(value):
            stats[r].n_missing += 1.0
            continue
        if math.isnan(shift[j]):
            shift[j] = value
        count_feature(stats, stat_labels, r, value, value - shift[j], present, unknown)
        if params.use_naive_bayes and stats[r].n >= stats[r].next_refresh:
            refresh_terms(
                tree.leaves, tree.labels, stats, stat_labels, k, r, n_labels, params.single_label,
                work,
            )  # fmt: skip


@inlined
def learn_leaf(tree, params, k, at, scratch, n_labels):
    """Learn a row in leaf ``k``; ``scratch`` holds what the leaf predicted for it and the truth."""
    leaves, labels = tree.leaves, tree.labels
    if params.adaptive:
        _update_losses(leaves, labels.loss, params, k, scratch, n_labels)
    if params.use_logistic:
        for q in range(len(scratch.gradient)):
            for label in range(n_labels):
                error = scratch.models[lay.LOGISTIC + q, label] - scratch.truth[label]
                scratch.gradient[q, label] = error if scratch.truth[label] >= 0.0 else 0.0
        learn_weights(
            tree, k, at.z, at.answer, scratch.gradient, scratch.rate, scratch.wrong,
            scratch.n_wrong, n_labels, params.learning_rates,
        )  # fmt: skip
    leaves[k].n_rows += 1.0
    for label in at.present:
        labels.n_present[k, label] += 1.0
    for label in at.unknown:
        labels.n_unknown[k, label] += 1.0
    if not leaves[k].active:
        return
    leaves[k].stat_rows += 1.0
    for label in at.present:
        labels.stat_present[k, label] += 1.0
    for label in at.unknown:
        labels.stat_unknown[k, label] += 1.0
    _learn_features(tree, params, k, at, n_labels, scratch.terms)
    if params.use_naive_bayes and leaves[k].stat_rows >= leaves[k].next_refresh:
        refresh_leaf(tree, k, n_labels, params.single_label, scratch.terms)
        leaves[k].next_refresh = 2.0 * leaves[k].stat_rows
