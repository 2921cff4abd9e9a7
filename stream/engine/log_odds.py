"""Log odds of probabilities, cut where a probability is nearly 0 or 1, and their inverse."""

from __future__ import annotations

import math

from stream.engine.jit import inlined

LARGEST_LOGIT = 9.2  # probabilities within 1e-4
LARGEST_RARE_LOGIT = 12.0  # probabilities within 6.2e-6


@inlined
def _cut_logit(p, least, largest):
    if p < least:
        return -largest
    if p > 1.0 - least:
        return largest
    return math.log(p / (1.0 - p))


@inlined
def logit(p):
    """Log odds of a probability, within LARGEST_LOGIT."""
    return _cut_logit(p, 1e-4, LARGEST_LOGIT)


@inlined
def rare_logit(p):
    """Log odds of the probability of a label that may be rare, within LARGEST_RARE_LOGIT."""
    return _cut_logit(p, 6.2e-6, LARGEST_RARE_LOGIT)


@inlined
def sigmoid(score):
    """Probability of a score that is small enough for ``exp``."""
    return 1.0 / (1.0 + math.exp(-score))
