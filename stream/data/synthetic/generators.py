"""The list of generators: what each is called, its default length and the parameters it takes."""

from __future__ import annotations

import dataclasses

from stream.data.synthetic import families
from stream.data.synthetic.drift import DriftKind
from stream.data.synthetic.families import Build
from stream.data.synthetic.parameters import Parameter

MANY = 1_000_000


@dataclasses.dataclass(frozen=True)
class Generator:
    """A generator that has a name."""

    text: str
    rows: int
    parameters: dict[str, Parameter]
    build: Build


SCHEDULE = {
    "positions": Parameter("ints", None, "rows at the centre of each change, joined by '-'", 1),
    "width": Parameter("float", None, "length of a change, in rows; at most 1: a step", 0),
}
FEATURES_20 = {"features": Parameter("int", 20, "number of features", 1, MANY)}
MULTI_LABEL = {
    "labels": Parameter("int", 20, "number of labels", 1, MANY),
    "blocks": Parameter("int", 4, "number of blocks of correlated labels", 1, MANY),
    "cardinality": Parameter("float", None, "labels present in a row, on average", 0),
    "within": Parameter("float", 0.9, "probability of a label whose block is active", 1e-6, 1),
    "spurious": Parameter("float", 0.05, "probability of one label at random in a row", 0, 1),
    "noise": Parameter("float", 0.05, "probability that a row's features tell nothing", 0, 1),
}
REGIONS = {"regions": Parameter("int", None, "number of leaves or centroids", 2, MANY)}
WORDS = {
    "nonzeros": Parameter("int", 50, "different words of a document, on average", 1, MANY),
    "topic": Parameter("float", 0.6, "probability that a word is one of an active block", 0, 1),
}
# For each feature model: the words for it, its own parameters.
MODELS: dict[str, tuple[str, dict[str, Parameter]]] = {
    "tree": ("random trees", {**FEATURES_20, **MULTI_LABEL, **REGIONS}),
    "rbf": ("clouds around centroids", {**FEATURES_20, **MULTI_LABEL, **REGIONS}),
    "hp": ("hyperplanes", {**FEATURES_20, **MULTI_LABEL}),
    "text": (
        "sparse bags of words",
        {
            **MULTI_LABEL,
            **WORDS,
            "features": Parameter("int", 10_000, "number of words", 1, MANY),
            "labels": Parameter("int", 100, "number of labels", 1, MANY),
            "blocks": Parameter("int", 20, "number of blocks of correlated labels", 1, MANY),
        },
    ),
}
BLOCKS = {
    **MULTI_LABEL,
    **REGIONS,
    **WORDS,
    "features": Parameter("int", None, "number of features: 20, or 10,000 words", 1, MANY),
    "model": Parameter("choice", "rbf", "feature model", choices=tuple(MODELS)),
}
KINDS: dict[str, tuple[DriftKind, str]] = {
    "": ("none", "no drift"),
    "-sud": ("sudden", "sudden drift"),
    "-grad": ("gradual", "gradual drift"),
    "-inc": ("incremental", "incremental drift"),
    "-rec": ("recurring", "recurring concepts"),
}


def _multi_label() -> dict[str, Generator]:
    found = {}
    for suffix, (kind, words) in KINDS.items():
        moves = {} if kind == "none" else SCHEDULE
        for model, (text, own) in MODELS.items():
            build = families.multi_label(model, kind)
            found[f"syn-{model}{suffix}"] = Generator(
                f"multi-label {text}, {words}", 50_000, {**own, **moves}, build
            )
        of_blocks = "stationary" if kind == "none" else f"{words} of the blocks alone"
        found[f"syn-blocks{suffix}"] = Generator(
            f"multi-label blocks, {of_blocks}",
            40_000,
            {**BLOCKS, **moves},
            families.multi_label(None, kind, of_blocks=True),
        )
    return found


def _sea_and_led() -> dict[str, Generator]:
    # Each family's concepts: the parameter, its default with and without drift. The functions of
    # SEA are those of DriftMoE's
    # released code, thresholds 8, 9, 9.5 and 8.
    concepts = {
        "sea": ("functions", (1, 2, 4, 1), (1,), "SEA function (threshold 8, 9, 7, 9.5)", 1, 4),
        "led": ("swapped", (1, 3, 5, 7), (0,), "exchanged segments", 0, 7),
    }
    found = {}
    for family, (key, drifting, still, text, low, high) in concepts.items():
        for suffix, width, words, rows in (
            ("", None, "no drift", 100_000),
            ("-a", 50, "sudden drift", families.PUBLISHED_ROWS),
            ("-g", 50_000, "gradual drift", families.PUBLISHED_ROWS),
        ):
            default = still if width is None else drifting
            own = {
                key: Parameter("ints", default, f"{text} of each concept", low, high),
                "noise": Parameter("float", 0.1, "probability that a value is wrong", 0, 1),
                **({} if width is None else SCHEDULE),
            }
            found[family + suffix] = Generator(
                f"{family.upper()}, {words}",
                rows,
                own,
                families.with_published_drift(family, width),
            )
    return found


def _rbf() -> dict[str, Generator]:
    found = {}
    for name, speed, words, rows in (
        ("rbf", 0.0, "no drift", 100_000),
        ("rbf-m", 1e-4, "moderately fast incremental drift", families.PUBLISHED_ROWS),
        ("rbf-f", 1e-3, "fast incremental drift", families.PUBLISHED_ROWS),
    ):
        own = {
            "features": Parameter("int", 10, "number of features", 1, MANY),
            "classes": Parameter("int", 5, "number of classes", 2, MANY),
            "centroids": Parameter("int", 50, "number of centroids", 1, MANY),
            "speed": Parameter("float", speed, "distance a centroid moves in a row", 0, 1),
        }
        found[name] = Generator(f"RandomRBF, {words}", rows, own, families.random_rbf)
    return found


def _others() -> dict[str, Generator]:
    features = Parameter("int", 10, "number of features", 1, MANY)
    noise = Parameter("float", 0.0, "probability that a row's features tell nothing", 0, 1)
    return {
        "random-tree": Generator(
            "random tree, no drift",
            100_000,
            {
                "features": features,
                "classes": Parameter("int", 5, "number of classes", 2, MANY),
                "leaves": Parameter("int", 32, "number of leaves", 2, MANY),
                "noise": noise,
            },
            families.random_tree,
        ),
        "hyperplane": Generator(
            "hyperplane, no drift",
            100_000,
            {"features": features, "noise": noise},
            families.hyperplane,
        ),
        "agrawal": Generator(
            "Agrawal, no drift",
            100_000,
            {
                "function": Parameter("int", 1, "rule that decides", 1, 10),
                "noise": Parameter("float", 0.0, "probability of the other class", 0, 1),
            },
            families.agrawal,
        ),
    }


GENERATORS: dict[str, Generator] = {**_sea_and_led(), **_rbf(), **_others(), **_multi_label()}
