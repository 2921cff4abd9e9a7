"""The router: a network that gets the room it needs, with outputs that are added and removed.

What an output means is its owner's business: an expert of a mixture, or one of a cluster's experts
when every cluster has a *head*, a group of outputs of its own over the trunk that all share.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from stream.engine.arrays import FeatureRows, Float64Array, allocate, n_bytes, resize
from stream.engine.checking import check_network
from stream.engine.growth import column_capacity
from stream.engine.network import (
    clear_output,
    draw,
    find_awake,
    learn_rows,
    score_rows,
    settle_squares,
)
from stream.engine.network_layout import (
    FIRST_WEIGHTS,
    N_IN_USE,
    N_MADE,
    N_OUTPUTS,
    OUTPUT_WEIGHTS,
    SECOND_WEIGHTS,
    STEPS,
    Network,
    NetworkParams,
    NetworkScratch,
    Sleep,
)

FREE = -1


class Router:
    """A network with room for the features and outputs it meets.

    Weights begin uniformly distributed as Glorot and Bengio (AISTATS 2010) say, biases at 0. What
    an input's or an output's weights begin with depends on nothing but the seed and how many there
    were before it.

    Parameters
    ----------
    params
        What the kernels need to know.
    hidden
        Units of the first hidden layer.
    second
        Units of the second hidden layer; 0: there is none.
    """

    def __init__(self, params: NetworkParams, hidden: int, second: int = 0):
        self.params = params
        sizes = {"features": 0, "outputs": 0, "hidden": hidden, "second": second}
        self.network = allocate(Network, sizes | {"top": second or hidden})
        limit = _glorot(hidden, second)
        for unit in range(hidden if second else 0):
            draw(self.network.weights.second[unit], params.seed, SECOND_WEIGHTS, unit, limit)
        self._sleep = allocate(Sleep, sizes)
        self._allocate_scratch()

    def __getstate__(self) -> dict[str, Any]:
        # Without what the kernels scribble on.
        settle_squares(self.network, self._sleep)
        return {"params": self.params, "network": self.network}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.params, self.network = state["params"], state["network"]
        self._sleep = allocate(Sleep, self._sizes)
        find_awake(self.network, self._sleep)
        self._allocate_scratch()

    def check_restored(self) -> None:
        """Raise SnapshotError where a restored state cannot be right."""
        check_network(self.network, self.params)

    @property
    def _sizes(self) -> dict[str, int]:
        weights = self.network.weights
        return {
            "features": weights.first.shape[0],
            "hidden": weights.first.shape[1],
            "second": weights.second.shape[1],
            "top": weights.output.shape[1],
            "outputs": weights.output.shape[0],
        }

    @property
    def n_outputs(self) -> int:
        """Slots of outputs that were ever taken; scores have so many columns."""
        return int(self.network.registers[N_OUTPUTS])

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return n_bytes(Network, self._sizes)

    @property
    def scratch(self) -> NetworkScratch:
        """Room for the kernels to work in."""
        return self._scratch

    def _allocate_scratch(self) -> None:
        fresh = allocate(NetworkScratch, self._sizes | {"features": 0})
        self._scratch = fresh._replace(sleep=self._sleep)

    def widen(self, n_features: int) -> None:
        """Make room for columns, as far as there is memory for them."""
        sizes = self._sizes
        n_features = min(n_features, self.params.most_features)
        before, capacity = sizes["features"], column_capacity(n_features)
        if capacity > before:
            self.network = resize(self.network, sizes | {"features": capacity})
            self._sleep = resize(self._sleep, {"features": capacity})
            self._allocate_scratch()
            first = self.network.weights.first
            for j in range(before, capacity):
                limit = _glorot(j + 1, sizes["hidden"])
                draw(first[j], self.params.seed, FIRST_WEIGHTS, j, limit)

    def add_outputs(self, n: int) -> list[int]:
        """Make new outputs; returns their slots, those that were given back first."""
        registers = self.network.registers
        slots = np.flatnonzero(self.network.output_born[: self.n_outputs] == FREE)[:n].tolist()
        slots += range(self.n_outputs, self.n_outputs + n - len(slots))
        sizes = self._sizes
        needed = max(slots, default=-1) + 1
        if needed > sizes["outputs"]:
            self.network = resize(self.network, sizes | {"outputs": column_capacity(needed)})
            registers = self.network.registers
            self._allocate_scratch()
        registers[N_OUTPUTS] = max(registers[N_OUTPUTS], needed)
        for slot in slots:
            self.reset_output(slot)
        registers[N_IN_USE] += n
        return slots

    def remove_outputs(self, slots: Iterable[int]) -> None:
        """Give outputs back: their scores are 0 from now on, until the slots are taken again."""
        for slot in slots:
            self._clear(slot)
            self.network.output_born[slot] = FREE
            self.network.registers[N_IN_USE] -= 1

    def reset_output(self, slot: int) -> None:
        """Let an output begin anew, with weights that no output had before."""
        network = self.network
        self._clear(slot)
        number = int(network.registers[N_MADE])
        limit = _glorot(self._sizes["top"], number + 1)
        draw(network.weights.output[slot], self.params.seed, OUTPUT_WEIGHTS, number, limit)
        network.output_born[slot] = network.registers[STEPS]
        network.registers[N_MADE] += 1

    def copy_outputs(self, sources: Iterable[int], slots: Iterable[int]) -> None:
        """Let outputs score as others do; they learn on their own from there."""
        output, bias = self.network.weights.output, self.network.weights.output_bias
        for source, slot in zip(sources, slots, strict=True):
            output[slot], bias[slot] = output[source], bias[source]

    def _clear(self, slot: int) -> None:
        network = self.network
        for values in (network.weights, network.gradients, network.means, network.squares):
            clear_output(values, slot)

    def score(self, z: FeatureRows) -> Float64Array:
        """Scores [rows, slots] of rows; the probability that an output's target is 1 is the score's
        logistic function."""
        out = np.zeros((len(z[0]) - 1, self.n_outputs))
        score_rows(self.network, self.params, z, 0, len(out), out, self._scratch)
        return out

    def learn(
        self, z: FeatureRows, targets: Float64Array, row_weights: Float64Array | None = None
    ) -> None:
        """Learn rows in order.

        Parameters
        ----------
        z
            Scaled rows ``(indptr, indices, values)``; there must be room for their columns
            (:meth:`widen`), those beyond are left out.
        targets
            [rows, slots] in [0, 1]; NaN: none.
        row_weights
            [rows] how much each row counts; None: all the same.
        """
        if row_weights is None:
            row_weights = np.ones(len(targets))
        network, params = self.network, self.params
        learn_rows(network, params, z, targets, row_weights, 0, len(targets), self._scratch)


def most_router_features(limit_bytes: float, hidden: int) -> int:
    """Input columns of a router that leave its arrays within a limit."""
    sizes = {"hidden": hidden, "second": 0, "top": 0, "outputs": 0}
    empty, one = (n_bytes(Network, sizes | {"features": n}) for n in (0, 1))
    return max(int((limit_bytes - empty) / (one - empty)), 0)


def _glorot(n_inputs: int, n_units: int) -> float:
    """Largest weight between layers of so many units."""
    return math.sqrt(6.0 / max(n_inputs + n_units, 1))
