"""From the parameters of a generator to its source: one function per family."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from stream.data.synthetic.blocks import as_lists, make_blocks
from stream.data.synthetic.description import StreamDescription
from stream.data.synthetic.drift import NO_DRIFT, DriftKind, DriftSchedule, evenly_spaced
from stream.data.synthetic.feature_rows import FeatureModel
from stream.data.synthetic.multilabel import MultiLabelStream
from stream.data.synthetic.parameters import Parameter
from stream.data.synthetic.rbf_features import RBFFeatures
from stream.data.synthetic.sea import SEA
from stream.data.synthetic.source import SyntheticSource
from stream.errors import ParameterError

Parameters = dict[str, Any]
Build = Callable[[str, Parameters, int, int], SyntheticSource]

POSITIONS = Parameter("ints", None, "rows at the centre of each change, joined by '-'", low=1)
WIDTH = Parameter("float", None, "length of a change, in rows (at most 1: a step)", low=0)
# Length of the streams that the widths of the published schedules (50 and 50,000 rows) were given
# for.
PUBLISHED_ROWS = 1_000_000


def schedule(
    kind: DriftKind, parameters: Parameters, n_rows: int, *, changes: int, width: float
) -> DriftSchedule:
    """The schedule of a family: ``changes`` evenly spaced ones where no ``positions`` are given."""
    if kind == "none":
        return NO_DRIFT
    positions = parameters.get("positions") or evenly_spaced(n_rows, changes)
    given = parameters.get("width")
    return DriftSchedule(kind, positions, width if given is None else given)


MULTI_LABEL = {
    "features": Parameter("int", 20, "number of features", 1, 1_000_000),
    "labels": Parameter("int", 20, "number of labels", 1, 1_000_000),
    "blocks": Parameter("int", 4, "number of blocks of correlated labels", 1, 1_000_000),
    "cardinality": Parameter("float", None, "labels present in a row, on average", low=0),
    "within": Parameter("float", 0.9, "probability of a label whose block is active", 0, 1),
    "spurious": Parameter("float", 0.05, "probability of one label at random in a row", 0, 1),
    "noise": Parameter("float", 0.05, "probability that features tell nothing in a row", 0, 1),
}
REGIONS = Parameter("int", None, "number of leaves or centroids", 2, 1_000_000)
DEFAULT_ACTIVE_BLOCKS = 1.25


def active_blocks(name: str, parameters: Parameters) -> float:
    """Mean number of active blocks in a row that gives the cardinality asked for.

    Every block is equally often active, so a row with ``active`` of them has active · labels /
    blocks · within labels, and the spurious one.
    """
    labels, blocks, within = parameters["labels"], parameters["blocks"], parameters["within"]
    if blocks > labels:
        raise ParameterError(
            f"The 'blocks' parameter of {name!r} must be at most the number of labels, {labels}. "
            f"Got {blocks} instead."
        )
    of_block = labels / blocks * within
    cardinality = parameters["cardinality"]
    if cardinality is None:
        active = min(DEFAULT_ACTIVE_BLOCKS, blocks / 2)
        parameters["cardinality"] = round(active * of_block + parameters["spurious"], 3)
        return active
    active = (cardinality - parameters["spurious"]) / of_block if of_block else math.inf
    if not 0 < active <= blocks:
        low, high = parameters["spurious"], of_block * blocks + parameters["spurious"]
        raise ParameterError(
            f"The 'cardinality' parameter of {name!r} must be above {low:g} and at most {high:g} "
            f"with these labels and probabilities. Got {cardinality:g} instead."
        )
    return active


def feature_model(
    model: str, parameters: Parameters, active: float, drift: DriftSchedule, seed: int
) -> FeatureModel:
    """The feature model of a name, with the parameters of the family."""
    n_blocks = parameters["blocks"]
    regions = parameters.get("regions") or max(32, math.ceil(4 * n_blocks / active))
    return RBFFeatures(
        seed,
        n_features=parameters["features"],
        n_blocks=n_blocks,
        n_regions=regions,
        active=active,
        noise=parameters["noise"],
        drift=drift,
    )


def multi_label(model: str | None, kind: DriftKind, *, of_blocks: bool = False) -> Build:
    """A family of multi-label streams; ``model`` None: the user chooses it."""

    def build(name: str, parameters: Parameters, n_rows: int, seed: int) -> SyntheticSource:
        active = active_blocks(name, parameters)
        changes = 1 if of_blocks and kind != "recurring" else 3
        widths = {"gradual": n_rows / 20, "incremental": n_rows / 10}
        drift = schedule(kind, parameters, n_rows, changes=changes, width=widths.get(kind, 1.0))
        of_features, of_labels = (NO_DRIFT, drift) if of_blocks else (drift, NO_DRIFT)
        features = feature_model(
            model or parameters["model"], parameters, active, of_features, seed
        )
        blocks = make_blocks(seed, parameters["labels"], parameters["blocks"], of_labels)
        description = StreamDescription(
            name,
            "multi-label",
            n_rows,
            parameters["features"],
            parameters["labels"],
            seed,
            parameters,
            of_features,
            of_labels,
            as_lists(blocks),
        )
        return MultiLabelStream(description, features, blocks)

    return build


# The functions of the released code of DriftMoE (thresholds 8, 9, 9.5, 8), which its published
# figures come from.
DRIFTMOE_SEA_FUNCTIONS = (1, 2, 4, 1)
NOISE_10 = Parameter("float", 0.1, "probability of a wrong value", 0, 1)


def sea(width: float | None) -> Build:
    """SEA without drift (``width`` None) or with three changes of that width for a million rows."""

    def build(name: str, parameters: Parameters, n_rows: int, seed: int) -> SyntheticSource:
        if width is None:
            drift = NO_DRIFT
            parameters = {**parameters, "functions": (parameters["function"],)}
        else:
            functions = parameters["functions"]
            scaled = width * n_rows / PUBLISHED_ROWS
            kind: DriftKind = "sudden" if width < 1000 else "gradual"
            drift = schedule(kind, parameters, n_rows, changes=len(functions) - 1, width=scaled)
            if len(functions) != len(drift.concepts):
                raise ParameterError(
                    f"{name!r} needs one more of 'functions' than of 'positions'. "
                    f"Got {len(functions)} and {len(drift.positions)} instead."
                )
        description = StreamDescription(name, "single-label", n_rows, 3, 2, seed, parameters, drift)
        return SEA(description)

    return build
