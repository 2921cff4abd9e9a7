"""Exponential and logarithm without a branch, so that loops over arrays are done several numbers at
a time; a library's functions are called one number at a time.

They are made of additions, multiplications, divisions and shifts in a fixed order, so that every
processor gives the same bits. The largest error is below two units in the last place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from stream.engine.jit import inlined, written

LARGEST_EXPONENT = 700.0
SMALLEST = 1e-300  # instead of 0, where a logarithm is taken or divided by it

# A double whose last bits are the integer that was added to it.
_INTEGER_IN_BITS = 1.5 * 2.0**52
LOG2_E = 1.4426950408889634
# log 2 in two parts; products of the first with exponents are exact.
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_EXP = tuple(1.0 / math.factorial(k) for k in range(14))  # of the Taylor series
_MANTISSA_BITS = np.int64(52)
_MANTISSA = np.int64((1 << 52) - 1)
_ONE = np.int64(1023 << 52)  # the bits of 1.0
_LEAST_MANTISSA = np.int64(0x3FE6A09E00000000)  # the bits of about sqrt(1/2)
_WHOLE = np.int64(0x4330000000000000)  # the bits of 2**52
_EXPONENT_OFFSET = 2.0**52 + 1023.0


def _write_bits(typing_context: Any, number: Any) -> Any:
    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), write


def _write_double(typing_context: Any, bits: Any) -> Any:
    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), write


bits_of = written(lambda number: np.float64(number).view(np.int64), _write_bits)
_double = written(lambda bits: np.int64(bits).view(np.float64), _write_double)


@inlined
def exp(x):
    """Exponential; below -700 and above 700 as there."""
    x = min(max(x, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    shifted = x * LOG2_E + _INTEGER_IN_BITS
    n = shifted - _INTEGER_IN_BITS
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = _EXP[12] + r * _EXP[13]
    p = _EXP[11] + r * p
    p = _EXP[10] + r * p
    p = _EXP[9] + r * p
    p = _EXP[8] + r * p
    p = _EXP[7] + r * p
    p = _EXP[6] + r * p
    p = _EXP[5] + r * p
    p = _EXP[4] + r * p
    p = _EXP[3] + r * p
    p = _EXP[2] + r * p
    return _double(bits_of(p * r * r + r + 1.0) + (bits_of(shifted) << _MANTISSA_BITS))


@inlined
def log(x):
    """Natural logarithm of a normal positive number; of anything else, some number."""
    # x = 2**e * m, with m from sqrt(1/2) to sqrt(2).
    moved = bits_of(x) + (_ONE - _LEAST_MANTISSA)
    exponent = (moved >> _MANTISSA_BITS) & np.int64(2047)
    e = _double(exponent | _WHOLE) - _EXPONENT_OFFSET
    f = _double((moved & _MANTISSA) + _LEAST_MANTISSA) - 1.0
    # log m = 2 atanh s, as its Taylor series.
    s = f / (f + 2.0)
    z = s * s
    p = 1.0 / 19.0 + z * (1.0 / 21.0)
    p = 1.0 / 17.0 + z * p
    p = 1.0 / 15.0 + z * p
    p = 1.0 / 13.0 + z * p
    p = 1.0 / 11.0 + z * p
    p = 1.0 / 9.0 + z * p
    p = 1.0 / 7.0 + z * p
    p = 1.0 / 5.0 + z * p
    p = 1.0 / 3.0 + z * p
    return e * _LN2_HIGH + (f - s * (f - 2.0 * z * p) + e * _LN2_LOW)


@inlined
def log1p(x):
    """Logarithm of ``1 + x`` for x >= 0, also where x is tiny (Kahan's correction)."""
    u = 1.0 + x
    return x if u == 1.0 else log(u) * (x / (u - 1.0))
