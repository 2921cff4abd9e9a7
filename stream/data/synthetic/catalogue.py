"""The generators by name."""

from __future__ import annotations

import dataclasses
import difflib

from stream.data.synthetic.generators import GENERATORS
from stream.data.synthetic.parameters import Parameter, read_parameters, split_spec
from stream.data.synthetic.source import SyntheticSource
from stream.errors import NotAvailableError
from stream.rows.schema import Task

DEFAULT_SEED = 42
ROWS = Parameter("int", None, "number of rows", 1, 2**53)
SEED = Parameter("int", DEFAULT_SEED, "seed of everything random", 0, 2**63 - 1)


@dataclasses.dataclass(frozen=True)
class Summary:
    """A line of the list of generators, with the generator's default shape."""

    name: str
    rows: int
    features: int
    labels: int
    text: str
    task: Task


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
                description.task,
            )
        )
    return found
