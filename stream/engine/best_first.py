"""The best of many, kept best first; of equals the one that came first stands first."""

from __future__ import annotations

import numpy as np

from stream.engine.elementary import bits_of
from stream.engine.jit import inlined

BLOCK = 64  # values that are compared at once
FEW = 48  # probabilities that are sorted by comparing them only
BUCKETS_AN_OCTAVE_BITS = 5
N_BUCKETS = 16 << BUCKETS_AN_OCTAVE_BITS  # what is smaller than 2**-16 is in the last one
_FRACTION_BITS = np.int64(52 - BUCKETS_AN_OCTAVE_BITS)
_FIRST_BUCKET = np.int64(1023 << BUCKETS_AN_OCTAVE_BITS)  # of 1.0


@inlined
def insert_best(numbers, values, n, most, number, value):
    """Insert a number by its value into the first ``n`` places, of which there are ``most``;
    returns how many are in use then."""
    if n == most and value <= values[n - 1]:
        return n
    at = n if n < most else n - 1
    n = min(n + 1, most)
    while at > 0 and value > values[at - 1]:
        numbers[at], values[at] = numbers[at - 1], values[at - 1]
        at -= 1
    numbers[at], values[at] = number, value
    return n


@inlined
def list_best_of_ring(values, oldest, newest, most, numbers, best):
    """List the numbers from ``oldest`` on and before ``newest`` whose values are largest and above
    zero, newer ones first among equals; returns how many.

    Parameters
    ----------
    values
        [length of the ring] by number modulo that length.
    most
        How many are listed at most.
    numbers, best
        What is listed, and the values; in place.
    """
    n, length = 0, len(values)
    number, end = newest - 1, newest % length  # of those left, the newest; the place after it
    while number >= oldest:
        end = end if end > 0 else length
        block = min(BLOCK, number - oldest + 1, end)
        least = best[n - 1] if n == most else np.float32(0.0)
        own, n_larger = values[end - block : end], 0
        for i in range(len(own)):
            n_larger += own[i] > least
        i = 0
        while n_larger > 0 and i < block:  # at most so many are listed
            value = own[block - 1 - i]
            if value > least:
                n = insert_best(numbers, best, n, most, number - i, value)
                least = best[n - 1] if n == most else np.float32(0.0)
                n_larger -= 1
            i += 1
        number, end = number - block, end - block
    return n


@inlined
def list_best(values, n_values, most, best):
    """List the places of the ``most`` largest values in ``best``; returns how many there are."""
    n = 0
    for number in range(n_values):
        if n == most and values[number] <= values[best[n - 1]]:
            continue
        at = n if n < most else n - 1
        n = min(n + 1, most)
        while at > 0 and values[number] > values[best[at - 1]]:
            best[at] = best[at - 1]
            at -= 1
        best[at] = number
    return n


@inlined
def _bucket(p):
    """By the exponent and the first bits of the fraction, the largest probabilities first."""
    return min(_FIRST_BUCKET - (bits_of(p) >> _FRACTION_BITS), np.int64(N_BUCKETS - 1))


@inlined
def _sort_by_bucket(p, n, buckets, order):
    """Sort places into ``order`` by bucket; in one bucket they keep their order."""
    for bucket in range(N_BUCKETS):
        buckets[bucket] = 0
    for place in range(n):
        buckets[_bucket(p[place])] += 1
    before = 0
    for bucket in range(N_BUCKETS):
        count = buckets[bucket]
        buckets[bucket] = before
        before += count
    for place in range(n):
        bucket = _bucket(p[place])
        order[buckets[bucket]] = place
        buckets[bucket] += 1


@inlined
def rank(p, n, buckets, order):
    """Sort the places of probabilities into ``order``, the largest first, the first of equals
    first.

    Parameters
    ----------
    buckets
        [N_BUCKETS] room to work in.
    """
    if n > FEW:
        _sort_by_bucket(p, n, buckets, order)
    else:
        for place in range(n):
            order[place] = place
    for i in range(1, n):
        moving, at = order[i], i
        value = p[moving]
        while at > 0 and p[order[at - 1]] < value:
            order[at] = order[at - 1]
            at -= 1
        order[at] = moving
