"""Counter-based random numbers: draw d of row r is a function of (key, r, d) and of nothing else.

That is what makes the rows of a generator independent of how the stream is cut into chunks, and any
row reachable without generating those before it. The mixing function is the finaliser of SplitMix64
(Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 14).
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from stream.engine.arrays import Float64Array, Int64Array
from stream.engine.jit import kernel

GAMMA = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)
ONE = np.uint64(1)
SHIFT_11 = np.uint64(11)
SHIFT_27 = np.uint64(27)
SHIFT_30 = np.uint64(30)
SHIFT_31 = np.uint64(31)
UNIT = 2.0**-53
# A row has separate sequences for separate purposes, so that a change in how many draws one of them
# takes moves no other.
DRIFT_SALT = np.uint64(0xD1B54A32D192ED03)
LABEL_SALT = np.uint64(0x8CB92BA72F3D8DD7)
CHOICE_SALT = np.uint64(0xC2B2AE3D27D4EB4F)


def stream_key(seed: int, purpose: str) -> np.uint64:
    """Key of one sequence of random numbers: 64 bits that depend on the seed and the purpose."""
    digest = hashlib.blake2b(f"{seed}:{purpose}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


@kernel
def mix(z: Any) -> Any:
    """Scramble 64 bits; every output bit depends on every input bit."""
    z = (z ^ (z >> SHIFT_30)) * MULTIPLIER_1
    z = (z ^ (z >> SHIFT_27)) * MULTIPLIER_2
    return z ^ (z >> SHIFT_31)


@kernel
def row_state(key: Any, row: int) -> Any:
    """Return the position at which the draws of a row begin."""
    return mix(key + GAMMA * (np.uint64(row) + ONE))


@kernel
def bits(state: Any, draw: int) -> Any:
    """Draw number ``draw`` (from 0) of a row: 64 random bits."""
    return mix(state + GAMMA * (np.uint64(draw) + ONE))


@kernel
def uniform(state: Any, draw: int) -> float:
    """Draw number ``draw`` of a row as a number in [0, 1)."""
    return np.float64(bits(state, draw) >> SHIFT_11) * UNIT


@kernel
def below(state: Any, draw: int, n: int) -> Any:
    """Draw number ``draw`` of a row as an integer in [0, n)."""
    return np.int64(uniform(state, draw) * n)


@kernel
def gaussian(state: Any, draw: int) -> float:
    """Draws ``draw`` and the next of a row as a standard normal number (Box and Muller, 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(state, draw)))
    return radius * math.cos(2.0 * math.pi * uniform(state, draw + 1))


@kernel
def _fill_uniform(key: Any, out: Float64Array) -> None:
    for i in range(out.shape[0]):
        out[i] = uniform(key, i)


def uniforms(seed: int, purpose: str, *shape: int) -> Float64Array:
    """An array of numbers in [0, 1) for the parameters of a generator.

    They do not depend on the version of NumPy, as those of its own generators may.

    Examples
    --------
    >>> uniforms(7, "centroids", 2, 3).shape
    (2, 3)
    >>> bool((uniforms(7, "centroids", 2) == uniforms(7, "centroids", 2)).all())
    True
    """
    out = np.empty(math.prod(shape))
    _fill_uniform(stream_key(seed, purpose), out)
    return out.reshape(shape)


def permutation(seed: int, purpose: str, n: int) -> Int64Array:
    """The numbers 0 to n − 1 in a random order."""
    return np.argsort(uniforms(seed, purpose, n), kind="stable")
