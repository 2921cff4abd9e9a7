"""How a mixture of experts learns: rows are predicted and learnt, one after the other, in one
kernel call."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stream.engine import layout as lay
from stream.engine.arrays import FeatureRows
from stream.engine.events import follows
from stream.engine.expert_mixture import (
    LATEST_DECAY,
    N_INPUTS,
    RECENT_DECAY,
    ROUTER,
    UNROUTED,
    answer_row,
)
from stream.engine.jit import inlined, kernel
from stream.engine.leaf import TreeRow, highest
from stream.engine.network import learn_forwarded, meet_features
from stream.engine.network_layout import N_FEATURES
from stream.engine.tree import TreeRows, change_structure, learn_row, room_for_row

# Places in the cursor.
EVENT = 0  # the next one
EXPERT = 1  # of the row that is being learnt: 0 before it began, 1 + the next expert to learn it
GROWN = 2  # 1: that expert has learnt the row and may still want to change its tree
N_CURSORS = 3

GATE_WEIGHT = 0.3  # of the experts' outputs in the trunk, beside one for the classes' outputs


@inlined
def _is_right(params, probabilities, e, label, n):
    """Whether an expert knew the class of a row."""
    if params.task:
        return e == label and probabilities[e, 1] > probabilities[e, 0]
    return highest(probabilities[e], n) == label


@inlined
def _confidence(params, probabilities, e, label):
    """How much of its probability an expert gave to the class of a row."""
    if params.task:
        return 1.0 if e == label else 0.0
    return probabilities[e, label]


@inlined
def _router_errors(parts, params, label, scratch):
    """What the router's outputs for experts learn from: the experts that were right or, if none
    was, the one that came nearest."""
    mixture, probabilities, network = parts.mixture, scratch.mixture.probabilities, scratch.network
    n = mixture.n_labels[0]
    weight = GATE_WEIGHT if params.class_head else 1.0
    nearest, some_right = -1, False
    for e in range(len(parts.roots)):
        if mixture.expert_output[e] == UNROUTED:
            continue
        some_right = some_right or _is_right(params, probabilities, e, label, n)
        confidence = _confidence(params, probabilities, e, label)
        if nearest < 0 or confidence > _confidence(params, probabilities, nearest, label):
            nearest = e
    for e in range(len(parts.roots)):
        o = mixture.expert_output[e]
        if o != UNROUTED:
            right = _is_right(params, probabilities, e, label, n) or (
                not some_right and e == nearest
            )
            p = 1.0 / (1.0 + math.exp(-float(network.scores[o])))
            network.errors[o] = np.float32((p - (1.0 if right else 0.0)) * weight)


@inlined
def _learn_router(parts, params, r, answer, label, scratch):
    mixture, network = parts.mixture, scratch.network
    _router_errors(parts, params.mixture, label, scratch)
    if params.mixture.class_head:
        for other in range(mixture.n_labels[0]):
            truth = 1.0 if other == label else 0.0
            error = scratch.mixture.inputs[ROUTER, other] - truth
            network.errors[mixture.class_output[other]] = np.float32(error)
    learn_forwarded(parts.network, params.network, r, answer, network)


@inlined
def _learn_mixer(mixture, rate, label, scratch):
    """A step of each weight along the gradient of the log of the true class's probability."""
    n = mixture.n_labels[0]
    for i in range(N_INPUTS):
        if mixture.in_use[i]:
            gradient = scratch.logs[i, label]
            for other in range(n):
                gradient -= scratch.answer[other] * scratch.logs[i, other]
            mixture.weights[i] += rate * gradient


@inlined
def _count_past(past, label, n):
    for other in range(n):
        truth = 1.0 if other == label else 0.0
        past[0, other] += LATEST_DECAY * (truth - past[0, other])
        past[1, other] += RECENT_DECAY * (truth - past[1, other])


@inlined
def _choose_learners(mixture, params, scratch):
    """Mark the experts that learn the row: the shared one and the ``top_k`` of the router."""
    gate, learns = scratch.gate, scratch.learns
    for e in range(len(gate)):
        learns[e] = params.task or mixture.expert_output[e] == UNROUTED
    for _ in range(0 if params.task else params.top_k):
        best = -1
        for e in range(len(gate)):
            if not learns[e] and (best < 0 or gate[e] > gate[best]):
                best = e
        if best >= 0:
            learns[best] = 1


@inlined
def _begin_row(parts, params, at, r, label, fresh, scratch):
    """Let router and mixer learn a row, and choose the experts that will."""
    known = parts.network.registers[N_FEATURES]
    meet_features(parts.network, r, at.answer)
    if not fresh or known != parts.network.registers[N_FEATURES]:
        answer_row(parts, params, at, r, scratch)
    own, mixture = params.mixture, parts.mixture
    _choose_learners(mixture, own, scratch.mixture)
    _learn_router(parts, params, r, at.answer, label, scratch)
    if own.mixer:
        _learn_mixer(mixture, own.mixer_rate, label, scratch.mixture)
        _count_past(mixture.past, label, mixture.n_labels[0])


@inlined
def _learn_experts(parts, params, at, cursor, scratch):
    """Let the chosen experts learn a row; returns the pool without room, or DONE."""
    trees, roots = parts.trees, parts.roots
    label = at.present[0]
    while cursor[EXPERT] <= len(roots):
        e = cursor[EXPERT] - 1
        if scratch.mixture.learns[e]:
            trees.registers[lay.ROOT] = roots[e]
            if not cursor[GROWN]:
                missing = room_for_row(trees, params.trees, at)
                if missing != lay.DONE:
                    return missing
                truth = at.present
                if params.mixture.task:
                    own = 1 if e == label else 0
                    truth = scratch.mixture.binary[own : own + 1]
                its = TreeRow(at.x, at.row, at.z, at.answer, truth, at.unknown)
                learn_row(trees, params.trees, its, scratch.trees, False)
                parts.mixture.rows_learnt[e] += 1
                cursor[GROWN] = 1
            missing = change_structure(trees, params.trees, scratch.split)
            roots[e] = trees.registers[lay.ROOT]
            if missing != lay.DONE:
                return missing
            cursor[GROWN] = 0
        cursor[EXPERT] += 1
    return lay.DONE


class MixtureRows(NamedTuple):
    """Rows that a mixture predicts and learns."""

    trees: TreeRows
    router: FeatureRows  # [answers] as the router sees them


@kernel
def advance_mixture(
    parts, params, rows, cursor, learn_stop, out, scratch
):  # fmt: skip
    """Predict and learn the rows of the events from ``cursor[EVENT]`` on, until done or until a
    pool is full.

    Parameters
    ----------
    rows
        :class:`MixtureRows`; a row without a present label is not learnt.
    cursor
        Where it is (``EVENT`` and so on); moved on.
    learn_stop
        The call ends when this row or a later one would be learnt: it has classes or features that
        there is no room for yet.
    out
        [rows, classes] probabilities of the predicted rows, in place.
    scratch
        Room to work in; the same until a row that was begun is learnt.

    Returns
    -------
    DONE, PAUSED at ``learn_stop``, or the pool that has to grow before the call is made again.
    """
    x, z, y, u, events = rows.trees
    n = parts.mixture.n_labels[0]
    fresh = False  # whether ``scratch`` holds the answer to the event before
    while cursor[EVENT] < len(events.row):
        event = cursor[EVENT]
        row, answer = events.row[event], events.answer[event] - events.answer[0]
        present, unknown = y[1][y[0][row] : y[0][row + 1]], u[1][0:0]
        at = TreeRow(x, row, z, answer, present, unknown)
        if not events.learns[event]:
            if n > 0:
                answer_row(parts, params, at, rows.router, scratch)
                for label in range(n):
                    out[row, label] = scratch.mixture.answer[label]
            fresh = True
            cursor[EVENT] = event + 1
            continue
        if row >= learn_stop:
            return lay.PAUSED
        if len(present) > 0:
            if cursor[EXPERT] == 0:
                known = fresh and follows(events, event)
                _begin_row(parts, params, at, rows.router, present[0], known, scratch)
                cursor[EXPERT] = 1
            missing = _learn_experts(parts, params, at, cursor, scratch)
            if missing != lay.DONE:
                return missing
            cursor[EXPERT] = 0
        fresh = False
        cursor[EVENT] = event + 1
    return lay.DONE
