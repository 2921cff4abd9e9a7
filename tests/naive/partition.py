"""The published rules of splitting and merging, label by label and pair by pair.

Rodrigues, Gama and Pedroso (2008) on 1 − Jaccard; see ``stream.partition.rules`` for the formulas.
"""

from __future__ import annotations

import itertools
import math


def dissimilarity(sets, a, b):
    both = sum(1 for labels in sets if a in labels and b in labels)
    either = sum(1 for labels in sets if a in labels or b in labels)
    return 1.0 - both / either


def distances(sets, labels):
    return {pair: dissimilarity(sets, *pair) for pair in itertools.combinations(labels, 2)}


def bound(n, delta):
    return math.sqrt(math.log(1.0 / delta) / (2.0 * n))


def wants_split(between, epsilon, tau):
    ranked = sorted(between.values(), reverse=True)
    if not ranked:
        return False
    d1, d0, mean = ranked[0], ranked[-1], sum(ranked) / len(ranked)
    d2 = ranked[1] if len(ranked) > 1 else d1
    stands_out = d1 - d2 > epsilon or epsilon < tau
    return stands_out and (d1 - d0) * abs(d1 + d0 - 2 * mean) > epsilon


def sides(between, labels, a, b, margin_of):
    """Labels nearer to a and nearer to b; the undecided follow their neighbours."""

    def far(x, y):
        return between[min(x, y), max(x, y)]

    of = {a: "a", b: "b"}
    for x in labels:
        if x not in (a, b) and abs(far(x, a) - far(x, b)) > margin_of(x, a, b):
            of[x] = "a" if far(x, a) < far(x, b) else "b"
    groups = [{x} for x in labels]
    for (x, y), d in sorted(between.items(), key=lambda item: (item[1], item[0])):
        one = next(g for g in groups if x in g)
        two = next(g for g in groups if y in g)
        decided = [any(z in of for z in group) for group in (one, two)]
        if d < 1.0 and one is not two and not all(decided):
            groups = [g for g in groups if g is not one and g is not two] + [one | two]
    for group in groups:
        side = next((of[x] for x in group if x in of), "a")
        of |= {x: of.get(x, side) for x in group}
    return [x for x in labels if of[x] == "a"], [x for x in labels if of[x] == "b"]


def split(between, labels, epsilon, margin_of, min_size, tries=16):
    """The pivots and the two sides, or None."""
    if len(labels) < 2 * min_size:
        return None
    diameter = max(between.values())
    excluded = set()
    for _ in range(tries):
        left = [p for p in between if not excluded & set(p)]
        if not left:
            return None
        pivots = min(left, key=lambda pair: (-between[pair], pair))
        if between[pivots] < diameter - epsilon:
            return None
        both = sides(between, labels, *pivots, margin_of)
        small = [side for side in both if len(side) < min_size]
        if not small:
            return pivots, both
        excluded |= {x for side in small for x in side}
    return None


def hierarchy(sets, labels, delta, tau, min_size, min_observations, *, published=False):
    """The splits, in order, that the rows lead to when they are looked at once: for each its pivots
    and the two sides; and the clusters that are left.

    ``published``: the rule to the letter, every label to the nearer pivot.
    """

    def margin_of(x, a, b):
        if published:
            return 0.0
        rows = {y: sum(y in row for row in sets) for y in (x, a, b)}
        return max(tau, bound(max(rows[x], min(rows[a], rows[b])), delta))

    epsilon = bound(len(sets), delta)
    known = [x for x in labels if sum(x in row for row in sets) >= min_observations]
    open_clusters, splits, clusters = [known], [], []
    while open_clusters:
        here = open_clusters.pop(0)
        between = distances(sets, here)
        found = None
        if wants_split(between, epsilon, tau):
            found = split(between, here, epsilon, margin_of, min_size)
        if found is None:
            clusters.append(here)
            continue
        splits.append((found[0], [list(side) for side in found[1]]))
        open_clusters[:0] = found[1]
    return splits, clusters
