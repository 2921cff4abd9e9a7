"""The best of many, kept best first; of equals the one that came first stands first."""

from __future__ import annotations

from stream.engine.jit import inlined


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
