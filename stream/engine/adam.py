"""Adam: steps whose size each weight adapts to its own gradients.

Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
"""

from __future__ import annotations

import math

import numpy as np

from stream.engine.jit import inlined

MEAN_DECAY = 0.9
SQUARE_DECAY = 0.999
EPSILON = 1e-8
SMALLEST = 1e-30  # moments below count as 0: arithmetic on denormal numbers is many times slower


@inlined
def adam_step(weights, gradients, means, squares, share, rate, age):
    """One step of a row of weights; the sums of gradients begin anew.

    Parameters
    ----------
    gradients
        Sums; times ``share`` they are the gradient.
    means, squares
        First and second moments, changed in place.
    rate
        Learning rate.
    age
        Which step of these weights this is, from 1: the moments began at 0 with the first one.
    """
    one = np.float32(1.0)
    mean_decay, square_decay = np.float32(MEAN_DECAY), np.float32(SQUARE_DECAY)
    size = np.float32(rate / (1.0 - MEAN_DECAY**age))
    spread = np.float32(1.0 / math.sqrt(1.0 - SQUARE_DECAY**age))
    epsilon, smallest, zero = np.float32(EPSILON), np.float32(SMALLEST), np.float32(0.0)
    for i in range(len(weights)):
        gradient = gradients[i] * share
        mean = mean_decay * means[i] + (one - mean_decay) * gradient
        square = square_decay * squares[i] + (one - square_decay) * gradient * gradient
        mean = mean if abs(mean) > smallest else zero
        square = square if square > smallest else zero
        weights[i] -= size * mean / (np.sqrt(square) * spread + epsilon)
        means[i] = mean
        squares[i] = square
        gradients[i] = zero
