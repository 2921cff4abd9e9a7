"""How mixers learn: steps of AdaGrad (Duchi, Hazan and Singer, JMLR 2011) for the weights that each
label has of its own, and for those that a group of labels shares."""

from __future__ import annotations

import math

from stream.engine.jit import inlined


@inlined
def move_own_weights(weight, square, error, given, n_labels, rate):
    """Move what each label weighs an input with.

    Parameters
    ----------
    weight, square
        [labels] the weights and their sums of squared gradients; in place.
    error, given
        [labels] probability less truth, and the input.
    """
    for label in range(n_labels):
        gradient = error[label] * given[label]
        total = square[label] + gradient * gradient
        square[label] = total
        weight[label] -= rate * gradient / math.sqrt(total)


@inlined
def move_shared_weight(weight, square, place, gradient, rate):
    """Move what a group weighs the input at ``place`` with.

    Parameters
    ----------
    weight, square
        [inputs] the weights and their sums of squared gradients; in place.
    gradient
        The sum over its labels.
    """
    if gradient != 0.0:
        square[place] += gradient * gradient
        weight[place] -= rate * gradient / math.sqrt(square[place])
