"""An experiment as its TOML file tells it, and the cells that it consists of."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.report_definition import check_report
from stream.cli.options import parse_literal
from stream.errors import ParameterError

DEFINITIONS = Path(__file__).resolve().parents[1] / "definitions"
TABLES = ("title", "about", "protocol", "quick", "report", "streams", "models")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """How every cell of an experiment is evaluated, unless a stream or model says otherwise.

    Parameters
    ----------
    seeds
        Seeds of the models; a stream that is ``seeded`` takes them too.
    limit
        Rows of a stream that are read at most.
    delay
        Rows between a prediction and its labels.
    tail
        Score the last rows only, this many; None: the whole stream.
    window
        Rows of a window of the curves; None: as suits the length of the stream.
    curves
        Whether windows, drifts and the hierarchy of clusters are kept.
    timeout
        Seconds that a cell may take, with compilation and reading.
    memory_mb
        Memory that a cell's process may hold.
    workers
        Cells run side by side; 1 where speed is what is measured.
    """

    seeds: tuple[int, ...] = (1,)
    limit: int | None = None
    delay: int = 0
    tail: int | None = None
    window: int | None = None
    curves: bool = False
    timeout: float = 1800.0
    memory_mb: float = 6000.0
    workers: int = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamChoice:
    """A stream of an experiment.

    Parameters
    ----------
    name
        What :func:`stream.open_source` takes: a name, a generator with parameters, or a file (from
        the folder of the definition).
    title
        What tables call it.
    options
        What its format needs, such as ``labels``.
    limit
        Rows of it that are read at most: a prefix.
    seeded
        Whether the cell's seed is that of the generator too.
    seeds
        The only ones of a model's seeds that it is run with, because it is long; None: all.
    params
        Parameters that every model gets on it, besides its own.
    """

    name: str
    title: str = ""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    limit: int | None = None
    seeded: bool = False
    seeds: tuple[int, ...] | None = None
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A model of an experiment.

    Parameters
    ----------
    title
        What tables and figures call it.
    use
        A model's name on the command line, or ``package.module:object``.
    params
        Parameters to make it with; "none" is None, as on the command line.
    environment
        Name of the environment of its own in which it runs; None: this one.
    seeds
        Instead of the protocol's.
    limit
        Rows that it is given at most, because it is slow: results are marked as those of a prefix.
    only, skip
        Streams that it runs on, or does not.
    ours
        Whether it is a model of this project.
    """

    title: str
    use: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    environment: str | None = None
    seeds: tuple[int, ...] | None = None
    limit: int | None = None
    only: tuple[str, ...] | None = None
    skip: tuple[str, ...] = ()
    ours: bool = False

    def runs_on(self, stream: StreamChoice) -> bool:
        """Whether it is evaluated on a stream."""
        return stream.title not in self.skip and (not self.only or stream.title in self.only)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One model on one stream with one seed."""

    stream: StreamChoice
    model: ModelChoice
    seed: int
    protocol: Protocol

    @property
    def limit(self) -> int | None:
        """Rows that are read at most."""
        limits = (self.protocol.limit, self.stream.limit, self.model.limit)
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def title(self) -> str:
        """For progress and errors."""
        return f"{self.model.title} on {self.stream.title}, seed {self.seed}"

    def asks(self) -> dict[str, Any]:
        """What decides the numbers, besides code and rows; no titles and no bounds."""
        return {
            "stream": self.stream.name,
            "options": dict(self.stream.options),
            "stream_seed": self.seed if self.stream.seeded else None,
            "use": self.model.use,
            "params": dict(self.model.params),
            "environment": self.model.environment,
            "seed": self.seed,
            "limit": self.limit,
            "delay": self.protocol.delay,
            "tail": self.protocol.tail,
            "window": self.protocol.window,
            "curves": self.protocol.curves,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """Streams × models × seeds, and how they are reported.

    ``quick`` says that it is the short version, whose numbers compare with nothing.
    """

    name: str
    title: str
    about: str
    protocol: Protocol
    streams: tuple[StreamChoice, ...]
    models: tuple[ModelChoice, ...]
    report: Mapping[str, Any]
    quick: bool = False

    def cells(self) -> Iterator[Cell]:
        """The cells, streams first, in the order of the definition."""
        for stream in self.streams:
            for model in self.models:
                if not model.runs_on(stream):
                    continue
                made = dataclasses.replace(model, params={**model.params, **stream.params})
                for seed in self.protocol.seeds if model.seeds is None else model.seeds:
                    if stream.seeds is not None and seed not in stream.seeds:
                        continue
                    yield Cell(stream=stream, model=made, seed=seed, protocol=self.protocol)


def all_names() -> list[str]:
    """Names of the definitions here."""
    return sorted(path.stem for path in DEFINITIONS.glob("*.toml"))


def find_definition(name: str) -> Path:
    """Path of a definition by its path or its name here.

    Raises
    ------
    ParameterError
        When there is none.
    """
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    found = DEFINITIONS / f"{name}.toml"
    if not found.is_file():
        raise ParameterError(
            f"An experiment must be a TOML file or one of {', '.join(all_names())}. "
            f"Got {name!r} instead."
        )
    return found


def load(path: Path, *, quick: bool = False) -> Experiment:
    """Read a definition.

    Parameters
    ----------
    path
        The TOML file. Its tables: ``title``, ``about``, ``[protocol]`` (:class:`Protocol`),
        ``[[streams]]`` (:class:`StreamChoice`; ``names`` stands for several),
        ``[[models]]`` (:class:`ModelChoice`), ``[report]``, and ``[quick]``: what is otherwise in
        the quick version, with ``streams`` and ``models`` (titles) that it is made of.
    quick
        Whether to make the quick version.

    Raises
    ------
    ParameterError
        Naming what the file must not hold, or lacks.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"{path.name} is not a TOML file: {error}.") from None
    _check_names(path, "the file", given, TABLES)
    protocol = dict(given.get("protocol", {}))
    short = dict(given.get("quick", {})) if quick else {}
    kept_streams, kept_models = short.pop("streams", None), short.pop("models", None)
    streams = [
        _make(path, StreamChoice, each)
        for table in given.get("streams", [])
        for each in _one_by_one(path, table)
    ]
    models = [_make(path, ModelChoice, table) for table in given.get("models", [])]
    for kind, found in (("streams", streams), ("models", models)):
        titles = [each.title for each in found]
        if not titles or len(set(titles)) != len(titles):
            raise ParameterError(
                f"{path.name}: [[{kind}]] must hold at least one, each with a title of its own. "
                f"Got {', '.join(titles) or 'none'}."
            )
    _check_choices(path, streams, models)
    check_report(
        path.name,
        given.get("report", {}),
        [stream.title for stream in streams],
        [model.title for model in models],
    )
    return Experiment(
        name=path.stem,
        title=given.get("title", path.stem),
        about=given.get("about", ""),
        protocol=_make(path, Protocol, protocol | short),
        streams=tuple(s for s in streams if kept_streams is None or s.title in kept_streams),
        models=tuple(m for m in models if kept_models is None or m.title in kept_models),
        report=given.get("report", {}),
        quick=quick,
    )


def _one_by_one(path: Path, table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A table of streams as a table for each; files are looked for beside the definition."""
    table = dict(table)
    for name in table.pop("names", None) or [table.pop("name", "")]:
        beside = path.parent / name
        found = str(beside) if beside.is_file() else name
        yield {"title": Path(name).name if found != name else name, **table, "name": found}


def _make(path: Path, kind: Any, table: Mapping[str, Any]) -> Any:
    allowed = [field.name for field in dataclasses.fields(kind)]
    _check_names(path, kind.__name__, table, allowed)
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in table.items()
    }
    if "params" in table:
        # TOML has no None: texts are read as on the command line.
        texts = {name: text for name, text in table["params"].items() if isinstance(text, str)}
        values["params"] = {**table["params"], **{n: parse_literal(t) for n, t in texts.items()}}
    try:
        return kind(**values)
    except TypeError as error:
        raise ParameterError(f"{path.name}: {error}.") from None


def _check_names(path: Path, where: str, table: Mapping[str, Any], allowed: Any) -> None:
    unknown = [name for name in table if name not in allowed]
    if unknown:
        raise ParameterError(
            f"{path.name}: {where} must hold only {', '.join(allowed)}. Got {unknown[0]!r}."
        )


def _check_choices(path: Path, streams: list[StreamChoice], models: list[ModelChoice]) -> None:
    """A stream that a model names and that is not there is a slip of the pen."""
    titles = {stream.title for stream in streams}
    for model in models:
        unknown = [each for each in (*(model.only or ()), *model.skip) if each not in titles]
        if unknown:
            raise ParameterError(
                f"{path.name}: the model {model.title!r} names the stream {unknown[0]!r}, which "
                f"must be one of {', '.join(sorted(titles))}."
            )
