"""The label mixer: one probability per label from what several models say and from its own past.

The past of a row is what was known when the row was predicted, also when it is learnt later: what
follows what is counted over that distance, as it will be when the next row is predicted.

A logistic mix in the logit domain. Every input is measured from the logit of the label's base
rate, so that weights of zero answer with the base rate and a new label begins there. Weights are a
sum of what all labels of a group (a cluster) share, learnt within tens of rows, and of a label's
own. Steps are AdaGrad's (Duchi, Hazan and Singer, JMLR 2011). Mixing in the logit domain with
weights learnt online follows Mattern, "Mixing strategies in data compression", DCC 2012.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from stream.engine.arrays import (
    COUNTS,
    POSITIVE,
    WEIGHTS,
    Axes,
    Float64Array,
    Int32Array,
    below,
)
from stream.engine.jit import inlined, kernel
from stream.engine.log_odds import logit, sigmoid
from stream.engine.mixer_steps import move_own_weights, move_shared_weight

LARGEST_EVIDENCE = 4.0  # of one model against the base rate, in logits
LARGEST_MIX = 10.0
FIRST_SQUARE = 1e-2  # keeps the first steps small
PAST_MEMORY = 1000.0  # rows that its transitions look back
PRIOR_ROWS = 2.0  # that the base rate counts for among the transitions

# What is known of a label's past: the last known truth, and its decayed mean.
LAST, TRENDING = 0, 1
N_PAST = 2
# Inputs after those of the models.
PERSISTENCE, TREND, BASE_RATE, BIAS = 0, 1, 2, 3
N_OWN_INPUTS = 4

UNKNOWN = 2  # a truth that is neither absent (0) nor present (1)


class MixerParams(NamedTuple):
    """What the kernels need to know of the mixer's parameters."""

    mix: bool  # False: the models' probabilities are averaged and nothing is learnt
    use_past: bool
    group_rate: float  # step of the weights that a group shares
    label_rate: float  # step of a label's own


class Mixer(NamedTuple):
    """All of a mixer that changes while it learns; inputs are the models, then N_OWN_INPUTS."""

    weight: Annotated[Float64Array, Axes("groups", "inputs", holds=WEIGHTS)]
    square: Annotated[Float64Array, Axes("groups", "inputs", fill=FIRST_SQUARE, holds=POSITIVE)]
    own_weight: Annotated[Float64Array, Axes("inputs", "labels", holds=WEIGHTS)]
    own_square: Annotated[Float64Array, Axes("inputs", "labels", fill=FIRST_SQUARE, holds=POSITIVE)]
    group: Annotated[Int32Array, Axes("labels", holds=below("groups"))]
    n_known: Annotated[
        Float64Array, Axes("labels", holds=COUNTS)
    ]  # rows in which the label's truth was known
    n_present: Annotated[Float64Array, Axes("labels", holds=COUNTS)]
    followed: Annotated[
        Float64Array, Axes("labels", 2, 2, holds=COUNTS)
    ]  # decayed: how often each truth (absent, present) followed each


class MixerScratch(NamedTuple):
    """Room for one row's work; nothing in it outlives the row."""

    inputs: Annotated[Float64Array, Axes("inputs", "labels")]
    rate: Annotated[Float64Array, Axes("labels")]
    base: Annotated[Float64Array, Axes("labels")]  # log odds of the rate
    mixed: Annotated[Float64Array, Axes("labels")]  # probabilities
    error: Annotated[Float64Array, Axes("labels")]
    gradient: Annotated[Float64Array, Axes("groups", "inputs")]


@inlined
def base_rate(mixer, label):
    """Share of the rows in which a label was present."""
    return (mixer.n_present[label] + 0.5) / (mixer.n_known[label] + 1.0)


@inlined
def _base_rates(mixer, n_labels, rate, base):
    for label in range(n_labels):
        rate[label] = base_rate(mixer, label)
    for label in range(n_labels):
        base[label] = logit(rate[label])


@inlined
def _past_inputs(mixer, params, past, n_labels, scratch, first):
    """What the labels' own past says, from place ``first`` on."""
    rate, base = scratch.rate, scratch.base
    persistence, trend = scratch.inputs[first + PERSISTENCE], scratch.inputs[first + TREND]
    scaled_base, bias = scratch.inputs[first + BASE_RATE], scratch.inputs[first + BIAS]
    if params.use_past:
        trending = past[TRENDING]
        for label in range(n_labels):
            after = mixer.followed[label, int(past[LAST, label])]
            rows = after[0] + after[1] + PRIOR_ROWS
            persistence[label] = (after[1] + PRIOR_ROWS * rate[label]) / rows
        for label in range(n_labels):
            persistence[label] = logit(persistence[label]) - base[label]
        for label in range(n_labels):
            trend[label] = 4.0 * (trending[label] - rate[label])
    else:
        for label in range(n_labels):
            persistence[label] = 0.0
            trend[label] = 0.0
    for label in range(n_labels):
        scaled_base[label] = 0.25 * base[label]
        bias[label] = 1.0


# Loops over labels are short and many, each over few arrays and without a branch: the compiler
# then has several labels done at a time.
@inlined
def mix_row(mixer, params, probabilities, past, n_labels, scratch):
    """Fill ``scratch`` from what the models say of a row.

    Parameters
    ----------
    probabilities
        Probabilities [models, labels].
    past
        [N_PAST, labels] the last known truth, and its decayed mean.
    """
    n_models, base, mixed, group = probabilities.shape[0], scratch.base, scratch.mixed, mixer.group
    _base_rates(mixer, n_labels, scratch.rate, base)
    for model in range(n_models):
        probability, evidence = probabilities[model], scratch.inputs[model]
        for label in range(n_labels):
            log_odds = logit(probability[label]) - base[label]
            evidence[label] = min(max(log_odds, -LARGEST_EVIDENCE), LARGEST_EVIDENCE)
    _past_inputs(mixer, params, past, n_labels, scratch, n_models)
    for label in range(n_labels):
        mixed[label] = base[label]
    for place in range(n_models + N_OWN_INPUTS):
        given, own = scratch.inputs[place], mixer.own_weight[place]
        for label in range(n_labels):
            mixed[label] += (mixer.weight[group[label], place] + own[label]) * given[label]
    for label in range(n_labels):
        mixed[label] = sigmoid(min(max(mixed[label], -LARGEST_MIX), LARGEST_MIX))


@inlined
def _learn_weights(mixer, params, truth, n_labels, scratch):
    gradient, n_inputs, error = scratch.gradient, scratch.gradient.shape[1], scratch.error
    n_groups, mixed, group = mixer.weight.shape[0], scratch.mixed, mixer.group
    for g in range(n_groups):
        for place in range(n_inputs):
            gradient[g, place] = 0.0
    for label in range(n_labels):
        known = truth[label] != UNKNOWN
        error[label] = mixed[label] - float(truth[label]) if known else 0.0
    for place in range(n_inputs):
        given = scratch.inputs[place]
        for label in range(n_labels):
            gradient[group[label], place] += error[label] * given[label]
        move_own_weights(
            mixer.own_weight[place], mixer.own_square[place], error, given, n_labels,
            params.label_rate,
        )  # fmt: skip
    for g in range(n_groups):
        for place in range(n_inputs):
            move_shared_weight(
                mixer.weight[g], mixer.square[g], place, gradient[g, place], params.group_rate
            )


@inlined
def learn_mix(mixer, params, past, truth, n_labels, scratch):
    """Learn a row; ``scratch`` holds what was predicted for it.

    Parameters
    ----------
    past
        As :func:`mix_row` had it.
    truth
        [labels] 0 absent, 1 present, UNKNOWN.
    """
    if params.mix:
        _learn_weights(mixer, params, truth, n_labels, scratch)
    for label in range(n_labels):
        value = truth[label]
        if value == UNKNOWN:
            continue
        mixer.n_known[label] += 1.0
        mixer.n_present[label] += value
        after = mixer.followed[label, int(past[LAST, label])]
        after[value] += 1.0
        after[0] *= 1.0 - 1.0 / PAST_MEMORY
        after[1] *= 1.0 - 1.0 / PAST_MEMORY


@kernel
def forget_steps(mixer, group):
    """Let the weights of a group learn as fast as new ones."""
    mixer.square[group, :] = FIRST_SQUARE
