"""Make the source of a generator from its parameters: one function per family."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from stream.data.synthetic.agrawal import FEATURES, Agrawal
from stream.data.synthetic.blocks import as_lists, make_blocks
from stream.data.synthetic.description import StreamDescription
from stream.data.synthetic.drift import NO_DRIFT, DriftKind, DriftSchedule, evenly_spaced
from stream.data.synthetic.feature_rows import FeatureModel
from stream.data.synthetic.hyperplane_features import HyperplaneFeatures
from stream.data.synthetic.led import LED, N_ATTRIBUTES
from stream.data.synthetic.multilabel import MultiLabelStream
from stream.data.synthetic.random_rbf import RandomRBF
from stream.data.synthetic.rbf_features import RBFFeatures
from stream.data.synthetic.sea import SEA
from stream.data.synthetic.single_label import SingleLabelStream
from stream.data.synthetic.source import SyntheticSource
from stream.data.synthetic.text_features import TextFeatures
from stream.data.synthetic.tree_features import TreeFeatures
from stream.errors import ParameterError
from stream.rows.schema import Task

Parameters = dict[str, Any]
Build = Callable[[str, Parameters, int, int], SyntheticSource]

# Length of the streams that the widths of the published schedules (50 and 50,000 rows) are for.
PUBLISHED_ROWS = 1_000_000
DEFAULT_ACTIVE_BLOCKS = 1.25
LEAST_REGIONS = 32
# A block is active in at least this many regions, so that no single one decides how frequent it is.
REGIONS_OF_BLOCK = 4


def schedule(
    kind: DriftKind, parameters: Parameters, n_rows: int, *, changes: int, width: float
) -> DriftSchedule:
    """The schedule of a family: ``changes`` evenly spaced ones where no ``positions`` are given."""
    if kind == "none":
        return NO_DRIFT
    positions = parameters["positions"] or evenly_spaced(n_rows, changes)
    if not positions:
        return NO_DRIFT
    if parameters["width"] is not None:
        width = parameters["width"]
    return DriftSchedule(kind, positions, width)


def active_blocks(name: str, parameters: Parameters) -> float:
    """Mean number of active blocks in a row that gives the cardinality asked for.

    Every block is equally often active, so a row with ``active`` of them has
    active · labels / blocks · within labels, and the spurious one. A cardinality not given is
    filled in, for the description.
    """
    labels, blocks, within = parameters["labels"], parameters["blocks"], parameters["within"]
    spurious = parameters["spurious"]
    if blocks > labels:
        raise ParameterError(
            f"The 'blocks' parameter of {name!r} must be at most the number of labels, {labels}. "
            f"Got {blocks} instead."
        )
    of_block = labels / blocks * within
    cardinality = parameters["cardinality"]
    if cardinality is None:
        active = min(DEFAULT_ACTIVE_BLOCKS, blocks / 2)
        parameters["cardinality"] = round(active * of_block + spurious, 3)
        return active
    if not spurious < cardinality <= of_block * blocks + spurious:
        raise ParameterError(
            f"The 'cardinality' parameter of {name!r} must be above {spurious:g} and at most "
            f"{of_block * blocks + spurious:g} with these labels and probabilities. "
            f"Got {cardinality:g} instead."
        )
    return (cardinality - spurious) / of_block


def feature_model(
    model: str, parameters: Parameters, active: float, drift: DriftSchedule, seed: int
) -> FeatureModel:
    """The feature model of a name, with the parameters of the family."""
    n_features, n_blocks = parameters["features"], parameters["blocks"]
    noise = parameters["noise"]
    if model == "text":
        return TextFeatures(
            seed,
            n_features=n_features,
            n_blocks=n_blocks,
            active=active,
            nonzeros=min(parameters["nonzeros"], n_features),
            topic=parameters["topic"],
            noise=noise,
            drift=drift,
        )
    if model == "hp":
        return HyperplaneFeatures(
            seed,
            n_features=n_features,
            n_blocks=n_blocks,
            active=active,
            noise=noise,
            drift=drift,
        )
    regions = max(LEAST_REGIONS, math.ceil(REGIONS_OF_BLOCK * n_blocks / active))
    of_regions = TreeFeatures if model == "tree" else RBFFeatures
    return of_regions(
        seed,
        n_features=n_features,
        n_blocks=n_blocks,
        n_regions=parameters.get("regions") or regions,
        active=active,
        noise=noise,
        drift=drift,
    )


def multi_label(model: str | None, kind: DriftKind, *, of_blocks: bool = False) -> Build:
    """Multi-label streams with one feature model, or (None) the one that the user chooses.

    What drifts is how features tell blocks, or, with ``of_blocks``, which labels make a block.
    """

    def build(name: str, parameters: Parameters, n_rows: int, seed: int) -> SyntheticSource:
        chosen = model or parameters["model"]
        if parameters["features"] is None:
            parameters["features"] = 10_000 if chosen == "text" else 20
        active = active_blocks(name, parameters)
        changes = 1 if of_blocks and kind != "recurring" else 3
        width = {"gradual": n_rows / 20, "incremental": n_rows / 10}.get(kind, 1.0)
        drift = schedule(kind, parameters, n_rows, changes=changes, width=width)
        of_features, of_labels = (NO_DRIFT, drift) if of_blocks else (drift, NO_DRIFT)
        features = feature_model(chosen, parameters, active, of_features, seed)
        blocks = make_blocks(seed, parameters["labels"], parameters["blocks"], of_labels)
        return MultiLabelStream(
            StreamDescription(
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
            ),
            features,
            blocks,
        )

    return build


def _concepts_of(name: str, parameter: str, values: tuple[int, ...], drift: DriftSchedule) -> None:
    if len(values) != len(drift.concepts):
        raise ParameterError(
            f"{name!r} needs one more of {parameter!r} than of 'positions'. "
            f"Got {len(values)} and {len(drift.positions)} instead."
        )


def with_published_drift(family: str, width: float | None) -> Build:
    """SEA or LED without drift (``width`` None), or with changes of this width in a million
    rows."""
    concepts, n_features, n_labels = {
        "sea": ("functions", 3, 2),
        "led": ("swapped", N_ATTRIBUTES, 10),
    }[family]
    source: type[SEA] | type[LED] = SEA if family == "sea" else LED

    def build(name: str, parameters: Parameters, n_rows: int, seed: int) -> SyntheticSource:
        drift = NO_DRIFT
        if width is not None:
            drift = schedule(
                "sudden" if width <= 50 else "gradual",
                parameters,
                n_rows,
                changes=len(parameters[concepts]) - 1,
                width=width * n_rows / PUBLISHED_ROWS,
            )
        _concepts_of(name, concepts, parameters[concepts], drift)
        task: Task = "single-label"
        return source(
            StreamDescription(name, task, n_rows, n_features, n_labels, seed, parameters, drift)
        )

    return build


def random_rbf(name: str, parameters: Parameters, n_rows: int, seed: int) -> SyntheticSource:
    """RandomRBF; its centroids move all the time, so there are no change points."""
    features, classes = parameters["features"], parameters["classes"]
    return RandomRBF(
        StreamDescription(name, "single-label", n_rows, features, classes, seed, parameters)
    )


def agrawal(name: str, parameters: Parameters, n_rows: int, seed: int) -> SyntheticSource:
    """Agrawal, without drift."""
    return Agrawal(
        StreamDescription(name, "single-label", n_rows, len(FEATURES), 2, seed, parameters)
    )


def random_tree(name: str, parameters: Parameters, n_rows: int, seed: int) -> SyntheticSource:
    """A random tree whose leaves are classes, without drift."""
    features = TreeFeatures(
        seed,
        n_features=parameters["features"],
        n_blocks=parameters["classes"],
        n_regions=parameters["leaves"],
        active=1.0,
        noise=parameters["noise"],
        drift=NO_DRIFT,
    )
    shape = (n_rows, parameters["features"], parameters["classes"])
    return SingleLabelStream(
        StreamDescription(name, "single-label", *shape, seed, parameters), features
    )


def hyperplane(name: str, parameters: Parameters, n_rows: int, seed: int) -> SyntheticSource:
    """Two classes on the sides of a hyperplane, without drift."""
    features = HyperplaneFeatures(
        seed,
        n_features=parameters["features"],
        n_blocks=1,
        active=0.5,
        noise=parameters["noise"],
        drift=NO_DRIFT,
    )
    return SingleLabelStream(
        StreamDescription(
            name, "single-label", n_rows, parameters["features"], 2, seed, parameters
        ),
        features,
        of_presence=True,
    )
