"""The generators by name."""

from __future__ import annotations

import dataclasses
import difflib

from stream.data.synthetic import families
from stream.data.synthetic.drift import DriftKind
from stream.data.synthetic.families import Build
from stream.data.synthetic.parameters import Parameter, read_parameters, split_spec
from stream.data.synthetic.source import SyntheticSource
from stream.errors import NotAvailableError

DEFAULT_SEED = 42
ROWS = Parameter("int", None, "number of rows", 1, 2**53)
SEED = Parameter("int", DEFAULT_SEED, "seed of everything random", 0, 2**63 - 1)


@dataclasses.dataclass(frozen=True)
class Generator:
    """A generator that has a name."""

    text: str
    rows: int
    parameters: dict[str, Parameter]
    build: Build


@dataclasses.dataclass(frozen=True)
class Summary:
    """A line of the list of generators, with the generator's default shape."""

    name: str
    rows: int
    features: int
    labels: int
    text: str


def _sea() -> dict[str, Generator]:
    functions = Parameter(
        "ints", families.DRIFTMOE_SEA_FUNCTIONS, "function of each concept, joined by '-'", 1, 4
    )
    function = Parameter("int", 1, "function: threshold 8, 9, 7 or 9.5", 1, 4)
    common = {"noise": families.NOISE_10}
    drifting = {**common, "functions": functions, "positions": families.POSITIONS}
    drifting["width"] = families.WIDTH
    return {
        "sea": Generator(
            "SEA, no drift", 100_000, {**common, "function": function}, families.sea(None)
        ),
        "sea-a": Generator("SEA, sudden drift", 1_000_000, drifting, families.sea(50)),
        "sea-g": Generator("SEA, gradual drift", 1_000_000, drifting, families.sea(50_000)),
    }


KIND_NAMES: dict[str, tuple[DriftKind, str]] = {
    "": ("none", "no drift"),
    "-sud": ("sudden", "sudden drift"),
    "-grad": ("gradual", "gradual drift"),
    "-inc": ("incremental", "incremental drift"),
    "-rec": ("recurring", "recurring concepts"),
}


def _multi_label() -> dict[str, Generator]:
    found = {}
    models = {"rbf": "clouds around centroids"}
    for suffix, (kind, words) in KIND_NAMES.items():
        moves = {} if kind == "none" else {"positions": families.POSITIONS, "width": families.WIDTH}
        for model, text in models.items():
            own = {**families.MULTI_LABEL, **moves, "regions": families.REGIONS}
            found[f"syn-{model}{suffix}"] = Generator(
                f"{text}, {words}", 50_000, own, families.multi_label(model, kind)
            )
        choice = Parameter("choice", "rbf", "feature model", choices=tuple(models))
        own = {**families.MULTI_LABEL, **moves, "model": choice}
        found[f"syn-blocks{suffix}"] = Generator(
            f"label blocks, {words} of the blocks alone",
            40_000,
            own,
            families.multi_label(None, kind, of_blocks=True),
        )
    return found


GENERATORS: dict[str, Generator] = {**_sea(), **_multi_label()}


def names() -> list[str]:
    """Names of the generators, sorted.

    Examples
    --------
    >>> {"sea-a", "sea-g", "syn-rbf-grad", "syn-blocks-sud"} <= set(names())
    True
    """
    return sorted(GENERATORS)


def create(spec: str, n_rows: int | None = None, seed: int | None = None) -> SyntheticSource:
    """Make a generator from its name and parameters.

    Parameters
    ----------
    spec
        A name of :func:`names`, with parameters if wanted: ``"name:key=value,key=value"``.
    n_rows
        Number of rows; before ``rows=`` in the spec, before the generator's default.
    seed
        Seed; before ``seed=`` in the spec, before 42. Two sources of one seed give the same rows.

    Raises
    ------
    NotAvailableError
        When there is no generator of that name.
    ParameterError
        When a parameter does not exist or has a value that is not allowed.

    Examples
    --------
    >>> source = create("syn-rbf-grad:labels=20,blocks=4,rows=50000", seed=7)
    >>> source.n_rows, source.description.change_points
    (50000, (12500, 25000, 37500))
    """
    name, given = split_spec(spec)
    generator = GENERATORS.get(name)
    if generator is None:
        near = difflib.get_close_matches(name, GENERATORS, 3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise NotAvailableError(
            f"There is no generator {name!r}: {hint}The names are {', '.join(names())}."
        )
    asked: dict[str, object] = dict(given)
    if n_rows is not None:
        asked["rows"] = n_rows
    if seed is not None:
        asked["seed"] = seed
    allowed = {**generator.parameters, "rows": ROWS, "seed": SEED}
    parameters = read_parameters(name, allowed, asked)
    rows = parameters.pop("rows") or generator.rows
    return generator.build(name, parameters, rows, parameters.pop("seed"))


def summaries() -> list[Summary]:
    """The generators with the shape they have by default."""
    found = []
    for name in names():
        description = create(name).description
        found.append(
            Summary(
                name,
                description.n_rows,
                description.n_features,
                description.n_labels,
                GENERATORS[name].text,
            )
        )
    return found
