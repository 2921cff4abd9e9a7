"""A mixture of experts at work: trees and router in step, with the room that each needs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from stream.engine import layout as lay
from stream.engine.arrays import FeatureRows, Float64Array, allocate, n_bytes, resize
from stream.engine.checking import check_mixture, require
from stream.engine.events import Events, schedule
from stream.engine.expert_mixture import (
    LATEST,
    RECENT,
    ROUTED,
    ROUTER,
    SHARED,
    UNROUTED,
    VOTES,
    Mixture,
    MixtureParams,
    MixtureScratch,
    PartParams,
    Parts,
    PartScratch,
)
from stream.engine.expert_mixture_learning import (
    EVENT,
    N_CURSORS,
    MixtureRows,
    advance_mixture,
)
from stream.engine.forest import GrowingForest
from stream.engine.growth import column_capacity, make_room
from stream.engine.layout import TreeParams
from stream.engine.learner import (
    RowScaler,
    Work,
    columns_needed,
    labels_needed,
    some_rows,
    wider,
)
from stream.engine.network_layout import NetworkParams
from stream.engine.router import Router
from stream.engine.tree import TreeRows
from stream.rows.batch import Batch

LARGEST_RAW = 1e6  # raw inputs of the router are cut here: it works with 32-bit numbers
SHARE_OF_ROUTER = 0.2  # of the limit


@dataclasses.dataclass(frozen=True)
class MixtureShape:
    """The parts and parameters of a mixture.

    Parameters
    ----------
    n_experts
        Routed experts; for the task variant there are as many as classes.
    shared
        Whether there is an expert beside them that learns every row.
    hidden, second
        Units of the router's hidden layers; 0: there is no second one.
    standardise
        Whether the router sees scaled rows.
    """

    n_experts: int
    shared: bool
    hidden: int
    second: int
    standardise: bool


class MixtureLearner:
    """Experts, router and mixer.

    Columns are the engine's own: features and classes are numbered in the order in which they are
    first learnt.

    Parameters
    ----------
    shape
        What it is made of.
    tree_params, network_params, mixture_params
        What the kernels need to know.
    max_size
        Limit in bytes for all arrays.
    """

    def __init__(
        self,
        shape: MixtureShape,
        tree_params: TreeParams,
        network_params: NetworkParams,
        mixture_params: MixtureParams,
        max_size: float,
    ):
        self.shape = shape
        self.params = mixture_params
        self.rows = RowScaler(needed=tree_params.use_logistic or shape.standardise)
        self.trees = GrowingForest(tree_params, (1.0 - SHARE_OF_ROUTER) * max_size)
        self.router = Router(network_params, shape.hidden, shape.second)
        self.router.widen(len(self.trees.tree.shift))
        self.mixture = allocate(Mixture, {"experts": 0, "labels": column_capacity(0)})
        if not mixture_params.task:
            if shape.shared:
                self._add_expert(UNROUTED)
            for output in self.router.add_outputs(shape.n_experts):
                self._add_expert(output)
        self._begin_mixer()
        self._allocate_scratch()

    def __getstate__(self) -> dict[str, Any]:
        # Without what the kernels scribble on.
        return {name: value for name, value in self.__dict__.items() if name != "_scratch"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._allocate_scratch()

    def check_restored(self) -> None:
        """Validate restored state."""
        n_trees, n_outputs = len(self.trees.roots), self.router.n_outputs
        check_mixture(self.mixture, self.params, n_trees, n_outputs)
        n_labels = self.trees.n_labels
        require(self.params.task or n_labels == self.n_labels, "trees know all classes")

    # ---- size

    @property
    def n_labels(self) -> int:
        """Classes that were learnt."""
        return int(self.mixture.n_labels[0])

    @property
    def n_experts(self) -> int:
        """Experts, the shared one included."""
        return len(self.mixture.expert_output)

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        own = n_bytes(Mixture, self._sizes)
        return own + self.trees.n_bytes + self.router.n_bytes + self.rows.n_bytes

    @property
    def _sizes(self) -> dict[str, int]:
        return {"experts": self.n_experts, "labels": len(self.mixture.class_output)}

    def _allocate_scratch(self) -> None:
        self._scratch = allocate(MixtureScratch, self._sizes)
        self._scratch.binary[1] = 1

    # ---- experts and classes

    def _begin_mixer(self) -> None:
        """The mixer begins with the mean of the logs of what there is to hear."""
        params, weights, in_use = self.params, self.mixture.weights, self.mixture.in_use
        opinions = [ROUTED]
        opinions += [VOTES] if params.task else []
        opinions += [SHARED] if self.shape.shared and not params.task else []
        opinions += [ROUTER] if params.class_head else []
        weights[opinions] = 1.0 / len(opinions)
        in_use[opinions] = 1
        in_use[[LATEST, RECENT]] = params.past

    def _add_expert(self, output: int) -> None:
        self.trees.plant()
        self.mixture = resize(self.mixture, self._sizes | {"experts": self.n_experts + 1})
        self.mixture.expert_output[-1] = output

    def _add_class(self) -> None:
        label = self.n_labels
        sizes = self._sizes | {"labels": column_capacity(label + 1)}
        self.mixture = resize(self.mixture, sizes)
        if self.params.task:
            self._add_expert(self.router.add_outputs(1)[0])
        if self.params.class_head:
            self.mixture.class_output[label] = self.router.add_outputs(1)[0]
        self.mixture.n_labels[0] += 1

    def _widen(self, n_features: int, n_labels: int) -> None:
        """Make room for columns, and take in new classes."""
        task = self.params.task
        self.trees.widen(n_features, 2 if task else n_labels)
        self.router.widen(len(self.trees.tree.shift))
        while self.n_labels < n_labels:
            self._add_class()
        self._allocate_scratch()

    # ---- rows

    def run(
        self, batch: Batch, *, first_row: int = 0, predict: bool, delay: int = 0
    ) -> Float64Array:
        """Predict and learn rows; see :meth:`stream.engine.learner.TreeLearner.run`."""
        x, (y, u) = batch.features, batch.truths
        events = schedule(batch.n_rows, first_row, 0, predict=predict, delay=delay)
        n_features = np.maximum(columns_needed(*x[:2]), self.rows.n_features)
        work = self.rows.prepare(x, events, n_features)
        trees = TreeRows(x, work.scaled, y, u, events)
        seen = work.scaled if self.shape.standardise else _raw_answers(x, events)
        rows, cursor = MixtureRows(trees, seen), np.zeros(N_CURSORS, np.int64)
        n_labels = labels_needed(y, u)
        out = np.zeros((batch.n_rows if predict else 0, self.n_labels))
        while True:
            reason = advance_mixture(
                Parts(self.trees.tree, self.trees.roots, self.router.network, self.mixture),
                PartParams(self.trees.params, self.router.params, self.params),
                rows, cursor, self._first_without_room(work, n_labels), out,
                PartScratch(*self.trees.scratch, self.router.scratch, self._scratch),
            )  # fmt: skip
            if reason == lay.DONE:
                break
            if reason == lay.PAUSED:
                row = events.row[cursor[EVENT]]
                self._widen(int(work.n_features[row]), int(n_labels[row]))
                out = wider(out, self.n_labels)
            else:
                self.trees.tree = make_room(self.trees.tree, reason, self.trees.max_size)
        return out

    def _first_without_room(self, work: Work, n_labels: np.ndarray) -> int:
        """First row that needs more columns than there are, when it is learnt."""
        if not len(n_labels):
            return 0
        room = max(len(self.trees.tree.shift), work.n_features[-1] if self.trees.full else 0)
        features = np.searchsorted(work.n_features, room, side="right")
        labels = np.searchsorted(n_labels, self.n_labels, side="right")
        return int(min(features, labels))


def _raw_answers(x: FeatureRows, events: Events) -> FeatureRows:
    """Rows [answers] as a network can take them when they are not scaled: a missing value is 0, the
    largest are cut."""
    first = np.flatnonzero(np.diff(events.answer, prepend=-1))
    indptr, indices, values = some_rows(x, events.row[first])
    return indptr, indices, np.clip(np.nan_to_num(values), -LARGEST_RAW, LARGEST_RAW)
