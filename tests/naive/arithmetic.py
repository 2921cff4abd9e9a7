"""Numbers as kernels keep them."""

import math

import numpy as np


def single(value):
    """A number in single precision."""
    return float(np.float32(value))


def clipped(value, most):
    """A number within ``most`` of zero."""
    return max(-most, min(most, value))


def sigmoid(score):
    """Probability of a score."""
    return 1.0 / (1.0 + math.exp(-score))
