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
LARGEST_GRADIENT = 1e15  # gradients are cut here: their squares must be 32-bit numbers
LARGEST_WEIGHT = 1e6  # weights are cut here: products of layers must be


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
    steepest, largest = np.float32(LARGEST_GRADIENT), np.float32(LARGEST_WEIGHT)
    for i in range(len(weights)):
        gradient = min(max(gradients[i] * share, -steepest), steepest)
        mean = mean_decay * means[i] + (one - mean_decay) * gradient
        square = square_decay * squares[i] + (one - square_decay) * gradient * gradient
        mean = mean if abs(mean) > smallest else zero
        square = square if square > smallest else zero
        # np.divide looks for no zero, which would keep the loop from being vectorised
        weight = weights[i] - np.divide(size * mean, np.sqrt(square) * spread + epsilon)
        weights[i] = min(max(weight, -largest), largest)
        means[i] = mean
        squares[i] = square
        gradients[i] = zero


@inlined
def decay_squares(squares, n_steps):
    """What ``n_steps`` steps without a gradient do to second moments; to weights whose first
    moments are 0 such steps do nothing."""
    decay, smallest, zero = np.float32(SQUARE_DECAY), np.float32(SMALLEST), np.float32(0.0)
    for _ in range(n_steps):
        largest = zero
        for i in range(len(squares)):
            square = decay * squares[i]
            square = square if square > smallest else zero
            squares[i] = square
            largest = max(largest, square)
        if largest == zero:
            return
