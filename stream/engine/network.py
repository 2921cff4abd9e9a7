"""A small neural network over sparse rows: one trunk, and outputs that come and go.

Inputs go through a hidden layer of rectified units, through a second one where there is one, to the
scores of all outputs. It learns from the gradient of a loss by the scores, as a rule that of every
output's binary cross-entropy against a target in [0, 1]. Gradients are summed row by row until a
mini-batch is full, and then make one step of Adam (:mod:`stream.engine.adam`), so that nothing
depends on how rows are grouped into calls.

What a step does to a feature that no row has had for so long that its first moments are 0 is known
without looking: its weights stay, and its second moments decay. Such features sleep; a step goes
over those that are awake, and the decay is made up for when a feature wakes.

Sums run in a fixed order: over inputs and units that are not zero, one vector after the other, or
in :func:`_dot`, whose eight partial sums a compiler may put side by side without changing the
result.
"""

from __future__ import annotations

import math

import numpy as np

from stream.engine.adam import adam_step, decay_squares
from stream.engine.jit import inlined, kernel
from stream.engine.network_layout import (
    AWAKE,
    BATCH_ROWS,
    DROPPED_UNITS,
    N_FEATURES,
    N_IN_USE,
    N_OUTPUTS,
    ROWS_LEARNT,
    STEPS,
)
from stream.engine.random import uniform

# Where values are cut that would lead beyond 32-bit numbers in the next layer, or the one below.
LARGEST_UNIT = 1e12
LARGEST_ERROR = 1e24


@inlined
def _dot(a, b, n):
    """Sum of products in a fixed order: eight sums side by side."""
    zero = np.float32(0.0)
    s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
    whole = n - n % 8
    for i in range(0, whole, 8):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
        s4 += a[i + 4] * b[i + 4]
        s5 += a[i + 5] * b[i + 5]
        s6 += a[i + 6] * b[i + 6]
        s7 += a[i + 7] * b[i + 7]
    total = ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))
    for i in range(whole, n):
        total += a[i] * b[i]
    return total


@inlined
def _drop(params, hidden, row_number):
    """Leave units out at random; the others are scaled up, so that the sum stays in the mean."""
    scale = np.float32(1.0 / (1.0 - params.dropout))
    largest = np.float32(LARGEST_UNIT)
    for unit in range(len(hidden)):
        kept = uniform(params.seed, DROPPED_UNITS, row_number, unit) >= params.dropout
        hidden[unit] = min(hidden[unit] * scale, largest) if kept else np.float32(0.0)


@inlined
def _rectify(values):
    smallest, largest = np.float32(0.0), np.float32(LARGEST_UNIT)
    for unit in range(len(values)):
        values[unit] = min(max(values[unit], smallest), largest)


@inlined
def forward(network, params, z, row, scratch):
    """Fill ``scratch`` with the units' values and the scores of all outputs for a row.

    ``z`` are the scaled rows ``(indptr, indices, values)``.
    """
    registers, weights = network.registers, network.weights
    hidden, second = scratch.hidden, scratch.second
    for unit in range(len(hidden)):
        hidden[unit] = weights.first_bias[unit]
    for entry in range(z[0][row], z[0][row + 1]):
        j = z[1][entry]
        if j < registers[N_FEATURES]:
            value = np.float32(z[2][entry])
            for unit in range(len(hidden)):
                hidden[unit] += weights.first[j, unit] * value
    _rectify(hidden)
    if params.dropout > 0.0:
        _drop(params, hidden, registers[ROWS_LEARNT])
    if len(second) == 0:
        _score(network, hidden, scratch.scores)
        return
    for unit in range(len(second)):
        second[unit] = weights.second_bias[unit]
    for i in range(len(hidden)):
        value = hidden[i]
        if value != 0.0:
            for unit in range(len(second)):
                second[unit] += weights.second[i, unit] * value
    _rectify(second)
    _score(network, second, scratch.scores)


@inlined
def _score(network, top, scores):
    weights = network.weights
    for o in range(network.registers[N_OUTPUTS]):
        scores[o] = weights.output_bias[o] + _dot(weights.output[o], top, len(top))


@inlined
def _outputs_back(network, errors, top, top_error):
    """Add the gradients of the outputs' weights; ``top_error`` becomes that of their inputs."""
    weights, gradients = network.weights, network.gradients
    for unit in range(len(top)):
        top_error[unit] = np.float32(0.0)
    for o in range(network.registers[N_OUTPUTS]):
        error = errors[o]
        if error == 0.0:
            continue
        gradients.output_bias[o] += error
        for unit in range(len(top)):
            gradients.output[o, unit] += error * top[unit]
            top_error[unit] += error * weights.output[o, unit]
    for unit in range(len(top)):
        if top[unit] == 0.0:
            top_error[unit] = np.float32(0.0)


@inlined
def _second_back(network, hidden, second_error, hidden_error):
    """Add the gradients of the second layer's weights; ``hidden_error`` becomes that of their
    inputs."""
    weights, gradients = network.weights, network.gradients
    n = len(second_error)
    for unit in range(n):
        gradients.second_bias[unit] += second_error[unit]
    for i in range(len(hidden)):
        value = hidden[i]
        hidden_error[i] = np.float32(0.0)
        if value != 0.0:
            hidden_error[i] = _dot(weights.second[i], second_error, n)
            for unit in range(n):
                gradients.second[i, unit] += second_error[unit] * value


@inlined
def _wake(network, sleep, j):
    """Let steps go over feature ``j``."""
    decay_squares(network.squares.first[j], network.registers[STEPS] - sleep.until[j])
    sleep.until[j] = AWAKE
    sleep.awake[sleep.n_awake[0]] = j
    sleep.n_awake[0] += 1


@inlined
def _first_back(network, params, z, row, scratch):
    """Add the gradients of the first layer's weights."""
    gradients, n_features = network.gradients, network.registers[N_FEATURES]
    hidden_error, sleep = scratch.hidden_error, scratch.sleep
    if params.dropout > 0.0:
        scale, largest = np.float32(1.0 / (1.0 - params.dropout)), np.float32(LARGEST_ERROR)
        for unit in range(len(hidden_error)):
            hidden_error[unit] = min(max(hidden_error[unit] * scale, -largest), largest)
    for unit in range(len(hidden_error)):
        gradients.first_bias[unit] += hidden_error[unit]
    for entry in range(z[0][row], z[0][row + 1]):
        j = z[1][entry]
        if j < n_features:
            if sleep.until[j] != AWAKE:
                _wake(network, sleep, j)
            value = np.float32(z[2][entry])
            for unit in range(len(hidden_error)):
                gradients.first[j, unit] += hidden_error[unit] * value


@inlined
def meet_features(network, z, row):
    """Count the columns of a row that is about to be learnt as seen."""
    registers = network.registers
    first, last = z[0][row], z[0][row + 1]
    if last > first:
        needed = min(z[1][last - 1] + 1, len(network.feature_born))
        for j in range(registers[N_FEATURES], needed):
            network.feature_born[j] = registers[STEPS]
        registers[N_FEATURES] = max(registers[N_FEATURES], needed)


@inlined
def cross_entropy_errors(scores, targets, weight, n_outputs, errors):
    """Gradient of every output's binary cross-entropy by its score, times ``weight``; 0 where the
    target is NaN."""
    for o in range(n_outputs):
        errors[o] = np.float32(0.0)
        if not math.isnan(targets[o]):
            p = 1.0 / (1.0 + math.exp(-float(scores[o])))
            errors[o] = np.float32((p - targets[o]) * weight)


@inlined
def learn_forwarded(network, params, z, row, scratch):
    """Learn a row that ``scratch`` holds the values of, ``scratch.errors`` included; makes a step
    when it completes a mini-batch."""
    registers = network.registers
    hidden, second, hidden_error = scratch.hidden, scratch.second, scratch.hidden_error
    if len(second) == 0:
        _outputs_back(network, scratch.errors, hidden, hidden_error)
    else:
        _outputs_back(network, scratch.errors, second, scratch.second_error)
        _second_back(network, hidden, scratch.second_error, hidden_error)
    _first_back(network, params, z, row, scratch)
    registers[ROWS_LEARNT] += 1
    registers[BATCH_ROWS] += 1
    if registers[BATCH_ROWS] >= params.batch_rows:
        make_step(network, params, scratch.sleep)


@inlined
def begin_row(network, params, z, row, scratch):
    """Fill ``scratch`` with the values and scores of a row that is about to be learnt."""
    meet_features(network, z, row)
    forward(network, params, z, row, scratch)


@kernel
def make_step(network, params, sleep):
    """Let Adam take the mean gradient of the rows since the last step."""
    registers, born = network.registers, network.output_born
    w, g, m, s = network.weights, network.gradients, network.means, network.squares
    share = np.float32(1.0 / (registers[BATCH_ROWS] * max(registers[N_IN_USE], 1)))
    rate, step = params.learning_rate, registers[STEPS] + 1
    n_awake = 0
    for place in range(sleep.n_awake[0]):
        j = sleep.awake[place]
        age = step - network.feature_born[j]
        adam_step(w.first[j], g.first[j], m.first[j], s.first[j], share, rate, age)
        moves = False
        for unit in range(len(m.first_bias)):
            if m.first[j, unit] != 0.0:
                moves = True
                break
        if moves:
            sleep.awake[n_awake] = j
            n_awake += 1
        else:
            sleep.until[j] = step
    sleep.n_awake[0] = n_awake
    adam_step(w.first_bias, g.first_bias, m.first_bias, s.first_bias, share, rate, step)
    if len(w.second_bias) > 0:
        for i in range(len(w.first_bias)):
            adam_step(w.second[i], g.second[i], m.second[i], s.second[i], share, rate, step)
        adam_step(w.second_bias, g.second_bias, m.second_bias, s.second_bias, share, rate, step)
    for o in range(registers[N_OUTPUTS]):
        if born[o] >= 0:
            age = step - born[o]
            here = slice(o, o + 1)
            adam_step(w.output[o], g.output[o], m.output[o], s.output[o], share, rate, age)
            adam_step(
                w.output_bias[here], g.output_bias[here], m.output_bias[here],
                s.output_bias[here], share, rate, age,
            )  # fmt: skip
    registers[STEPS] = step
    registers[BATCH_ROWS] = 0


@kernel
def score_rows(network, params, z, start, stop, out, scratch):
    """Scores of rows ``start`` to ``stop``, in place in ``out`` [rows, outputs]."""
    for row in range(start, stop):
        forward(network, params, z, row, scratch)
        for o in range(network.registers[N_OUTPUTS]):
            out[row, o] = scratch.scores[o]


@kernel
def learn_rows(network, params, z, targets, row_weights, start, stop, scratch):
    """Learn rows ``start`` to ``stop``.

    Parameters
    ----------
    targets
        [rows, outputs] in [0, 1]; NaN: none for this output.
    row_weights
        [rows] how much each row counts.
    """
    for row in range(start, stop):
        begin_row(network, params, z, row, scratch)
        n_outputs = network.registers[N_OUTPUTS]
        cross_entropy_errors(
            scratch.scores, targets[row], row_weights[row], n_outputs, scratch.errors
        )
        learn_forwarded(network, params, z, row, scratch)


@kernel
def draw(row, seed, purpose, number, limit):
    """Fill a row with weights between ``-limit`` and ``limit``."""
    for i in range(len(row)):
        row[i] = np.float32((2.0 * uniform(seed, purpose, number, i) - 1.0) * limit)


@kernel
def clear_output(weights, o):
    """Set what belongs to output ``o`` to zero."""
    weights.output[o, :] = np.float32(0.0)
    weights.output_bias[o] = np.float32(0.0)


@kernel
def find_awake(network, sleep):
    """Fill ``sleep`` for a network all of whose moments are those of the last step."""
    means, gradients = network.means.first, network.gradients.first
    sleep.n_awake[0] = 0
    for j in range(len(sleep.until)):
        sleep.until[j] = network.registers[STEPS]
        for unit in range(means.shape[1]):
            if means[j, unit] != 0.0 or gradients[j, unit] != 0.0:
                sleep.until[j] = AWAKE
        if sleep.until[j] == AWAKE:
            sleep.awake[sleep.n_awake[0]] = j
            sleep.n_awake[0] += 1


@kernel
def settle_squares(network, sleep):
    """Make up for the steps that features have slept through."""
    for j in range(len(sleep.until)):
        if sleep.until[j] != AWAKE:
            decay_squares(network.squares.first[j], network.registers[STEPS] - sleep.until[j])
            sleep.until[j] = network.registers[STEPS]
