"""A mixture of experts: every array of it, and what it answers for a row.

Experts are trees for classes that share one set of arrays (:mod:`stream.engine.forest`). The
router's network (:mod:`stream.engine.network`) has an output for every routed expert, whose score
says how likely the expert is right, and may have one for every class. What the experts, the router
and the recent past say goes into a *mixer*, which answers with the normalised product of their
probabilities, each to the power of a weight that is learnt on the way (Genest and Zidek, "Combining
probability distributions", Statistical Science 1986; learnt online as in Mattern, "Mixing
strategies in data compression", DCC 2012).

Source of the mixture: Aspis, Cajas, Suárez-Cetrulo and Simón Carbajo, "DriftMoE: a mixture of
experts approach to handle concept drifts", arXiv 2507.18464, 2025. The shared expert, the router's
outputs for classes, the mixer and the past are not in the paper.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

from stream.engine.arrays import (
    COUNTS,
    WEIGHTS,
    Axes,
    Float64Array,
    Holds,
    Int32Array,
    Int64Array,
    UInt8Array,
    below,
    up_to,
)
from stream.engine.jit import inlined, kernel
from stream.engine.layout import Tree, TreeParams
from stream.engine.leaf import Scratch, highest, predict_leaf, softmax
from stream.engine.network import forward
from stream.engine.network_layout import Network, NetworkParams, NetworkScratch
from stream.engine.split import SplitScratch
from stream.engine.tree import find_leaf

# What the mixer hears: the expert that learns every row, the routed ones weighted by the router,
# experts for one class without the router, the router's own opinion of the classes, and two
# averages of past classes.
SHARED, ROUTED, VOTES, ROUTER, LATEST, RECENT = 0, 1, 2, 3, 4, 5
N_INPUTS = 6

LATEST_DECAY = 0.5  # share that the newest class has in the averages
RECENT_DECAY = 0.05
SMALLEST_SAID = 1e-3  # probabilities are cut here before they are multiplied
SMALLEST_PAST = 0.05  # coarser: an average of a few rows knows nothing of small probabilities
UNROUTED = -1  # in ``Mixture.expert_output``


class MixtureParams(NamedTuple):
    """What the kernels need to know."""

    task: bool  # an expert for each class, that tells it from the others
    top_k: int  # routed experts that learn a row
    temperature: float
    soft: bool  # routed experts answer together, weighted by the router; else the best one does
    class_head: bool  # the network has an output for every class besides those for experts
    mixer: bool
    past: bool  # the mixer hears of past classes
    mixer_rate: float


class Mixture(NamedTuple):
    """What is neither in the trees nor in the network."""

    @staticmethod
    def upgrade_state(state: dict[str, Any], version: int) -> dict[str, Any]:
        """The state of an earlier format, in which ``in_use`` had another name."""
        return {"in_use" if name == "heard" else name: state[name] for name in state}

    expert_output: Annotated[
        Int32Array, Axes("experts", holds=Holds(low=-1))
    ]  # of the network; -1: not routed
    class_output: Annotated[
        Int32Array, Axes("labels", fill=-1, holds=Holds(low=-1))
    ]  # -1: no output for classes
    n_labels: Annotated[Int64Array, Axes(1, holds=up_to("labels"))]  # classes known
    rows_learnt: Annotated[Int64Array, Axes("experts", holds=COUNTS)]
    weights: Annotated[Float64Array, Axes(N_INPUTS, holds=WEIGHTS)]  # of the mixer
    in_use: Annotated[UInt8Array, Axes(N_INPUTS, holds=below(2))]  # 1: the mixer uses the input
    past: Annotated[
        Float64Array, Axes(2, "labels", holds=WEIGHTS)
    ]  # averages of the classes learnt


class MixtureScratch(NamedTuple):
    """Room for one row's work; nothing in it outlives the row."""

    probabilities: Annotated[Float64Array, Axes("experts", "labels")]
    gate: Annotated[Float64Array, Axes("experts")]  # router's weights; 0 for the shared expert
    learns: Annotated[UInt8Array, Axes("experts")]
    inputs: Annotated[Float64Array, Axes(N_INPUTS, "labels")]  # probabilities
    logs: Annotated[Float64Array, Axes(N_INPUTS, "labels")]
    answer: Annotated[Float64Array, Axes("labels")]  # probabilities
    binary: Annotated[Int32Array, Axes(2)]  # 0 and 1, the classes of an expert for one class


class Parts(NamedTuple):
    """All of a mixture that changes while it learns."""

    trees: Tree
    roots: Int32Array  # [experts] node at the top of each one's tree
    network: Network
    mixture: Mixture


class PartParams(NamedTuple):
    """What the kernels of each part need to know."""

    trees: TreeParams
    network: NetworkParams
    mixture: MixtureParams


class PartScratch(NamedTuple):
    """Room for each part to work in."""

    trees: Scratch
    split: SplitScratch
    network: NetworkScratch
    mixture: MixtureScratch


@inlined
def _ask_experts(parts, params, at, scratch):
    """What every expert says of a row."""
    trees, mixture, probabilities = parts.trees, parts.mixture, scratch.mixture.probabilities
    n = 2 if params.mixture.task else mixture.n_labels[0]
    for e in range(len(parts.roots)):
        k = find_leaf(trees, parts.roots[e], at.x, at.row)
        predict_leaf(trees, params.trees, k, at, scratch.trees, n)
        for label in range(n):
            probabilities[e, label] = scratch.trees.answer[label]


@inlined
def weigh_experts(mixture, temperature, scores, gate):
    """The router's weights: a softmax over the scores of routed experts."""
    top = -math.inf
    for e in range(len(gate)):
        if mixture.expert_output[e] >= 0:
            top = max(top, scores[mixture.expert_output[e]])
    total = 0.0
    for e in range(len(gate)):
        gate[e] = 0.0
        if mixture.expert_output[e] >= 0:
            gate[e] = math.exp((scores[mixture.expert_output[e]] - top) / temperature)
            total += gate[e]
    for e in range(len(gate)):
        gate[e] /= max(total, 1e-300)


@inlined
def _hear_classes(mixture, soft, scratch, n):
    """Inputs of the mixer when every expert knows all classes."""
    probabilities, gate, inputs = scratch.probabilities, scratch.gate, scratch.inputs
    for label in range(n):
        inputs[ROUTED, label] = 0.0
    best = highest(gate, len(gate))
    for e in range(len(gate)):
        if mixture.expert_output[e] == UNROUTED:
            for label in range(n):
                inputs[SHARED, label] = probabilities[e, label]
        elif soft or e == best:
            weight = gate[e] if soft else 1.0
            for label in range(n):
                inputs[ROUTED, label] += weight * probabilities[e, label]


@inlined
def _hear_tasks(scratch, n):
    """Inputs of the mixer when expert ``e`` only knows class ``e``: 1, or any other: 0."""
    probabilities, gate, inputs = scratch.probabilities, scratch.gate, scratch.inputs
    total = 0.0
    for label in range(n):
        inputs[ROUTED, label] = gate[label]
        total += probabilities[label, 1]
    for label in range(n):
        inputs[VOTES, label] = probabilities[label, 1] / total if total > 0.0 else 1.0 / n


@inlined
def _hear_router(mixture, scores, out, n):
    """The router's own opinion of the classes."""
    for label in range(n):
        out[label] = scores[mixture.class_output[label]]
    softmax(out, n)


@inlined
def _mix(mixture, scratch, n):
    """The normalised product of all inputs, each to the power of its weight."""
    inputs, logs, answer = scratch.inputs, scratch.logs, scratch.answer
    even = math.log(n)
    for label in range(n):
        answer[label] = 0.0
    for i in range(N_INPUTS):
        if mixture.in_use[i]:
            smallest = SMALLEST_PAST if i >= LATEST else SMALLEST_SAID
            for label in range(n):
                logs[i, label] = math.log(max(inputs[i, label], smallest)) + even
                answer[label] += mixture.weights[i] * logs[i, label]
    softmax(answer, n)


@inlined
def _conclude(parts, params, scratch):
    """What follows from the router's scores and the experts' probabilities."""
    mixture, own, scores = parts.mixture, scratch.mixture, scratch.network.scores
    n = mixture.n_labels[0]
    weigh_experts(mixture, params.mixture.temperature, scores, own.gate)
    if params.mixture.task:
        _hear_tasks(own, n)
    else:
        _hear_classes(mixture, params.mixture.soft, own, n)
    if not params.mixture.mixer:
        for label in range(n):
            own.answer[label] = own.inputs[ROUTED, label]
        return
    if params.mixture.class_head:
        _hear_router(mixture, scores, own.inputs[ROUTER], n)
    for label in range(n):
        own.inputs[LATEST, label] = mixture.past[0, label]
        own.inputs[RECENT, label] = mixture.past[1, label]
    _mix(mixture, own, n)


@kernel
def answer_row(parts, params, at, r, scratch):
    """Fill ``scratch.mixture`` with what every part and the whole say of a row (:class:`TreeRow`).

    ``r`` are the rows as the router sees them ``(indptr, indices, values)``, numbered as the
    answers are. There must be a class.
    """
    forward(parts.network, params.network, r, at.answer, scratch.network)
    _ask_experts(parts, params, at, scratch)
    _conclude(parts, params, scratch)
