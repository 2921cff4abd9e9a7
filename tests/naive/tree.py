"""The Hoeffding adaptive tree as its rules read: an object per node, leaves that keep their rows.

Every statistic is computed from the rows a leaf has kept, when it is asked for. Numbers that the
engine stores in single precision (weights and the terms of naive Bayes) are rounded to it here, so
that comparisons with thresholds fall the same way.
"""

import functools
import math

import numpy as np
from naive.scaling import NaiveScaler
from river.drift import ADWIN

from stream.engine.leaf import LOSS_MEMORY
from stream.engine.log_odds import LARGEST_SCORE
from stream.engine.logistic import EPSILON, SMALL_GRADIENT
from stream.engine.naive_bayes import (
    LARGEST_SCALED,
    PRIOR_STRENGTH,
    REFRESH_GROWTH,
    SMALLEST_VARIANCE,
)

FREQUENCY, NAIVE_BAYES = "frequency", "naive bayes"  # logistic models go by their learning rate


def sigmoid(score):
    return 1.0 / (1.0 + math.exp(-min(max(score, -LARGEST_SCORE), LARGEST_SCORE)))


def softmax(scores):
    exponentials = [math.exp(score - max(scores)) for score in scores]
    return [value / sum(exponentials) for value in exponentials]


def entropy(probabilities):
    return -sum(p * math.log2(p) for p in probabilities if p > 0.0)


def spread_of(values):
    """Unbiased variance; 0 for fewer than two values and for values that are all the same."""
    if len(values) < 2 or min(values) == max(values):
        return 0.0
    return float(np.var(values, ddof=1))


def share_below(values, threshold):
    """Share of the Gaussian through some values that is not above a threshold."""
    if not values:
        return 0.0
    mean, variance = float(np.mean(values)), spread_of(values)
    if variance == 0.0:
        return 1.0 if mean <= threshold else 0.0
    return 0.5 * math.erfc((mean - threshold) / math.sqrt(2.0 * variance))


class Leaf:
    """Counts since ever, rows since the last split, a logistic model, and recent losses."""

    def __init__(self):
        self.n_rows = 0.0
        self.last_attempt = 0
        self.n_present = {}
        self.n_unknown = {}
        self.rows = []  # (x, present, unknown)
        self.terms = {}  # feature: its naive Bayes terms
        self.next_refresh = {}
        self.next_leaf_refresh = 1.0
        self.bias, self.bias_step = {}, {}
        self.weight, self.step = {}, {}  # (rate, feature, label): value
        self.loss = {}  # (model, label): value
        self.loss_rows = 0.0

    def inherit(self, other, keep_steps):
        self.bias, self.weight = dict(other.bias), dict(other.weight)
        if keep_steps:
            self.bias_step, self.step = dict(other.bias_step), dict(other.step)

    def features(self):
        return sorted({j for x, _, _ in self.rows for j in x})

    def with_label(self, label, place=1):
        """The rows in which a label is present (``place`` 2: unknown)."""
        return [row for row in self.rows if label in row[place]]


class Node:
    """A place in the tree: a leaf, or a test with two children."""

    def __init__(self, depth, leaf=None, delta=None):
        self.depth = depth
        self.n_rows = 0.0
        self.leaf = leaf
        self.feature = self.threshold = self.left = self.right = None
        self.alternate = None
        self.detector = ADWIN(delta=delta) if delta else None

    def child(self, x):
        value = x.get(self.feature, 0.0)
        if math.isnan(value):
            return self.left if self.left.n_rows >= self.right.n_rows else self.right
        return self.left if value <= self.threshold else self.right

    def path(self, x):
        """Nodes from here to the leaf that a row reaches."""
        node, nodes = self, [self]
        while node.leaf is None:
            node = node.child(x)
            nodes.append(node)
        return nodes

    def shape(self):
        """The tests below this node, as nested tuples."""
        if self.leaf is not None:
            return ()
        return (self.feature, self.threshold, self.left.shape(), self.right.shape())


def values_of(rows, feature):
    """Values of a feature that are neither zero nor missing."""
    values = [x[feature] for x, _, _ in rows if feature in x]
    return [value for value in values if not math.isnan(value)]


class NaiveTree:
    """``params`` are the engine's; rows are dictionaries, labels are numbers from 0 on."""

    def __init__(self, params):
        self.params = params
        self.n_labels = 0
        self.scaler = NaiveScaler()
        self.root = self._new_node(0, Leaf())
        self.n_rows = self.n_drifts = self.n_replaced = 0
        self.splits = []  # (row, feature, threshold) in their order

    def _new_node(self, depth, leaf):
        return Node(depth, leaf, self.params.drift_delta if self.params.drift_detection else None)

    # ---- prediction

    def predict(self, x):
        """Probability of every label."""
        if self.n_labels == 0:
            return []
        return self._answer(self.root.path(x)[-1].leaf, self._ask_all(x, self.root))

    def _ask_all(self, x, top):
        """What every leaf model in use says."""
        leaf = top.path(x)[-1].leaf
        frequency = self._frequencies(leaf)
        prior = self._prior(leaf, frequency)
        models = {FREQUENCY: frequency}
        if self.params.use_naive_bayes:
            scores = [prior[label] + self._evidence(leaf, x, label) for label in self._labels]
            models[NAIVE_BAYES] = self._squash(scores)
        if self.params.use_logistic:
            for rate in self._rates:
                scores = self._linear(leaf, rate, self.scaler.scale(x), prior)
                models[rate] = self._squash(scores)
        return models

    @property
    def _labels(self):
        return range(self.n_labels)

    def _squash(self, scores):
        return softmax(scores) if self.params.single_label else [sigmoid(s) for s in scores]

    def _frequencies(self, leaf):
        count = [leaf.n_present.get(label, 0.0) for label in self._labels]
        if self.params.single_label:
            if leaf.n_rows == 0.0:
                return [1.0 / self.n_labels] * self.n_labels
            return [n / leaf.n_rows for n in count]
        known = [leaf.n_rows - leaf.n_unknown.get(label, 0.0) for label in self._labels]
        return [(n + 0.5) / (rows + 1.0) for n, rows in zip(count, known, strict=True)]

    def _prior(self, leaf, frequency):
        if self.params.single_label:
            return [math.log(max(p, 0.5 / (leaf.n_rows + 1.0))) for p in frequency]
        return [math.log(p / (1.0 - p)) for p in frequency]

    def _evidence(self, leaf, x, label):
        """What naive Bayes adds to the prior of a label."""
        total = 0.0
        for j, (mean, deviation, terms) in leaf.terms.items():
            if label not in terms:
                continue
            square, linear, constant, zero = terms[label]
            value = x.get(j, 0.0)
            if math.isnan(value):
                continue
            if value == 0.0:
                total += zero
                continue
            u = (value - mean) / deviation if deviation > 0.0 else 0.0
            u = min(max(u, -LARGEST_SCALED), LARGEST_SCALED)
            total += square * u * u + linear * u + constant
        return total

    @property
    def _rates(self):
        return self.params.learning_rates[: self.params.n_rates]

    def _linear(self, leaf, rate, z, prior):
        scores = []
        for label in self._labels:
            score = np.float32(prior[label])
            score += leaf.bias.get((rate, label), np.float32(0.0))
            for j, value in sorted(z.items()):
                score += leaf.weight.get((rate, j, label), np.float32(0.0)) * np.float32(value)
            scores.append(score if self.params.single_label else float(score))
        return scores

    def _answer(self, leaf, models):
        if not self.params.adaptive:
            return list(models.values())[-1]
        if self.params.single_label:
            return models[self._best_model(leaf, models, 0)]
        return [models[self._best_model(leaf, models, label)][label] for label in self._labels]

    @staticmethod
    def _best_model(leaf, models, label):
        return min(models, key=lambda model: leaf.loss.get((model, label), 0.0))

    # ---- learning

    def learn(self, x, present, unknown=()):
        """Learn a row; ``present`` and ``unknown`` are sets of labels."""
        self.n_labels = max([self.n_labels - 1, *present, *unknown]) + 1
        if self.params.single_label and not present:
            self.scaler.learn(x)
            return
        # changes for the end of the row: (node that splits, None) or (node that wants an alternate,
        # leaf that the alternate begins from)
        wishes = []
        branches = [self.root]
        for i, top in enumerate(branches):  # grows while it is walked
            self._learn_branch(x, present, unknown, top, i > 0, branches, wishes)
        self.scaler.learn(x)
        self.n_rows += 1
        for node, leaf in wishes:
            if leaf is None:
                self._try_split(node)
            else:
                self._start_alternate(node, leaf)

    def _learn_branch(self, x, present, unknown, top, is_alternate, branches, wishes):
        path = top.path(x)
        leaf = path[-1].leaf
        models = self._ask_all(x, top)
        if self.params.drift_detection:
            loss = self._row_loss(self._answer(leaf, models), present, unknown)
            if self._watch(path, x, loss, is_alternate, branches, wishes):
                return  # replaced by one of its alternates, which learns the row as a branch
        for node in path:
            node.n_rows += 1.0
        self._update_losses(leaf, models, present, unknown)
        if self.params.use_logistic:
            for rate in self._rates:
                z = self.scaler.scale(x)
                self._step(leaf, rate, models[rate], z, present, unknown)
        leaf.n_rows += 1.0
        for counts, labels in ((leaf.n_present, present), (leaf.n_unknown, unknown)):
            for label in labels:
                counts[label] = counts.get(label, 0.0) + 1.0
        leaf.rows.append((x, set(present), set(unknown)))
        if self.params.use_naive_bayes:
            self._refresh(leaf, x)
        waited = len(leaf.rows) - leaf.last_attempt >= self.params.grace_period
        if waited and path[-1].depth < self.params.max_depth:
            wishes.append((path[-1], None))

    def _row_loss(self, answer, present, unknown):
        if self.params.single_label:
            return float(int(np.argmax(answer)) not in present)
        predicted = {label for label, p in enumerate(answer) if p > 0.5} - set(unknown)
        union = predicted | set(present)
        return 1.0 - len(predicted & set(present)) / len(union) if union else 0.0

    def _update_losses(self, leaf, models, present, unknown):
        if not self.params.adaptive:
            return
        rate = 1.0 / min(leaf.loss_rows + 1.0, LOSS_MEMORY)
        leaf.loss_rows += 1.0
        for model, p in models.items():
            if self.params.single_label:
                new = {0: float(int(np.argmax(p)) not in present)}
            else:
                new = {
                    label: (p[label] - (label in present)) ** 2
                    for label in self._labels
                    if label not in unknown
                }
            for label, loss in new.items():
                old = leaf.loss.get((model, label), 0.0)
                leaf.loss[model, label] = old + rate * (loss - old)

    def _step(self, leaf, rate, p, z, present, unknown):
        """One step of AdaGrad."""
        size = np.float32(rate)
        zero = np.float32(0.0)

        def move(values, steps, key, gradient):
            steps[key] = steps.get(key, zero) + gradient * gradient
            values[key] = values.get(key, zero) - size * gradient / (np.sqrt(steps[key]) + EPSILON)

        for label in self._labels:
            gradient = np.float32(p[label] - (label in present))
            if label in unknown or not abs(float(gradient)) > SMALL_GRADIENT:
                continue
            move(leaf.bias, leaf.bias_step, (rate, label), gradient)
            for j, value in z.items():
                move(leaf.weight, leaf.step, (rate, j, label), gradient * np.float32(value))

    # ---- naive Bayes

    def _refresh(self, leaf, x):
        """Compute terms anew where their counts have grown enough."""
        for j, value in x.items():
            n = len(values_of(leaf.rows, j))
            if not math.isnan(value) and n >= leaf.next_refresh.get(j, 1.0):
                self._describe(leaf, j)
        if len(leaf.rows) >= leaf.next_leaf_refresh:
            for j in leaf.features():
                self._describe(leaf, j)
            leaf.next_leaf_refresh = 2.0 * len(leaf.rows)

    def _describe(self, leaf, j):
        values = values_of(leaf.rows, j)
        n = len(values)
        leaf.next_refresh[j] = max(n + 1.0, n * REFRESH_GROWTH)
        mean, deviation = (float(np.mean(values)) if values else 0.0), math.sqrt(spread_of(values))
        n_missing = sum(1 for row in leaf.rows if math.isnan(row[0].get(j, 0.0)))
        seen = max(len(leaf.rows) - n_missing, n)
        known = seen / len(leaf.rows)
        frequency = (n + 0.5) / (seen + 1.0)
        absence = (seen - n + 0.5) / (seen + 1.0)

        def likelihood(rows):
            """Square, linear and constant term of a value, and the term of a zero."""
            values = values_of(rows, j)
            n, total = len(values), max(len(rows) * known, len(values))
            square, linear = 0.0, 0.0
            constant = math.log((n + PRIOR_STRENGTH * frequency) / (total + PRIOR_STRENGTH))
            zero = math.log((total - n + PRIOR_STRENGTH * absence) / (total + PRIOR_STRENGTH))
            if deviation > 0.0:
                m, v = 0.0, 1.0
                if n >= 2:
                    scaled = [(value - mean) / deviation for value in values]
                    m, v = float(np.mean(scaled)), max(spread_of(scaled), SMALLEST_VARIANCE)
                square, linear = -0.5 / v, m / v
                constant -= 0.5 * (m * m / v + math.log(v))
            return np.array([square, linear, constant, zero])

        terms = {}
        for label in self._labels:
            with_label = likelihood(leaf.with_label(label))
            if not self.params.single_label:
                without = [r for r in leaf.rows if label not in r[1] and label not in r[2]]
                with_label -= likelihood(without)
            terms[label] = with_label.astype(np.float32).astype(float)
        leaf.terms[j] = (mean, deviation, terms)

    # ---- structure

    def _watch(self, path, x, loss, is_alternate, branches, wishes):
        """Tell the detectors of a path; true when an alternate took the place of a node on it."""
        for depth, node in enumerate(path):
            before = node.detector.estimation
            node.detector.update(loss)
            if is_alternate:
                continue
            if node.alternate is None:
                if node.detector.drift_detected and node.detector.estimation > before:
                    self.n_drifts += 1
                    wishes.append((node, path[-1].leaf))
                continue
            verdict = self._compare(node, node.alternate)
            if verdict > 0:
                self._replace(path[depth - 1] if depth else None, node)
                branches.append(node.alternate)
                leaf = node.alternate.path(x)[-1].leaf  # the leaf of the path is gone
                wishes[:] = [(wisher, leaf) for wisher, _ in wishes]
                return True
            if verdict < 0:
                node.alternate = None
            else:
                branches.append(node.alternate)
        return False

    def _compare(self, node, other):
        old, new = node.detector, other.detector
        if min(old.width, new.width) <= self.params.drift_window_threshold:
            return 0
        error = old.estimation
        spread = 2.0 * error * (1.0 - error) * (1.0 / old.width + 1.0 / new.width)
        bound = math.sqrt(max(spread, 0.0) * math.log(2.0 / self.params.switch_significance))
        difference = error - new.estimation
        return 1 if difference > bound else -1 if -difference > bound else 0

    def _replace(self, parent, node):
        self.n_replaced += 1
        if parent is None:
            self.root = node.alternate
        elif parent.left is node:
            parent.left = node.alternate
        else:
            parent.right = node.alternate

    def _start_alternate(self, node, leaf):
        fresh = Leaf()
        fresh.inherit(leaf, keep_steps=False)
        node.alternate = self._new_node(node.depth, fresh)

    def _try_split(self, node):
        leaf = node.leaf
        leaf.last_attempt = len(leaf.rows)
        best = self._best_split(leaf)
        if best is None:
            return
        feature, threshold, n_left, left = best
        node.leaf, node.feature, node.threshold = None, feature, threshold
        self.splits.append((self.n_rows - 1, feature, threshold))
        for side in ("left", "right"):
            child = Leaf()
            child.inherit(leaf, keep_steps=True)
            child.loss, child.loss_rows = dict(leaf.loss), leaf.loss_rows
            child.n_rows = n_left if side == "left" else len(leaf.rows) - n_left
            for label in self._labels:
                counts = self._share(
                    leaf, label, n_left, *(group.get(label, 0.0) for group in left)
                )
                child.n_present[label], child.n_unknown[label] = counts[side]
            setattr(node, side, self._new_node(node.depth + 1, child))
            getattr(node, side).n_rows = child.n_rows

    @staticmethod
    def _share(leaf, label, n_left, present, unknown):
        """Rows with a label, and rows in which it is unknown, on each side of a split.

        Given are estimates for the left side, and no side holds more of them than it has rows.
        """
        n_right = len(leaf.rows) - n_left
        n_present, n_unknown = len(leaf.with_label(label)), len(leaf.with_label(label, 2))
        present = float(np.clip(present, n_present - n_right, n_left))
        least = n_unknown - (n_right - (n_present - present))
        unknown = min(max(unknown, least), n_left - present)
        right = max(n_present - present, 0.0), max(n_unknown - unknown, 0.0)
        return {"left": (present, unknown), "right": right}

    def _impurity(self, n, present, unknown, labels):
        """Bits of uncertainty about the labels of ``n`` rows."""
        if n <= 0.0:
            return 0.0
        total = 0.0
        for label in labels:
            known = n - unknown.get(label, 0.0)
            if known > 0.0:
                p = min(max(present[label] / known, 0.0), 1.0)
                total += entropy([p] if self.params.single_label else [p, 1.0 - p])
        return total

    def _best_split(self, leaf):
        params, n = self.params, len(leaf.rows)
        present = {label: len(leaf.with_label(label)) for label in self._labels}
        unknown = {label: len(leaf.with_label(label, 2)) for label in self._labels}
        labels = [label for label in self._labels if present[label] > 0]
        pure = len(labels) < 2 or max(present.values()) > params.max_share_to_split * n
        if params.single_label and pure:
            return None
        impurity = self._impurity(n, present, unknown, labels)
        if impurity <= 1e-9:
            return None
        candidates = []  # the best of each feature: (gain, feature, threshold, rows left, labels)
        for j in leaf.features():
            found = self._best_threshold(leaf, j, labels, impurity)
            if found is not None:
                candidates.append(found)
        if not candidates:
            return None
        gains = sorted(candidate[0] for candidate in candidates)
        best = max(candidates, key=lambda candidate: candidate[0])
        rivals = gains[:-1] + ([0.0] if params.merit_preprune else [])
        if params.merit_preprune and best[0] <= 0.0:
            return None
        value_range = math.log2(max(len(labels), 2)) if params.single_label else 1.0
        bound = value_range * math.sqrt(math.log(1.0 / params.delta) / (2.0 * leaf.n_rows))
        if rivals and not best[0] - max(rivals) > bound and not bound < params.tau:
            return None
        _, feature, threshold, n_left, left = best
        rest = {label: unknown[label] * n_left / n for label in self._labels if label not in labels}
        return feature, threshold, n_left, (left[0], left[1] | rest)

    def _best_threshold(self, leaf, j, labels, impurity):
        params = self.params
        values = values_of(leaf.rows, j)
        if len(values) <= params.min_branch_fraction * len(leaf.rows):
            return None
        n = sum(1 for x, _, _ in leaf.rows if not math.isnan(x.get(j, 0.0)))
        zeros = n - len(values)
        groups = [  # of present, then of unknown labels: (values that are not zero, zeros)
            {label: self._observed(leaf.with_label(label, place), j, n / len(leaf.rows))
             for label in labels}
            for place in (1, 2)
        ]  # fmt: skip
        whole = [{label: len(v) + zero for label, (v, zero) in group.items()} for group in groups]
        best = None
        for threshold in self._thresholds(values, zeros):
            below = functools.partial(self._below, threshold, min(values), max(values))
            left = [{label: below(*pair) for label, pair in group.items()} for group in groups]
            # a row has one class, so that the classes' rows are all rows; label sets overlap
            n_left = sum(left[0].values()) if params.single_label else below(values, zeros)
            n_right = n - n_left
            if min(n_left, n_right) <= params.min_branch_fraction * n:
                continue
            right = [{label: w[label] - l[label] for label in w} for w, l in zip(whole, left)]  # noqa: B905, E741
            rest = n_left * self._impurity(n_left, *left, labels)
            rest += n_right * self._impurity(n_right, *right, labels)
            gain = impurity - rest / n
            if not params.single_label:
                gain /= impurity
            if gain >= 0.0 and (best is None or gain > best[0]):
                best = (gain, j, threshold, n_left, left)
        return best

    @staticmethod
    def _below(threshold, low, high, values, zeros):
        """Rows not above a threshold, of those with some values and those with zero."""
        if threshold < low or threshold > high:  # between zero and the values: nothing to estimate
            share = float(threshold > high)
        else:
            share = share_below(values, threshold)
        return len(values) * share + (zeros if threshold >= 0.0 else 0)

    @staticmethod
    def _observed(rows, j, known):
        """Values of a feature in some rows, and how many of them are taken to be zero."""
        values = values_of(rows, j)
        return values, max(len(rows) * known - len(values), 0.0)

    def _thresholds(self, values, zeros):
        low, high = min(values), max(values)
        k = self.params.n_split_points
        points = [low + (high - low) * (i + 1) / (k + 1) for i in range(k)] if high > low else []
        if zeros > 0 and low > 0.0:
            points.append(0.0)
        elif zeros > 0 and high < 0.0:
            points.append(0.5 * high)
        return points
