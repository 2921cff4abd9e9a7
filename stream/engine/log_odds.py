"""Log odds of probabilities, cut where a probability is nearly 0 or 1, and their inverse."""

from __future__ import annotations

from stream.engine.elementary import exp, log
from stream.engine.jit import inlined

LARGEST_LOGIT = 9.2  # probabilities within 1e-4
LARGEST_RARE_LOGIT = 12.0  # probabilities within 6.2e-6
LARGEST_SCORE = 30.0  # of a model


# Without a branch, for loops over arrays.
@inlined
def _cut_logit(p, least, largest):
    score = log(p / (1.0 - p))
    score = -largest if p < least else score
    return largest if p > 1.0 - least else score


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
    """Probability of a score within the range of :func:`stream.engine.elementary.exp`."""
    return 1.0 / (1.0 + exp(-score))


@inlined
def cut_sigmoid(score):
    """Probability of a model's score, which is cut at LARGEST_SCORE."""
    return sigmoid(min(max(float(score), -LARGEST_SCORE), LARGEST_SCORE))
