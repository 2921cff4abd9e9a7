"""The best of many, kept best first; of equals the one that came first stands first."""

from __future__ import annotations

import numpy as np

from stream.engine.jit import inlined

BLOCK = 64  # values that are compared at once


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
        n_larger = 0
        for place in range(end - block, end):
            n_larger += values[place] > least
        if n_larger > 0:
            for i in range(block):
                value = values[end - 1 - i]
                if value > 0.0:
                    n = insert_best(numbers, best, n, most, number - i, value)
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
