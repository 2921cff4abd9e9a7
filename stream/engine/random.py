"""Random numbers without state: a hash of a seed and counters (SplitMix64, Steele, Lea and Flood,
OOPSLA 2014)."""

from __future__ import annotations

import numpy as np

from stream.engine.jit import inlined

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@inlined
def mix(value):
    """Scramble 64 bits."""
    value = np.uint64(value)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@inlined
def uniform(seed, first, second, third):
    """A number in [0, 1) that depends on nothing but its arguments."""
    value = mix(np.uint64(seed) + _GOLDEN)
    value = mix(value + _GOLDEN * np.uint64(first + 1))
    value = mix(value + _GOLDEN * np.uint64(second + 1))
    value = mix(value + _GOLDEN * np.uint64(third + 1))
    return (value >> np.uint64(11)) * (1.0 / 9007199254740992.0)
